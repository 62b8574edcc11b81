package server

import (
	"sync"
	"testing"
)

// The last user of a master with full access keeps it: nobody else could give it back.
func TestTheLastAdministratorOfAMasterCannotBeLost(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const why = "active user of the master would have full access"
		for _, r := range []oneRow{
			{"m", "DELETE", "/v1/users/{m}", ""},
			{"m", "PATCH", "/v1/users/{m}", `{"status":"disabled"}`},
			{"m", "PATCH", "/v1/users/{m}", `{"groups":["{M.clerks}"]}`},
			{"m", "PATCH", "/v1/groups/{M.full}", `{"default_access":["read"]}`},
			{"m", "PATCH", "/v1/groups/{M.full}", `{"rows":{"user":["read"]}}`},
		} {
			w.do(r.user, r.method, r.path, r.body).refused(409, why)
		}
		w.do("m", "PATCH", "/v1/users/bulk", `{"items":[{"id":"{m}","status":"disabled"}]}`).refused(200, why)
		w.do("m", "PATCH", "/v1/users/{m}", `{"name":"Still there"}`).want(200)
		w.do("m", "PATCH", "/v1/groups/{M.full}", `{"rows":{"cdr":["read"]}}`).want(200)

		second := w.do("m", "POST", "/v1/users", `{"login":"second@example.com","groups":["{M.full}"],"external_id":"second"}`).want(201).object()["id"].(string)
		w.do("m", "PATCH", "/v1/users/"+second, `{"status":"disabled"}`).want(200)
		w.do("m", "DELETE", "/v1/users/{m}", "").refused(409, why)
		w.do("m", "PATCH", "/v1/users/"+second, `{"status":"active"}`).want(200)

		// Two administrators who disable themselves at once: one of them stays.
		var both sync.WaitGroup
		statuses := make(chan int, 2)
		w.names.Call("second", second)
		for _, user := range []string{"m", "second"} {
			both.Go(func() { statuses <- w.do(user, "PATCH", "/v1/users/{"+user+"}", `{"status":"disabled"}`).status })
		}
		both.Wait()
		if sum := <-statuses + <-statuses; sum != 200+409 {
			t.Errorf("the statuses add up to %d", sum)
		}
	})
}

// A tag is one row's. A bulk request that has one would ignore it, so it is refused.
func TestABulkRequestHasNoTag(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/customers/bulk", `{"items":[{"id":"{acme}","name":"x"}]}`, "If-Match", `"old"`).refused(422, "its own `etag`")
		w.do("a", "PATCH", "/v1/customers/bulk", `{"items":[{"id":"{acme}","name":"x"}]}`).want(200)
	})
}
