package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/server/insight"
)

// previewed is the answer to a preview.
type previewed struct{ insight.Preview }

func (a answered) preview() previewed {
	a.t.Helper()
	var p previewed
	if err := json.Unmarshal([]byte(a.want(200).body), &p); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return p
}

func (p previewed) area(t *testing.T, name string) insight.AreaPreview {
	t.Helper()
	i := slices.IndexFunc(p.Areas, func(a insight.AreaPreview) bool { return a.Area == name })
	if i < 0 {
		t.Fatalf("no area %s in %+v", name, p.Areas)
	}
	return p.Areas[i]
}

func differing1(list []insight.AreaDifference, area string) insight.AreaDifference {
	i := slices.IndexFunc(list, func(d insight.AreaDifference) bool { return d.Area == area })
	if i < 0 {
		return insight.AreaDifference{}
	}
	return list[i]
}

func TestAPreviewShowsWhatAUserSeesBesideThePreviewer(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/accounts/{A}", `{"email":"new@x.example"}`)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"Acme & Sons"}`).want(200)
		w.pass(time.Second)
		before := w.store.Revision()
		p := w.get("m", "/v1/preview/{a}").preview()
		if w.store.Revision() != before+1 {
			t.Errorf("%d writes for one preview", w.store.Revision()-before)
		}
		if got := w.get("m", "/v1/audit?limit=1").items()[0]; got["actor"] != w.id("m") || got["action"] != "preview" {
			t.Errorf("audited %v", got)
		}
		customers := p.area(t, "customer")
		if *customers.Visible != 2 || *customers.Of != 6 || len(customers.First) != 2 || customers.First[0].View != "full" {
			t.Errorf("customers %+v", *customers.Of)
		}
		cards := p.area(t, "card/provider")
		if *cards.Visible != 1 || *cards.Of != 7 || cards.First[0].View != translatedView || !slices.Equal(cards.Access, []string{"read"}) {
			t.Errorf("provider cards %+v", cards)
		}
		for _, area := range p.Areas {
			if area.Visible == nil {
				continue
			}
			path := map[string]string{"card/customer": "/v1/cards?kind=customer", "card/provider": "/v1/cards?kind=provider",
				"account": "/v1/accounts?", "audit": "/v1/audit?", "customer": "/v1/customers?", "group": "/v1/groups?", "user": "/v1/users?", "webhook": "/v1/webhooks?"}[area.Area]
			if got := w.do("m", "GET", path+"&count=true", "", headerAs, w.id("a")); got.status == 403 && *area.Visible == 0 {
				continue
			} else if got := got.object(); got["total"] != float64(*area.Visible) {
				t.Errorf("%s: previewed %d, sees %v", area.Area, *area.Visible, got["total"])
			}
			var list struct{ Items []json.RawMessage }
			must(t, json.Unmarshal([]byte(w.do("m", "GET", path+"&limit=3", "", headerAs, w.id("a")).want(200).body), &list))
			for i, row := range area.First {
				listed, _, tagged := strings.Cut(string(list.Items[i]), `,"etag":`)
				if tagged {
					listed += "}"
				}
				if string(row.Row) != listed {
					t.Errorf("%s: previewed %s, sees %s", area.Area, row.Row, list.Items[i])
				}
			}
		}
	})
}

func TestAPreviewComparesTwoUsers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.get("m", "/v1/preview/{a}?against={b}").preview()
		customers := differing1(p.Difference, "customer")
		if p.Against != w.id("b") || customers.Access != nil || customers.Visible != nil {
			t.Errorf("difference %+v", p)
		}
		appear, disappear := []string{w.id("bolt"), w.id("brio")}, []string{w.id("acme"), w.id("apex")}
		slices.Sort(appear)
		slices.Sort(disappear)
		if !slices.Equal(customers.Appear, appear) || !slices.Equal(customers.Disappear, disappear) {
			t.Errorf("customers %+v", customers)
		}
		if cards := differing1(p.Difference, "card/provider"); cards.Visible == nil || *cards.Visible != (insight.VisibleChange{Before: 1, After: 2}) || !slices.Equal(cards.Appear, []string{w.id("silver")}) {
			t.Errorf("provider cards %+v", cards)
		}
		if p := w.get("m", "/v1/preview/{a}?against={a2}").preview(); len(p.Difference) != 0 {
			t.Errorf("two alike differ: %+v", p.Difference)
		}
	})
}

func TestAPreviewIsRefusedAsSeeingWithOthersEyesIs(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		absent := w.get("a", "/v1/preview/{nobody}").want(404)
		for name, c := range map[string]struct {
			user, of, as string
			status       int
			reason       string
		}{
			"of another reseller's":          {"a", "b", "", 404, ""},
			"of one above":                   {"a", "m", "", 404, ""},
			"of another carrier's":           {"m", "n", "", 404, ""},
			"against one out of sight":       {"a", "a2?against={b}", "", 404, ""},
			"by one without the area":        {"clerk", "a", "", 403, "area_denied"},
			"within another":                 {"m", "a", "a", 403, ""},
			"with a parameter that is none":  {"m", "a?sort=name", "", 422, "sort"},
			"against nobody in particular":   {"m", "a?against=", "", 422, "against"},
			"of a colleague":                 {"a", "a2", "", 200, ""},
			"of oneself against a colleague": {"a", "a?against={a2}", "", 200, ""},
		} {
			before := w.store.Revision()
			path := "/v1/preview/{" + c.of
			if i := slices.Index([]byte(c.of), '?'); i >= 0 {
				path = "/v1/preview/{" + c.of[:i] + "}" + c.of[i:]
			} else {
				path += "}"
			}
			got := w.do(c.user, "GET", path, "", headerAs, w.maybeID(c.as))
			if got.status != c.status {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
			if c.status == 404 && c.user == "a" && got.alike() != absent.alike() {
				t.Errorf("%s: %s, absent %s", name, got.alike(), absent.alike())
			}
			if c.reason != "" {
				got.refused(c.status, c.reason)
			}
			if c.as == "" && c.status != 200 && w.store.Revision() != before {
				t.Errorf("%s: something was written", name)
			}
		}
		s := w.server
		if got := knock(t, s, "GET", "/v1/preview/"+w.id("a"), "", "no-such-token", "Resellerd-User: "+w.id("m")); got.StatusCode != 401 {
			t.Errorf("without a token: %d", got.StatusCode)
		}
	})
}

func (w *world) maybeID(name string) string {
	if name == "" {
		return ""
	}
	return w.id(name)
}
