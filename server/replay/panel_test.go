package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest/depth"
	"resellerd/server/resource"
	"resellerd/store/schema"
)

// panelLog is a decision log in which the panel sent decisions of its own.
type panelLog struct {
	t      *testing.T
	engine *policies.Engine
	lines  strings.Builder
	n      int
}

var embedded = sync.OnceValues(func() (*policies.Engine, error) {
	return policies.Load(ctx, policies.Embedded(), policies.Options{Schema: resource.Schema()})
})

func newPanelLog(t *testing.T) *panelLog {
	e, err := embedded()
	must(t, err)
	return &panelLog{t: t, engine: e}
}

// ask records a question about an area or a row of the panel's own, and what the panel
// decided. It returns the recorded decision.
func (l *panelLog) ask(user, account, kind string, access map[string][]string, action string, r input.Resource, panel any) policies.Decision {
	l.t.Helper()
	in := &input.Input{Action: input.Action{Name: action}, Resource: r, Context: input.Context{Properties: map[string]any{"panel_decision": panel}}}
	in.Subject = input.Subject{Type: "user", ID: user}
	if account != "" {
		in.Subject.Facts = input.NewFacts(input.Facts{User: map[string]any{"id": user, "status": "active"}, Access: access, Groups: []input.Group{{ID: "grp_1"}}, Leaf: true,
			Account: input.AccountFacts{ID: account, TenantID: "t", ParentID: "t", Kind: kind, Status: "active", Depth: 1}})
	}
	d := l.engine.Decide(ctx, in)
	line := recorded(l.t, l.engine, in, d)
	l.n++
	line["decision_id"] = fmt.Sprintf("D%04d", l.n)
	text, err := json.Marshal(line)
	must(l.t, err)
	l.lines.Write(append(text, '\n'))
	return d
}

func (l *panelLog) files() []Source { return []Source{{"log", strings.NewReader(l.lines.String())}} }

func area(id string) input.Resource { return input.Resource{Type: input.AreaType, ID: id} }

func TestDisagreementsNameTheAreaTheRuleAndTheFix(t *testing.T) {
	l := newPanelLog(t)
	reads := map[string][]string{"cdr": {"read"}}
	l.ask("u1", "a", "reseller", reads, "read", area("cdr"), true)
	l.ask("u1", "a", "reseller", reads, "delete", area("cdr"), true)
	l.ask("u2", "a", "reseller", reads, "delete", area("cdr"), true)
	l.ask("u1", "a", "reseller", reads, "read", area("cdr"), false)
	l.ask("", "", "", nil, "read", area("cdr"), true) // a log does not keep what the panel calls a user whom the store does not know
	l.ask("u1", "a", "reseller", reads, "read", area("support-ticket"), false)
	l.ask("u1", "a", "reseller", reads, "read", area("cdr"), "yes") // no decision
	l.ask("u1", "a", "reseller", reads, "read", input.Resource{Type: "cdr", ID: "1", Properties: map[string]any{"account_id": "b"}}, true)
	l.lines.WriteString(`{"panel_decision"` + "\n")
	got, err := Disagree(ctx, l.engine, l.files())
	must(t, err)
	if got.Compared != 7 || got.Disagreed != 5 || got.Unreadable != 1 || !strings.HasPrefix(got.FirstFault, "log:9: ") {
		t.Errorf("%+v", got)
	}
	if a := got.Areas["cdr"]; a.Compared != 6 || a.Disagreed != 5 || got.Areas["support-ticket"].Disagreed != 0 {
		t.Errorf("%+v", got.Areas)
	}
	var lines []string
	for _, g := range got.Groups {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d %v: %s", g.Panel, g.Account, g.Action, g.Rule, g.Count, g.Users, g.Fix))
	}
	want := []string{
		"deny a read allowed 1 [u1]: take read off cdr in a group of these users, or write a policy rule if only some rows are concerned",
		"allow a delete area_denied 2 [u1 u2]: add a row that gives delete on cdr to a group of these users, if the ceilings of the account allow it",
		"allow a read not_visible 1 [u1]: compare the account of the row with the account of the user; for a card, look at its assignments",
		"allow none read unknown_user 1 []: create the user, or set its external_id to the name that the panel sends: the log does not keep this name, so find the request in the panel by its decision id",
	}
	if fmt.Sprint(lines) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// The panel decides by areas alone. Then the proposed groups agree with all its decisions
// that the ceilings allow, and give nothing that it never allowed.
func TestLearnedGroupsAgreeWithThePanel(t *testing.T) {
	names, actions := []string{"cdr", "customer/did", "support-ticket", "routing", "invoice"}, []string{"create", "read", "update", "delete", "build"}
	for seed := range uint64(depth.Runs(4)) {
		r, l := rand.New(rand.NewPCG(depth.FirstSeed(), seed)), newPanelLog(t)
		allowed, above := map[string]bool{}, 0
		ceiling := schema.Access{"*": "crud", "invoice": "r"}
		for user := range 4 {
			id, account, kind := fmt.Sprint("u", user), fmt.Sprint("a", user/2), []string{"master", "reseller"}[user/2]
			truth := map[string][]string{}
			for _, name := range names {
				for _, letter := range actions[:4] {
					if r.IntN(2) == 0 {
						truth[name] = append(truth[name], letter)
					}
				}
			}
			for range 60 {
				name, action := names[r.IntN(len(names))], actions[r.IntN(len(actions))]
				needs := strings.Replace(action, "build", "create", 1)
				panel := slices.Contains(truth[name], needs)
				l.ask(id, account, kind, map[string][]string{"cdr": {"read", "delete"}}, action, area(name), panel)
				allowed[id+name+needs] = allowed[id+name+needs] || panel
				if panel && (kind == "reseller" && name == "routing" || name == "invoice" && needs != "read") {
					above++
				}
			}
		}
		asked := 0
		got, err := Learn(ctx, l.engine, func(_ context.Context, tenant, _ string) ([]schema.Access, error) {
			asked++
			if tenant != "t" {
				t.Errorf("tenant %q", tenant)
			}
			return []schema.Access{ceiling, nil}, nil
		}, l.files())
		must(t, err)
		if got.Agree+got.Differ != 240 || got.Differ != above || got.Open != 0 || asked != 2 {
			t.Fatalf("seed %d: %d agree, %d differ, %d above a ceiling, %d open, ceilings asked %d times", seed, got.Agree, got.Differ, above, got.Open, asked)
		}
		for _, p := range got.Proposals {
			for name, given := range p.Rows {
				for _, letter := range given {
					for _, id := range p.Users {
						if !allowed[id+name+letter] {
							t.Fatalf("seed %d: %s gets %s on %s", seed, id, letter, name)
						}
					}
				}
			}
		}
		for _, rest := range got.Remaining {
			if rest.Panel != "allow" || rest.Rule != "area_denied" {
				t.Errorf("seed %d: %+v", seed, rest)
			}
		}
	}
}
