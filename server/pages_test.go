package server

import (
	"regexp"
	"strings"
	"testing"
)

// The index lists every page, and every link of a page leads to a path of the server
// or to another host.
func TestPagesOfTheManualLeadToEachOther(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	index := knock(t, s, "GET", "/llms.txt", "")
	if index.StatusCode != 200 || !strings.HasPrefix(index.Header.Get("Content-Type"), mediaMarkdown) {
		t.Fatalf("%d %s", index.StatusCode, index.Header.Get("Content-Type"))
	}
	link := regexp.MustCompile(`\]\(([^)\s#]+)`)
	for _, p := range manual {
		if !strings.Contains(index.text, "](/docs/"+p.name+"): After this page ") {
			t.Errorf("the index does not say what %s is for: %s", p.name, index.text)
		}
		page := knock(t, s, "GET", "/docs/"+p.name, "")
		if page.StatusCode != 200 || !strings.HasPrefix(page.text, "# ") {
			t.Errorf("%s: %d %.40s", p.name, page.StatusCode, page.text)
		}
		for _, target := range link.FindAllStringSubmatch(page.text, -1) {
			if !strings.Contains(target[1], "://") && knock(t, s, "GET", target[1], "").StatusCode != 200 {
				t.Errorf("%s: there is no %s", p.name, target[1])
			}
		}
	}
	absent := knock(t, s, "GET", "/docs/nothing.md", "")
	if absent.StatusCode != 404 || !strings.Contains(absent.text, kindNoRoute.code) {
		t.Errorf("a page that does not exist: %d %s", absent.StatusCode, absent.text)
	}
}
