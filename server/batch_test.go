package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A batch equals its questions, each asked by itself.
func TestABatchEqualsItsSingles(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(1, 2))
		users := []string{"m", "a", "b", "c", "n", "clerk", "nobody"}
		rows := map[string][]string{"customer": {"acme", "bolt", "mega", "rune", "absent"}, "card": {"gold", "retail", "upstream", "foreign"},
			"account": {"M", "A", "B", "N"}, "user": {"a", "b", "m"}, "area": {"cdr", "policy", "customer"}, "cdr": {"1"}}
		for range 20 {
			var items, singles []string
			for range 1 + r.IntN(50) {
				typ := drawn(r, []string{"customer", "card", "account", "user", "area", "cdr"})
				id := drawn(r, rows[typ])
				if typ != "area" && typ != "cdr" {
					id = w.id(id)
				}
				parts := map[string]string{
					"subject":  fmt.Sprintf(`{"type":"user","id":%q}`, w.id(drawn(r, users))),
					"action":   fmt.Sprintf(`{"name":%q}`, drawn(r, []string{"read", "update", "delete", "fly"})),
					"resource": fmt.Sprintf(`{"type":%q,"id":%q,"properties":{"account_id":%q}}`, typ, id, w.id("A")),
					"context":  fmt.Sprintf(`{"reasons":%t}`, r.IntN(2) == 0),
				}
				var given []string
				defaults := map[string]string{"subject": fmt.Sprintf(`{"type":"user","id":%q}`, w.id("a")), "action": `{"name":"read"}`, "context": `{"reasons":true}`}
				for name, part := range parts {
					if _, defaulted := defaults[name]; !defaulted || r.IntN(3) > 0 {
						given, defaults[name] = append(given, fmt.Sprintf("%q:%s", name, part)), part
					}
				}
				items = append(items, "{"+strings.Join(given, ",")+"}")
				singles = append(singles, fmt.Sprintf(`{"subject":%s,"action":%s,"resource":%s,"context":%s}`, defaults["subject"], defaults["action"], defaults["resource"], defaults["context"]))
			}
			batch := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"context":{"reasons":true},"evaluations":[%s]}`, w.id("a"), strings.Join(items, ","))
			var got struct{ Evaluations []json.RawMessage }
			must(t, json.Unmarshal([]byte(w.do("", "POST", "/access/v1/evaluations", batch, headerUser, "").want(200).body), &got))
			if len(got.Evaluations) != len(singles) {
				t.Fatalf("%d answers to %d questions", len(got.Evaluations), len(singles))
			}
			for i, single := range singles {
				if alone := w.do("", "POST", "/access/v1/evaluation", single, headerUser, "").want(200).body; alone != string(got.Evaluations[i]) {
					t.Errorf("%s: alone %s, in the batch %s", single, alone, got.Evaluations[i])
				}
			}
		}
	})
}

// The scenario of the standard, as batches.
func TestAuthZENBatches(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serveTree(t, scenario, nil)
	const (
		defaults = `"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}`
		yes      = `{}`
		no       = `{"action":{"name":"dance"}}`
		part     = `{"resource":{"type":"record"}}`
		noID     = `{"decision":false,"context":{"error":{"message":"resource.id is missing.","status":400}}}`
	)
	list := func(answers ...string) string { return `{"evaluations":[` + strings.Join(answers, ",") + `]}` }
	const allow, deny = `{"decision":true}`, `{"decision":false}`
	for name, c := range map[string]struct{ body, want string }{
		"no list":                 {`{` + defaults + `}`, allow},
		"an empty list":           {`{` + defaults + `,"evaluations":[]}`, allow},
		"all":                     {`{` + defaults + `,"evaluations":[` + yes + `,` + no + `,` + yes + `]}`, list(allow, deny, allow)},
		"all in words":            {`{` + defaults + `,"options":{"evaluations_semantic":"execute_all"},"evaluations":[` + no + `,` + yes + `]}`, list(deny, allow)},
		"until the first denial":  {`{` + defaults + `,"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[` + yes + `,` + no + `,` + yes + `]}`, list(allow, deny)},
		"until the first permit":  {`{` + defaults + `,"options":{"evaluations_semantic":"permit_on_first_permit"},"evaluations":[` + no + `,` + yes + `,` + no + `]}`, list(deny, allow)},
		"an incomplete question":  {`{` + defaults + `,"evaluations":[` + part + `,` + yes + `]}`, list(noID, allow)},
		"it counts as a denial":   {`{` + defaults + `,"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[` + part + `,` + yes + `]}`, list(noID)},
		"other options":           {`{` + defaults + `,"options":{"other":1},"evaluations":[` + yes + `]}`, list(allow)},
		"replaced whole":          {`{"subject":{"type":"user","id":"alice","properties":{"role":"admin"}},"action":{"name":"write"},"resource":{"type":"record","id":"record-2"},"evaluations":[{},{"subject":{"type":"user","id":"alice"}}]}`, list(allow, deny)},
		"no question is complete": {`{"evaluations":[{"resource":{"type":"record","id":"record-1"}}]}`, list(`{"decision":false,"context":{"error":{"message":"subject is missing.","status":400}}}`)},
		"a question that is none": {`{` + defaults + `,"evaluations":["x"]}`, list(`{"decision":false,"context":{"error":{"message":"the question must be an object.","status":400}}}`)},
	} {
		if a := knock(t, s, "POST", "/access/v1/evaluations", c.body, decideToken); a.StatusCode != 200 || a.text != c.want {
			t.Errorf("%s: %d %s, want %s", name, a.StatusCode, a.text, c.want)
		}
	}
	for body, want := range map[string]string{
		`{}`:                                     "subject is missing",
		`[]`:                                     "must be an object",
		`{` + defaults + `,"evaluations":{}}`:    "evaluations must be a list",
		`{` + defaults + `,"evaluations":[{},]}`: "JSON",
		`{` + defaults + `,"evaluations":[{}],"options":{"evaluations_semantic":"some"}}`: "options.evaluations_semantic must be",
		`{` + defaults + `,"evaluations":[{}],"options":[]}`:                              "options must be an object",
		`{` + defaults + `,"evaluations":[{}],"evaluations":[{}]}`:                        "more than once",
		`{` + defaults + `,"evaluations":[` + strings.Repeat(`{},`, maxBatch) + `{}]}`:    "evaluations has more than 1000 questions",
		`{"subject":"alice","evaluations":[{` + defaults + `}]}`:                          "subject must be an object",
	} {
		a := knock(t, s, "POST", "/access/v1/evaluations", body, decideToken)
		if detail, _ := a.json(t)["detail"].(string); a.StatusCode != 400 || !strings.Contains(strings.ToLower(detail), strings.ToLower(want)) {
			t.Errorf("%.100s: %d %q, want %q", body, a.StatusCode, detail, want)
		}
	}
	if a := knock(t, s, "POST", "/access/v1/evaluations", `{`+defaults+`,"evaluations":[`+strings.Repeat(`{},`, maxBatch-1)+`{}]}`, decideToken); a.StatusCode != 200 || strings.Count(a.text, "true") != maxBatch {
		t.Errorf("the greatest batch: %d %.100s", a.StatusCode, a.text)
	}
}

func TestTheMetadataComeFromThePublicURL(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for url, want := range map[string]int{"https://authz.example/": 200, "https://authz.example": 200, "": 404, "http://authz.example": 404} {
		s := w.serve(t, func(c *Config) { c.PublicURL = url })
		a := knock(t, s, "GET", "/.well-known/authzen-configuration", "", "Host: evil.example")
		if a.StatusCode != want || strings.Contains(a.text, "evil") {
			t.Errorf("%q: %d %s", url, a.StatusCode, a.text)
		}
		if want == 200 && (a.json(t)["access_evaluations_endpoint"] != "https://authz.example/access/v1/evaluations" ||
			a.json(t)["search_action_endpoint"] != "https://authz.example/access/v1/search/action") {
			t.Errorf("%q: %s", url, a.text)
		}
	}
}
