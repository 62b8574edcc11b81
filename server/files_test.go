package server

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// A file of customers holds exactly the rows and columns of the list.
func TestAFileOfCustomersHoldsTheList(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, query := range []string{"", "?status=active", "?sort=-name", "?name_contains=A"} {
			for _, user := range []string{"m", "a", "b", "n"} {
				var list struct{ Items []map[string]any }
				must(t, json.Unmarshal([]byte(w.get(user, "/v1/customers"+query).want(200).body), &list))
				var ids []string
				for _, item := range list.Items {
					ids = append(ids, item["id"].(string))
				}

				file := w.do(user, "GET", "/v1/customers"+query, "", "Accept", mediaCSV).want(200)
				rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
				must(t, err)
				got := []string{}
				for _, row := range rows[1 : len(rows)-1] {
					got = append(got, row[slices.Index(rows[0], "id")])
				}
				lines := strings.Split(strings.TrimSpace(w.do(user, "GET", "/v1/customers"+query, "", "Accept", mediaNDJSON).want(200).body), "\n")
				if len(lines) != len(ids)+1 {
					t.Errorf("%s%s: %d lines for %d customers", user, query, len(lines), len(ids))
				}
				for i, item := range list.Items {
					delete(item, "etag")
					want, err := json.Marshal(item)
					must(t, err)
					var line map[string]any
					must(t, json.Unmarshal([]byte(lines[i]), &line))
					if had, err := json.Marshal(line); err != nil || string(had) != string(want) {
						t.Errorf("%s%s: line %s, want %s: %v", user, query, had, want, err)
					}
				}
				if !strings.Contains(query, "sort") { // a list without an order of its own has that of the ids
					slices.Sort(ids)
				}
				if !slices.Equal(got, ids) {
					t.Errorf("%s%s: %v in the file, want %v", user, query, got, ids)
				}
				for name := range list.Items[0] {
					if name != "etag" && !slices.Contains(rows[0], name) {
						t.Errorf("%s: no column %s", user, name)
					}
				}
				if name := file.header.Get("Content-Disposition"); name != `attachment; filename=customers.csv` {
					t.Errorf("file name %s", name)
				}
			}
		}
		w.do("a", "GET", "/v1/customers?limit=1", "", "Accept", mediaCSV).want(422)
		w.do("a", "GET", "/v1/customers?expand=account_id", "", "Accept", mediaCSV).want(422)
		w.do("a", "GET", "/v1/users", "", "Accept", mediaCSV).want(406)
	})
}
