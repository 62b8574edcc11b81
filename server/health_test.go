package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// A probe gets its answer soon although the check never ends, and probes do not pile up.
func TestReadinessIsToldWhateverHangs(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	checks, release := make(chan struct{}, 10), make(chan struct{})
	check := s.check
	s.check = func(ctx context.Context) error {
		select {
		case <-release:
			return check(ctx)
		default:
		}
		checks <- struct{}{}
		<-release
		return nil
	}
	knock(t, s, "GET", "/livez", "") // the first answer is checked slowly
	answers, asked := make(chan int, 4), time.Now()
	for range cap(answers) {
		go func() { answers <- knock(t, s, "GET", "/readyz", "").StatusCode }()
	}
	for range cap(answers) {
		select {
		case status := <-answers:
			if status != http.StatusServiceUnavailable {
				t.Errorf("answered %d", status)
			}
		case <-time.After(time.Minute):
			t.Fatal("not answered")
		}
	}
	const busy = 4 * time.Second // what a machine that runs all tests at once adds
	if took := time.Since(asked); readyPatience >= time.Second || took > readyPatience+busy {
		t.Errorf("answered after %v, with a patience of %v", took, readyPatience)
	}
	if n := len(checks); n != 1 {
		t.Errorf("%d checks at the same time", n)
	}
	close(release)
	for deadline := time.Now().Add(time.Minute); knock(t, s, "GET", "/readyz", "").StatusCode != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("not ready again")
		}
	}
}

// A server on a standby denies and says so, whatever is asked. Once the standby is promoted, it
// answers. Its own work in the background stops nothing.
func TestAServerOnAStandbyIsNotReady(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	w := newWorld(t, f.Primary, engineOf(t, 1), seedWorld)
	f.Lag(t)
	st := storetest.Open(t, f.Standby, store.Options{Now: w.clock, Poll: 20 * time.Millisecond})
	var log lockedBuffer
	s, err := New(Config{PanelTokens: worldToken, DecisionLog: "none", Limits: Limits{Request: 2 * time.Second}}, st, w.server.engines, WithClock(w.clock),
		WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	must(t, err)
	w.server = withListen(s, "127.0.0.1:0")
	_, _ = runServer(t, w.server)
	asked := map[string]func() answered{
		"a list":   func() answered { return w.get("m", "/v1/customers") },
		"a file":   func() answered { return w.do("m", "GET", "/v1/customers", "", "Accept", mediaCSV) },
		"a change": func() answered { return w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"Acme"}`) },
		"a check": func() answered {
			return w.do("m", "POST", "/access/v1/evaluation", `{"subject":{"type":"user","id":"`+w.id("m")+`"},"action":{"name":"read"},"resource":{"type":"area","id":"cdr"}}`)
		},
		"a probe": func() answered { return w.get("m", "/readyz") },
	}
	for what, ask := range asked {
		if got := ask(); got.status != http.StatusServiceUnavailable && !strings.Contains(got.body, `"decision":false`) {
			t.Errorf("%s on a standby: %d %s", what, got.status, got.body)
		}
	}
	f.Promote(t)
	soon(t, "the promoted standby is served", func() bool { return w.get("m", "/readyz").status == http.StatusOK })
	for what, ask := range asked {
		if got := ask().want(http.StatusOK); strings.Contains(got.body, `"decision":false`) {
			t.Errorf("%s after the promotion: %s", what, got.body)
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n > 5 {
		t.Errorf("%d errors:\n%s", n, log.String())
	}
}

// The database answers, but nobody knows whether cached data is current.
func TestAServerWithoutAConfirmedRevisionIsNotReady(t *testing.T) {
	t.Parallel()
	for name, url := range databases(cores, turn(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := storetest.Open(t, url(t), store.Options{Poll: 5 * time.Millisecond, MaxStale: 50 * time.Millisecond})
			s := newCoreWorld(t, st).serve(t, nil)
			if a := knock(t, s, "GET", "/readyz", ""); a.StatusCode != http.StatusOK {
				t.Fatalf("before: %d", a.StatusCode)
			}
			if _, err := storetest.SQL(t, st).Exec("ALTER TABLE commit_marks RENAME TO gone_marks"); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); knock(t, s, "GET", "/readyz", "").StatusCode != http.StatusServiceUnavailable; {
				if time.Now().After(deadline) {
					t.Fatal("still ready")
				}
			}
		})
	}
}

// Writes are blocked while something holds the lock. The process is ready again when
// they can go on, even if nobody writes then.
func TestAServerWhoseWritesAreBlockedIsNotReady(t *testing.T) {
	t.Parallel()
	for name, url := range databases(cores, turn(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			st := storetest.Open(t, at, store.Options{})
			s := newCoreWorld(t, st).serve(t, nil)
			holder := st
			if st.Dialect() == "postgres" { // another process
				holder = storetest.Open(t, at, store.Options{})
			}
			const tenant = "acc_master"
			must(t, holder.Write(t.Context(), tenant, func(*store.Tx) error {
				within, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				err := st.Write(within, tenant, func(*store.Tx) error { return nil })
				if !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("the write: %v", err)
				}
				s.cfg.Limits.Blocked = time.Hour
				if a := knock(t, s, "GET", "/readyz", ""); a.StatusCode != http.StatusOK {
					t.Errorf("before the limit: %d", a.StatusCode)
				}
				s.cfg.Limits.Blocked = time.Nanosecond
				if a := knock(t, s, "GET", "/readyz", ""); a.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("after the limit: %d", a.StatusCode)
				}
				return nil
			}))
			for deadline := time.Now().Add(time.Minute); knock(t, s, "GET", "/readyz", "").StatusCode != http.StatusOK; {
				if time.Now().After(deadline) {
					t.Fatal("not ready again")
				}
			}
		})
	}
}

func TestAClientThatHasGoneIsNoError(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	started := make(chan struct{})
	s := bareServer(t, Config{Listen: "127.0.0.1:0"}, get("/slow", func(r *exchange) error {
		close(started)
		<-r.Ctx.Done()
		return context.Cause(r.Ctx)
	}))
	s.logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	addr, stop := runServer(t, s)
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	<-started
	must(t, conn.Close())
	must(t, stop())
	if bytes.Contains(log.Bytes(), []byte("refused")) {
		t.Errorf("logged:\n%s", &log)
	}
	var seen []int
	for code := range s.routes[0].timings.byCode {
		seen = append(seen, code)
	}
	if len(seen) != 1 || seen[0] != statusClientGone {
		t.Errorf("counted as %v", seen)
	}
}
