package policies_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
)

// wrongly is a tree whose decision has an unexpected shape for one action.
const wrongly = `package reseller.main

default allow := false

allow if input.action.name == "read"

reasons contains input.action.properties.reason

decision["allow"] := allow

decision["reasons"] := reasons

decision["view"] := input.action.properties.view

decision["columns"] := input.action.properties.columns

decision[input.action.properties.key] := true
`

func TestUnexpectedShapesAreDenied(t *testing.T) {
	engine, err := policies.Load(context.Background(), tree(map[string]string{"main.rego": wrongly}), policies.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		properties map[string]any
		want       string
	}{
		"an unexpected key":         {map[string]any{"key": "alow"}, `unexpected key "alow"`},
		"a key that is no text":     {map[string]any{"key": true}, "unexpected key true"},
		"a reason that is no text":  {map[string]any{"reason": 1}, "reasons is no set of texts"},
		"a view that is no text":    {map[string]any{"view": true}, "view is no name"},
		"a view without a name":     {map[string]any{"view": ""}, "view is no name"},
		"columns that are no set":   {map[string]any{"columns": "id"}, "columns is no set of texts"},
		"a column that is no text":  {map[string]any{"columns": []any{"id", true}}, "columns is no set of texts"},
		"two values for one key":    {map[string]any{"key": "allow"}, ""},
		"nothing unexpected at all": {map[string]any{"reason": "r", "view": "v", "columns": []any{"b", "a", "b"}}, "fine"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &input.Input{Action: input.Action{Name: "read", Properties: c.properties}, Resource: input.Resource{Type: "thing"}}
			for _, d := range []policies.Decision{engine.Evaluate(context.Background(), in), engine.Decide(context.Background(), in)} {
				if c.want == "fine" {
					if !d.Allow || d.View != "v" || strings.Join(d.Columns, ",") != "a,b" || strings.Join(d.Reasons, ",") != "r" {
						t.Errorf("decided %+v", d)
					}
					continue
				}
				if c.want == "" && d.Allow { // adding the same value twice changes nothing
					continue
				}
				if d.Allow || d.Outcome != policies.OutcomeError || d.Err == nil || !strings.Contains(d.Err.Error(), c.want) {
					t.Errorf("decided %+v, want an error about %s", d, c.want)
				}
			}
		})
	}
}

func TestBuiltinErrorsAreDenied(t *testing.T) {
	engine := load(t, main("allow if not odd\n\nodd if to_number(input.action.name) > 3"))
	in := &input.Input{Action: input.Action{Name: "many"}, Resource: input.Resource{Type: "thing"}}
	for _, d := range []policies.Decision{engine.Evaluate(context.Background(), in), engine.Decide(context.Background(), in)} {
		if d.Allow || d.Outcome != policies.OutcomeError {
			t.Errorf("decided %+v", d)
		}
	}
}

const slow = "allow if {\n\tinput.action.name == \"wait\"\n\tcount([1 | some x in numbers.range(1, 4000); some y in numbers.range(1, 4000); x * y == -1]) == 0\n}"

func TestTimeoutsAreDeniedPromptly(t *testing.T) {
	engine, err := policies.Load(context.Background(), tree(main(slow)), policies.Options{Timeout: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	in := &input.Input{Action: input.Action{Name: "wait"}, Resource: input.Resource{Type: "thing"}}
	for name, decide := range map[string]func() policies.Decision{
		"evaluate": func() policies.Decision { return engine.Evaluate(context.Background(), in) },
		"decide":   func() policies.Decision { return engine.Decide(context.Background(), in) },
		"a request that nobody waits for": func() policies.Decision {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return engine.Decide(ctx, in)
		},
	} {
		start := time.Now()
		d := decide()
		if d.Allow || d.Outcome != policies.OutcomeError || d.Err == nil {
			t.Errorf("%s decided %+v", name, d)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
	if p := engine.Plan(context.Background(), in); p.Outcome != policies.OutcomeError || p.Err == nil {
		t.Errorf("planned %+v", p)
	}
}

func TestTreeWithNothingButTheEntrypointShowsNoRows(t *testing.T) {
	engine := load(t, main("allow if input.resource.properties.size > 3\n\nallow if count(input.resource.properties.words) == 2"))
	ctx := context.Background()
	for _, c := range []struct {
		properties map[string]any
		want       bool
	}{
		{map[string]any{"size": 4}, true}, {map[string]any{"size": 2}, false}, {nil, false},
		{map[string]any{"words": []any{"a", "b"}}, true},
	} {
		in := &input.Input{Resource: input.Resource{Type: "thing", Properties: c.properties}}
		if d := engine.Decide(ctx, in); d.Allow != c.want || d.Err != nil {
			t.Errorf("%v decided %+v", c.properties, d)
		}
	}
	p := engine.Plan(ctx, &input.Input{Resource: input.Resource{Type: "card"}})
	if p.Outcome == policies.OutcomeAllow || len(p.Views) > 0 || len(p.Columns) > 0 {
		t.Errorf("planned %+v", p)
	}
}

func TestRowWithAnUnknownColumnIsAnError(t *testing.T) {
	engine := load(t, main("allow if input.resource.kind == \"customer\""))
	in := &input.Input{Resource: input.Resource{Type: "card", Row: map[string]any{"kind": "customer", "surprise": 1}}}
	if d := engine.Evaluate(context.Background(), in); d.Allow || d.Outcome != policies.OutcomeError {
		t.Errorf("decided %+v", d)
	}
}

func TestChangeIsEvaluated(t *testing.T) {
	engine := load(t, main("allow if input.action.change.after.customer[_] == \"read\""))
	in := &input.Input{
		Action:   input.Action{Name: "update", Change: &input.Change{After: map[string][]string{"customer": {"read"}}}},
		Resource: input.Resource{Type: "group"},
	}
	if d := engine.Decide(context.Background(), in); !d.Allow {
		t.Errorf("decided %+v", d)
	}
	in.Action.Change = nil
	if d := engine.Decide(context.Background(), in); d.Allow {
		t.Errorf("without a change decided %+v", d)
	}
}

func TestGuardThatFailsClosesTheList(t *testing.T) {
	engine := load(t, main("allow if not odd\n\nodd if {\n\tinput.resource.kind == \"customer\"\n\tto_number(input.context.panel) > 3\n}"))
	in := &input.Input{Resource: input.Resource{Type: "card"}, Context: input.Context{Panel: "many"}}
	if p := engine.Plan(context.Background(), in); p.Outcome != policies.OutcomeError || p.Filter.String() != "none" {
		t.Errorf("planned %+v", p)
	}
	in.Context.Panel = "2"
	if p := engine.Plan(context.Background(), in); p.Outcome != policies.OutcomeAllow || p.Filter.String() != "all" {
		t.Errorf("planned %+v", p)
	}
	in.Context.Panel = "7"
	if p := engine.Plan(context.Background(), in); p.Filter.String() != `not resource.kind = "customer"` {
		t.Errorf("planned %+v", p)
	}
}

func TestAViewThatNoListCanHaveIsRefused(t *testing.T) {
	_, err := policies.Load(context.Background(), tree(map[string]string{"main.rego": `package reseller.main

default allow := false

allow if input.resource.kind == "customer"

view := "long" if count(input.resource.name) > 3

decision["allow"] := allow

decision["reasons"] := []

decision["view"] := view
`}), policies.Options{Schema: policiestest.Schema()})
	if err == nil || !strings.Contains(err.Error(), "main.rego:7: count on the row") {
		t.Errorf("loaded: %v", err)
	}
}

func TestOneTemplateServesManySubjects(t *testing.T) {
	engine := embedded(t)
	first, second := benchInput("acc_r1"), benchInput("acc_r1")
	facts := *second.Subject.Facts
	facts.Account.ID, facts.User = "acc_r7", map[string]any{"id": "usr_r7", "account_id": "acc_r7", "status": "active", "ip_allow": []any{}}
	second.Subject = input.Subject{Type: "user", ID: "usr_r7", Facts: input.NewFacts(facts)}
	second.Resource.Row["assigned_to"] = []string{}
	if d := engine.Decide(context.Background(), first); !d.Allow || d.Warm {
		t.Errorf("the first decided %+v", d)
	}
	if d := engine.Decide(context.Background(), second); d.Allow || !d.Warm {
		t.Errorf("the second decided %+v", d)
	}
}

func TestEnginesAreSwappedWhileTheyDecide(t *testing.T) {
	var holder policies.Holder
	if holder.Current() != nil {
		t.Error("an empty holder holds an engine")
	}
	yes, no := load(t, main("allow if input.action.name == \"read\"")), load(t, main("allow if input.action.name == \"never\""))
	holder.Swap(yes)
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 200 {
				engine := holder.Current()
				in := policiestest.WithRow(&input.Input{
					Action: input.Action{Name: "read"}, Subject: input.Subject{Type: string(rune('a' + (i+worker)%20))},
					Resource: input.Resource{Type: "card"},
				}, nil)
				if d := engine.Decide(context.Background(), in); d.Allow != (engine == yes) || d.Err != nil {
					t.Errorf("decided %+v", d)
				}
			}
		})
	}
	for range 50 {
		holder.Swap(no)
		holder.Swap(yes)
	}
	wait.Wait()
}
