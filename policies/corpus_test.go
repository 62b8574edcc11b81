package policies_test

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/rego"
)

const (
	corpusRequests = 30
	corpusRows     = 25
)

func TestCorpusIsEqualOrRefused(t *testing.T) {
	cases, err := policiestest.LoadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("the corpus holds %d policies, want at least 60", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			engine, err := policies.Load(context.Background(), c.Tree(), corpusOptions())
			if c.Refused != "" {
				checkRefused(t, c, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkEqual(t, c, engine)
		})
	}
}

// A list needs views with different conditions, even if another rule names
// the view.
func TestAListIsMadeWhereAnotherRuleNamesTheView(t *testing.T) {
	cases, err := policiestest.LoadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range cases {
		if !slices.Contains([]string{"view_passed_on", "view_dispatched", "views_dispatched_that_conflict"}, c.Name) {
			continue
		}
		found++
		engine, err := policies.Load(context.Background(), c.Tree(), corpusOptions())
		if err != nil {
			t.Fatal(err)
		}
		in := benchInput("acc_r1")
		if p := engine.Plan(context.Background(), in); p.Err != nil || len(p.Views) != 2 {
			t.Errorf("%s: planned %+v", c.Name, p)
		}
	}
	if found != 3 {
		t.Errorf("%d of 3 cases are in the corpus", found)
	}
}

func corpusOptions() policies.Options {
	return policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute}
}

func checkRefused(t *testing.T, c policiestest.Case, err error) {
	t.Helper()
	var refused *rego.LoadError
	if !errors.As(err, &refused) {
		t.Fatalf("loaded with %v, want a refusal", err)
	}
	for _, f := range refused.Findings {
		if f.Message == c.Refused {
			if f.Line == 0 || !strings.HasSuffix(f.File, "policy.rego") {
				t.Errorf("refused without a place: %s", f)
			}
			return
		}
	}
	t.Errorf("refused with\n%v\nwant\n%s", err, c.Refused)
}

// tally counts the answers of the oracle. subjective accepts filters that are
// refused only for a certain subject.
type tally struct {
	allowed, denied int
	subjective      bool
}

func checkEqual(t *testing.T, c policiestest.Case, engine *policies.Engine) {
	t.Helper()
	seed := fnv.New64a()
	seed.Write([]byte(c.Name))
	r := rand.New(rand.NewPCG(seed.Sum64(), 1))
	var n tally
	for range corpusRequests {
		in := policiestest.Input(r, c.Type)
		rows := policiestest.Rows(r, c.Type, corpusRows)
		compare(t, engine, in, rows, &n)
		if t.Failed() {
			return
		}
	}
	switch c.Oracle {
	case "empty":
		if n.allowed > 0 {
			t.Errorf("allowed %d rows, want none", n.allowed)
		}
	case "total":
		if n.denied > 0 {
			t.Errorf("denied %d rows, want none", n.denied)
		}
	default:
		if n.allowed == 0 || n.denied == 0 {
			t.Errorf("the oracle allowed %d and denied %d rows: it tells nothing", n.allowed, n.denied)
		}
	}
}

// compare compares a check and a list with full evaluations, row by row.
func compare(t *testing.T, engine *policies.Engine, in *input.Input, rows []map[string]any, n *tally) {
	t.Helper()
	ctx := context.Background()
	plan := engine.Plan(ctx, in)
	for _, row := range rows {
		one := policiestest.WithRow(in, row)
		want, got := engine.Evaluate(ctx, one), engine.Decide(ctx, one)
		if want.Allow {
			n.allowed++
		} else {
			n.denied++
		}
		if n.subjective && plan.Outcome == policies.OutcomeError && got.Outcome == policies.OutcomeError {
			continue
		}
		if !sameDecision(want, got) {
			t.Fatalf("row %v\ninput %v\ndecided %+v\nevaluated %+v\nplan %+v", row, in.Document(), got, want, plan)
		}
		shown := listed(ctx, plan, one)
		if plan.Outcome == policies.OutcomeError || want.Outcome == policies.OutcomeError {
			if shown.Allow && want.Outcome == policies.OutcomeError {
				t.Fatalf("row %v listed, evaluated %+v\nplan %+v", row, want, plan)
			}
			continue
		}
		if shown.Allow != want.Allow || shown.View != want.View || !slices.Equal(shown.Columns, want.Columns) {
			t.Fatalf("row %v\ninput %v\nlisted %+v\nevaluated %+v\nplan %+v", row, in.Document(), shown, want, plan)
		}
	}
}

// sameDecision compares two decisions. An error is a denial. Whether a denial
// is an error may depend on the order of evaluation.
func sameDecision(a, b policies.Decision) bool {
	if a.Outcome == policies.OutcomeError || b.Outcome == policies.OutcomeError {
		return !a.Allow && !b.Allow
	}
	return a.Allow == b.Allow && a.Outcome == b.Outcome && a.View == b.View &&
		slices.Equal(a.Reasons, b.Reasons) && slices.Equal(a.Columns, b.Columns)
}

// listed applies a plan to a row as a store does.
func listed(ctx context.Context, plan *policies.Plan, in *input.Input) policies.Decision {
	env := plan.Bind(ctx, in)
	d := policies.Decision{Allow: plan.Filter.Eval(env)}
	if !d.Allow {
		return d
	}
	for _, v := range plan.Views {
		if !v.When.Eval(env) {
			continue
		}
		if d.View != "" {
			return policies.Decision{} // two views: the row is not shown
		}
		d.View = v.Name
	}
	for _, c := range plan.Columns {
		if c.When.Eval(env) {
			d.Columns = append(d.Columns, c.Columns...)
		}
	}
	slices.Sort(d.Columns)
	return d
}
