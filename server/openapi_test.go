package server

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/schema"
)

// The document describes every route, and every described route exists.
func TestOpenAPIDescribesTheRoutesThatThereAre(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	a := knock(t, s, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	must(t, json.Unmarshal([]byte(a.text), &doc))
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	described := map[string]bool{}
	for path, item := range doc.Paths {
		for method := range item {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, rt := range s.App().GetRoutes(true) {
		if rt.Method == fiber.MethodHead || rt.Path == forwardAuthPath && rt.Method != fiber.MethodGet || rt.Path == forwardAuthPath+"/*" {
			continue // the description of GET says that proxies may use them
		}
		path, _ := openPath(rt.Path)
		if name := rt.Method + " " + path; !described[name] {
			t.Errorf("%s is not described", name)
		} else {
			delete(described, name)
		}
	}
	for name := range described {
		t.Errorf("%s is described and does not answer", name)
	}
}

func TestOpenAPIOperationsAreWhole(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string
			Description string
			Parameters  []struct{ Name, In, Description string }
			Security    []any
			Responses   map[string]any
		}
	}
	must(t, json.Unmarshal([]byte(knock(t, s, "GET", "/openapi.json", "").text), &doc))
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			name := method + " " + path
			if op.Description == "" && strings.HasPrefix(path, "/v1/") {
				t.Errorf("%s has no description", name)
			}
			if op.Summary == "" || len(op.Responses) == 0 || ids[op.OperationID] {
				t.Errorf("%s: summary %q, id %q, %d responses", name, op.Summary, op.OperationID, len(op.Responses))
			}
			ids[op.OperationID] = true
			if open := publicPath(path) && path != forwardAuthPath; open == (len(op.Security) > 0) {
				t.Errorf("%s: security %v", name, op.Security)
			}
			for _, param := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				found := false
				for _, p := range op.Parameters {
					found = found || p.In == "path" && p.Name == param[1] && p.Description != ""
				}
				if !found {
					t.Errorf("%s: parameter %s is not described", name, param[1])
				}
			}
		}
	}
}

func publicPath(path string) bool {
	return !strings.HasPrefix(path, "/v1/") && !strings.HasPrefix(path, "/access/")
}

func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	a := knock(t, s, "GET", "/docs", "")
	if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	if found := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]|\bsrc=|@import|<link`).FindString(a.text); found != "" {
		t.Errorf("refers to elsewhere: %q", found)
	}
	if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
}

// A narrow screen shows the page without a menu beside it, and without lines that are wider
// than the screen.
func TestDocsFitANarrowScreen(t *testing.T) {
	t.Parallel()
	page := knock(t, sqliteCore(t).serve(t, nil), "GET", "/docs", "").text
	_, narrow, found := strings.Cut(page, "@media (max-width: 50rem) {")
	narrow, _, ended := strings.Cut(narrow, "</style>")
	if !found || !ended || !strings.Contains(page, `<meta name="viewport" content="width=device-width, initial-scale=1">`) {
		t.Fatal("the page has one layout for all screens")
	}
	for _, rule := range []string{"nav { position: static; width: auto;", "main { margin: 0;", "pre { white-space: pre-wrap; overflow-wrap: anywhere; }", "tr { display: block;"} {
		if !strings.Contains(narrow, rule) {
			t.Errorf("no rule %s", rule)
		}
	}
}

// Generated clients name their functions and types after these names.
func TestOpenAPINamesAreThoseOfPeople(t *testing.T) {
	t.Parallel()
	text, err := (&Server{routes: bindRoutes(routes())}).describe()
	must(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Tags        []string
		}
		Tags       []struct{ Name string }
		Components struct{ Schemas map[string]any }
	}
	must(t, json.Unmarshal(text, &doc))
	described := map[string]bool{}
	for _, tag := range doc.Tags {
		described[tag.Name] = true
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			if !regexp.MustCompile(`^[a-z]+([A-Z][a-zA-Z]*)?$`).MatchString(op.OperationID) || !described[op.Tags[0]] {
				t.Errorf("%s %s: id %q, tags %v", method, path, op.OperationID, op.Tags)
			}
		}
	}
	for name := range doc.Components.Schemas {
		if !regexp.MustCompile(`^[A-Z][a-zA-Z]+$`).MatchString(name) || regexp.MustCompile(`^(Server|Page)|Body|Fields$|Doc$|New$`).MatchString(name) {
			t.Errorf("schema %s", name)
		}
	}
	routed := map[string]bool{}
	for _, rt := range routes() {
		routed[rt.method+" "+rt.path] = true
	}
	for name := range operationTexts {
		if !routed[name] {
			t.Errorf("%s has a name and is no route", name)
		}
	}
}

// The defaults that the document states are those of the store.
func TestOpenAPIStatesTheDefaultsOfNewRows(t *testing.T) {
	t.Parallel()
	s := newShapes()
	s.requests = true
	card, account, user, customer := schema.NewCard(), schema.Account{}, schema.User{}, schema.Customer{}
	account.Default()
	user.Default()
	customer.Default()
	for _, c := range []struct {
		shape any
		want  map[string]any
	}{
		{cardNew{}, map[string]any{"kind": "customer", "direction": card.Direction, "rate_precision": float64(card.RatePrecision), "rate_rounding": card.RateRounding,
			"charge_precision": float64(card.ChargePrecision), "charge_rounding": card.ChargeRounding,
			"compact": schema.DefaultCompact, "routing": schema.DefaultRouting}},
		{accountNew{}, map[string]any{"status": account.Status}}, {userNew{}, map[string]any{"status": user.Status}}, {customerNew{}, map[string]any{"status": customer.Status}},
		{cardChange{}, map[string]any{}}, {customerChange{}, map[string]any{}}, {accountChange{}, map[string]any{}}, {userFields{}, map[string]any{}},
	} {
		got := map[string]any{}
		for name, of := range s.structure(reflect.TypeOf(c.shape))["properties"].(object) {
			if value, has := of.(object)["default"]; has {
				got[name] = value
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%T: %v, want %v", c.shape, got, c.want)
		}
	}
}
