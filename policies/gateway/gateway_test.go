package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const data = `{
	"gateway": {"identities": ["identity"], "routes": {
		"/customers/{customerId}": {
			"GET": [{"action": "read", "type": "customer", "id": "{customerId}", "area": "customer"}],
			"POST": [{"action": "update", "type": "customer", "id": "{customerId}"}, {"action": "delete", "type": "customer", "id": "{customerId}"}]},
		"/cdrs": {"GET": [{"action": "read", "area": "cdr"}]}}},
	"areas": {
		"/cdr": "cdr", "/cdr/*": "cdr", "/customers/{id}": "customer", "/customers/new": {"area": "customer", "GET": ["create"], "DELETE": []},
		"/admin/*": "policy", "/*": "portal",
		"/index.php": "portal", "/index.php?module=cdr": "cdr", "/index.php?module=cdr&view=export": "cdr/export"}}`

func read(t *testing.T, text string) (*Map, error) {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return Read(document)
}

func known(t *testing.T) *Map {
	t.Helper()
	m, err := read(t, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRoutes(t *testing.T) {
	m := known(t)
	row := func(actions ...string) (all []Asked) {
		for _, action := range actions {
			all = append(all, Asked{action, "customer", "17"})
		}
		return all
	}
	for name, c := range map[string]struct {
		template, method, properties string
		want                         []Asked
	}{
		"the row of the path":           {"/customers/{customerId}", "GET", `{"path":"/customers/17?x=1","params":{"customerId":"17"}}`, row("read")},
		"parameters alone":              {"/customers/{customerId}", "GET", `{"params":{"customerId":"17"}}`, row("read")},
		"a path alone":                  {"/customers/{customerId}", "GET", `{"path":"/customers/17"}`, row("read")},
		"a form":                        {"/customers/{customerId}", "POST", `{"path":"/customers/17"}`, row("update", "delete")},
		"a template alone":              {"/customers/{customerId}", "GET", `{}`, []Asked{{"read", "area", "customer"}}},
		"an area":                       {"/cdrs", "GET", `{}`, []Asked{{"read", "area", "cdr"}}},
		"no row is known":               {"/customers/{customerId}", "POST", `{}`, nil},
		"another parameter":             {"/customers/{customerId}", "GET", `{"params":{"id":"17"}}`, nil},
		"the path says something else":  {"/customers/{customerId}", "GET", `{"path":"/customers/18","params":{"customerId":"17"}}`, nil},
		"a path of another template":    {"/customers/{customerId}", "GET", `{"path":"/cards/17"}`, nil},
		"a longer path":                 {"/customers/{customerId}", "GET", `{"path":"/customers/17/x"}`, nil},
		"an empty parameter":            {"/customers/{customerId}", "GET", `{"path":"/customers/"}`, nil},
		"a path that is not canonical":  {"/customers/{customerId}", "GET", `{"path":"/customers/%31%37"}`, nil},
		"a number":                      {"/customers/{customerId}", "GET", `{"params":{"customerId":17}}`, nil},
		"parameters that are no object": {"/customers/{customerId}", "GET", `{"params":[]}`, nil},
		"a path that is no text":        {"/cdrs", "GET", `{"path":1}`, nil},
		"another method":                {"/cdrs", "DELETE", `{}`, nil},
		"another case":                  {"/cdrs", "get", `{}`, nil},
		"another template":              {"/cdrs/", "GET", `{}`, nil},
	} {
		var properties map[string]any
		if err := json.Unmarshal([]byte(c.properties), &properties); err != nil {
			t.Fatal(err)
		}
		got, ok := m.Route(c.template, c.method, properties)
		if !slices.Equal(got, c.want) || ok != (c.want != nil) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	m := known(t)
	for request, want := range map[string]string{
		"GET /cdr": "read cdr", "HEAD /cdr": "read cdr", "POST /cdr": "create update delete cdr", "PUT /cdr/x": "update cdr", "DELETE /cdr/x/y": "delete cdr",
		"GET /cdr?page=2&sort=a": "read cdr", "GET /cdr/": "read cdr", "GET /customers/17": "read customer", "GET /customers/new": "create customer",
		"DELETE /customers/new": "", "OPTIONS /cdr": "", "get /cdr": "", "GET /other": "read portal", "GET /": "read portal",
		"GET /index.php": "read portal", "GET /index.php?x=1": "read portal", "GET /index.php?module=cdr": "read cdr",
		"GET /index.php?view=export&module=cdr&x=[]": "read cdr/export", "GET /index.php?view=export": "", "GET /index.php?module=log": "",
		// values that two readers could understand in two ways
		"GET /index.php?module=cdr&module=log": "", "GET /index.php?module=cdr&module=cdr": "", "GET /index.php?module=cdr&module[]=log": "",
		"GET /index.php?Module=log": "", "GET /index.php?mod%75le=log": "", "GET /index.php?module%5B0%5D=log": "", "GET /index.php?+module=log": "",
		"GET /index.php?%20module=log": "", "GET /index.php?module=%63dr": "", "GET /index.php?module=cdr;module=log": "", "GET /index.php?module=cdr%00": "",
		"GET /index.php?module%00x=log": "", "GET /index.php?x%2": "", "GET /index.php?mod%2575le=log": "", "GET /index.php#x": "", "GET /index.php?x#y": "",
		// paths that differ from their canonical form
		"GET //cdr": "", "GET /cdr//x": "", "GET /cdr/./x": "", "GET /cdr/../log": "", "GET /cdr/..": "", "GET /cdr/.": "", "GET /cdr.": "", "GET /cdr/x./y": "",
		"GET /cdr%2fx": "", "GET /cdr%2Fx": "", "GET /cdr/%2e%2e/log": "", "GET /cdr/%252e": "", "GET /cdr;x=1": "", "GET /cdr/x%3By": "", "GET /cdr%00": "", "GET /cdr/%0Ax": "",
		"GET /cdr\\x": "", "GET /cdr%5Cx": "", "GET /%63dr": "", "GET cdr": "", "GET ": "", "GET http://host/cdr": "", "GET /cdr%20": "", "GET /cdr/x y": "", "GET /cdr/é": "",
		"GET /cdr/%c3%a9": "", "GET /cdr/%C3": "", "GET /cdr/%C3%A9": "read cdr", "GET /cdr/a%20b": "read cdr", "GET /cdr%": "", "GET /cdr/%G0": "",
		// in other letters, the path would belong to another area
		"GET /ADMIN/users": "", "GET /Cdr": "", "GET /customers/NEW": "", "GET /admin/Users": "read policy", "GET /cdr/X": "read cdr",
	} {
		method, target, _ := strings.Cut(request, " ")
		asked, ok := m.Path(method, target)
		var got []string
		for _, a := range asked {
			got = append(got, a.Action)
		}
		if ok {
			got = append(got, asked[0].ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %q", request, got, want)
		}
	}
}

// A canonical path has one reading: Go's own, which escaping writes again unchanged.
func TestACanonicalPathHasOneReading(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	parts := []string{"/", "/", "a", "B", ".", "..", "%2f", "%2F", "%25", "%20", "%C3%A9", "%41", "\\", ";", "//", "é", "%00", "+", "~", "*", "@", " "}
	canonical := 0
	for range 200_000 {
		path := "/"
		for range r.IntN(6) {
			path += parts[r.IntN(len(parts))]
		}
		if hasOneReading(t, path) {
			canonical++
		}
	}
	if canonical < 1000 {
		t.Errorf("only %d canonical paths", canonical)
	}
}

// hasOneReading reports whether a path is canonical, and fails unless all then read it
// alike.
func hasOneReading(t *testing.T, path string) bool {
	t.Helper()
	steps, ok := Steps(path)
	if !ok {
		return false
	}
	read, err := url.PathUnescape(path)
	if err != nil || read != "/"+strings.Join(steps, "/") || strings.Contains(read, "//") || strings.Contains(read, "/../") || strings.ContainsAny(read, "\\;%\x00") {
		t.Fatalf("%q is read as %q", path, steps)
	}
	return true
}

// FuzzPath maps requests of proxies. A target that is mapped has a canonical path.
func FuzzPath(f *testing.F) {
	for _, target := range []string{"/cdr", "/cdr/x?y=1", "/index.php?module=cdr&view=export", "/customers/17", "/cdr/%C3%A9", "//cdr", "/cdr/../log"} {
		f.Add("GET", target)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		path, _, _ := strings.Cut(target, "?")
		if asked, mapped := known(t).Path(method, target); mapped && (len(asked) == 0 || !hasOneReading(t, path)) {
			t.Fatalf("%s %q asks %v", method, target, asked)
		}
	})
}

func TestFaultsInTheData(t *testing.T) {
	for text, want := range map[string]string{
		`{"gateway":{"identities":"identity"}}`:                                                           "must be a list of texts",
		`{"gateway":{"routes":{"customers":{"GET":[{"action":"read","area":"cdr"}]}}}}`:                   "the template must be a path",
		`{"gateway":{"routes":{"/x/*":{"GET":[{"action":"read","area":"cdr"}]}}}}`:                        "the template must be a path",
		`{"gateway":{"routes":{"/x":{}}}}`:                                                                "name at least one method",
		`{"gateway":{"routes":{"/x":{"get":[{"action":"read","area":"cdr"}]}}}}`:                          "no method in capitals",
		`{"gateway":{"routes":{"/x":{"GET":[]}}}}`:                                                        "list at least one right",
		`{"gateway":{"routes":{"/x":{"GET":[{"area":"cdr"}]}}}}`:                                          "a right needs an action",
		`{"gateway":{"routes":{"/x":{"GET":[{"action":"read"}]}}}}`:                                       "a right needs an area",
		`{"gateway":{"routes":{"/x/{id}":{"GET":[{"action":"read","type":"customer","id":"{other}"}]}}}}`: "no parameter of the template",
		`{"gateway":{"routes":{"/x/{id}":{"GET":[{"action":"read","id":"{id}"}]}}}}`:                      "a row needs a type and an id",
		`{"gateway":{"routes":{"/x":{"GET":[{"action":"read","area":"CDR"}]}}}}`:                          "is no area",
		`{"gateway":{"routes":{"/x":{"GET":[{"action":"read","area":"cdr","more":"x"}]}}}}`:               "must be one of",
		`{"areas":{"cdr":"cdr"}}`:                                                                         "must be a path in canonical form",
		`{"areas":{"/a/../b":"cdr"}}`:                                                                     "must be a path in canonical form",
		`{"areas":{"/a/*/b":"cdr"}}`:                                                                      "must be a path in canonical form",
		`{"areas":{"/a":"CDR"}}`:                                                                          "is no area",
		`{"areas":{"/a":7}}`:                                                                              "is no area",
		`{"areas":{"/a":{"area":"cdr","post":["read"]}}}`:                                                 "neither area nor a method",
		`{"areas":{"/a/{x}":"cdr","/a/{y}":"log"}}`:                                                       "stands for the same requests",
		`{"areas":{"/a?x=1&y=2":"cdr","/a?y=2&x=1":"log"}}`:                                               "stands for the same requests",
		`{"areas":{"/a?x":"cdr"}}`:                                                                        "the query must be name=value",
		`{"areas":{"/a?x=1&x=2":"cdr"}}`:                                                                  "the query must be name=value",
		`{"areas":{"/a?x[]=1":"cdr"}}`:                                                                    "the query must be name=value",
	} {
		if _, err := read(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if m := known(t); !m.Identity("identity") || m.Identity("user") || !m.Routes() || fmt.Sprint(len(m.Areas())) == "0" {
		t.Error("the data is not read")
	}
}
