package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// A draft that is being staged, and one that waits to be swept, change no answer of any
// route that reads, for no user. The test walks all of these routes.
func TestNoRouteShowsAStagedDraft(t *testing.T) {
	oneAtATime(t)
	eachWorld(t, func(t *testing.T, w *world) {
		answers := func() map[string]string {
			all := map[string]string{}
			for _, user := range []string{"m", "a", "b"} {
				paths := everyPath(w, user)
				for _, r := range routes() {
					if r.method == http.MethodGet && strings.HasPrefix(r.path, "/v1/cards/:id") {
						path := strings.NewReplacer(":id", w.id("retail"), ":revision", "rev_staged", ":account_id", w.id("A"), ":customer_id", w.id("acme")).Replace(r.path)
						paths = append(paths, path, path+"?revision=rev_staged", path+"?count=true")
					}
				}
				for _, path := range paths {
					all[user+" "+path] = w.do(user, http.MethodGet, path, "").alike()
				}
				for _, write := range [][2]string{
					{"DELETE", "/v1/cards/{retail}/revisions/rev_staged"}, {"PATCH", "/v1/cards/{retail}/revisions/rev_staged"},
					{"POST", "/v1/cards/{retail}/revisions/rev_staged/activate"}, {"POST", "/v1/cards/{retail}/proof"},
				} {
					all[user+" "+write[0]+write[1]] = w.do(user, write[0], write[1], `{"revision_id":"rev_staged"}`).alike()
				}
			}
			return all
		}
		before := answers()
		db := storetest.SQL(t, w.store)
		for id, lease := range map[string]string{"rev_staged": "9000000000000000", "rev_dropped": "0"} {
			for _, text := range []string{
				"INSERT INTO revisions (id, status, created_at, row_count, staged_by, staged_until) VALUES ('%s', 'draft', 1, 1, 'work', " + lease + ")",
				"INSERT INTO rates (revision_id, prefix, name, cost, mcd, pulse, connect, status) VALUES ('%s', '49', 'STAGED', 1, 1, 1, 0, 'open')",
			} {
				_, err := db.ExecContext(tctx, fmt.Sprintf(text, id))
				must(t, err)
			}
		}
		for path, got := range answers() {
			if got != before[path] {
				t.Errorf("%s:\n got %s\nwant %s", path, got, before[path])
			}
		}
		if len(before) < 60 {
			t.Errorf("only %d requests", len(before))
		}
		next, err := w.store.NextDue(tctx)
		if due, also := w.store.DueRevisions(tctx, 10); err != nil || also != nil || next != 0 || len(due) > 0 {
			t.Errorf("due: %v %v, %v, %v", next, due, err, also)
		}
	})
}
