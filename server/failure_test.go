package server

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// fickle is a policy that allows everything. The context of a question can make
// it fail, run forever, or answer in an unexpected shape.
const fickle = `package reseller.main

default allow := false

allow if {
	not input.context.slow
	not input.context.bad
}

allow if count(numbers.range(1, input.context.slow)) > 0

allow if to_number(input.context.bad) > 0

decision := {"allow": allow, "reasons": set()} if not input.context.odd

decision := {"alow": true} if input.context.odd
`

func TestAWriteThatWaitedTooLongSaysWhatFor(t *testing.T) {
	t.Parallel()
	s := bareServer(t, Config{}, post("/write", func(*exchange) error {
		return fmt.Errorf("transaction: %w", &fault.WaitError{Waited: 9_999 * time.Millisecond, For: "an import"})
	}))
	var log bytes.Buffer
	s.logger = slog.New(slog.NewTextHandler(&log, nil))
	a := knock(t, s, "POST", "/write", "")
	if a.StatusCode != 503 || !strings.Contains(a.text, `"detail":"The write waited 10 s for an import that holds the lock."`) {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	if !strings.Contains(log.String(), "the write waited 10 s for an import") {
		t.Errorf("logged: %s", &log)
	}
}

func TestAPolicyThatFailsDenies(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	e, err := policies.Load(context.Background(), fstest.MapFS{"main.rego": &fstest.MapFile{Data: []byte(fickle)}},
		policies.Options{Schema: Schema(), Timeout: 50 * time.Millisecond})
	must(t, err)
	h := &EngineHolder{}
	h.Swap(e)
	for _, force := range []bool{false, true} {
		s, err := New(Config{PanelTokens: wideToken, ForceEvaluate: force, DecisionLogMode: "sync", Limits: patient}, w.store, h,
			WithDecisionWriter(w.log), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		must(t, err)
		for about, want := range map[string]string{
			`{}`:                 `{"decision":true}`,
			`{"bad":"x"}`:        `{"decision":false}`,
			`{"slow":100000000}`: `{"decision":false}`,
			`{"odd":true}`:       `{"decision":false}`,
		} {
			body := `{"subject":{"type":"user","id":"agent"},"action":{"name":"read"},"resource":{"type":"thing","id":"1"},"context":` + about + `}`
			start := time.Now()
			if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.text != want {
				t.Errorf("force %v, %s: %s", force, about, a.text)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("force %v, %s: took %s", force, about, took)
			}
		}
		must(t, s.Close())
	}
	if !strings.Contains(w.log.take(), `"outcome":"error"`) {
		t.Error("no failure is in the decision log")
	}
}

func TestNothingIsAnsweredWhileTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, cores.Postgres(t), store.Options{Poll: 5 * time.Millisecond, MaxStale: 2 * time.Second})
	w := newCoreWorld(t, st)
	s := w.serve(t, nil)
	check := func(want int) {
		t.Helper()
		for _, path := range []string{"/v1/customers", "/v1/me", "/readyz"} {
			if a := knock(t, s, "GET", path, "", wideToken, "Resellerd-User: agent"); a.StatusCode != want {
				t.Errorf("%s: %d %s, want %d", path, a.StatusCode, a.text, want)
			}
		}
		body := `{"subject":{"type":"user","id":"agent"},"action":{"name":"read"},"resource":{"type":"customer","id":"` + w.ID("customer") + `"}}`
		if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.StatusCode != want {
			t.Errorf("an evaluation: %d %s, want %d", a.StatusCode, a.text, want)
		}
	}
	check(200)
	shut := shutter(t, st)
	shut("ALTER DATABASE %s ALLOW_CONNECTIONS false")
	shut("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'")
	soon(t, "a cached user is refused", func() bool {
		_, fresh := st.Confirmed()
		return !fresh && knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent").StatusCode == 503
	})
	check(503)
	if a := knock(t, s, "GET", "/livez", ""); a.StatusCode != 200 {
		t.Errorf("livez: %d", a.StatusCode)
	}
	shut("ALTER DATABASE %s ALLOW_CONNECTIONS true")
	// A new connection that takes longer than MaxStale also gets a 503.
	soon(t, "ready again", func() bool { return knock(t, s, "GET", "/readyz", "").StatusCode == 200 })
	check(200)
}

// shutter returns a function that runs statements about a store's database over
// another connection.
func shutter(t *testing.T, st *store.Store) func(format string) {
	at, err := url.Parse(storetest.URL(t, st))
	must(t, err)
	name := strings.TrimPrefix(at.Path, "/")
	at.Path = "/postgres"
	admin, err := sql.Open("postgres", at.String())
	must(t, err)
	t.Cleanup(func() { must(t, admin.Close()) })
	return func(format string) {
		t.Helper()
		_, err := admin.ExecContext(context.Background(), strings.ReplaceAll(format, "%s", name))
		must(t, err)
	}
}
