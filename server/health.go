package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/common/expfmt"
)

// probeBody is the answer to a probe. It holds only the status.
type probeBody struct {
	Status string `json:"status" enum:"ok,unavailable"`
}

// livez answers 200 as long as the process serves requests.
func livez(r *exchange) error {
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, []byte(`{"status":"ok"}`))
}

// readyz answers 200 if the server is not draining, a policy is loaded, the schema is
// current, the database answers, writes are not blocked for longer than Limits.Blocked,
// and the decision log does not block answers.
// Otherwise it answers 503; only the log has the reason.
func readyz(r *exchange) error {
	if err := r.s.ready(); err != nil {
		r.s.logger.Warn("not ready", "error", err)
		return r.send(fiber.StatusServiceUnavailable, fiber.MIMEApplicationJSON, []byte(`{"status":"unavailable"}`))
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, []byte(`{"status":"ok"}`))
}

// readyPatience is how long /readyz waits for its checks. Probes have a limit, too,
// and it is rarely less than a second.
const readyPatience = 900 * time.Millisecond

var (
	errDraining = errors.New("the server is about to end")
	errHangs    = fmt.Errorf("the database or its file does not answer within %v", readyPatience)
)

// ready returns why the server is not ready, or nil. While a check hangs, all probes
// wait for the same one, so that they do not pile up.
func (s *Server) ready() error {
	if s.draining.Load() {
		return errDraining
	}
	if s.engines.Current() == nil {
		return errors.New("no policy is loaded")
	}
	if err := s.logFault(); err != nil {
		return err
	}
	result := s.checking.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), readyPatience)
		defer cancel()
		return nil, s.check(ctx)
	})
	timer := time.NewTimer(readyPatience)
	defer timer.Stop()
	select {
	case r := <-result:
		return r.Err
	case <-timer.C:
		return errHangs
	}
}

// checkStore returns why the store cannot be used, or nil.
func (s *Server) checkStore(ctx context.Context) error {
	if err := s.store.Ping(ctx); err != nil {
		return err
	}
	if err := s.store.Fresh(ctx); err != nil {
		return err
	}
	if err := s.store.SchemaCurrent(ctx); err != nil {
		return err
	}
	return s.store.Writable(ctx, s.cfg.Limits.Blocked)
}

// metricFormats are the media types of the metrics.
var metricFormats = []string{"text/plain", expfmt.OpenMetricsType, expfmt.ProtoType}

// getMetrics writes the metrics in the format that the scraper prefers. Exemplars are in
// OpenMetrics, native histograms in Protocol Buffers, and both not in the text format.
func getMetrics(r *exchange) error {
	families, err := r.s.registry.Gather()
	if err != nil {
		r.s.logger.Error("some metrics cannot be read", "error", err)
	}
	format := expfmt.NegotiateAccept(http.Header{fiber.HeaderAccept: []string{r.c.Get(fiber.HeaderAccept)}},
		expfmt.DefaultOpenMetricsAcceptedFormats()...)
	var out bytes.Buffer
	enc := expfmt.NewEncoder(&out, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if end, ok := enc.(expfmt.Closer); ok { // OpenMetrics has a last line
		if err := end.Close(); err != nil {
			return err
		}
	}
	return r.send(fiber.StatusOK, string(format), out.Bytes())
}
