package server

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// No plan depends on statistics. The test sends requests to all routes and does the work
// that depends on time. It records every statement that the store runs, and reads the
// plan of each: in a small store, in a large one that was never analysed, and in that
// one when it is analysed. A plan must not read a whole table, and must find the rows of
// a table by columns of the same kind in both large stores.
func TestNoPlanDependsOnStatistics(t *testing.T) {
	oneAtATime(t)
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			var all storetest.Statements
			p := playedEverything(t, url(t), &all)
			db := storetest.Planner(t, p.store)
			small := plansOf(t, db, all.All())
			storetest.Enlarge(t, db)
			large := plansOf(t, db, all.All())
			db.Exec(t, "ANALYZE")
			analysed := plansOf(t, db, all.All())
			for _, text := range slices.Sorted(maps.Keys(analysed)) {
				checkPlans(t, text, small[text], large[text], analysed[text])
			}
			t.Logf("%d statements", len(analysed))
			if len(analysed) < 150 {
				t.Errorf("only %d statements", len(analysed))
			}
		})
	}
}

// playedEverything is a world whose statements were recorded.
func playedEverything(t *testing.T, url string, all *storetest.Statements) *planted {
	t.Helper()
	p := plant(newWorldOn(t, url, engineOf(t, 1), seedWorld, all.Wrap))
	p.ids = []string{"{A}", "{M.default}", "{acme}", "{gold}", "{retail}"}
	few := storetest.Open(t, url, store.Options{Now: p.clock, MaxChanges: 1, Wrap: all.Wrap})
	must(t, few.Write(tctx, p.id("M"), func(tx *store.Tx) error {
		for _, user := range []string{"clerk", "a2"} {
			if _, err := tx.UpdateUser(tctx, p.id(user), store.UserPatch{IPAllow: &[]string{"2001:db8::/32"}}); err != nil {
				return err
			}
		}
		return nil
	}))
	changed, err := few.Changes(tctx, p.id("M"), store.ChangePlace{}, math.MaxInt64, 10_000)
	must(t, err)
	if len(changed) == 0 {
		t.Error("no changes are stored")
	}
	_, err = few.Prune(tctx, store.Keep{Changes: 10_000 * time.Hour})
	must(t, err)
	for _, user := range []string{"m", "a"} {
		p.knockEverywhere(user, func(told) {})
	}
	must(t, p.store.WaitRates(tctx))
	var k timekeeper
	for range 2 { // the second time, it asks for the next change
		_, err := p.server.passTime(tctx, &k)
		must(t, err)
	}
	must(t, p.store.Sweep(tctx))
	must(t, p.store.Write(tctx, p.id("M"), func(tx *store.Tx) error {
		_, err := tx.BreakGlass(tctx, store.Emergency{Login: "duty@example.com", For: time.Hour, Reason: "a test"})
		return err
	}))
	p.exported("m", "", 5)
	_, err = p.store.Past(tctx, p.id("M"), p.clock())
	must(t, err)
	_, err = p.store.EraseUser(tctx, p.id("M"), p.id("clerk"))
	must(t, err)
	return p
}

// walks are statements that read a whole table. Each has its reason.
var walks = map[string]string{
	"SELECT c.tenant_id, c.id FROM cards c":                   "OutdatedMarks looks at every card, once when an assignment begins or ends",
	`SELECT count(*) AS n FROM "`:                             "an erasure searches every table",
	"SELECT c.table_name AS of_table":                         "an erasure finds every table",
	"SELECT name, value FROM settings WHERE name IN":          "there are a few settings",
	"SELECT id FROM accounts WHERE parent_id IS NULL":         "pruning asks for every tenant",
	"DELETE FROM dead_letters WHERE made_at <":                "pruning looks at every dead letter; a webhook keeps at most 100",
	"SELECT t.id FROM users t WHERE TRUE ORDER BY t.id LIMIT": "a token of every tenant searches users page by page",
}

// few are indexes without a condition on more than a few rows: drafts that are being
// written or deleted, and scheduled revisions.
var few = []string{"revisions_staged", "revisions_due"}

// single are tables of one row, or of a row for each setting or migration.
var single = []string{"data_revision", "settings", "goose_db_version"}

// shared are columns that many rows share, also rows of other accounts.
var shared = []string{"tenant_id", "kind", "status", "created_at", "valid_from", "valid_to", "live_at", "active_from", "active_to", "at", "staged_until"}

// found says how a plan finds rows of a table.
func found(text string, s storetest.Step) string {
	switch {
	case slices.Contains(few, s.Index) || s.Table == "revisions" && strings.Contains(text, "card_id IS NULL"):
		return "among few"
	case s.Whole:
		return "by reading all of it"
	}
	narrow := slices.DeleteFunc(slices.Clone(s.Columns), func(c string) bool { return slices.Contains(shared, c) })
	if len(narrow) > 0 {
		return "by narrow columns"
	}
	return "by " + strings.Join(s.Columns, ", ")
}

func checkPlans(t *testing.T, text string, small, large, analysed []storetest.Step) {
	t.Helper()
	short := fmt.Sprintf("%.400s", strings.Join(strings.Fields(text), " "))
	for start := range walks {
		if strings.HasPrefix(short, start) {
			return
		}
	}
	ways := map[string]map[string]map[string]bool{}
	for state, steps := range map[string][]storetest.Step{"small": small, "large": large, "analysed": analysed} {
		for _, s := range steps {
			if slices.Contains(single, s.Table) {
				continue
			}
			if s.Whole && (state != "small" || s.Index == "") && !slices.Contains(few, s.Index) {
				t.Errorf("%s\n%s: it reads all of %s %s", short, state, s.Table, s.Index)
			}
			if s.Table == "rates" && len(s.Passed) > 0 {
				t.Errorf("%s\n%s: it reads past rows of %s that %s could find by %v", short, state, s.Table, s.Index, s.Passed)
			}
			if state != "small" {
				if ways[s.Table] == nil {
					ways[s.Table] = map[string]map[string]bool{"large": {}, "analysed": {}}
				}
				ways[s.Table][state][found(text, s)] = true
			}
		}
	}
	for table, way := range ways {
		for _, ways := range way {
			if ways["by narrow columns"] { // PostgreSQL may intersect a narrow index with that of the tenant, which finds fewer rows
				delete(ways, "by tenant_id")
			}
		}
		if !maps.Equal(way["large"], way["analysed"]) {
			t.Errorf("%s\nfinds rows of %s %v, and when analysed %v", short, table,
				slices.Sorted(maps.Keys(way["large"])), slices.Sorted(maps.Keys(way["analysed"])))
		}
	}
}

var (
	plannable = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)
	cursor    = regexp.MustCompile(`^DECLARE \w+ NO SCROLL CURSOR FOR `)
	others    = regexp.MustCompile(`^\s*(BEGIN|SAVEPOINT|RELEASE|ROLLBACK|COMMIT|SET|FETCH|SELECT set_config|CREATE VIRTUAL TABLE temp|DROP TABLE temp)\b`)
)

func plansOf(t *testing.T, db *storetest.PlanReader, all map[string][]any) map[string][]storetest.Step {
	t.Helper()
	plans := map[string][]storetest.Step{}
	for text, args := range all {
		text = cursor.ReplaceAllString(text, "")
		switch {
		case others.MatchString(text) || strings.Contains(text, "temp.feed"):
		case plannable.MatchString(text):
			plans[text] = db.Plan(t, text, args)
		default:
			t.Fatalf("the statement is of a new kind: %s", text)
		}
	}
	return plans
}
