package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docsPage is what /docs shows in a browser, as testdata/docs.mjs prints it.
type docsPage struct {
	About string
	API   []struct {
		Group, Section string
		Operations     []string
	}
	Links, IDs []string            // of anchors, and of elements
	Found      map[string][]string // operations, by the text of a search
	Opened     map[string][]string // operations that are open, by the anchor
	Curls      map[string]string   // examples, by operation
	Basics     []string            // examples of how to authenticate
}

func docsAt(t *testing.T, origin string, searches ...string) (page docsPage) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: Node is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"testdata/docs.mjs", origin}, searches...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &page)
	}
	if err != nil {
		t.Fatalf("%v\n%s%.500s", err, errs.String(), out)
	}
	return page
}

// /docs has every operation in a section, under a group of sections for one kind of
// reader. Anchors lead to what is there, and the search finds operations by all words.
func TestDocsHaveSectionsAnchorsAndASearch(t *testing.T) {
	t.Parallel()
	house := program{}.open(t)
	page := docsAt(t, "http://"+house.addr, "customers BULK", "getme", "/v1/cards/{id}/rates", "no such thing")
	doc := apiOf(t)
	all := doc.operations()
	var shown []string
	groups, sections, group := 0, 0, ""
	for _, part := range page.API {
		if part.Group != "" {
			group, groups = part.Group, groups+1
			continue
		}
		sections++
		if group == "" || len(part.Operations) == 0 || !strings.HasPrefix(part.Section, "tag-") {
			t.Errorf("section %+v, in the group %q", part, group)
		}
		shown = append(shown, part.Operations...)
	}
	slices.Sort(shown)
	if !slices.Equal(shown, all) || groups < 3 || sections < 8 || len(page.About) < 20 {
		t.Errorf("%d groups, %d sections with %v, want each of %v once", groups, sections, shown, all)
	}

	ids := map[string]int{}
	for _, id := range page.IDs {
		ids[id]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements have the id %s", n, id)
		}
	}
	for _, to := range page.Links {
		if ids[to] == 0 {
			t.Errorf("a link leads to #%s, which is not there", to)
		}
	}
	for _, id := range all {
		if !slices.Equal(page.Opened[id], []string{id}) || !slices.Contains(page.Links, id) {
			t.Errorf("the anchor #%s opens %v", id, page.Opened[id])
		}
	}
	for _, part := range page.API {
		if part.Section != "" && !slices.Contains(page.Links, part.Section) {
			t.Errorf("the menu has no link to %s", part.Section)
		}
	}

	for text, want := range map[string]string{
		"":                     strings.Join(all, " "),
		"customers BULK":       "createCustomersInBulk putCustomersInBulk updateCustomersInBulk",
		"/v1/cards/{id}/rates": "getBilling listRates",
		"no such thing":        "",
	} {
		got := page.Found[text]
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("a search for %q finds %v, want %s", text, got, want)
		}
	}
}

// misread are answers to a request that resellerd cannot read, or that has no route.
var misread = regexp.MustCompile(`^(400|401|405|406|413|415|5..)|(?s)^4.*(problem:unknown_route|is not a known|cannot be sent)`)

// Each example of /docs is a request that the server understands. A read is sent after the
// request of the same operation that openapi.yaml has, so that its row is there.
func TestCurlExamplesOfDocsRun(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("skipped: curl is not installed")
	}
	var file requestFile
	readYAML(t, filepath.Join(top, "testdata", "examples", "openapi.yaml"), &file)
	play := newSession(t, program{}.open(t), file.Vars)
	origin := "http://" + play.house.addr
	page := docsAt(t, origin)
	paths := map[string]string{}
	for path, methods := range apiOf(t).Paths {
		for _, op := range methods {
			paths[op.ID] = path
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rates.csv"), []byte("prefix,name,cost,mcd,pulse\n44,United Kingdom,0.0065,1,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(example, user string, variables ...string) string {
		t.Helper()
		rest, isCurl := strings.CutPrefix(example, "curl ")
		if !isCurl || strings.Contains(rest, "ORIGIN") {
			t.Fatalf("no curl command: %s", example)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-uc", `curl -s -m 60 -w '\n%{http_code}' `+rest)
		cmd.Dir = dir
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PANEL_TOKEN=" + releasedTokens["panel"], "USER_ID=" + user, "USER_JWT=" + play.house.jwt(t, user)}, variables...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s\n%.300s", err, example, out)
			return ""
		}
		at := bytes.LastIndexByte(out, '\n')
		return string(out[at+1:]) + " " + string(out[:at])
	}

	if len(page.Basics) < 2 {
		t.Errorf("examples of how to authenticate: %q", page.Basics)
	}
	for _, example := range page.Basics {
		if got := run(example, "brightcall-owner"); !strings.HasPrefix(got, "200 ") {
			t.Errorf("%s: %s", example, got)
		}
	}
	ran, writes := map[string]bool{}, []func(){}
	for _, c := range file.Cases {
		play.example(c)
		example, is := page.Curls[c.Name]
		if !is {
			continue
		}
		ran[c.Name] = true
		user, variables := strings.Join(c.As, ""), pathVariables(t, paths[c.Name], play.expand(c.Path))
		check := func() {
			if got := run(example, user, variables...); misread.MatchString(got) || c.method() == "GET" && !strings.HasPrefix(got, "200 ") {
				t.Errorf("%s: %s\n%.400s", c.Name, example, got)
			}
		}
		if c.method() == "GET" {
			check()
		} else {
			writes = append(writes, check) // afterwards, so that the later requests find their rows
		}
	}
	for _, check := range writes {
		check()
	}
	for id, example := range page.Curls {
		if ran[id] || id == "forwardAuth" { // it needs a setting
			continue
		}
		if got := run(example, "halyard-admin", pathVariables(t, paths[id], strings.NewReplacer("{page}", "server.md", "{", "", "}", "").Replace(paths[id]))...); misread.MatchString(got) {
			t.Errorf("%s: %s\n%.400s", id, example, got)
		}
	}
}

// pathVariables are the variables of an example for the parameters of a path.
func pathVariables(t *testing.T, template, path string) (variables []string) {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range strings.Split(template, "/") {
		if strings.HasPrefix(part, "{") && i < len(parts) {
			variables = append(variables, fmt.Sprintf("%s=%s", strings.ToUpper(strings.Trim(part, "{}")), parts[i]))
		}
	}
	return variables
}
