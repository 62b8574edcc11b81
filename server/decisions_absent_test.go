package server

import (
	"strings"
	"testing"
)

// The explanation of a refusal is the same for a row out of sight and for an
// absent row.
func TestADecisionAboutARowOutOfSightIsToldAsOneAboutNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	explained := 0
	told := func(user string, by answered, hide ...string) string {
		got := w.decided(user, by)
		if got.status != 200 {
			return got.alike()
		}
		text := got.body
		explained++
		x := got.explanation()
		for _, s := range append(hide, x.DecisionID, x.At) {
			text = strings.ReplaceAll(text, s, "…")
		}
		return text
	}
	for _, c := range []struct{ kind, invisible string }{
		{"customers", "bolt"}, {"users", "b"}, {"users", "m"}, {"groups", "M.full"}, {"accounts", "B"}, {"cards", "upstream"}, {"cards", "silver"},
	} {
		id := w.id(c.invisible)
		absent := id[:len(id)-4] + "aaaa"
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			body := ""
			if method == "PATCH" {
				body = `{"name":"x"}`
			}
			for _, user := range []string{"a", "clerk"} {
				if user == "clerk" && c.invisible != "B" {
					continue
				}
				one := w.do(user, method, "/v1/"+c.kind+"/"+id, body, "If-Match", `"none"`)
				two := w.do(user, method, "/v1/"+c.kind+"/"+absent, body, "If-Match", `"none"`)
				if got, want := told(user, one, id), told(user, two, absent); got != want && one.status == two.status {
					t.Errorf("%s %s %s (%d): told\n%s, of one that is not there (%d)\n%s", user, method, c.invisible, one.status, got, two.status, want)
				}
			}
		}
	}
	for _, c := range []struct{ typ, invisible string }{{"customer", "bolt"}, {"card", "upstream"}, {"user", "b"}} {
		id := w.id(c.invisible)
		absent := id[:len(id)-4] + "aaaa"
		for _, action := range []string{"read", "update", "delete"} {
			ask := func(row string) answered {
				return w.do("", "POST", "/access/v1/evaluation", `{"subject":{"type":"user","id":"`+w.id("a")+`"},"action":{"name":"`+action+`"},"resource":{"type":"`+c.typ+`","id":"`+row+`"}}`)
			}
			one, two := ask(id), ask(absent)
			if got, want := told("a", one, id), told("a", two, absent); got != want || one.alike() != two.alike() {
				t.Errorf("evaluation %s %s: %s\n%s\n%s", action, c.invisible, one.alike(), got, want)
			}
		}
	}
	if explained < 40 {
		t.Errorf("%d were told: it tells little", explained)
	}
}
