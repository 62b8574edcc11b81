package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/rego"
	"resellerd/server/session"
	"resellerd/store/storetest"
)

// A tree that loads decides: whatever is changed in the embedded tree, either the tree is
// refused, with file and line, or lists, counts, single rows and evaluations agree, from
// memory and by full evaluations. .ci/run --all tries ten times as many trees, on both
// databases.
func TestAChangedTreeIsRefusedOrDecidesAlike(t *testing.T) {
	oneAtATime(t)
	for name, url := range databases(storetest.Empty, turn(t)) {
		t.Run(name, func(t *testing.T) {
			seed := depth.FirstSeed()
			w := newTwinStore(t, url(t), twinViewers[0], seed, 1)
			met := map[string]int{}
			for i := range depth.Runs(16) {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				tree, changes := changedTree(t, r)
				if fault := w.decidesAlike(r, tree, met); fault != "" {
					t.Fatalf("RESELLERD_TEST_SEED=%d, tree %d: %s\nchanged:\n%s", seed, i, fault, changes)
				}
			}
			t.Log(met)
			if met["loaded"] == 0 || met["some"] == 0 || met["refused"] == 0 {
				t.Errorf("the trees tell nothing: %v", met)
			}
		})
	}
}

// decidesAlike compares the answers of one tree. It returns the first fault, "" for none.
func (w *twin) decidesAlike(r *rand.Rand, tree fstest.MapFS, met map[string]int) string {
	w.t.Helper()
	engine, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
	var refused *rego.LoadError
	switch {
	case errors.As(err, &refused):
		met["refused"]++
		for _, f := range refused.Findings {
			if f.File == "" || f.Line == 0 || strings.Contains(f.Message, "__") || strings.Contains(f.Message, "data.partial") {
				return "refused without a place, or with a name of the compiler: " + f.String()
			}
		}
		return ""
	case err != nil:
		return err.Error()
	}
	met["loaded"]++
	for range 3 {
		subject, leaf := anyone(r)
		for _, typ := range slices.Sorted(maps.Keys(tables)) {
			in := &input.Input{
				Subject: subject, Action: input.Action{Name: drawn(r, everyAction)}, Resource: input.Resource{Type: typ},
				Context: input.Context{ClientIP: drawn(r, []string{"", "10.1.1.1", "192.0.2.1"}), Time: twinStart, Panel: "p"},
			}
			if fault := w.sameAnswers(r, engine, in, leaf, met); fault != "" {
				return fmt.Sprintf("%s %s by %v: %s", in.Action.Name, typ, in.Document(), fault)
			}
		}
	}
	return ""
}

// sameAnswers compares a list, its count and single rows with the evaluations of each
// row.
func (w *twin) sameAnswers(r *rand.Rand, engine *policies.Engine, in *input.Input, leaf bool, met map[string]int) string {
	w.t.Helper()
	ctx := context.Background()
	plan := engine.Plan(ctx, in)
	ids := w.allIDs(in.Resource.Type)
	want, allowed := map[string]shownRow{}, 0
	for _, id := range ids {
		row, err := w.store.PolicyRow(ctx, in.Resource.Type, id)
		must(w.t, err)
		one := *in
		one.Resource.ID, one.Resource.Row = id, row
		whole := engine.EvaluateWhole(ctx, &one)
		for range 2 { // the second time certainly from memory
			d := engine.Decide(ctx, &one)
			if d.Allow != whole.Allow || d.Allow && (d.View != whole.View || !slices.Equal(d.Columns, whole.Columns)) {
				return fmt.Sprintf("%s is decided %+v, and by a full evaluation %+v", id, d, whole)
			}
		}
		if !whole.Allow {
			continue
		}
		if allowed++; whole.View != "" {
			columns := slices.DeleteFunc(slices.Clone(whole.Columns), func(name string) bool { return !canShow(in.Resource.Type, name) })
			want[id] = shownRow{whole.View, columns}
		}
	}
	if plan.Outcome == policies.OutcomeError {
		if allowed > 0 {
			return fmt.Sprintf("there is no filter (%v), and %d rows are allowed", plan.Err, allowed)
		}
		met["no answer"]++
		return ""
	}
	for range 2 {
		again := engine.Plan(ctx, in)
		if found := differ(listedRows(ctx, w.t, w.store, again, in, leaf), want); found != "" {
			return found + "\n" + describePlan(again)
		}
	}
	q := session.ReadPlan{Type: in.Resource.Type, Plan: plan, Env: plan.Bind(ctx, in), Leaf: leaf}.Query()
	q.Limit, q.Count = 1, true
	page, err := w.store.List(ctx, q)
	must(w.t, err)
	if page.Total != len(want) {
		return fmt.Sprintf("%d rows are counted, want %d\n%s", page.Total, len(want), describePlan(plan))
	}
	for range min(4, len(ids)) {
		q.ID, q.Count = drawn(r, ids), false
		page, err := w.store.List(ctx, q)
		must(w.t, err)
		if _, seen := want[q.ID]; (len(page.Rows) == 1) != seen {
			return fmt.Sprintf("%s is read: %v, want %v\n%s", q.ID, len(page.Rows) == 1, seen, describePlan(plan))
		}
	}
	met[map[bool]string{false: "some", true: "none"}[len(want) == 0 || len(want) == len(ids)]]++
	return ""
}

// changedTree returns the embedded tree with one or two changes, and their texts.
func changedTree(t *testing.T, r *rand.Rand) (files fstest.MapFS, changes string) {
	t.Helper()
	tree, err := treeWithDepth(3)
	must(t, err)
	files = tree.(fstest.MapFS)
	var rules []string // the files of rules about rows, and what they share
	for path := range files {
		switch {
		case strings.HasSuffix(path, "_test.rego"):
			delete(files, path)
		case strings.HasPrefix(path, "reseller/resource/") || strings.HasPrefix(path, "reseller/reach/"):
			rules = append(rules, path)
		}
	}
	slices.Sort(rules)
	for range 1 + r.IntN(2) {
		var path, text string
		if r.IntN(3) == 0 {
			path = drawn(r, rules)
			text = changedLine(r, string(files[path].Data), &changes)
		} else {
			typ := drawn(r, slices.Sorted(maps.Keys(tables)))
			path = "reseller/resource/" + typ + "/" + typ + ".rego"
			rule := anotherRule(r, typ)
			text = string(files[path].Data) + "\n" + rule
			changes += rule
		}
		changes += "in " + path + "\n"
		files[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return files, changes
}

// changedLine changes one line of a rule as a slip would.
func changedLine(r *rand.Rand, text string, changes *string) string {
	lines := strings.Split(text, "\n")
	var inside []int
	for i, line := range lines {
		if strings.HasPrefix(line, "\t") && !strings.HasSuffix(line, "{") && !strings.HasSuffix(line, ",") && strings.TrimSpace(line) != "}" {
			inside = append(inside, i)
		}
	}
	if len(inside) == 0 {
		return text
	}
	i := drawn(r, inside)
	was := lines[i]
	switch r.IntN(4) {
	case 0:
		lines = slices.Delete(lines, i, i+1)
		*changes += "without " + was
		return strings.Join(lines, "\n")
	case 1:
		if rest, negated := strings.CutPrefix(was, "\tnot "); negated {
			lines[i] = "\t" + rest
		} else {
			lines[i] = "\tnot " + strings.TrimPrefix(was, "\t")
		}
	case 2:
		lines[i] = strings.NewReplacer("==", "!=", "!=", "==", `"read"`, `"update"`, "tenant", "subtree", "customer", "provider").Replace(was)
	case 3:
		lines[i] = strings.NewReplacer("account_id", "id", "assigned_to", "account_id", "parent_id", "id", "kind", "name").Replace(was)
	}
	*changes += was + " becomes " + lines[i]
	return strings.Join(lines, "\n")
}

// anotherRule writes one more rule about rows of a type: a condition on the row behind a
// condition on the request, which may hide it from the trial at load.
func anotherRule(r *rand.Rand, typ string) string {
	head := drawn(r, append(usually("allow", 4), "visible", "readable", `columns contains "name"`, `columns contains "notes"`, `view := "full"`))
	lines := []string{head + " if {"}
	for _, line := range []string{drawn(r, requestConditions), rowCondition(r, typ), drawn(r, []string{"", "visible", "not readable", rowCondition(r, typ)})} {
		if line != "" {
			lines = append(lines, "\t"+line)
		}
	}
	return strings.Join(append(lines, "}"), "\n") + "\n"
}

// requestConditions read no row.
var requestConditions = []string{
	"", "", `input.subject.user.external_id == "x"`, `startswith(input.subject.user.external_id, "x")`, `input.subject.account.depth == 2`,
	`not "update" in input.subject.access.customer`, `input.subject.account.kind == "reseller"`, `input.subject.access["special"]`,
	"count(input.subject.groups) > 1", `input.action.name in {"assign", "activate", "build", "preview"}`, `input.action.name == "read"`,
	`"10.0.0.0/8" in input.subject.user.ip_allow`, `startswith(input.context.client_ip, "10.")`, `not input.context.client_ip`,
}

// rowCondition draws a condition on a column of the type, also one that no filter can
// express.
func rowCondition(r *rand.Rand, typ string) string {
	columns := Schema()[typ].Columns
	name := drawn(r, slices.Sorted(maps.Keys(columns)))
	column := "input.resource." + name
	word := fmt.Sprintf("%q", drawn(r, []string{"", "a", "active", "customer", "acc_", "EUR", "x"}))
	if columns[name] == input.Set {
		return drawn(r, []string{
			"input.subject.account.id in " + column, "not input.subject.account.id in " + column, column + " == []",
			"some e in " + column + "\n\te != input.subject.account.id", "some e in " + column + "\n\tstartswith(e, " + word + ")",
			"some e in " + column + "\n\te in input.subject.below", "some e in " + column + "\n\tnot e in input.subject.below",
			"count(" + column + ") > 1", "some e in " + column + "\n\tsome f in " + column + "\n\te < f", "every e in " + column + " { e != " + word + " }",
		})
	}
	return drawn(r, []string{
		column + " == " + word, column + " != " + word, "not " + column + " == " + word, "startswith(" + column + ", " + word + ")",
		"not startswith(" + column + ", " + word + ")", column + " in {" + word + `, "b"}`, "not " + column + " in {" + word + "}", column + " < " + word,
		column + " == 5", column + " < 5", column + " < null", column, "not " + column, column + " == input.subject.account.id",
		column + " in input.subject.below", "not " + column + " in input.subject.below", "contains(" + column + ", " + word + ")", "endswith(" + column + ", " + word + ")",
		fmt.Sprintf("object.get(input.resource, %q, %s) == %s", name, word, word), "lower(" + column + ") == " + word, "count(" + column + ") > 1",
	})
}
