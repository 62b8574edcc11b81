package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// A search by a user below a master finds rows by the accounts that the user sees. It
// reads no row of others, so that its duration tells nothing of them. This holds for an
// account with accounts below it and for one without, whatever the statistics say.
func TestASearchBelowAMasterReadsOnlyItsAccounts(t *testing.T) {
	oneAtATime(t)
	for name, url := range carriers.Databases() {
		t.Run(name, func(t *testing.T) {
			var all storetest.Statements
			w := newWorldOn(t, url(t), engineOf(t, 3), seedWorld, all.Wrap)
			deepen(w)
			before := maps.Clone(all.All())
			for _, user := range []string{"a3", "aa", "aaa"} {
				for path, column := range map[string]string{
					"/v1/customers/{acme}/cards": "name,public_notes",
					"/v1/accounts":               "name", "/v1/groups": "name", "/v1/users": "name,login", "/v1/customers": "name,email,notes", "/v1/cards": "name,public_notes",
				} {
					if strings.Contains(path, "{acme}") && user != "a3" {
						continue
					}
					for _, more := range []string{"", "&count=true", "&sort=-" + strings.Split(column, ",")[0], "&limit=1&sort=created_at"} {
						if more == "&limit=1&sort=created_at" && path == "/v1/groups" {
							continue
						}
						w.get(user, path+"?"+column+"_contains=planted"+more).want(200)
					}
				}
			}
			searches := all.All()
			maps.DeleteFunc(searches, func(text string, _ []any) bool {
				_, old := before[text]
				return old || !strings.Contains(text, "LIKE") && !strings.Contains(text, "instr") && !strings.Contains(text, "strpos") && !strings.Contains(text, "position(")
			})
			if len(searches) < 20 {
				t.Fatalf("only %d searches", len(searches))
			}
			db := storetest.Planner(t, w.store)
			small := plansOf(t, db, searches)
			storetest.Enlarge(t, db)
			large := plansOf(t, db, searches)
			db.Exec(t, "ANALYZE")
			analysed := plansOf(t, db, searches)
			for _, text := range slices.Sorted(maps.Keys(searches)) {
				checkPlans(t, text, small[text], large[text], analysed[text])
				for state, steps := range map[string][]storetest.Step{"large": large[text], "analysed": analysed[text]} {
					for _, s := range steps {
						if way := found(text, s); way != "by narrow columns" && way != "among few" && !slices.Contains(single, s.Table) {
							t.Errorf("%s\n%s: it finds rows of %s %s", fmt.Sprintf("%.600s", strings.Join(strings.Fields(text), " ")), state, s.Table, way)
						}
					}
				}
			}
			t.Logf("%d searches", len(searches))
		})
	}
}
