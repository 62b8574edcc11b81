package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/store"
)

// A row of a list has the tag that GET of the row has, so that a page of a panel can
// change rows without reading each again.
func TestEachRowOfAListHasItsTag(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for user, kind := range map[string]string{"m": "provider", "a": "customer"} {
			w.do(user, "PUT", "/v1/import-profiles/acme", `{"kind":"`+kind+`"}`).want(200)
		}
		for _, path := range []string{
			"/v1/accounts", "/v1/groups", "/v1/users", "/v1/customers", "/v1/cards", "/v1/cards/{retail}/revisions", "/v1/webhooks", "/v1/import-profiles",
		} {
			for _, user := range []string{"m", "a"} {
				if user == "m" && strings.Contains(path, "{retail}") || user == "a" && path == "/v1/webhooks" {
					continue
				}
				items := w.get(user, path).want(200).items()
				if len(items) == 0 {
					t.Errorf("%s: no rows for %s", path, user)
				}
				for _, item := range items {
					id, named := item["id"].(string)
					if !named {
						id = item["name"].(string)
					}
					got := w.get(user, path+"/"+id).want(200)
					if tag := got.header.Get("ETag"); item["etag"] != tag {
						t.Errorf("%s: %s of %s: tag %v, want %s", user, item["id"], path, item["etag"], tag)
					}
				}
			}
		}
		item := w.get("a", "/v1/customers?id={acme}").items()[0]
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"notes":"x"}`, "If-Match", item["etag"].(string)).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"notes":"y"}`, "If-Match", item["etag"].(string)).want(412)
		profile := w.get("a", "/v1/import-profiles").items()[0]
		w.do("a", "PUT", "/v1/import-profiles/acme", asText(t, profile)).want(200)
		profile["limits"] = map[string]any{"row": 3}
		w.do("a", "PUT", "/v1/import-profiles/acme", asText(t, profile)).want(200)
		w.do("a", "PUT", "/v1/import-profiles/acme", `{}`, "If-Match", profile["etag"].(string)).want(412)
		w.pass(time.Hour)
		w.do("a", "PUT", "/v1/import-profiles/acme", `{"limits":{"row":4}}`).want(200)
		w.do("a", "PUT", "/v1/import-profiles/acme", asText(t, profile)).want(412) // also its updated_at is old
	})
}

func TestARowThatTheReaderHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		tag := w.get("a", "/v1/customers/{acme}").header.Get("ETag")
		for _, have := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			got := w.do("a", "GET", "/v1/customers/{acme}", "", "If-None-Match", have).want(304)
			if got.body != "" || got.header.Get("ETag") != tag {
				t.Errorf("%s: %q, tag %s", have, got.body, got.header.Get("ETag"))
			}
		}
		for _, have := range []string{`"x"`, "", strings.Trim(tag, `"`)} {
			w.do("a", "GET", "/v1/customers/{acme}", "", "If-None-Match", have).want(200)
		}
		w.do("m", "GET", "/v1/cards/{gold}", "", "If-None-Match", w.get("a", "/v1/cards/{gold}").header.Get("ETag")).want(200)
		w.do("a", "GET", "/v1/customers/{mega}", "", "If-None-Match", "*").want(404)
	})
}

// A list has a tag, which changes with everything that the list shows.
func TestAListThatTheReaderHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, path := range []string{"/v1/customers?limit=1", "/v1/customers?limit=1&count=true", "/v1/customers?expand=account", "/v1/cards", "/v1/cards/{retail}/rates", "/v1/audit", "/v1/cards/{retail}/customers"} {
			tag := w.get("a", path).want(200).header.Get("ETag")
			if got := w.do("a", "GET", path, "", "If-None-Match", tag).want(304); got.body != "" || got.header.Get("ETag") != tag {
				t.Errorf("%s: %q, tag %s and %s", path, got.body, tag, got.header.Get("ETag"))
			}
			if other := w.get("m", path); (other.header.Get("ETag") == tag) != (fmt.Sprint(other.items()) == fmt.Sprint(w.get("a", path).items())) {
				t.Errorf("%s: two readers have one tag: %v", path, other.header.Get("ETag") == tag)
			}
		}
		tags := map[string]bool{}
		same := func(change string, want bool) {
			t.Helper()
			tag := w.get("a", "/v1/customers?limit=1&sort=created_at&count=true").want(200).header.Get("ETag")
			if tags[tag] != want {
				t.Errorf("after %s: the tag is known: %v", change, tags[tag])
			}
			tags[tag] = true
		}
		same("nothing", false)
		same("nothing", true)
		w.do("m", "PATCH", "/v1/customers/{mega}", `{"name":"Elsewhere"}`).want(200)
		same("a change out of sight", true)
		w.do("a", "POST", "/v1/customers", `{"name":"Behind the page"}`).want(201)
		same("a row behind the page", false)
	})
}

// Expand shows what GET of the row would show this reader, and otherwise the id.
func TestExpandShowsWhatGetShows(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		plain := func(user, path string) map[string]any { return w.get(user, path).want(200).object() }
		got := plain("a", "/v1/customers/{acme}?expand=account,cards")
		want := map[string]any{"account": plain("a", "/v1/accounts/{A}"), "cards": []any{plain("a", "/v1/cards/{retail}")}}
		if !reflect.DeepEqual(got["expanded"], want) {
			t.Errorf("got %v\nwant %v", got["expanded"], want)
		}
		row := w.get("a", "/v1/customers?id={acme}&expand=account,cards").items()[0]
		if !reflect.DeepEqual(row["expanded"], want) || row["etag"] != w.get("a", "/v1/customers/{acme}").header.Get("ETag") {
			t.Errorf("in a list: %v", row)
		}
		if a, b := w.get("a", "/v1/customers/{acme}?expand=account"), w.get("a", "/v1/customers/{acme}"); a.header.Get("ETag") != b.header.Get("ETag") {
			t.Error("what is expanded changes the tag")
		}
		// A user who may read customers and no account.
		w.do("m", "POST", "/v1/groups", `{"name":"desk","rows":{"customer":["read"]}}`).want(201)
		desk := w.get("m", "/v1/groups?name=desk").column("id")[0]
		w.call("desk", w.do("m", "POST", "/v1/users", `{"login":"d@x.example","groups":["`+desk+`"]}`).want(201).object()["id"].(string))
		bare := plain("desk", "/v1/customers/{mega}?expand=account")["expanded"]
		if want := map[string]any{"account": w.id("M")}; !reflect.DeepEqual(bare, want) {
			t.Errorf("got %v\nwant %v", bare, want)
		}
		groups := plain("a", "/v1/users/{a}?expand=groups")["expanded"]
		if want := map[string]any{"groups": []any{plain("a", "/v1/groups/{M.default}")}}; !reflect.DeepEqual(groups, want) {
			t.Errorf("got %v\nwant %v", groups, want)
		}
		if row := w.get("a", "/v1/cards?id={gold}&expand=account").want(200).items()[0]; len(row["expanded"].(map[string]any)) != 0 {
			t.Errorf("the owner of an assigned card: %v", row["expanded"])
		}
		w.get("a", "/v1/customers?expand=tenant").refused(422, `"field":"expand"`)
		w.get("a", "/v1/customers?expand=").refused(422, `"field":"expand"`)
		w.get("a", "/v1/customers/{acme}?expand=parents").refused(422, `"field":"expand"`)
		w.get("a", "/v1/customers/{mega}?expand=nothing").refused(404, "not_found")
	})
}

// What the reader sees of the rows that a list refers to is decided for each type, once, and
// logged.
func TestExpandIsDecidedAndLoggedForEachType(t *testing.T) {
	t.Parallel()
	w, log := logged(t)
	for _, path := range []string{"/v1/customers?expand=account,cards", "/v1/customers/{acme}?expand=account,cards"} {
		log.Reset()
		w.get("a", path).want(200)
		var types []string
		for line := range strings.Lines(log.String()) {
			var entry struct {
				Outcome string
				Input   struct{ Resource struct{ Type string } }
			}
			must(t, json.Unmarshal([]byte(line), &entry))
			if entry.Outcome != "" {
				types = append(types, entry.Input.Resource.Type+" "+entry.Outcome)
			}
		}
		if want := []string{"account allow", "card allow", "customer allow"}; !slices.Equal(slices.Sorted(slices.Values(types)), want) {
			t.Errorf("%s: logged %q", path, types)
		}
	}
}

func TestTheCardsOfACustomer(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			user, path string
			want       []string
		}{
			{"m", "/v1/customers/{mega}/cards", []string{"gold"}},
			{"a", "/v1/customers/{acme}/cards", []string{"retail"}},
			{"a", "/v1/customers/{apex}/cards", nil},
			{"a", "/v1/customers/{acme}/cards?kind=provider", nil},
		} {
			got := w.get(c.user, c.path+sign(c.path)+"count=true").want(200)
			want := []string{}
			for _, name := range c.want {
				want = append(want, w.id(name))
			}
			if ids := got.column("id"); !slices.Equal(ids, want) || got.object()["total"] != float64(len(want)) {
				t.Errorf("%s: %s: %v of %v, want %v", c.user, c.path, ids, got.object()["total"], want)
			}
		}
		absent := w.get("a", "/v1/customers/{nobody}/cards").want(404).alike()
		if hidden := w.get("a", "/v1/customers/{mega}/cards").alike(); hidden != absent {
			t.Errorf("%s\nwant %s", hidden, absent)
		}
	})
}

func sign(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

// Going back through the pages gives the same pages.
func TestThePreviousPage(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		null := ""
		w.write(w.id("M"), func(tx *store.Tx) error {
			for _, name := range []string{"acme", "brio", "crux"} {
				if _, err := tx.UpdateCustomer(context.Background(), w.id(name), store.CustomerPatch{Email: &null}); err != nil {
					return err
				}
			}
			return nil
		})
		for _, sort := range []string{"id", "-id", "name", "-name", "email", "-email", "currency", "-created_at"} {
			var pages [][]string
			path := "/v1/customers?limit=2&sort=" + sort
			answer := w.get("m", path).want(200)
			if _, has := answer.object()["prev"]; has {
				t.Errorf("%s: the first page has a page before it", sort)
			}
			for {
				pages = append(pages, answer.column("id"))
				next, more := answer.object()["next"].(string)
				if !more {
					break
				}
				answer = w.get("m", path+"&cursor="+url.QueryEscape(next)).want(200)
			}
			if len(pages) < 3 {
				t.Fatalf("%d pages", len(pages))
			}
			for i := len(pages) - 2; i >= 0; i-- {
				prev, more := answer.object()["prev"].(string)
				if !more {
					t.Fatalf("%s: page %d has no page before it", sort, i+1)
				}
				answer = w.get("m", path+"&cursor="+url.QueryEscape(prev)).want(200)
				if ids := answer.column("id"); !slices.Equal(ids, pages[i]) {
					t.Errorf("%s: page %d is %v, and was %v", sort, i, ids, pages[i])
				}
			}
			if _, has := answer.object()["prev"]; has {
				t.Errorf("%s: the first page has a page before it", sort)
			}
			if next, _ := answer.object()["next"].(string); next == "" {
				t.Errorf("%s: the first page has no page behind it", sort)
			}
		}
	})
}

// A search ignores case and accents, in every column that it names, and finds only
// what it shows.
func TestASearchIgnoresCaseAndAccents(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		set := func(user, path string, columns map[string]any) {
			body, err := json.Marshal(columns)
			must(t, err)
			w.do(user, "PATCH", path, string(body)).want(200)
		}
		set("a", "/v1/customers/{acme}", map[string]any{"name": "José Pérez", "notes": "Straße 1"})
		set("a", "/v1/customers/{apex}", map[string]any{"name": "Apex", "email": "perez@example.com"})
		set("m", "/v1/cards/{gold}", map[string]any{"name": "Größe", "public_name": "Médium"})
		set("m", "/v1/accounts/{M}", map[string]any{"public_name": "Ångström"})
		for _, c := range []struct {
			user, path string
			want       []string
		}{
			{"a", "/v1/customers?name_contains=perez", []string{"acme"}},
			{"a", "/v1/customers?name_contains=PÉREZ", []string{"acme"}},
			{"a", "/v1/customers?name_contains=jose%CC%81", []string{"acme"}},
			{"a", "/v1/customers?notes_contains=STRASSE", []string{"acme"}},
			{"a", "/v1/customers?name,email_contains=Perez", []string{"acme", "apex"}},
			{"a", "/v1/customers?email,name_contains=Perez&name_contains=APEX", []string{"apex"}},
			{"a", "/v1/customers?name,notes_contains=perez", []string{"acme"}},
			{"m", "/v1/customers?name_contains=perez", []string{"acme"}},
			{"b", "/v1/customers?name_contains=perez", nil},
			{"m", "/v1/cards?name_contains=grosse", []string{"gold"}},
			{"m", "/v1/cards?name_contains=medium", nil},
			{"m", "/v1/cards?public_name,name_contains=medium", []string{"gold"}},
			{"a", "/v1/cards?name_contains=grosse", nil},
			{"a", "/v1/cards?name_contains=MEDIUM", []string{"gold"}},
			{"a", "/v1/cards?carrier_contains=angstrom", []string{"gold"}},
			{"a", "/v1/cards?carrier,name_contains=angstrom", []string{"gold"}},
		} {
			w.run(t, c.path, func(t *testing.T) {
				got, want := w.get(c.user, c.path).want(200).column("id"), []string{}
				for _, name := range c.want {
					want = append(want, w.id(name))
				}
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
		set("a", "/v1/customers/{acme}", map[string]any{"name": "Smith"})
		if ids := w.get("a", "/v1/customers?name_contains=perez").column("id"); len(ids) != 0 {
			t.Errorf("an earlier name is found: %v", ids)
		}
		for _, query := range []string{"name,tenant_id_contains=x", "name,created_at_contains=x", "name,_contains=x", "name,email_prefix=x", "name,email=x", "_contains=x"} {
			w.get("a", "/v1/customers?"+query).refused(422, "is not a known parameter")
		}
	})
}
