package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// benchRequest is one evaluation request as a panel sends it.
func benchRequest(body string) *fasthttp.RequestCtx {
	c := &fasthttp.RequestCtx{}
	c.Request.Header.SetMethod("POST")
	c.Request.SetRequestURI("/access/v1/evaluation")
	c.Request.Header.Set("Authorization", "Bearer "+wideToken)
	c.Request.Header.SetContentType("application/json")
	c.Request.SetBodyString(body)
	return c
}

func benchServer(b *testing.B, log string) (*coreWorld, *Server) {
	w := sqliteCore(b)
	return w, w.serve(b, func(c *Config) { c.DecisionLogMode, c.DecisionLog = "async", log }, func(s *Server) { s.logOut = nil })
}

func runHandler(b *testing.B, app *fiber.App, body, want string) {
	b.Helper()
	handler := app.Handler()
	c := benchRequest(body)
	handler(c)
	if got := string(c.Response.Body()); got != want {
		b.Fatalf("%d %s", c.Response.StatusCode(), got)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := benchRequest(body)
		for pb.Next() {
			c.Response.Reset()
			handler(c)
		}
	})
}

// BenchmarkEvaluation measures the warm path of a single check in process,
// without sockets and HTTP parsing.
func BenchmarkEvaluation(b *testing.B) {
	area := func(action string) string {
		return evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"`+action+`"}`, `{"type":"area","id":"cdr"}`)
	}
	b.Run("allow, log to a file", func(b *testing.B) {
		_, s := benchServer(b, filepath.Join(b.TempDir(), "decisions.log"))
		runHandler(b, s.App(), area("read"), `{"decision":true}`)
	})
	b.Run("deny, log to a file", func(b *testing.B) {
		_, s := benchServer(b, filepath.Join(b.TempDir(), "decisions.log"))
		runHandler(b, s.App(), area("update"), `{"decision":false}`)
	})
	b.Run("a customer, log to a file", func(b *testing.B) {
		w, s := benchServer(b, filepath.Join(b.TempDir(), "decisions.log"))
		runHandler(b, s.App(), evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`,
			`{"type":"customer","id":"`+w.ID("customer")+`"}`), `{"decision":true}`)
	})
	b.Run("allow, log to "+os.DevNull, func(b *testing.B) {
		_, s := benchServer(b, os.DevNull)
		runHandler(b, s.App(), area("read"), `{"decision":true}`)
	})
	b.Run("allow, no log", func(b *testing.B) {
		_, s := benchServer(b, "none")
		runHandler(b, s.App(), area("read"), `{"decision":true}`)
	})
}

// BenchmarkBareFiber measures Fiber's share of a POST of the same size with the
// same answer.
func BenchmarkBareFiber(b *testing.B) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/access/v1/evaluation", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(answerAllow)
	})
	runHandler(b, app, evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, `{"type":"area","id":"cdr"}`), `{"decision":true}`)
}

// BenchmarkEvaluationOnAConnection measures a warm check as a panel sends it, on
// a connection that is kept open.
func BenchmarkEvaluationOnAConnection(b *testing.B) {
	_, s := benchServer(b, "none")
	ln, err := s.listen("127.0.0.1:0")
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, ln, nil) }()
	defer func() {
		cancel()
		must(b, <-ended)
	}()
	client := &fasthttp.HostClient{Addr: address(ln)}
	defer client.CloseIdleConnections()
	body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, `{"type":"area","id":"cdr"}`)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		benchRequest(body).Request.CopyTo(req)
		req.SetRequestURI("http://" + address(ln) + "/access/v1/evaluation")
		for pb.Next() {
			if err := client.Do(req, res); err != nil || string(res.Body()) != `{"decision":true}` {
				b.Errorf("%v: %d %s", err, res.StatusCode(), res.Body())
				return
			}
		}
	})
}
