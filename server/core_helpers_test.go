package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"resellerd/server/transport"
)

// bareServer serves its own routes without a store or a policy. That is enough
// to test what happens before and after a handler.
func bareServer(t *testing.T, cfg Config, table ...route) *Server {
	t.Helper()
	cfg.setDefaults()
	s := &Server{
		cfg: cfg, engines: &EngineHolder{}, now: time.Now, newID: randomID,
		logger: slog.New(slog.NewTextHandler(io.Discard, nil)), registry: prometheus.NewRegistry(), watch: transport.NewGoneWatch(),
		again: make(chan struct{}, 1), after: time.After, limiter: newLimiter(&cfg), longChange: longChange, maxHeld: maxHeld, ending: make(chan struct{}),
	}
	s.watch.Tick = 5 * time.Millisecond
	s.metrics = newMetrics(s.registry, nil, s.engines)
	must(t, s.certify())
	s.share()
	s.routes = bindRoutes(table)
	s.build()
	return s
}

func get(path string, handle func(*exchange) error) route {
	return route{method: "GET", path: path, open: forAnyone, handle: handle}
}

func post(path string, handle func(*exchange) error) route {
	return route{method: "POST", path: path, open: forAnyone, handle: handle}
}

func answerOK(r *exchange) error { return r.send(200, "text/plain", []byte("ok")) }

// runServer serves on a new listener until the test ends. It returns the
// address, and a function that stops the server and returns the result of Run.
func runServer(t *testing.T, s *Server) (addr string, stop func() error) {
	t.Helper()
	ln, err := s.listen(s.cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, ln, nil) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return address(ln), stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// readResponse reads one response from a raw connection.
func readResponse(t *testing.T, conn net.Conn) (*http.Response, string) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// counted returns a counter's value.
func counted(c prometheus.Metric) float64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		return -1
	}
	return m.GetCounter().GetValue()
}
