package server

import (
	"fmt"
	"strings"
	"testing"
)

func TestMetricsCountWhatHappens(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	about := func(action, typ, id, more string) {
		body := evaluationBody(`{"type":"user","id":"agent"}`, fmt.Sprintf(`{"name":%q}`, action), fmt.Sprintf(`{"type":%q,"id":%q}`, typ, id))
		knock(t, s, "POST", "/access/v1/evaluation", body[:len(body)-1]+more+"}", wideToken)
	}
	about("read", "customer", w.ID("customer"), "")
	about("update", "area", "undeclared-"+w.ID("customer"), "")
	about("made-up-action", "area", "customer", "")
	about("read", "area", "customer", `,"context":{"panel_decision":false}`)
	about("read", "area", "customer", `,"context":{"panel_decision":true}`)
	s.PolicyLoaded(nil)
	s.PolicyLoaded(fmt.Errorf("broken"))
	s.metrics.cardView("translated", 3)
	s.metrics.cardView("made-up", 1)
	text := knock(t, s, "GET", "/metrics", "").text
	for _, want := range []string{
		`resellerd_decisions_total{action="read",area="customer",mode="reseller",outcome="allow"} 3`,
		`resellerd_decisions_total{action="update",area="other",mode="reseller",outcome="deny"} 1`,
		`resellerd_decisions_total{action="other",area="customer",mode="reseller",outcome="deny"} 1`,
		`resellerd_denials_total{reason="area_denied"} 1`,
		`resellerd_decision_duration_seconds_count{kind="check"} 5`,
		`resellerd_card_views_total{view="translated"} 3`,
		`resellerd_policy_info{revision="` + s.engines.Current().Revision() + `",source="test"} 1`,
		`resellerd_policy_reloads_total{result="success"} 1`,
		`resellerd_policy_reloads_total{result="failure"} 1`,
		`resellerd_policy_last_success_timestamp_seconds `,
		`resellerd_decision_log_entries_total{result="written"} 5`,
		`resellerd_disagreements_total{area="customer"} 1`,
		`resellerd_http_request_duration_seconds_count{code="200",method="POST",route="/access/v1/evaluation"} 5`,
		`resellerd_store_data_revision `, `resellerd_store_connections_open{pool="write"} `, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, never := range []string{w.ID("customer"), w.ID("agent"), "made-up", "undeclared", "planted"} {
		if strings.Contains(text, never) {
			t.Errorf("%s is in the metrics", never)
		}
	}
}
