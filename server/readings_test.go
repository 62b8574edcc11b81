package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"resellerd/server/transport"
	"resellerd/store"
	"resellerd/store/storetest"
)

// scraped returns the metrics, and fails the test for each line that is not there.
func scraped(t *testing.T, s *Server, want ...string) string {
	t.Helper()
	text := knock(t, s, "GET", "/metrics", "").text
	for _, line := range want {
		if !strings.Contains("\n"+text, "\n"+line) {
			t.Errorf("no %s", line)
		}
	}
	return text
}

func TestTheMetricsShowTheState(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	keys := jwtConfig(t, w.ID("master"), newIssuer(t).keys())
	s := w.serve(t, func(c *Config) { c.JWT = keys }, WithBuild(Build{"1.2.3", "abcdef"}))
	if a := knock(t, s, "POST", "/v1/customers", `{"name":"New"}`, wideToken, "Resellerd-User: agent"); a.StatusCode != 201 {
		t.Fatal(a.text)
	}
	text := scraped(t, s,
		`resellerd_build_info{commit="abcdef",go="go`, `resellerd_store_up 1`, `resellerd_store_confirmed_seconds 0.`,
		`resellerd_store_blocked_seconds 0`, `resellerd_store_lock_failures_total{work="write"} 0`,
		`resellerd_store_lock_wait_seconds_sum{work="write"} `, `resellerd_store_lock_wait_seconds_count{work="write"} `,
		`resellerd_store_swept_revisions_total 0`, `resellerd_policy_pinned{cause="failure"} 0`, `resellerd_policy_pinned{cause="pin"} 0`,
		`resellerd_policy_compile_seconds_count{kind="tree"} 1`, `resellerd_policy_compile_seconds_count{kind="plan"} `,
		`resellerd_decision_log_pending_bytes 0`, `resellerd_decision_log_buffer_bytes `, `resellerd_decision_log_failing_seconds 0`,
		`resellerd_key_set_read_timestamp_seconds `)
	for _, never := range []string{"resellerd_schedules", "resellerd_certificate_expiry", "resellerd_decision_log_checkpoint"} {
		if strings.Contains(text, "\n"+never) {
			t.Errorf("%s has a value that nobody knows", never)
		}
	}
	if e := s.engines.Current().CompileTimes(); e["tree"].Time <= 0 || e["plan"].Time <= 0 {
		t.Errorf("compilations take no time: %v", e)
	}
	s.PolicyLoaded(fmt.Errorf("broken"))
	scraped(t, s, `resellerd_policy_pinned{cause="failure"} 1`)
	s.PolicyLoaded(nil)
	scraped(t, s, `resellerd_policy_pinned{cause="failure"} 0`)
	s.PolicyHeld("pin", true)
	scraped(t, s, `resellerd_policy_pinned{cause="pin"} 1`)
	s.PolicyHeld("pin", false)
	scraped(t, s, `resellerd_policy_pinned{cause="pin"} 0`)
}

func TestTheMetricsShowWhenTheCertificateExpires(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := newAuthority(t, dir, "ca").issue(t, dir, "server")
	s := bareServer(t, Config{TLS: transport.TLS{Cert: cert, Key: key}})
	at := s.certificate.Expires()
	if left := time.Until(at); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it expires in %v", left)
	}
}

func TestTheMetricsCountWhatNeedsAttention(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.draft("gold")
		w.draft("silver")
		w.draft("bronze")
		for _, card := range []string{"gold", "silver", "bronze"} {
			w.do("m", "POST", "/v1/cards/{"+card+"}/revisions/{"+card+".draft}/activate", `{"live_at":"`+w.later(time.Hour)+`"}`).want(200)
		}
		w.write(w.id("M"), func(tx *store.Tx) error {
			_, err := tx.HoldRevision(ctx, w.id("gold"), w.id("gold.draft"), store.ReasonSellsAtLoss)
			if err == nil {
				_, err = tx.HoldRevision(ctx, w.id("silver"), w.id("silver.draft"), "reason of "+w.id("A"))
			}
			return err
		})
		w.server.recount(ctx)
		text := scraped(t, w.server, `resellerd_schedules{state="pending"} 1`, `resellerd_schedules{state="late"} 0`,
			`resellerd_schedules_held{reason="`+store.ReasonSellsAtLoss+`"} 1`, `resellerd_schedules_held{reason="other"} 1`,
			`resellerd_cards_stale{reason="other"} 0`, `resellerd_revisions_at_loss 0`)
		if strings.Contains(text, w.id("A")) {
			t.Error("a reason that nobody knows is a label")
		}
		w.pass(time.Hour)
		w.server.recount(ctx)
		scraped(t, w.server, `resellerd_schedules{state="pending"} 0`, `resellerd_schedules{state="late"} 1`)
		w.do("m", "DELETE", "/v1/cards/{bronze}/revisions/{bronze.draft}", "").want(204)
		if err := w.store.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		scraped(t, w.server, `resellerd_store_swept_revisions_total 1`)
	})
}

// Requests that fail before their first decision count as decisions without a result,
// and have an entry of the log each.
func TestAnOutageCountsAsErrors(t *testing.T) {
	t.Parallel()
	at := cores.SQLite(t)
	w := newCoreWorld(t, storetest.Open(t, at, store.Options{}))
	s := w.serve(t, nil)
	must(t, os.Remove(strings.TrimPrefix(at, "sqlite:")))
	soon(t, "an outage", func() bool { _, fresh := s.store.Confirmed(); return !fresh })
	w.log.take()
	for _, path := range []string{"/v1/me", "/v1/customers"} {
		if a := knock(t, s, "GET", path, "", wideToken, "Resellerd-User: agent"); a.StatusCode != 503 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, `{"type":"area","id":"cdr"}`)
	if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.StatusCode != 503 {
		t.Errorf("an evaluation: %d", a.StatusCode)
	}
	if n := strings.Count(w.log.take(), `"outcome":"error"`); n != 3 {
		t.Errorf("%d entries of errors", n)
	}
	text := scraped(t, s, `resellerd_store_up 0`, `resellerd_decision_log_entries_total{result="written"} 3`)
	total := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "resellerd_decisions_total{") {
			if !strings.Contains(line, `action="read"`) || !strings.Contains(line, `mode="none",outcome="error"`) {
				t.Error(line)
			}
			n := 0
			_, err := fmt.Sscan(line[strings.LastIndex(line, " "):], &n)
			must(t, err)
			total += n
		}
	}
	if total != 3 {
		t.Errorf("%d decisions are counted", total)
	}
}

// promtool finds promtool of Prometheus. .ci/run installs it.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("skipped: needs promtool, of Debian's package prometheus")
	}
	return path
}

func TestTheMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	knock(t, s, "GET", "/v1/customers", "", wideToken, "Resellerd-User: agent")
	s.recount(context.Background())
	check := exec.CommandContext(t.Context(), promtool(t), "check", "metrics")
	check.Stdin = bytes.NewReader([]byte(scraped(t, s)))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
