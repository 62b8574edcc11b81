package server

import (
	"slices"
	"strings"
	"testing"
)

// outOfSight lists users, the rows that each must not know of, and a card whose
// links the user may ask about.
var outOfSight = []struct {
	user, account, card string
	names               []string
}{
	{"a", "A", "retail", invisibleToA},
	{"a", "A", "gold", invisibleToA},
	{"clerk", "A", "gold", []string{"upstream", "upstream2", "N", "R", "n", "r", "N.full", "N.default", "rune", "foreign", "nickel"}},
	{"n", "R", "nickel", []string{"M", "A", "B", "C", "m", "clerk", "a", "a2", "M.full", "M.default", "mega", "acme", "bolt", "upstream", "gold", "retail", "bulk"}},
	{"r", "R", "nickel", []string{"M", "A", "N", "m", "a", "n", "M.default", "N.full", "N.clerks", "mega", "acme", "gold", "retail", "foreign", "upstream"}},
}

// withHeaders are the headers of the requests, used in turn.
var withHeaders = [][]string{
	nil, {"Accept", mediaCSV}, {"If-Match", `"other"`}, {headerIdempotency, "again"}, {headerClientIP, "192.0.2.1"}, {headerRequestID, "mine"},
}

// Every route that names a row gives the same answer for a row out of sight, a
// row of another tenant and an absent row. This holds for every body that the
// tests know, and for every place in the path.
func TestEveryRouteAnswersWhatIsOutOfSightAsNothing(t *testing.T) {
	oneAtATime(t)
	eachWorld(t, func(t *testing.T, w *world) {
		tried := 0
		for _, card := range []string{"gold", "retail", "nickel", "upstream"} {
			w.draft(card)
		}
		for _, rt := range routes() {
			for _, place := range places(rt.path) {
				for _, o := range outOfSight {
					names := aShare(o.names, w.store.Dialect())
					path := strings.NewReplacer(":id", "{"+o.card+"}", ":account_id", "{"+o.account+"}", ":customer_id", "{acme}",
						":revision", "{"+o.card+".revision}", ":letter", "{letter}").Replace(place)
					if strings.Contains(path, "/revisions/X") {
						names = unseenRevisions(names, o.user, o.card)
					}
					tried += w.tryOutOfSight(rt, path, o.user, names)
				}
			}
		}
		t.Logf("%d requests", tried)
		if tried == 0 {
			t.Error("no route names a row")
		}
	})
}

// unseenRevisions are the revisions of cards out of sight, and the draft of a
// card that is assigned to the user.
func unseenRevisions(names []string, user, card string) (revisions []string) {
	for _, name := range names {
		revisions = append(revisions, name+".revision", name+".draft")
	}
	if user == "a" && card == "gold" || user == "r" {
		revisions = append(revisions, card+".draft")
	}
	return revisions
}

// places are the variants of a pattern with X in place of one parameter.
func places(pattern string) (paths []string) {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") && part != ":name" && part != ":external_id" { // a name is no id
			one := slices.Clone(parts)
			one[i] = "X"
			paths = append(paths, strings.Join(one, "/"))
		}
	}
	return paths
}

// tryOutOfSight tries one route, and returns the number of requests.
func (w *world) tryOutOfSight(rt route, path, user string, names []string) (tried int) {
	w.t.Helper()
	bodies := secretBodies[rt.method+" "+rt.path]
	if rt.method == "GET" {
		bodies = []string{""}
	}
	for i, body := range append(slices.Clone(bodies), `{"broken`) {
		if rt.method == "GET" {
			body = ""
		}
		headers := withHeaders[i%len(withHeaders)]
		absent := w.do(user, rt.method, named(path, "nobody"), named(body, "nobody"), headers...)
		for _, name := range names {
			tried++
			got := w.do(user, rt.method, named(path, name), named(body, "nobody"), headers...)
			if got.alike() != absent.alike() {
				w.t.Errorf("%s %s of %s:\n%s\nwant\n%s", rt.method, path, name, got.alike(), absent.alike())
			}
		}
	}
	return tried
}

// named puts a name in place of X.
func named(text, name string) string {
	return strings.NewReplacer(`"X"`, `"{`+name+`}"`, "/X", "/{"+name+"}").Replace(text)
}
