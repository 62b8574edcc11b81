package server

import (
	"bytes"
	"errors"

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

// readyz answers 200 if the server is not draining, a policy is loaded, the schema is current, the database
// answers and the decision log does not block answers. Otherwise it answers 503;
// only the log has the reason.
func readyz(r *exchange) error {
	if err := r.s.readiness(r); err != nil {
		r.s.logger.Warn("not ready", "error", err)
		return r.send(fiber.StatusServiceUnavailable, fiber.MIMEApplicationJSON, []byte(`{"status":"unavailable"}`))
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, []byte(`{"status":"ok"}`))
}

var errDraining = errors.New("the server is about to end")

func (s *Server) readiness(r *exchange) error {
	if s.draining.Load() {
		return errDraining
	}
	if s.engines.Current() == nil {
		return errors.New("no policy is loaded")
	}
	if err := s.logFault(); err != nil {
		return err
	}
	if err := s.store.Ping(r.Ctx); err != nil {
		return err
	}
	return s.store.SchemaCurrent(r.Ctx)
}

// getMetrics writes the Prometheus text format.
func getMetrics(r *exchange) error {
	families, err := r.s.registry.Gather()
	if err != nil {
		r.s.logger.Error("metrics", "error", err)
	}
	var out bytes.Buffer
	enc := expfmt.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return r.send(fiber.StatusOK, string(expfmt.NewFormat(expfmt.TypeTextPlain)), out.Bytes())
}
