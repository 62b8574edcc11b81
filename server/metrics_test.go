package server

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
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

// A slow request leaves its decision id as an exemplar if the metrics have an address of
// their own. Scrapers that ask for them get exemplars and native histograms, and all
// others the text format.
func TestSlowRequestsLeaveExemplars(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for _, address := range []string{"", "127.0.0.1:0"} {
		s := w.serve(t, func(c *Config) { c.MetricsListen = address })
		for _, took := range []time.Duration{exemplarAbove - 1, exemplarAbove} {
			r := &exchange{inquiry: inquiry{s: s}, route: s.routes[0]}
			r.Engine, r.DecisionID = s.engines.Current(), fmt.Sprintf("took-%d", took)
			s.metrics.observe(r.route, 200, took, r.exemplar())
		}
		scrape := func(accept string) (media, text string) {
			app := s.app
			if s.ops != nil {
				app = s.ops
			}
			req := httptest.NewRequest("GET", "/metrics", nil)
			req.Header.Set("Accept", accept)
			res, err := app.Test(req, -1)
			must(t, err)
			body, err := io.ReadAll(res.Body)
			must(t, err)
			if res.StatusCode != 200 {
				t.Fatalf("%s: %d %s", accept, res.StatusCode, body)
			}
			return res.Header.Get("Content-Type"), string(body)
		}
		slow, fast := fmt.Sprintf(`# {decision_id="took-%d"}`, exemplarAbove), fmt.Sprintf("took-%d", exemplarAbove-1)
		media, text := scrape("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
		if !strings.HasPrefix(media, "application/openmetrics-text") || !strings.HasSuffix(text, "# EOF\n") || strings.Contains(text, fast) {
			t.Errorf("no OpenMetrics: %s %q", media, text[len(text)-20:])
		}
		if shown := strings.Contains(text, slow); shown != (address != "") {
			t.Errorf("address %q: the exemplar is shown: %v", address, shown)
		}
		for _, accept := range []string{"*/*", "text/plain;version=0.0.4"} {
			if media, text = scrape(accept); !strings.HasPrefix(media, "text/plain") || strings.Contains(text, "took-") {
				t.Errorf("%s gets %s", accept, media)
			}
		}
		media, text = scrape("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
		native := 0
		for dec := expfmt.NewDecoder(strings.NewReader(text), expfmt.NewFormat(expfmt.TypeProtoDelim)); ; {
			var f dto.MetricFamily
			if err := dec.Decode(&f); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", media, err)
			}
			for _, m := range f.Metric {
				if h := m.Histogram; h != nil && len(h.PositiveSpan) > 0 && len(h.Bucket) > 0 {
					native++
				}
			}
		}
		if native == 0 {
			t.Error("no native histogram beside the classic buckets")
		}
	}
}
