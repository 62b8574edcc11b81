package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorded returns the log line of a decision.
func recorded(t testing.TB, e *policies.Engine, in *input.Input, d policies.Decision) map[string]any {
	t.Helper()
	line := map[string]any{
		"decision_id": "D", "path": "reseller/main/decision", "policy_revision": e.Revision(), "outcome": d.Outcome, "timestamp": in.Context.Time,
		"reasons": append([]string{}, d.Reasons...), "input": e.Document(in),
		"result": map[string]any{"allow": d.Allow, "reasons": append([]string{}, d.Reasons...), "view": d.View, "columns": d.Columns},
	}
	return plain(t, line)
}

func plain(t testing.TB, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	var out map[string]any
	must(t, json.Unmarshal(text, &out))
	return out
}

// erase removes random parts of a record's input, like a mask.
func erase(r *rand.Rand, line map[string]any) {
	erased := []any{}
	for range r.IntN(3) {
		at, path := line["input"].(map[string]any), "/input"
		for depth := 0; ; depth++ {
			keys := []string{}
			for key := range at {
				keys = append(keys, key)
			}
			if len(keys) == 0 {
				break
			}
			slices.Sort(keys)
			key := keys[r.IntN(len(keys))]
			path += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			inner, ok := at[key].(map[string]any)
			if !ok || depth > 0 && r.IntN(3) == 0 {
				if depth > 0 {
					delete(at, key)
					erased = append(erased, path)
				}
				break
			}
			at = inner
		}
	}
	line["erased"] = erased
}

// again replays one record under an engine.
func again(t testing.TB, e *policies.Engine, line map[string]any) verdict {
	t.Helper()
	text, err := json.Marshal(line)
	must(t, err)
	read, err := readEntry(text)
	must(t, err)
	v, err := newReplayer(e, newProfiles(), Options{}).decide(ctx, read)
	must(t, err)
	return v
}

// The policies are hard to compile, and parts of the records are erased. A replayed
// decision is either reported as undecidable or equals the decision about the whole
// input.
func TestReplayIsRightOrSaysThatItDoesNotKnow(t *testing.T) {
	cases, err := policiestest.LoadCorpus()
	must(t, err)
	var sure, open int
	for _, c := range cases {
		if c.Refused != "" {
			continue
		}
		e, err := policies.Load(ctx, c.Tree(), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
		must(t, err)
		r := rand.New(rand.NewPCG(uint64(len(c.Name)), 7))
		for range 6 {
			in := policiestest.Input(r, c.Type)
			for _, row := range policiestest.Rows(r, c.Type, 3) {
				one := policiestest.WithRow(in, row)
				truth := e.Evaluate(ctx, one)
				line := recorded(t, e, one, truth)
				if v := again(t, e, line); v.open != "" || differs(v, truth) {
					t.Fatalf("%s: whole record: %+v\n%v", c.Name, v, line)
				}
				erase(r, line)
				switch v := again(t, e, line); {
				case v.open != "":
					open++
				case differs(v, truth):
					t.Fatalf("%s: erased %v, was %+v: %+v", c.Name, line["erased"], truth, v.flips)
				default:
					sure++
				}
			}
		}
	}
	t.Logf("decided %d, undecidable %d", sure, open)
	if sure < 200 || open < 100 {
		t.Errorf("decided %d, undecidable %d: it tells little", sure, open)
	}
}

// differs reports whether a verdict contradicts the truth. An error is a denial.
// Which denial it is may depend on the order in which conditions are evaluated.
func differs(v verdict, truth policies.Decision) bool {
	return slices.ContainsFunc(v.flips, func(f flip) bool {
		return f.kind != Error || truth.Allow || strings.HasPrefix(f.now, "allow")
	})
}

// small returns a policy tree with one rule.
func small(t testing.TB, rules string) *policies.Engine {
	t.Helper()
	tree := fstest.MapFS{"reseller/main/main.rego": {Data: []byte("package reseller.main\n\n" + rules)}}
	e, err := policies.Load(ctx, fs.FS(tree), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	must(t, err)
	return e
}

const smallTree = `
default allow := false

decision["allow"] := allow
decision["reasons"] := reasons
decision["view"] := view if allow
decision["columns"] := columns if allow

reasons contains "no" if not allow

view := "plain"

columns contains "name"
`

func TestFlipsAreGroupedWithExamples(t *testing.T) {
	was := small(t, smallTree+"\nallow if input.resource.currency == \"USD\"\n")
	for name, c := range map[string]struct {
		rules string
		kind  Kind
		rule  string
	}{
		"narrower":      {smallTree, AllowToDeny, "no"},
		"other reasons": {strings.Replace(smallTree, `"no"`, `"never"`, 1) + "\nallow if input.resource.currency == \"USD\"\n", Reasons, "-no +never"},
		"other columns": {smallTree + "\ncolumns contains \"notes\"\nallow if input.resource.currency == \"USD\"\n", Columns, "+notes"},
		"other view":    {strings.Replace(smallTree, `"plain"`, `"full"`, 1) + "\nallow if input.resource.currency == \"USD\"\n", View, "full instead of plain"},
		"wider":         {smallTree + "\nallow if input.resource.currency in {\"USD\", \"EUR\"}\n", DenyToAllow, "no"},
	} {
		var log strings.Builder
		for i := range 40 {
			in := &input.Input{Subject: input.Subject{Type: "user", ID: "u"}, Action: input.Action{Name: "read"},
				Resource: input.Resource{Type: "card", ID: "c", Row: map[string]any{"currency": []string{"USD", "EUR"}[i%2]}}}
			line := recorded(t, was, in, was.Evaluate(ctx, in))
			line["decision_id"] = fmt.Sprintf("D%02d", i)
			text, err := json.Marshal(line)
			must(t, err)
			log.Write(append(text, '\n'))
		}
		log.WriteString("{\"event\":\"stopped\"}\nrubbish\n")
		now := small(t, c.rules)
		r, err := Run(ctx, now, []Source{{"log", strings.NewReader(log.String())}}, Options{})
		must(t, err)
		if r.Entries != 40 || r.Flipped != 20 || r.Same != 20 || r.Unreadable != 1 || !strings.HasPrefix(r.FirstFault, "log:42:") {
			t.Errorf("%s: %+v", name, r)
		}
		if len(r.Groups) != 1 || r.Groups[0].Kind != c.kind || r.Groups[0].Rule != c.rule || r.Groups[0].Count != 20 {
			t.Fatalf("%s: %+v", name, r.Groups)
		}
		g := r.Groups[0]
		if len(g.Examples) != 3 || g.Account != "none" || g.Area != "card" {
			t.Errorf("%s: %+v", name, g)
		}
		if c.kind == AllowToDeny && g.Because == "" && strings.Contains(c.rules, "allow if") || c.kind == DenyToAllow && !strings.Contains(g.Because, "main.rego:") {
			t.Errorf("%s: because %q", name, g.Because)
		}
		same, err := Run(ctx, was, []Source{{"log", strings.NewReader(log.String())}}, Options{})
		must(t, err)
		if same.Flipped != 0 || same.Same != 40 {
			t.Errorf("%s, against itself: %+v", name, same)
		}
	}
}

// The log answers who saw or did what a policy allowed by mistake.
func TestWhatABadPolicyAllowedIsListedByUser(t *testing.T) {
	const dollars = "\nallow if input.resource.currency == \"USD\"\n"
	good, bad := small(t, smallTree+dollars), small(t, smallTree+dollars+"\nallow if input.resource.currency == \"EUR\"\n\ncolumns contains \"notes\" if input.resource.currency == \"USD\"\n")
	began := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	var log strings.Builder
	write := func(e *policies.Engine, minute int, action, currency string) {
		in := &input.Input{Subject: input.Subject{Type: "user", ID: fmt.Sprintf("usr_%d", minute%2)}, Action: input.Action{Name: action},
			Resource: input.Resource{Type: "card", ID: fmt.Sprintf("crd_%d", minute), Row: map[string]any{"currency": currency}},
			Context:  input.Context{Time: began.Add(time.Duration(minute) * time.Minute)}}
		text, err := json.Marshal(recorded(t, e, in, e.Evaluate(ctx, in)))
		must(t, err)
		log.Write(append(text, '\n'))
	}
	for minute := range 10 {
		write(bad, minute, "delete", []string{"USD", "EUR", "GBP"}[minute%3])
	}
	write(good, 11, "delete", "EUR") // another policy was in force
	write(bad, 30, "delete", "EUR")  // later than asked
	source := []Source{{"log", strings.NewReader(log.String())}}
	r, err := Run(ctx, good, source, Options{Was: bad, Exposed: true, To: began.Add(20 * time.Minute)})
	must(t, err)
	var got []string
	for _, x := range r.Exposed {
		got = append(got, fmt.Sprint(x.User, " ", x.What, " ", x.Count, " ", x.Rows))
	}
	want := []string{"usr_0 columns or views of card 2 [crd_0 crd_6]", "usr_0 delete card 1 [crd_4]",
		"usr_1 columns or views of card 2 [crd_3 crd_9]", "usr_1 delete card 2 [crd_1 crd_7]"}
	if !slices.Equal(got, want) || r.Beside != 2 || r.Entries != 10 {
		t.Errorf("exposed %q, want %q; %d beside, %d entries", got, want, r.Beside, r.Entries)
	}
	if len(r.Changed) != 2 || *r.Reaching != 10 {
		t.Errorf("%d decisions reach %+v", *r.Reaching, r.Changed)
	}
	same, err := Run(ctx, bad, []Source{{"log", strings.NewReader(log.String())}}, Options{Was: bad, Exposed: true})
	must(t, err)
	if same.Exposed == nil || len(same.Exposed) != 0 || same.Entries != 11 {
		t.Errorf("nothing exposed: %+v", same)
	}
	cut := strings.ReplaceAll(log.String(), `"decision_id"`, `"truncated":true,"decision_id"`)
	open, err := Run(ctx, good, []Source{{"log", strings.NewReader(cut)}}, Options{Was: bad, Exposed: true, To: began.Add(20 * time.Minute)})
	must(t, err)
	if open.Open() != 10 || open.Beside != 2 || open.Entries != 10 {
		t.Errorf("entries that cannot be repeated: %+v", open)
	}
	again, err := Run(ctx, bad, []Source{{"log", strings.NewReader(log.String())}}, Options{Was: bad})
	must(t, err)
	if len(again.Changed) != 0 || *again.Reaching != 0 || again.Exposed != nil {
		t.Errorf("against itself: %+v", again)
	}
}

func TestListsSayInWhichDirectionTheyDiffer(t *testing.T) {
	for _, c := range []struct {
		was, now  string
		direction Direction
		added     []string
	}{
		{"none", "(a = 1 or b = 2)", wider, []string{"a = 1", "b = 2"}},
		{"(a = 1 and b = 2)", "a = 1", wider, nil},
		{"a = 1", "(a = 1 and b = 2)", narrower, []string{"b = 2"}},
		{"(a = 1 or b = 2)", "(a = 1 or b = 2 or c = \"x or (y\")", wider, []string{"c = \"x or (y\""}},
		{"(a = 1 or b = 2)", "(a = 1 or c = 3)", other, []string{"c = 3"}},
		{"all", "a = 1", narrower, []string{"a = 1"}},
		{"(a = 1 or (b = 2 and c = 3))", "(a = 1 or (b = 2 and c = 4))", other, []string{"(b = 2 and c = 4)"}},
	} {
		if d, added, _ := shift(c.was, c.now); d != c.direction || !slices.Equal(added, c.added) {
			t.Errorf("%s to %s: %s %q", c.was, c.now, d, added)
		}
	}
}

func TestAMembershipThatTheRecordDoesNotTellIsUndecidable(t *testing.T) {
	was := small(t, smallTree)
	tree := fstest.MapFS{
		"reseller/main/main.rego": {Data: []byte("package reseller.main\n" + smallTree + `
allow if {
	some owner in {data.catalog[input.resource.type][input.resource.id].account_id}
	owner in input.subject.below
}
`)},
		"data.json": {Data: []byte(`{"catalog": {"cdr": {"c": {"account_id": "acc_elsewhere"}}}}`)},
	}
	now, err := policies.Load(ctx, tree, policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	must(t, err)
	in := &input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "cdr", ID: "c"},
		Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{
			User: map[string]any{}, Account: input.AccountFacts{ID: "acc_a", TenantID: "acc_m", Kind: "reseller", Status: "active"},
			Below: func(id string) bool { return id == "acc_elsewhere" }})}}
	if v := again(t, now, recorded(t, was, in, was.Evaluate(ctx, in))); v.open != "input.subject.below" {
		t.Errorf("%+v", v)
	}
	in.Resource.Properties = map[string]any{"account_id": "acc_elsewhere"}
	if v := again(t, now, recorded(t, was, in, was.Evaluate(ctx, in))); len(v.flips) != 1 || v.flips[0].kind != DenyToAllow {
		t.Errorf("%+v", v)
	}
}

// ending is a context that ends at the n-th time that it is asked.
type ending struct {
	context.Context
	left atomic.Int64
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

func TestAReplayThatIsInterruptedReportsNothing(t *testing.T) {
	e := small(t, smallTree+"\nallow if input.resource.currency == \"USD\"\n")
	in := &input.Input{Subject: input.Subject{Type: "user", ID: "u"}, Action: input.Action{Name: "read"},
		Resource: input.Resource{Type: "card", ID: "c", Row: map[string]any{"currency": "USD"}}}
	text, err := json.Marshal(recorded(t, e, in, e.Evaluate(ctx, in)))
	must(t, err)
	const lines = 20
	log := strings.Repeat(string(text)+"\n", lines)
	whole := 0
	for n := range int64(4 * lines) {
		interrupted := &ending{Context: ctx}
		interrupted.left.Store(n)
		r, err := Run(interrupted, e, []Source{{"log", strings.NewReader(log)}}, Options{})
		switch {
		case errors.Is(err, context.Canceled) && r == nil:
		case err == nil && r.Same == lines:
			whole++
		default:
			t.Fatalf("asked %d times: %+v, %v", n, r, err)
		}
	}
	if whole == 0 || whole == 4*lines {
		t.Errorf("%d are whole: it tells little", whole)
	}
}

// An entry that refers to a profile is decided with it. Without the profile, the entry
// is counted and not guessed. The same goes for a truncated entry.
func TestProfilesOfALog(t *testing.T) {
	t.Parallel()
	e, err := policies.Load(ctx, policies.Embedded(), policies.Options{Timeout: time.Minute})
	must(t, err)
	in := &input.Input{
		Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{
			User: map[string]any{"id": "u", "status": "active"}, Groups: []input.Group{{ID: "grp_1"}}, Access: map[string][]string{"cdr": {"read"}},
			Account: input.AccountFacts{ID: "a", TenantID: "a", Kind: "master", Status: "active"},
		})},
		Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "cdr"},
	}
	line := recorded(t, e, in, e.Decide(ctx, in))
	subject := line["input"].(map[string]any)["subject"].(map[string]any)
	facts := map[string]any{}
	for _, name := range []string{"user", "account", "access", "groups"} {
		facts[name] = subject[name]
	}
	text, err := json.Marshal(facts)
	must(t, err)
	profile := `{"event":"profile","hash":"h1",` + string(text[1:])
	inline, err := json.Marshal(line)
	must(t, err)
	maps.DeleteFunc(subject, func(name string, _ any) bool { return facts[name] != nil })
	subject["profile"] = "h1"
	refers, err := json.Marshal(line)
	must(t, err)
	other := `{"event":"profile","hash":"h2","access":{}}`
	truncated := `{"decision_id":"T","path":"p","truncated":true,"outcome":"allow","reasons":[]}`
	lines := []string{other, string(refers), profile, string(refers), string(inline), truncated}
	r, err := Run(ctx, e, []Source{{"log", strings.NewReader(strings.Join(lines, "\n"))}}, Options{})
	must(t, err)
	// Profiles are noted as the file is read, so the first reference may find a later profile.
	if open := r.Undecidable["profile"]; r.Entries != 4 || r.Same+open != 3 || r.Same < 2 || r.Undecidable["truncated"] != 1 || r.Flipped+r.Unreadable > 0 {
		t.Errorf("%+v", r)
	}
	r, err = Run(ctx, e, []Source{{"log", strings.NewReader(other + "\n" + string(refers))}}, Options{})
	must(t, err)
	if r.Entries != 1 || r.Undecidable["profile"] != 1 || r.Unreadable > 0 {
		t.Errorf("without the profile: %+v", r)
	}
}

// Earlier releases wrote no form, and the number of the user's groups.
func TestAnEntryWithoutItsFormIsUndecidableIfThePolicyReadsTheForm(t *testing.T) {
	const rule = "\nallow if input.action.properties.form == \"one\"\n"
	in := &input.Input{Action: input.Action{Name: "read", Form: input.FormOne}, Resource: input.Resource{Type: "card", ID: "c", Row: map[string]any{}},
		Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{User: map[string]any{}, Account: input.AccountFacts{ID: "a", Kind: "reseller"}})}}
	was, now := small(t, smallTree), small(t, smallTree+rule)
	line := recorded(t, was, in, was.Evaluate(ctx, in))
	delete(line["input"].(map[string]any)["action"].(map[string]any), "properties")
	if v := again(t, now, line); v.open != "" || len(v.flips) != 1 {
		t.Errorf("a form that is left out: %+v", v)
	}
	line["input"].(map[string]any)["subject"].(map[string]any)["groups"] = 2
	if v := again(t, now, line); v.open != "input.action.properties.form" {
		t.Errorf("%+v", v)
	}
	if v := again(t, small(t, smallTree+"\nallow if input.resource.type == \"card\"\n"), line); v.open != "" {
		t.Errorf("a policy that reads no form: %+v", v)
	}
}

// A decision reaches a change also by the condition of a list, or by data alone.
func TestListsAndDataReachAChange(t *testing.T) {
	tree := func(currency, data string) *policies.Engine {
		files := fstest.MapFS{"data.json": {Data: []byte(data)}, "reseller/main/main.rego": {Data: []byte("package reseller.main\n" + smallTree + `
allow if {
	input.resource.type == "card"
	shown
	listed
}

shown if {
	input.resource.account_id == "a"
	priced
}

priced if input.resource.currency == "` + currency + `"

listed if input.resource.name in data.names.cards
`)}}
		e, err := policies.Load(ctx, files, policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
		must(t, err)
		return e
	}
	const data = `{"names": {"cards": ["a"]}}`
	was := tree("USD", data)
	var log strings.Builder
	for _, typ := range []string{"card", "customer"} {
		in := &input.Input{Subject: input.Subject{Type: "user", ID: "u"}, Action: input.Action{Name: "read", Form: input.FormPage}, Resource: input.Resource{Type: typ}}
		line := recorded(t, was, in, policies.Decision{Outcome: policies.OutcomeAllow})
		p := was.Plan(ctx, in)
		line["outcome"], line["result"] = p.Outcome, map[string]any{"filter": p.Filter.String()}
		text, err := json.Marshal(line)
		must(t, err)
		log.Write(append(text, '\n'))
	}
	for what, c := range map[string]struct {
		now      *policies.Engine
		reaching int
	}{
		"a rule": {tree("EUR", data), 1},
		"data":   {tree("USD", `{"names": {"cards": ["a", "b"]}}`), 1},
		"other":  {tree("USD", `{"names": {"cards": ["a"], "others": ["b"]}}`), 0},
	} {
		r, err := Run(ctx, c.now, []Source{{"log", strings.NewReader(log.String())}}, Options{Was: was})
		must(t, err)
		if *r.Reaching != c.reaching || len(r.Changed)+r.Data == 0 {
			t.Errorf("%s: %d decisions reach %+v and %d values: %+v", what, *r.Reaching, r.Changed, r.Data, r)
		}
	}
}

func TestAnExposureSaysThatItLeavesConditionsOut(t *testing.T) {
	x := &Exposure{}
	for i := range maxExposed {
		x.join(&Exposure{Where: []string{fmt.Sprint(i)}})
	}
	if x.Further {
		t.Error("nothing is left out")
	}
	x.join(&Exposure{Where: []string{"0", "another"}})
	if !x.Further || len(x.Where) != maxExposed {
		t.Errorf("%d conditions, further %v", len(x.Where), x.Further)
	}
}
