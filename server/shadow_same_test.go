package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/server/shadow"
	"resellerd/store/storetest"
)

// sameTree loads the tree of engineOf again. The two policies share no caches.
func sameTree(t *testing.T, maxDepth int) *policies.Engine {
	t.Helper()
	tree, err := treeWithDepth(maxDepth)
	must(t, err)
	e, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	return e
}

// agreeing returns the options for a shadow of the same tree that keeps up with
// its requests. check fails if the shadow compared fewer than atLeast decisions
// or disagreed with one.
func agreeing(t *testing.T, maxDepth int) (beside []Option, check func(s *Server, atLeast float64)) {
	log := &coreLog{}
	beside = []Option{
		WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		shadowing(sameTree(t, maxDepth), func(o *shadow.Options) { o.Share = 1 }),
	}
	return beside, func(s *Server, atLeast float64) {
		t.Helper()
		soon(t, "every shadow decision", func() bool { return s.shadow.Waiting() == 0 })
		s.shadow.Close(time.Minute)
		for line := range strings.Lines(log.take()) {
			if strings.Contains(line, "shadow disagrees") {
				t.Error(line)
			}
		}
		compared, failed, dropped := decidedTwice(t, s, "compared"), decidedTwice(t, s, "error"), decidedTwice(t, s, "dropped")
		if compared < atLeast || failed+dropped > 0 {
			t.Errorf("%v compared, want %v; %v failed, %v dropped", compared, atLeast, failed, dropped)
		}
		for _, line := range metricLines(knock(t, s, "GET", "/metrics", "").text, "resellerd_shadow_disagreements_total{") {
			t.Error(line)
		}
	}
}

// Writes are decided on the account tree of their transaction. The transaction
// has ended or was rolled back when the shadow decides.
func TestAShadowOfTheSameTreeAgreesAboutWrites(t *testing.T) {
	t.Parallel()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			beside, check := agreeing(t, 3)
			w := newWorld(t, url(t), engineOf(t, 3), seedWorld, beside...)
			deepen(w)
			for _, c := range []struct {
				user, method, path, body string
				status                   int
			}{
				{"m", "POST", "/v1/accounts", `{"name":"New"}`, 201},
				{"m", "POST", "/v1/accounts", `{"name":"New","user":{"login":"first@example.com","groups":["{M.default}"]}}`, 201},
				{"m", "POST", "/v1/accounts", `{"name":"Taken","external_id":"` + secret("M", "external A") + `"}`, 409},
				{"m", "PATCH", "/v1/groups/{M.default}?dry_run=true", `{"rows":{"customer":["read"]}}`, 200},
				{"a", "POST", "/v1/accounts", `{"name":"Below A"}`, 403},
				{"aaa", "POST", "/v1/accounts", `{"name":"too deep"}`, 403},
				{"a", "POST", "/v1/groups", `{"name":"crew","account_id":"{AA}","rows":{"customer":["read"]}}`, 403},
				{"m", "POST", "/v1/groups", `{"name":"crew","account_id":"{A}","rows":{"customer":["read"]}}`, 201},
				{"m", "POST", "/v1/users", `{"login":"n@example.com","account_id":"{A}","groups":["{M.default}"]}`, 201},
				{"a", "POST", "/v1/users", `{"login":"o@example.com","account_id":"{AA}","groups":["{M.default}"]}`, 403},
				{"m", "POST", "/v1/users", `{"login":"n@example.com","account_id":"{A}","groups":["{M.default}"]}`, 409},
				{"a", "POST", "/v1/customers", `{"name":"deep","account_id":"{AA}"}`, 201},
				{"m", "POST", "/v1/customers", `{"name":"deep","account_id":"{B}"}`, 201},
				{"a", "POST", "/v1/customers", `{"name":"not below","account_id":"{B}"}`, 422},
				{"a", "POST", "/v1/customers", `{"name":"x","currency":"none"}`, 422},
				{"m", "PATCH", "/v1/customers/{acme}", `{"name":"renamed"}`, 200},
				{"m", "PATCH", "/v1/users/{aa}", `{"name":"renamed"}`, 200},
				{"m", "PATCH", "/v1/accounts/{AA}", `{"ceiling":{"customer":["read","update"]}}`, 200},
				{"clerk", "PATCH", "/v1/users/{m}", `{"login":"mine@example.com"}`, 403},
				{"a", "PUT", "/v1/cards/{retail}/assignments/{AA}", "", 200},
				{"a", "PUT", "/v1/cards/{retail}/customers/{apex}", "", 200},
				{"m", "DELETE", "/v1/customers/{crux}", "", 204},
				{"m", "DELETE", "/v1/users/{c2}", "", 204},
			} {
				if a := w.do(c.user, c.method, c.path, c.body); a.status != c.status {
					t.Errorf("%s: status %d, want %d: %s", a.what, a.status, c.status, a.body)
				}
			}
			check(w.server, 60)
		})
	}
}

// The test sends every kind of request, by every kind of user.
func TestAShadowOfTheSameTreeAgreesAboutEveryRequest(t *testing.T) {
	oneAtATime(t)
	for i, viewer := range []twinViewer{
		{"M.user", 3, eyes{own: "M", reads: everyType}},
		{"A.user", 3, eyes{own: "A", reads: everyType}},
		{"A.maker", 3, eyes{own: "A", reads: []string{"group", "card"}}},
	} {
		for name, url := range databases(storetest.Empty, i) {
			t.Run(name+", "+viewer.name, func(t *testing.T) {
				t.Parallel()
				beside, check := agreeing(t, viewer.maxDepth)
				w := newTwin(t, url(t), engineOf(t, viewer.maxDepth), viewer, uint64(i), 1, beside...)
				q := newRequests(viewer, uint64(i))
				for range requestsOfARun() {
					a := q.next()
					w.at(twinStart.Add(time.Duration(q.n) * time.Minute))
					q.seen(a, w.ask(q.n, a))
				}
				check(w.server, float64(requestsOfARun()))
			})
		}
	}
}
