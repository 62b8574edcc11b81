package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/shadow"
)

// small is a policy of one module with a rule of the test.
const small = `package reseller.main

default allow := false

decision["allow"] := allow

decision["reasons"] := reasons

decision["view"] := view if allow

decision["columns"] := columns if allow

view := %q if input.resource.type

columns contains name if some name in {%s}

reasons contains %q if not allow

`

type smallPolicy struct{ rule, view, columns, reason, mask string }

func (p smallPolicy) load(t testing.TB) *policies.Engine {
	t.Helper()
	if p.view == "" {
		p.view = "customer"
	}
	if p.columns == "" {
		p.columns = `"id", "name"`
	}
	if p.reason == "" {
		p.reason = "no"
	}
	if p.mask == "" {
		p.mask = `"/input/resource/notes"`
	}
	tree := fstest.MapFS{
		"main.rego": {Data: fmt.Appendf(nil, small+p.rule, p.view, p.columns, p.reason)},
		"log.rego":  {Data: fmt.Appendf(nil, "package system.log\n\nmask := {%s}\n", p.mask)},
	}
	e, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	return e
}

// shadowing starts a test server's shadow with this policy.
func shadowing(e *policies.Engine, change func(*shadow.Options)) Option {
	h := &EngineHolder{}
	h.Swap(e)
	return func(s *Server) {
		WithShadow(h, 1)(s)
		s.shadowing.Sleep = func(time.Duration) { runtime.Gosched() }
		if change != nil {
			change(s.shadowing)
		}
	}
}

// decidedTwice is the number of shadow decisions with this result.
func decidedTwice(t *testing.T, s *Server, result string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != "resellerd_shadow_decisions_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no decisions are counted as %s", result)
	return 0
}

// handled waits until the shadow of a server has handled n decisions, and closes
// it.
func handled(t *testing.T, s *Server, n float64) {
	t.Helper()
	soon(t, fmt.Sprintf("%v decisions in the shadow", n), func() bool {
		return decidedTwice(t, s, "compared")+decidedTwice(t, s, "error")+decidedTwice(t, s, "dropped") >= n
	})
	s.shadow.Close(time.Minute) // logs the last decisions
}

const (
	allRows = "allow if input.resource.type\n"
	noRows  = "allow if input.action.name == \"x\"\n"
	fewRows = "allow if input.resource.status == \"active\"\n"
)

func TestDisagreementsAreCountedByAreaAndKind(t *testing.T) {
	t.Parallel()
	const asked, listed = "check", "list"
	for name, c := range map[string]struct {
		ask          string
		live, shadow smallPolicy
		want         string
	}{
		"the same":               {asked, smallPolicy{rule: allRows}, smallPolicy{rule: allRows}, ""},
		"said otherwise":         {asked, smallPolicy{rule: allRows}, smallPolicy{rule: "allow if input.action.name == \"read\"\n"}, ""},
		"allowed, then denied":   {asked, smallPolicy{rule: allRows}, smallPolicy{rule: noRows}, shadow.KindAllowToDeny},
		"denied, then allowed":   {asked, smallPolicy{rule: noRows}, smallPolicy{rule: allRows}, shadow.KindDenyToAllow},
		"other reasons":          {asked, smallPolicy{rule: noRows}, smallPolicy{rule: noRows, reason: "never"}, shadow.KindReasons},
		"another view":           {asked, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, view: "provider"}, shadow.KindView},
		"other columns":          {asked, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, columns: `"id"`}, shadow.KindColumns},
		"an error":               {asked, smallPolicy{rule: allRows}, smallPolicy{rule: "allow if to_number(input.subject.id) > 0\n"}, shadow.KindError},
		"the same list":          {listed, smallPolicy{rule: fewRows}, smallPolicy{rule: fewRows}, ""},
		"a list, otherwise":      {listed, smallPolicy{rule: fewRows + allRows}, smallPolicy{rule: allRows + fewRows}, ""},
		"all rows, then none":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: noRows}, shadow.KindAllowToDeny},
		"no rows, then some":     {listed, smallPolicy{rule: noRows}, smallPolicy{rule: fewRows}, shadow.KindDenyToAllow},
		"all rows, then some":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: fewRows}, shadow.KindFilter},
		"a list's other view":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, view: "provider"}, shadow.KindView},
		"a list's other columns": {listed, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, columns: `"id", "email"`}, shadow.KindColumns},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, carriers.SQLite(t), c.live.load(t), seedWorld, shadowing(c.shadow.load(t), nil))
			n := 1.0
			if c.ask == asked {
				w.do("m", "POST", "/access/v1/evaluation", customerQuestion(w, "acme"))
			} else if a := w.get("m", "/v1/customers"); a.status != 200 {
				n++ // an empty list adds a check for its reason
			}
			handled(t, w.server, n)
			text := knock(t, w.server, "GET", "/metrics", "").text
			found := strings.Contains(text, fmt.Sprintf("resellerd_shadow_disagreements_total{area=\"customer\",kind=%q} 1\n", c.want))
			if found != (c.want != "") || c.want == "" && strings.Contains(text, "shadow_disagreements_total{") {
				t.Errorf("want %q: %v", c.want, metricLines(text, "resellerd_shadow_"))
			}
		})
	}
}

func customerQuestion(w *world, customer string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer","id":%q},"context":{"reasons":true}}`,
		w.id("m"), w.id(customer))
}

func metricLines(text, prefix string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.HasPrefix(line, prefix) })
}

// odd is a decider that misbehaves as no engine should.
type odd struct{ do func() }

func (o odd) Decide(context.Context, *input.Input) policies.Decision {
	o.do()
	return policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
}

func (o odd) Evaluate(ctx context.Context, in *input.Input) policies.Decision {
	return o.Decide(ctx, in)
}

func (o odd) Plan(context.Context, *input.Input) *policies.Plan {
	o.do()
	return &policies.Plan{Filter: everything, Outcome: policies.OutcomeAllow}
}

var durations = regexp.MustCompile(`"timer_decision_ns":\d+|,"chain":\{[^}]*\}`)

// A shadow that allows everything, panics, hangs or fails changes no answer,
// header or entry of the decision log.
func TestAShadowChangesNoAnswer(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	defer close(released)
	by := func(do func()) func(*shadow.Options) {
		return func(o *shadow.Options) { o.Decider = func(*policies.Engine) shadow.Decider { return odd{do} } }
	}
	permissive := smallPolicy{rule: allRows}.load(t)
	ask := func(t *testing.T, opts ...Option) (answers []string) {
		log := &coreLog{}
		w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, append(opts, withSyncLog(log), WithIDs(func() string { return "D" }))...)
		for _, user := range []string{"m", "a", "b", "n", "nobody"} {
			for _, path := range []string{
				"/v1/me", "/v1/customers?count=true", "/v1/customers/{acme}", "/v1/customers/{bolt}", "/v1/cards?count=true",
				"/v1/cards/{gold}", "/v1/cards/{upstream}", "/v1/cards/{gold}/rates", "/v1/users", "/v1/groups", "/v1/accounts", "/v1/audit",
			} {
				answers = append(answers, w.get(user, path).alike())
			}
			answers = append(answers, w.do(user, "POST", "/access/v1/evaluation", customerQuestion(w, "acme")).alike())
		}
		answers = append(answers, w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"new"}`).alike(),
			w.do("a", "DELETE", "/v1/customers/{bolt}", "").alike())
		return append(answers, durations.ReplaceAllString(log.take(), ""))
	}
	want := ask(t)
	for name, option := range map[string]Option{
		"allows everything": shadowing(permissive, nil),
		"panics":            shadowing(permissive, by(func() { panic("odd") })),
		"hangs":             shadowing(permissive, by(func() { <-released })),
		"errs":              shadowing(smallPolicy{rule: "allow if to_number(input.subject.id) > 0\n"}.load(t), nil),
		"is not there":      WithShadow(&EngineHolder{}, 1),
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, option)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("answer %d with the shadow:\n%.900s\nwithout:\n%.900s", i, got[i], want[i])
				}
			}
		})
	}
}

func TestAShadowThatHangsIsWaitedForByNobody(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	defer close(released)
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, shadowing(smallPolicy{rule: allRows}.load(t), func(o *shadow.Options) {
		o.Decider = func(*policies.Engine) shadow.Decider { return odd{func() { <-released }} }
	}))
	h, in := w.server.shadow, &input.Input{Resource: input.Resource{Type: "customer"}}
	ask := func() {
		h.Check(w.server.engines.Current(), in, policies.Decision{}, false, "", w.server.shared.Users.LiesBelow)
	}
	const asked = 10_000
	for range asked {
		ask()
	}
	dropped := decidedTwice(t, w.server, "dropped")
	if dropped < 1 || dropped > asked-1 {
		t.Errorf("%v dropped of %d", dropped, asked)
	}
	if a := w.get("m", "/v1/customers"); a.status != 200 {
		t.Errorf("answered %d", a.status)
	}
	h.Close(time.Millisecond) // returns even if the shadow does not
	before := decidedTwice(t, w.server, "dropped")
	if ask(); decidedTwice(t, w.server, "dropped") != before+1 {
		t.Error("what comes after the end is not dropped")
	}
}

func TestAShadowPanicsOnItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, shadowing(smallPolicy{rule: allRows}.load(t), func(o *shadow.Options) {
		o.Decider = func(*policies.Engine) shadow.Decider { return odd{func() { panic("odd") }} }
	}))
	for range 3 {
		w.get("m", "/v1/customers")
	}
	handled(t, w.server, 3)
	if failed := decidedTwice(t, w.server, "error"); failed != 3 {
		t.Errorf("%v failed", failed)
	}
}

func TestALoggedDisagreementHoldsBothDecisionsMaskedAndNothingElse(t *testing.T) {
	t.Parallel()
	log := &coreLog{}
	live := smallPolicy{rule: noRows, reason: "live_reason", mask: `"/result/columns"`}
	w := newWorld(t, carriers.SQLite(t), live.load(t), seedWorld, WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		shadowing(smallPolicy{rule: allRows, columns: `"id", "notes"`}.load(t), nil))
	body := strings.Replace(customerQuestion(w, "acme"), `"context":{`, `"context":{"note":"planted-sent",`, 1)
	w.do("m", "POST", "/access/v1/evaluation", body)
	handled(t, w.server, 1)
	text := log.take()
	var line struct {
		DecisionID, Area, Kind string
		PolicyRevision         string `json:"policy_revision"`
		ShadowRevision         string `json:"shadow_revision"`
		Live, Shadow           map[string]any
	}
	for l := range strings.Lines(text) {
		if strings.Contains(l, "shadow disagrees") {
			must(t, json.Unmarshal([]byte(l), &line))
		}
	}
	if line.Area != "customer" || line.Kind != shadow.KindDenyToAllow || line.PolicyRevision != w.server.engines.Current().Revision() ||
		line.ShadowRevision != w.server.shadowing.Engines.Current().Revision() {
		t.Errorf("logged %s", text)
	}
	if got := fmt.Sprint(line.Live); got != "map[outcome:deny result:map[allow:false reasons:[live_reason]]]" {
		t.Errorf("live %s", got)
	}
	if got := fmt.Sprint(line.Shadow); got != "map[outcome:allow result:map[allow:true reasons:[] view:customer]]" {
		t.Errorf("shadow %s: the live policy's mask takes the columns out", got)
	}
	if strings.Contains(text, "planted") {
		t.Errorf("the log holds a secret: %s", text)
	}
}

func TestNoDisagreementTellsAPlantedSecret(t *testing.T) {
	t.Parallel()
	log := &coreLog{}
	for _, candidate := range []smallPolicy{{rule: allRows, columns: `"id", "name", "notes", "login", "email", "carrier", "external_id"`},
		{rule: "allow if to_number(input.context.note) > 0\n"}} {
		w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
			shadowing(candidate.load(t), nil))
		for _, user := range []string{"m", "a", "b"} {
			for _, path := range []string{"/v1/customers", "/v1/customers/{acme}", "/v1/cards", "/v1/users", "/v1/groups", "/v1/accounts"} {
				w.get(user, path)
			}
			body := strings.Replace(customerQuestion(w, "acme"), `"context":{`, `"context":{"note":"planted-sent",`, 1)
			w.do(user, "POST", "/access/v1/evaluation", body)
		}
		handled(t, w.server, 21)
	}
	text := log.take()
	if !strings.Contains(text, "shadow disagrees") {
		t.Fatal("nothing was logged: nothing was tried")
	}
	if strings.Contains(strings.ToLower(text), "planted") {
		t.Errorf("the log holds a secret: %s", text)
	}
}
