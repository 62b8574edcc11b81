package server

import (
	"fmt"
	"strings"
	"testing"
)

// One answer reports all faults, of the form and of the values.
func TestOneAnswerReportsAllFaults(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			user, method, path, body string
			want                     []string
		}{
			{"a", "POST", "/v1/customers", `{"nome":"x","no~t/e":1,"name":7,"email":"b","currency":"QQQ","account_id":"{B}"}`,
				[]string{"/nome", "/no~0t~1e", "/name", "/email", "/currency", "/account_id"}},
			{"a", "PATCH", "/v1/customers/{acme}", `{"nome":"x","notes":7,"email":"b","currency":"QQQ","status":"gone"}`,
				[]string{"/nome", "/notes", "/email", "/currency", "/status"}},
			{"m", "POST", "/v1/users", `{"login":"x","groups":["nothing"],"status":"gone","time_zone":"Moon","ip_allow":["x"]}`,
				[]string{"/login", "/groups", "/status", "/time_zone", "/ip_allow"}},
			{"m", "PATCH", "/v1/users/{a}", `{"login":"x","groups":["nothing"],"ip_allow":["x"],"nome":1}`,
				[]string{"/login", "/groups", "/ip_allow", "/nome"}},
			{"m", "POST", "/v1/groups", `{"rows":{"Bad":["read"],"cdr":["fly"],"a/b":["swim"]},"lend_to":7,"name":""}`,
				[]string{"/rows/cdr", "/rows/a~1b", "/lend_to", "/name", "/rows"}},
			{"m", "PATCH", "/v1/accounts/{A}", `{"currency":"QQQ","status":"gone","ceiling":7}`, []string{"/currency", "/status", "/ceiling"}},
			{"m", "POST", "/v1/accounts", `{"email":"x","group":{"rows":7,"nome":1},"user":{"login":"x","name":8}}`,
				[]string{"/name", "/email", "/group/rows", "/group/nome", "/group/name", "/user/login", "/user/name"}},
			{"m", "POST", "/v1/cards", `{"currency":"QQQ","rate_precision":11,"direction":"up","parents":[{"nome":1}],"profit_rules":[{"match":7},{"value":"x"}]}`,
				[]string{"/name", "/currency", "/rate_precision", "/direction", "/parents/0/nome", "/profit_rules/0/match", "/profit_rules/0/value", "/profit_rules/1/match", "/profit_rules/1/value"}},
			{"a", "POST", "/v1/lookup", `{"numbers":[{"number":7},{"number":"49","seconds":-1},{"nome":1}]}`,
				[]string{"/numbers/0/number", "/numbers/1/seconds", "/numbers/2/nome", "/numbers/2/number"}},
		} {
			w.do(c.user, c.method, c.path, c.body).faults(422, c.want...)
		}
	})
}

// Permission comes before faults, and faults before conflicts.
func TestAnAnswerHasFaultsOfOneClass(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"id":"x","email":"b"}`).faults(403, "/id")
		w.do("m", "PATCH", "/v1/users/{a}", `{"groups":["{M.full}"],"name":7}`).refused(403, "group_not_lent").faults(403)
		w.do("m", "POST", "/v1/users", `{"login":"x@example.com","groups":["nothing","{M.full}"],"account_id":"{A}"}`).refused(403, "group_not_lent").faults(403)
		taken := secret("A", "external apex")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"external_id":"`+taken+`"}`).faults(409, "/external_id")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"external_id":"`+taken+`","email":"b"}`).faults(422, "/email")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"external_id":"`+taken+`","nome":"b"}`).faults(422, "/nome")
		w.get("a", "/v1/customers?limit=0").faults(422)
	})
}

func TestAnAnswerReportsOnlySoManyFaults(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var body strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&body, `,"f%d":1`, i)
		}
		a := w.do("a", "POST", "/v1/customers", `{"name":"x"`+body.String()+`}`).want(422)
		if got := len(a.pointers()); got != maxFaults {
			t.Errorf("%d faults", got)
		}
	})
}
