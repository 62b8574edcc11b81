package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"resellerd/server/transport"
	"resellerd/store"
	"resellerd/store/storetest"
)

func echoBody(r *exchange) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return r.send(200, "text/plain", []byte(fmt.Sprint(len(body))))
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(plain)
	must(t, err)
	must(t, z.Close())
	return packed.Bytes()
}

func TestBodiesAreLimitedPackedAndUnpacked(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, post("/echo", echoBody))
	bomb := gzipped(t, make([]byte, 64<<20))
	if len(bomb) > 70<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		status   int
		answer   string
	}{
		"plain":                      {"", []byte("hello"), 200, "5"},
		"gzip":                       {"gzip", gzipped(t, []byte("hello")), 200, "5"},
		"gzip to exactly the limit":  {"gzip", gzipped(t, make([]byte, 1<<20)), 200, "1048576"},
		"gzip past the limit by one": {"gzip", gzipped(t, make([]byte, 1<<20+1)), 413, ""},
		"a bomb of 64 kB to 64 MB":   {"gzip", bomb, 413, ""},
		"two layers of gzip":         {"gzip, gzip", gzipped(t, gzipped(t, []byte("hello"))), 415, ""},
		"another encoding":           {"br", []byte("hello"), 415, ""},
		"gzip that is not":           {"gzip", []byte("hello"), 400, ""},
		"gzip that ends too early":   {"gzip", gzipped(t, []byte("hello"))[:20], 400, ""},
	} {
		req := httptest.NewRequest("POST", "/echo", bytes.NewReader(c.body))
		if c.encoding != "" {
			req.Header.Set("Content-Encoding", c.encoding)
		}
		res, err := s.App().Test(req, -1)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != c.status || c.answer != "" && string(body) != c.answer {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
		if c.status >= 400 && res.Header.Get("Content-Type") != problemMediaType {
			t.Errorf("%s: no problem document", name)
		}
	}
}

func TestBodiesAndHeadersPastTheirLimitsAreProblems(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, post("/echo", echoBody))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"body":    {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413},
		"headers": {"GET / HTTP/1.1\r\nHost: x\r\nX-Pad: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		"rubbish": {"RUBBISH\r\n\r\n", 400},
	} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, c.head)
		must(t, err)
		res, body := readResponse(t, conn)
		if res.StatusCode != c.status || res.Header.Get("Content-Type") != problemMediaType {
			t.Errorf("%s: %d %s %s", name, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

func withListen(s *Server, addr string) *Server {
	s.cfg.Listen = addr
	return s
}

func TestSlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{Limits: Limits{Read: 200 * time.Millisecond}}, post("/echo", echoBody))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
	must(t, err)
	gone := make(chan struct{})
	go func() { // a byte now and then never completes the request
		for {
			select {
			case <-gone:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = conn.Write([]byte("x"))
			}
		}
	}()
	defer close(gone)
	start := time.Now()
	must(t, conn.SetReadDeadline(start.Add(time.Minute)))
	_, err = io.Copy(io.Discard, conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("still connected after %v: %v", time.Since(start), err)
	}
}

func TestClientThatReadsNothingIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := bareServer(t, Config{Limits: Limits{Write: 200 * time.Millisecond}}, get("/stream", func(r *exchange) error {
		return r.stream("text/plain", func(ctx context.Context, w *bufio.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					ended <- ctx.Err()
					return err
				}
			}
		})
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	_, err := io.WriteString(dial(t, addr), "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the context of the stream: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still writing")
	}
}

func TestRequestThatNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset": func(c *net.TCPConn) error {
			return errors.Join(c.SetLinger(0), c.Close())
		},
		"closed behind a pipelined request": func(c *net.TCPConn) error {
			_, err := io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
			return errors.Join(err, c.Close())
		},
	} {
		started, ended := make(chan struct{}, 2), make(chan error, 2)
		s := bareServer(t, Config{}, get("/slow", func(r *exchange) error {
			started <- struct{}{}
			<-r.Ctx.Done()
			ended <- context.Cause(r.Ctx)
			return r.Ctx.Err()
		}))
		addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
		conn := dial(t, addr).(*net.TCPConn)
		_, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		<-started
		must(t, leave(conn))
		select {
		case err := <-ended:
			if !errors.Is(err, transport.ErrClientGone) {
				t.Errorf("%s: ended with %v", name, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: the request goes on", name)
		}
	}
}

func TestClientThatWaitsIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, get("/slow", func(r *exchange) error {
		select {
		case <-r.Ctx.Done():
			return r.Ctx.Err()
		case <-time.After(100 * time.Millisecond): // the watch checks twenty times in this time
			return answerOK(r)
		}
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	must(t, err)
	all, err := io.ReadAll(conn)
	must(t, err)
	if n := strings.Count(string(all), "HTTP/1.1 200 OK"); n != 2 {
		t.Errorf("%d answers: %s", n, all)
	}
}

func TestDeadlineEndsARequest(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{Limits: Limits{Request: 20 * time.Millisecond}}, get("/slow", func(r *exchange) error {
		<-r.Ctx.Done()
		return r.Ctx.Err()
	}))
	res, err := s.App().Test(httptest.NewRequest("GET", "/slow", nil), -1)
	must(t, err)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d", res.StatusCode)
	}
}

func TestStreamThatFailsDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("database gone") },
		"panic": func() error { panic("bug") },
	} {
		s := bareServer(t, Config{}, get("/stream", func(r *exchange) error {
			return r.stream("text/csv", func(_ context.Context, w *bufio.Writer) error {
				_, err := w.WriteString(strings.Repeat("row\n", 20000))
				return errors.Join(err, fail())
			})
		}), get("/ok", answerOK))
		addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
		res, err := http.Get("http://" + addr + "/stream")
		must(t, err)
		if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: the end of the body: %v", name, err)
		}
		res.Body.Close()
		if res, err := http.Get("http://" + addr + "/ok"); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

func TestStreamThatEndsIsWhole(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{Limits: Limits{Request: 50 * time.Millisecond}}, get("/stream", func(r *exchange) error {
		return r.stream("text/csv", func(ctx context.Context, w *bufio.Writer) error {
			for range 5 {
				time.Sleep(20 * time.Millisecond) // in sum longer than a request may take
				if _, err := w.WriteString("row\n"); err != nil || ctx.Err() != nil {
					return errors.Join(err, ctx.Err())
				}
			}
			return nil
		})
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	res, err := http.Get("http://" + addr + "/stream")
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != strings.Repeat("row\n", 5) || res.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestPanicInAHandlerIsAProblem(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, get("/panic", func(*exchange) error { panic("bug: secret detail") }))
	res, err := s.App().Test(httptest.NewRequest("GET", "/panic", nil), -1)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != 500 || strings.Contains(string(body), "secret") || res.Header.Get("Content-Type") != problemMediaType {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// Fiber reuses the memory of its strings; the strings of an exchange may be
// kept.
func TestTextsOfARequestMayBeKept(t *testing.T) {
	t.Parallel()
	var kept []string
	s := bareServer(t, Config{}, get("/keep/:id", func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		user, err := oneHeader(&r.c.Request().Header, headerUser)
		kept = append(kept, id+"|"+r.query("q")+"|"+r.header("X-Kept")+"|"+user)
		return errors.Join(err, answerOK(r))
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	conn := dial(t, addr)
	in := bufio.NewReader(conn)
	var want []string
	for i := range 50 {
		v := fmt.Sprintf("%c%05d", 'a'+i%26, i)
		want = append(want, v+"|"+v+"|"+v+"|"+v)
		_, err := fmt.Fprintf(conn, "GET /keep/%s?q=%s HTTP/1.1\r\nHost: x\r\nX-Kept: %s\r\nResellerd-User: %s\r\n\r\n", v, v, v, v)
		must(t, err)
		res, err := http.ReadResponse(in, nil)
		must(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		must(t, err)
	}
	for i := range want {
		if kept[i] != want[i] {
			t.Fatalf("kept %q, sent %q", kept[i], want[i])
		}
	}
}

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, get("/v1/me", answerOK))
	for target, want := range map[string]struct{ method, path, code string }{
		"unknown route":  {"GET", "/v1/nothing", "unknown_route"},
		"other case":     {"GET", "/V1/ME", "unknown_route"},
		"trailing slash": {"GET", "/v1/me/", "unknown_route"},
		"unknown method": {"DELETE", "/v1/me", "method_not_allowed"},
	} {
		res, err := s.App().Test(httptest.NewRequest(want.method, want.path, nil), -1)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		must(t, err)
		if res.Header.Get("Content-Type") != problemMediaType || !strings.Contains(string(body), problemType+want.code+`"`) {
			t.Errorf("%s: %d %s", target, res.StatusCode, body)
		}
		if want.code == "method_not_allowed" && res.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow header", target)
		}
	}
}

func TestRequestIDIsEchoedOnlyWhenSent(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, get("/ok", answerOK))
	for sent, same := range map[string]bool{
		"": true, "abc-1._Z": true, strings.Repeat("x", 128): true,
		strings.Repeat("x", 129): false, "two words": false, "quote\"": false, "é": false,
	} {
		for _, path := range []string{"/ok", "/nothing"} {
			req := httptest.NewRequest("GET", path, nil)
			if sent != "" {
				req.Header.Set(headerRequestID, sent)
			}
			res, err := s.App().Test(req, -1)
			must(t, err)
			got := res.Header.Get(headerRequestID)
			if same && got != sent || !same && (got == sent || got == "") {
				t.Errorf("%s: sent %q, got %q", path, sent, got)
			}
		}
	}
}

// A client that goes on reading or sending, but too slowly, is cut off.
func TestAClientThatIsTooSlowIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := bareServer(t, Config{Limits: Limits{Write: 200 * time.Millisecond, Throughput: 1 << 50}}, get("/stream", func(r *exchange) error {
		return r.stream("text/plain", func(ctx context.Context, w *bufio.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					ended <- ctx.Err()
					return err
				}
			}
		})
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	for few := make([]byte, 512); err == nil; {
		_, err = conn.Read(few)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("still reading")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the stream: %v", err)
	}
}

func TestAFileThatArrivesTooSlowlyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	w.server.cfg.Limits.Write, w.server.cfg.Limits.Throughput = 200*time.Millisecond, 1<<50
	addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
	conn := w.beginUpload(t, addr, "a", "retail")
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	go func() {
		for err := error(nil); err == nil; {
			_, err = conn.Write([]byte("\n"))
		}
	}()
	text, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 408") {
		t.Errorf("%v: %s", err, text)
	}
}

// A stream needs its turn only while it works, not while its client is slow.
func TestASlowReaderKeepsNobodyFromWorking(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{HeavyJobs: 1}, get("/endless", func(r *exchange) error {
		return r.stream("text/plain", func(_ context.Context, w *bufio.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return err
				}
			}
		})
	}), get("/short", func(r *exchange) error {
		return r.stream("text/plain", func(_ context.Context, w *bufio.Writer) error {
			_, err := w.WriteString("done")
			return err
		})
	}))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	for range 3 {
		_, err := io.WriteString(dial(t, addr), "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
	}
	soon(t, "three streams wait for their clients", func() bool {
		jobs, _ := s.limiter.jobs.Count()
		turns, waiting := s.limiter.turns.Count()
		return jobs == 3 && turns+waiting == 0
	})
	res, err := http.Get("http://" + addr + "/short")
	must(t, err)
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != "done" {
		t.Errorf("%q, %v", text, err)
	}
}

// A server with one connection to its database answers others while clients read nothing
// of their files.
func TestAnUnreadFileHoldsNoConnection(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var lines []map[string]any
		for n := range 15_000 { // of 600 bytes each: more than the buffers of a connection take
			lines = append(lines, map[string]any{"type": "customer", "external_id": fmt.Sprint("unread", n), "account": w.id("A"), "name": strings.Repeat("語", 200)})
		}
		if report := w.imported(RowImport{Apply: true}, lines...); report.Refused > 0 {
			t.Fatalf("%d customers are refused", report.Refused)
		}
		narrow := storetest.Open(t, storetest.URL(t, w.store), store.Options{Now: w.clock, MaxConns: 1})
		s, err := New(Config{PanelTokens: worldToken, DecisionLog: "none", Limits: Limits{Request: 30 * time.Second}}, narrow, w.server.engines,
			WithClock(w.clock), WithLogger(slog.New(slog.DiscardHandler)))
		must(t, err)
		w.server = withListen(s, "127.0.0.1:0")
		addr, _ := runServer(t, w.server)
		accepted := []string{mediaCSV, mediaNDJSON}
		var unread []net.Conn
		for _, accept := range accepted {
			conn := dial(t, addr)
			must(t, conn.(*net.TCPConn).SetReadBuffer(4<<10)) // a large buffer would read for the client
			_, err := fmt.Fprintf(conn, "GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\nAccept: %s\r\n\r\n", worldToken, w.id("a"), accept)
			must(t, err)
			unread = append(unread, conn)
		}
		inProgress := func() int {
			jobs, _ := w.server.limiter.jobs.Count()
			return jobs
		}
		soon(t, "the files wait for their clients", func() bool {
			turns, waiting := w.server.limiter.turns.Count()
			return inProgress() == len(accepted) && turns+waiting == 0
		})
		w.do("b", "GET", "/v1/customers", "").want(200)
		w.do("b", "PATCH", "/v1/customers/{bolt}", `{"name":"Bolted"}`).want(200)
		w.do("b", "GET", "/v1/customers", "", "Accept", mediaCSV).want(200)
		if n := inProgress(); n != len(accepted) {
			t.Errorf("%d files are in progress", n)
		}
		for _, conn := range unread {
			must(t, conn.Close())
		}
		soon(t, "the files have ended", func() bool { return inProgress() == 0 })
	})
}

// A slow reader of a sorted stream holds nothing that the rows need.
func TestASpooledAnswerIsCompleteBeforeItIsSent(t *testing.T) {
	t.Parallel()
	written := false
	var sent bytes.Buffer
	client := writerFunc(func(p []byte) (int, error) {
		if !written {
			t.Error("it is sent before it is complete")
		}
		return sent.Write(p)
	})
	disk := newDisk(4 << 20)
	must(t, disk.spooled(client, "a", func(w *bufio.Writer) error {
		_, err := w.WriteString(strings.Repeat("row\n", 50_000))
		written = true
		return err
	}))
	if sent.String() != strings.Repeat("row\n", 50_000) {
		t.Errorf("%d bytes", sent.Len())
	}
	failed := errors.New("the database is gone")
	if err := disk.spooled(client, "a", func(*bufio.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("an answer that fails: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The test is alone in its process while it measures: it is not parallel.
func TestAnIdleConnectionIsSmall(t *testing.T) { //nolint:paralleltest // see above
	const conns = 200
	s := bareServer(t, Config{Listen: "127.0.0.1:0"}, get("/ok", answerOK))
	addr, stop := runServer(t, s)
	inUse := func() uint64 {
		var m runtime.MemStats
		for range 2 { // what a pool holds is freed by the second collection
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	open := func() net.Conn {
		conn := dial(t, addr)
		_, err := conn.Write([]byte("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"))
		must(t, err)
		if res, _ := readResponse(t, conn); res.StatusCode != 200 {
			t.Fatalf("answered %d", res.StatusCode)
		}
		return conn
	}
	open()
	before := inUse()
	kept := make([]net.Conn, conns)
	for i := range kept {
		kept[i] = open()
	}
	each := (inUse() - before) / conns
	t.Logf("%d bytes each", each)
	if each > 40_000 {
		t.Errorf("an idle connection takes %d bytes", each)
	}
	runtime.KeepAlive(kept)
	must(t, stop())
}

func TestAServerClosesConnectionsOverItsLimit(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{Listen: "127.0.0.1:0", Limits: Limits{Connections: 2}}, get("/ok", answerOK))
	addr, _ := runServer(t, s)
	ask := func(conn net.Conn) error {
		if _, err := conn.Write([]byte("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	must(t, ask(dial(t, addr)))
	last := dial(t, addr)
	must(t, ask(last))
	if err := ask(dial(t, addr)); err == nil {
		t.Error("a third connection is answered")
	}
	if n := counted(s.metrics.refused.WithLabelValues("all")); n != 1 {
		t.Errorf("%v connections refused", n)
	}
	last.Close()
	for deadline := time.Now().Add(time.Minute); ask(dial(t, addr)) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection keeps its place")
		}
	}
}

// HEAD of a stream begins no stream, so it leaves no job behind that its reader has to end.
func TestTheHeadersOfAStreamTakeNoJob(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for range 20 {
			got := w.do("a", "HEAD", "/v1/cards/{gold}/rates", "", "Accept", mediaNDJSON).want(200)
			if got.header.Get("Content-Type") != mediaNDJSON || got.body != "" {
				t.Fatalf("%v %q", got.header, got.body)
			}
			if held, _ := w.server.limiter.jobs.Count(); held != 0 {
				t.Fatalf("%d jobs after the answer", held)
			}
		}
	})
}

// Heavy work leaves half of the processors to short requests, if there are four or more,
// and one account leaves another one a turn.
func TestHeavyWorkHasHalfOfTheProcessors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ heavyJobs, processors, turns, each int }{
		{0, 1, 2, 1},
		{0, 2, 2, 1},
		{0, 4, 2, 1},
		{0, 16, 8, 4},
		{1, 16, 1, 1},
		{3, 16, 3, 1},
		{16, 4, 16, 2},
	} {
		if got := turnSize(c.heavyJobs, c.processors); got.Places != c.turns || got.Each != c.each || got.Reserve != 1 {
			t.Errorf("%d heavy jobs, %d processors: %+v, want %d turns, %d of one account", c.heavyJobs, c.processors, got, c.turns, c.each)
		}
	}
}
