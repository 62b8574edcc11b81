package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
	{"schemas", top + "deploy/PRODUCTION.md", schemasTable},
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

// schemasTable says which programs may use each schema. What a migration declares holds
// for all schemas after it.
func schemasTable(t *testing.T) string {
	files, err := filepath.Glob(top + "store/migrations/sqlite/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no migrations", err)
	}
	declares := regexp.MustCompile(`^-- min_reader: (\d+), min_writer: (\d+)\n`)
	var rows [][]string
	reader, writer := 0, 0
	for _, file := range files {
		version, err := strconv.Atoi(strings.TrimLeft(strings.SplitN(filepath.Base(file), "_", 2)[0], "0"))
		if err != nil {
			t.Fatal(err)
		}
		needs := [2]int{version, version}
		if found := declares.FindStringSubmatch(text(t, file)); found != nil {
			needs[0], _ = strconv.Atoi(found[1])
			needs[1], _ = strconv.Atoi(found[2])
		}
		reader, writer = max(reader, needs[0]), max(writer, needs[1])
		if other := text(t, strings.Replace(file, "/sqlite/", "/postgres/", 1)); declares.FindString(other) != declares.FindString(text(t, file)) {
			t.Errorf("%s declares something else than its twin for PostgreSQL", file)
		}
		rows = append(rows, []string{strconv.Itoa(version), strconv.Itoa(reader), strconv.Itoa(writer)})
	}
	return markdownTable([]string{"Schema", "Read by programs from", "Written by programs from"}, rows[len(rows)-min(len(rows), 10):])
}
