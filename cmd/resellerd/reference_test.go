package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// referenceTables are the generated tables of the pages. A page has each of them
// between the comments <!-- NAME: … --> and <!-- /NAME -->.
var referenceTables = []struct {
	name, page string
	table      func(*testing.T) string
}{
	{"settings", settingsPath, settingsTable},
	{"metrics", settingsPath, metricsTable},
	{"types", problemsPath, typesTable},
	{"columns", problemsPath, columnTables(typesOfPanels...)},
	{"areas", problemsPath, areasTable},
	{"errors", problemsPath, errorsTable},
	{"own-reasons", problemsPath, ownReasonsTable},
	{"columns", cardsPath, columnTables(typesOfCards...)},
	{"reasons", policiesPath, policyReasonsTable},
}

// Every page has the tables that the code generates. This command writes them:
//
//	go test ./cmd/resellerd -run Reference -update
func TestReferenceIsCurrent(t *testing.T) {
	made := map[string]int{}
	for _, r := range referenceTables {
		made[r.page]++
		t.Run(r.name+" of "+strings.TrimPrefix(r.page, top), func(t *testing.T) {
			page := text(t, r.page)
			section := referenceSection(r.name)
			if len(section.FindAllString(page, -1)) != 1 {
				t.Fatalf("%s does not have one table %s", r.page, r.name)
			}
			want := section.ReplaceAllString(page, "${1}"+strings.ReplaceAll(r.table(t), "$", "$$")+"${2}")
			if *update {
				if err := os.WriteFile(r.page, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if page != want {
				t.Errorf("the page differs from the code; write it with: go test ./cmd/resellerd -run Reference -update")
			}
		})
	}
	for _, page := range pages(t) {
		if n := strings.Count(text(t, page), "<!-- /"); n != made[page] {
			t.Errorf("%s has %d tables between comments, and the code makes %d", page, n, made[page])
		}
	}
}

func referenceSection(name string) *regexp.Regexp {
	return regexp.MustCompile("(?s)(<!-- " + name + ": kept by go test ./cmd/resellerd -run Reference -update -->\n).*?(<!-- /" + name + " -->)")
}

// markdownTable returns a Markdown table with a header and rows of cells.
func markdownTable(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	b.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	for _, cells := range rows {
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		line(cells)
	}
	return regexp.MustCompile(` +\|`).ReplaceAllString(b.String(), " |")
}

// codes returns the words in code style, separated by commas.
func codes(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = code(word)
	}
	return strings.Join(quoted, ", ")
}
