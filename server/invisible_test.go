package server

import (
	"strings"
	"testing"
)

// memberRoutes are the routes that name a row, with the body that would change
// it.
var memberRoutes = []struct{ method, path, body string }{
	{"GET", "/v1/accounts/X", ""},
	{"PATCH", "/v1/accounts/X", `{"name":"changed"}`},
	{"GET", "/v1/groups/X", ""},
	{"PATCH", "/v1/groups/X", `{"name":"changed"}`},
	{"DELETE", "/v1/groups/X", ""},
	{"GET", "/v1/users/X", ""},
	{"PATCH", "/v1/users/X", `{"name":"changed"}`},
	{"DELETE", "/v1/users/X", ""},
	{"GET", "/v1/customers/X", ""},
	{"PATCH", "/v1/customers/X", `{"name":"changed"}`},
	{"DELETE", "/v1/customers/X", ""},
	{"GET", "/v1/cards/X", ""},
	{"PATCH", "/v1/cards/X", `{"name":"changed"}`},
	{"DELETE", "/v1/cards/X", ""},
	{"GET", "/v1/cards/X/rates", ""},
	{"GET", "/v1/cards/X/revisions", ""},
	{"GET", "/v1/cards/X/revisions/{upstream.revision}", ""},
	{"PATCH", "/v1/cards/X/revisions/{upstream.revision}", `{"status":"draft"}`},
	{"DELETE", "/v1/cards/X/revisions/{upstream.revision}", ""},
	{"POST", "/v1/cards/X/revisions/{upstream.revision}/activate", ""},
	{"GET", "/v1/cards/X/revisions/{upstream.revision}/diff", ""},
	{"POST", "/v1/cards/X/rollback", ""},
	{"GET", "/v1/cards/X/rates?at=2026-03-04T05:06:08Z", ""},
	{"GET", "/v1/cards/{retail}/revisions/X", ""},
	{"GET", "/v1/cards/X/assignments", ""},
	{"PUT", "/v1/cards/X/assignments/{A}", ""},
	{"DELETE", "/v1/cards/X/assignments/{A}", ""},
	{"GET", "/v1/cards/X/customers", ""},
	{"PUT", "/v1/cards/X/customers/{acme}", ""},
	{"DELETE", "/v1/cards/X/customers/{acme}", ""},
	{"PUT", "/v1/cards/{retail}/assignments/X", ""},
	{"DELETE", "/v1/cards/{retail}/assignments/X", ""},
	{"PUT", "/v1/cards/{retail}/customers/X", ""},
	{"DELETE", "/v1/cards/{retail}/customers/X", ""},
}

// invisibleToA lists the rows that reseller A must not know of.
var invisibleToA = []string{
	"M", "B", "C", "N", "R", "M.full", "M.clerks", "N.default", "m", "b", "c", "n", "mega", "bolt", "crux", "rune",
	"upstream", "silver", "bronze", "bulk", "foreign", "nickel",
}

func TestWhatIsNotVisibleIsAnsweredAsWhatIsNotThere(t *testing.T) {
	oneAtATime(t)
	eachWorld(t, func(t *testing.T, w *world) {
		for _, route := range memberRoutes {
			if !strings.Contains(route.path, "{retail}") {
				w.get("a", "/v1/customers/{acme}").want(200)
			}
			absent := w.do("a", route.method, strings.ReplaceAll(route.path, "X", "{nobody}"), route.body).want(404)
			for _, name := range invisibleToA {
				got := w.do("a", route.method, strings.ReplaceAll(route.path, "X", "{"+name+"}"), route.body)
				if got.alike() != absent.alike() {
					t.Errorf("%s %s of %s:\n%s\nwant\n%s", route.method, route.path, name, got.alike(), absent.alike())
				}
			}
		}
	})
}

func TestReferencesToWhatIsNotVisibleAreReferencesToNothing(t *testing.T) {
	oneAtATime(t)
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ name, method, path, body string }{
			{"the account of a customer", "POST", "/v1/customers", `{"name":"x","account_id":"X"}`},
			{"the account of a user", "POST", "/v1/users", `{"login":"x@x.example","groups":["{M.default}"],"account_id":"X"}`},
			{"the groups of a new user", "POST", "/v1/users", `{"login":"x@x.example","groups":["X"]}`},
			{"the groups of a user", "PATCH", "/v1/users/{a2}", `{"groups":["{M.default}","X"]}`},
			{"the account of a card", "POST", "/v1/cards", `{"name":"x","currency":"EUR","account_id":"X"}`},
		} {
			w.run(t, c.name, func(t *testing.T) {
				absent := w.do("a", c.method, c.path, strings.ReplaceAll(c.body, "X", "{nobody}")).want(422)
				for _, name := range invisibleToA {
					got := w.do("a", c.method, c.path, strings.ReplaceAll(c.body, "X", "{"+name+"}"))
					if got.alike() != absent.alike() {
						t.Errorf("%s:\n%s\nwant\n%s", name, got.alike(), absent.alike())
					}
				}
			})
		}
	})
}

// No list and no row in it shows any reader a text that was planted by accounts
// whose secrets the reader must not see.
func TestNoSecretOfAnotherReachesAReader(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			user   string
			owners []string
		}{
			{"a", []string{"M", "B", "C", "N", "R"}},
			{"b", []string{"M", "A", "C", "N", "R"}},
			{"c", []string{"M", "A", "B", "N", "R"}},
			{"r", []string{"M", "A", "B", "C", "N"}},
			{"m", []string{"N", "R"}},
			{"n", []string{"M", "A", "B", "C"}},
		} {
			w.run(t, c.user, func(t *testing.T) {
				for _, path := range everyPath(w, c.user) {
					for _, accept := range []string{"application/json", mediaCSV, mediaNDJSON} {
						got := w.do(c.user, "GET", path, "", "Accept", accept)
						if found := leaked(got.alike(), c.owners...); found != nil {
							t.Errorf("%s as %s: %v in %s", path, accept, found, got.alike())
						}
					}
				}
			})
		}
	})
}

// everyPath returns every collection, and every row in it that the user sees.
func everyPath(w *world, user string) []string {
	paths := []string{"/v1/me", "/v1/audit?count=true"}
	for _, collection := range []string{"/v1/accounts", "/v1/groups", "/v1/users", "/v1/customers", "/v1/cards", "/v1/webhooks"} {
		paths = append(paths, collection+"?count=true")
		first := w.get(user, collection)
		if first.status == 403 && collection == "/v1/webhooks" {
			continue
		}
		for _, id := range first.column("id") {
			paths = append(paths, collection+"/"+id)
			if collection == "/v1/webhooks" {
				paths = append(paths, collection+"/"+id+"/dead-letters")
			}
			if collection == "/v1/cards" {
				paths = append(paths, collection+"/"+id+"/rates", collection+"/"+id+"/assignments", collection+"/"+id+"/customers", collection+"/"+id+"/revisions")
				for _, revision := range w.get(user, collection+"/"+id+"/revisions").column("id") {
					paths = append(paths, collection+"/"+id+"/revisions/"+revision, collection+"/"+id+"/revisions/"+revision+"/diff")
				}
			}
		}
	}
	return paths
}

func TestEachReaderSeesItsOwn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, user, path string
			want             []string
		}{
			{"a master sees every account of its tenant", "m", "/v1/accounts", []string{"M", "A", "B", "C"}},
			{"a reseller sees its own account alone", "a", "/v1/accounts", []string{"A"}},
			{"a master sees its groups", "m", "/v1/groups", []string{"M.full", "M.clerks", "M.default"}},
			{"a reseller sees the group that was lent to it", "a", "/v1/groups", []string{"M.default"}},
			{"a master sees every user of its tenant", "m", "/v1/users", []string{"m", "clerk", "a", "a2", "b", "b2", "c", "c2"}},
			{"a reseller sees its own users", "a", "/v1/users", []string{"a", "a2"}},
			{"a master sees every customer of its tenant", "m", "/v1/customers", []string{"mega", "acme", "apex", "bolt", "brio", "crux"}},
			{"a reseller sees its own customers", "a", "/v1/customers", []string{"acme", "apex"}},
			{"a master sees every card of its tenant", "m", "/v1/cards", []string{"upstream", "upstream2", "gold", "silver", "bronze", "retail", "bulk"}},
			{"a reseller sees its own cards and those assigned to it", "a", "/v1/cards", []string{"gold", "retail"}},
			{"a reseller with two cards sees both", "b", "/v1/cards", []string{"gold", "silver", "bulk"}},
			{"a reseller without cards sees none", "c", "/v1/cards", nil},
			{"kind is the kind as seen", "a", "/v1/cards?kind=provider", []string{"gold"}},
			{"an own card is a customer card", "a", "/v1/cards?kind=customer", []string{"retail"}},
			{"a master's provider cards", "m", "/v1/cards?kind=provider", []string{"upstream", "upstream2"}},
		} {
			w.run(t, c.name, func(t *testing.T) {
				want := map[string]bool{}
				for _, name := range c.want {
					want[w.id(name)] = true
				}
				got := w.get(c.user, c.path).column("id")
				for _, id := range got {
					if !want[id] {
						t.Errorf("sees %s", id)
					}
				}
				if len(got) != len(want) {
					t.Errorf("sees %d rows, want %d", len(got), len(want))
				}
			})
		}
	})
}
