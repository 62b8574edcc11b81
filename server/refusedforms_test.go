package server

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"resellerd/store/schema"
)

// A filter by an id or a word that no row can have is refused, in every list.
func TestImpossibleIDsAndWordsAreRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for path, queries := range map[string][]string{
			"/v1/customers": {"id=foo", "id=cus_x", "account_id=foo", "account_id=acc_", "cards=cus_x", "cards_ne=foo", "account_id={A},foo",
				"currency=eur", "currency_prefix=E", "currency_contains=EU"},
			"/v1/users":                    {"groups_ne=foo", "id={A}"},
			"/v1/audit":                    {"action=foo", "action=create,foo", "account=foo", "actor=foo", "id=foo"},
			"/v1/cards/{gold}/revisions":   {"base_id=foo", "status=foo"},
			"/v1/cards/{gold}/rates":       {"cursor=", "at="},
			"/v1/destinations":             {"sort=prefix", "expand=account", "cursor="},
			"/v1/changes":                  {"after="},
			"/v1/cards/{gold}":             {"expand="},
			"/v1/cards/{gold}/assignments": {"account_id=foo"},
		} {
			for _, query := range queries {
				name, _, _ := strings.Cut(query, "=")
				w.get("m", path+"?"+query).refused(422, `"field":"`+name+`"`)
			}
		}
		w.get("m", "/v1/customers?=1").refused(422, "without a name")
		if got := w.get("m", "/v1/audit?action=create,update").want(200); got.status != 200 {
			t.Error(got.body)
		}
		words := ""
		if f, ok := reflect.TypeFor[auditBody]().FieldByName("Action"); ok {
			words = f.Tag.Get("enum")
		}
		for _, c := range schema.Info("audit").Columns {
			if c.Name == "action" && strings.Join(c.Words, ",") != words {
				t.Errorf("answers have the actions %s, and filters %v", words, c.Words)
			}
		}
	})
}

// Every write that answers with a document accepts it again.
func TestOtherDocumentsCanBeSentBack(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PUT", "/v1/import-profiles/acme", `{"kind":"provider","options":[],"answers":[]}`).want(200)
		profile := w.get("m", "/v1/import-profiles/acme").want(200)
		if back := w.do("m", "PUT", "/v1/import-profiles/acme", profile.body).want(200); back.body != profile.body {
			t.Errorf("%s\nthen\n%s", profile.body, back.body)
		}
		changed := strings.Replace(profile.body, `"created_at":"`, `"created_at":"1`, 1)
		w.do("m", "PUT", "/v1/import-profiles/acme", changed).refused(403, "column_not_writable").refused(403, "/created_at")

		w.draft("gold")
		revision := w.get("m", "/v1/cards/{gold}/revisions/{gold.draft}").want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}/revisions/{gold.draft}", revision.body).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}/revisions/{gold.draft}", `{"rows":77}`).refused(403, "column_not_writable")

		for path, user := range map[string]string{"/v1/cards/{gold}/assignments": "m", "/v1/cards/{retail}/customers": "a"} {
			for _, item := range w.get(user, path).items() {
				id, _ := item["account_id"].(string)
				if id == "" {
					id = item["customer_id"].(string)
				}
				w.do(user, "PUT", path+"/"+id, asText(t, item)).want(200)
				item["etag"] = `"other"`
				w.do(user, "PUT", path+"/"+id, asText(t, item)).want(412)
				delete(item, "etag")
				item["account_id"], item["customer_id"] = w.id("C"), w.id("crux")
				w.do(user, "PUT", path+"/"+id, asText(t, item)).refused(403, "column_not_writable")
			}
		}
	})
}

// An answer about a list names each fault by its place in the list.
func TestFaultsInListsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		rules := `[{"match":"","type":"z","value":"1"},{"match":"x"}]`
		for path, method := range map[string]string{"/v1/cards": "POST", "/v1/cards/{bronze}": "PATCH"} {
			currency := map[string]string{"POST": `"currency":"USD","kind":"customer",`}[method]
			w.do("m", method, path, `{"name":"",`+currency+`"profit_rules":`+rules+`}`).
				faults(422, "/name", "/profit_rules/0/match", "/profit_rules/0/type", "/profit_rules/1/match", "/profit_rules/1/value")
		}
		w.do("m", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":"Germany","x":1},{"prefix":44,"name":"UK"},7,{"prefix":"1"}]}`).
			faults(422, "/items/0/x", "/items/1/prefix", "/items/2", "/items/3/name")
		w.do("m", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":""},{"prefix":"x","name":"UK"}]}`).
			faults(422, "/items/0/name", "/items/1/prefix")
	})
}

// A ceiling that names an area which nothing names is stored, and the answer warns.
func TestAMisspeltCeilingIsWarnedOf(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		made := w.do("m", "POST", "/v1/accounts", `{"name":"New","ceiling":{"*":["read"],"cusotmer":["read"],"customer":["read"]}}`).want(201)
		changed := w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["create","read","update","delete"],"cusotmer":["read"]}}`).want(200)
		for _, got := range []answered{made, changed} {
			var told warned
			must(t, json.Unmarshal([]byte(got.body), &told))
			if len(told.Warnings) != 1 || told.Warnings[0].Pointer != "/ceiling/cusotmer" {
				t.Errorf("%s: %v", got.what, told.Warnings)
			}
		}
		if tag := w.get("m", "/v1/accounts/{A}").header.Get("Etag"); tag != changed.header.Get("Etag") {
			t.Error("the warning is part of the tag")
		}
	})
}

// The document says that rows of a bulk change have a tag, which is not read-only.
func TestTheTagOfABulkRowIsWritable(t *testing.T) {
	t.Parallel()
	text, err := (&Server{routes: bindRoutes(routes())}).describe()
	must(t, err)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]map[string]any
			}
		}
	}
	must(t, json.Unmarshal(text, &doc))
	for _, name := range []string{"CustomerUpdateByID", "UserUpdateByID"} {
		properties := doc.Components.Schemas[name].Properties
		if properties["etag"] == nil || properties["etag"]["readOnly"] != nil || properties["created_at"]["readOnly"] != true {
			t.Errorf("%s: %v", name, properties)
		}
	}
}
