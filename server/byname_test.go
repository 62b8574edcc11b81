package server

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// PUT on an external id creates a row, and changes it afterwards. The row is the same one
// for a bulk request.
func TestPutByExternalIDCreatesAndThenChanges(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		for _, c := range []struct{ path, first, second, shows string }{
			{"accounts", `{"name":"One","currency":"EUR","accept_currency":true}`, `{"name":"Two","accept_currency":true}`, `"name":"Two"`},
			{"groups", `{"name":"One","rows":{"customer":["read"]}}`, `{"name":"Two"}`, `"name":"Two"`},
			{"users", `{"login":"one@example.com","groups":["{M.full}"]}`, `{"login":"two@example.com"}`, `"login":"two@example.com"`},
			{"customers", `{"name":"One","accept_currency":false}`, `{"name":"Two","accept_currency":true}`, `"name":"Two"`},
			{"customers", `{"name":"One","account_id":"{A}"}`, `{"name":"Two","account_id":"{A}"}`, w.id("A")},
			{"cards", `{"name":"One","currency":"EUR","accept_currency":true,"accept_losses":false}`, `{"name":"Two","accept_currency":true}`, `"name":"Two"`},
		} {
			at := "/v1/" + c.path + "/by-external-id/K%2F1"
			for _, old := range []string{`"old"`, "*"} { // the row may have been deleted meanwhile
				w.do("m", "PUT", at, c.first, "If-Match", old).want(412)
			}
			id := w.do("m", "PUT", at, c.first).refused(201, `"external_id":"K/1"`).object()["id"].(string)
			w.do("m", "PUT", at, c.second).refused(200, id).refused(200, c.shows)
			w.do("m", "PUT", at, c.second[:len(c.second)-1]+`,"external_id":"K2"}`).want(422)
			w.do("m", "PUT", at, c.second, "If-Match", `"old"`).want(412)
			w.do("m", "PUT", at, `{"colour":1}`).want(422)
			named := func(name, body string) string { return strings.Replace(body, "{", `{"external_id":"`+name+`",`, 1) }
			other := strings.ReplaceAll(c.first, "one@", "three@")
			bulk := w.do("m", "PUT", "/v1/"+c.path+"/bulk", `{"items":[`+named("K/1", c.second)+","+named("K2", other)+`]}`).want(200)
			if !strings.Contains(bulk.body, `"status":200,"id":"`+id) || strings.Count(bulk.body, `"status":201`) != 1 {
				t.Errorf("%s: %s", c.path, bulk.body)
			}
		}
	})
}

// A reseller's user names no accounts and users, and learns of no row that it does not see.
func TestPutByExternalIDShowsNothing(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		for _, name := range []string{"free", secret("M", "external A"), secret("A", "external a2"), secret("B", "external b")} {
			for path, body := range map[string]string{"accounts": `{"name":"x"}`, "users": `{"login":"x@example.com","groups":["{M.default}"]}`} {
				w.do("a", "PUT", "/v1/"+path+"/by-external-id/"+strings.ReplaceAll(name, " ", "%20"), body).refused(403, "scope identity")
			}
		}
		w.do("b", "PUT", "/v1/customers/by-external-id/K1", `{"name":"B's"}`).want(201)
		w.do("a", "PUT", "/v1/customers/by-external-id/K1", `{"name":"A's"}`).want(201)
		w.do("a", "PUT", "/v1/customers/by-external-id/K1", `{"name":"x","account_id":"{B}"}`).faults(422, "/account_id")
		w.do("clerk", "PUT", "/v1/customers/by-external-id/K9", `{"name":"x"}`).want(403)
		if w.get("b", "/v1/customers?external_id=K1").items()[0]["name"] != "B's" {
			t.Error("the customer of another reseller was changed")
		}
	})
}

// A user who may not write a row is told so, and nothing about the body or the row: all answers are the same.
func TestPutByExternalIDDecidesFirst(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		var first, firstRow string
		same := func(first *string, what, text string) {
			var body map[string]any
			must(t, json.Unmarshal([]byte(text), &body))
			delete(body, "decision_id")
			told, err := json.Marshal(body)
			must(t, err)
			if *first == "" {
				*first = string(told)
			}
			if string(told) != *first {
				t.Errorf("%s: %s, and before %s", what, told, *first)
			}
		}
		for _, name := range []string{"K9", secret("M", "external mega"), secret("M", "external gold")} {
			for _, body := range []string{`{"external_id":"other"}`, `{"name":""}`, `{"colour":1}`, `[]`, `{`, `{"name":"x","external_id":1}`} {
				got := w.do("clerk", "PUT", "/v1/cards/by-external-id/"+strings.ReplaceAll(name, " ", "%20"), body).want(403)
				same(&first, name+" "+body, got.body)
			}
		}
		for _, row := range []string{`{"external_id":"K9","name":""}`, `{"external_id":"K9","colour":1}`, `{"external_id":""}`, `{"external_id":7}`, `{}`} {
			var bulk struct {
				Items []struct {
					Status  int
					Problem json.RawMessage
				}
			}
			must(t, json.Unmarshal([]byte(w.do("clerk", "PUT", "/v1/cards/bulk", `{"items":[`+row+`]}`).want(200).body), &bulk))
			if bulk.Items[0].Status != 403 {
				t.Errorf("%s: %+v", row, bulk)
			}
			same(&firstRow, row, string(bulk.Items[0].Problem))
		}
	})
}

// A row of a bulk request is answered as the request for it alone, with its warnings.
func TestABulkPutAnswersAsThePutAlone(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		for path, body := range map[string]string{
			"accounts": `"name":"x","currency":"EUR","ceiling":{"custmer":["read"]}`, "groups": `"name":"x","rows":{"custmer":["read"]}`,
			"users": `"login":"x@example.com","groups":["{M.full}"]`, "customers": `"name":"x"`, "cards": `"name":"x","currency":"EUR"`,
		} {
			for round := range 2 {
				alone := w.do("m", "PUT", "/v1/"+path+"/by-external-id/K1", "{"+body+"}")
				var bulk struct {
					Items []struct {
						Status int
						ID     string
						ETag   string
						Row    map[string]any
					}
				}
				must(t, json.Unmarshal([]byte(w.do("m", "PUT", "/v1/"+path+"/bulk", `{"items":[{"external_id":"K2",`+strings.Replace(body, "x@", "y@", 1)+`}]}`).want(200).body), &bulk))
				want, got := alone.object(), bulk.Items[0].Row
				if bulk.Items[0].Status != alone.status || bulk.Items[0].ID != got["id"] || want["id"] == got["id"] {
					t.Errorf("%s, round %d: %d %+v", path, round, alone.status, bulk.Items[0])
				}
				for name, value := range map[string]any{"external_id": "K2", "login": "y@example.com"} {
					if had, has := got[name]; has && had != value {
						t.Errorf("%s, round %d: %s is %v", path, round, name, had)
					}
				}
				for _, row := range []map[string]any{want, got} {
					for _, name := range []string{"id", "external_id", "login", "created_at", "updated_at"} {
						if row[name] == nil && name != "login" {
							t.Errorf("%s, round %d: %s is missing in %v", path, round, name, row)
						}
						delete(row, name)
					}
				}
				if !reflect.DeepEqual(want, got) {
					t.Errorf("%s, round %d: %v, alone %v", path, round, got, want)
				}
				if _, warned := want["warnings"]; warned != strings.Contains(body, "custmer") {
					t.Errorf("%s, round %d: %v", path, round, want)
				}
			}
		}
	})
}
