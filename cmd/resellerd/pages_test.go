package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	pageLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pageHeading = regexp.MustCompile("(?m)^#+ (.*)$")
	fenced      = regexp.MustCompile("(?ms)^```.*?^```$")
	notInAnchor = regexp.MustCompile("[^a-z0-9 _-]")
)

// Every link of a page leads to an existing file, and to an existing heading in it.
func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, link := range pageLink.FindAllStringSubmatch(fenced.ReplaceAllString(text(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s: there is no such file", page, link[1])
			} else if anchor != "" && !anchors(text(t, file))[anchor] {
				t.Errorf("%s: %s: there is no such heading", page, link[1])
			}
		}
	}
}

var (
	namedTest = regexp.MustCompile(`go test (\./\S+)[^\n\x60]*? -run (?:'([^']+)'|([\w^$]+))`)
	testName  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`)
)

// A page that names a test as proof would be wrong without a word when that test is renamed.
func TestPagesNameTestsThatExist(t *testing.T) {
	for _, page := range pages(t) {
		for _, named := range namedTest.FindAllStringSubmatch(text(t, page), -1) {
			folder, pattern := named[1], strings.ReplaceAll(named[2]+named[3], `\|`, "|")
			files, err := filepath.Glob(filepath.Join(top, folder, "*_test.go"))
			if strings.Contains(folder, "...") || err != nil {
				continue
			}
			var names []string
			for _, file := range files {
				for _, found := range testName.FindAllStringSubmatch(text(t, file), -1) {
					names = append(names, found[1])
				}
			}
			for one := range strings.SplitSeq(pattern, "|") {
				if wanted, err := regexp.Compile(one); err != nil || !slices.ContainsFunc(names, wanted.MatchString) && one != "^$" {
					t.Errorf("%s: %s has no test %q (%v)", page, folder, one, err)
				}
			}
		}
	}
}

var contributorsPath = top + ".ci/README.md"

// The contributors' page names every package, and only files that exist.
func TestPageOfContributorsNamesWhatThereIs(t *testing.T) {
	page := text(t, contributorsPath)
	for _, named := range regexp.MustCompile("`([\\w.]+/[\\w./]*)`").FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(top + named[1]); err != nil {
			t.Errorf("%s: %s: there is no such file", contributorsPath, named[1])
		}
	}
	files, err := filepath.Glob(top + "*/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no packages found: ", err)
	}
	for _, file := range files {
		if folder := filepath.Dir(strings.TrimPrefix(file, top)); !strings.Contains(page, "`"+folder+"`") {
			t.Errorf("%s does not name %s", contributorsPath, folder)
		}
	}
}

// pages returns the paths of all pages.
func pages(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatal("no pages found: ", err)
	}
	return all
}

// anchors returns the link anchors of a page's headings.
func anchors(page string) map[string]bool {
	set := map[string]bool{}
	for _, heading := range pageHeading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		set[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-")] = true
	}
	return set
}
