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
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/store/storetest"
)

// small is a policy of one module with a rule of the test's own.
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

// shadowing puts a policy in the shadow of a server in a test.
func shadowing(e *policies.Engine, change func(*shadow)) Option {
	h := &EngineHolder{}
	h.Swap(e)
	return func(s *Server) {
		WithShadow(h, 1)(s)
		s.shadow.sleep = func(time.Duration) { runtime.Gosched() }
		if change != nil {
			change(s.shadow)
		}
	}
}

// handled waits until the shadow has dealt with n decisions.
func (h *shadow) handled(t *testing.T, n float64) {
	t.Helper()
	late := time.Now().Add(time.Minute)
	for counted(h.metrics.compared)+counted(h.metrics.failed)+counted(h.metrics.dropped) < n {
		if time.Now().After(late) {
			t.Fatalf("%v compared, %v failed, %v dropped; want %v", counted(h.metrics.compared), counted(h.metrics.failed), counted(h.metrics.dropped), n)
		}
		runtime.Gosched()
	}
	h.close(time.Minute) // what was counted last is logged by then
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
		"allowed, then denied":   {asked, smallPolicy{rule: allRows}, smallPolicy{rule: noRows}, kindAllowToDeny},
		"denied, then allowed":   {asked, smallPolicy{rule: noRows}, smallPolicy{rule: allRows}, kindDenyToAllow},
		"other reasons":          {asked, smallPolicy{rule: noRows}, smallPolicy{rule: noRows, reason: "never"}, kindReasons},
		"another view":           {asked, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, view: "provider"}, kindView},
		"other columns":          {asked, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, columns: `"id"`}, kindColumns},
		"an error":               {asked, smallPolicy{rule: allRows}, smallPolicy{rule: "allow if to_number(input.subject.id) > 0\n"}, kindError},
		"the same list":          {listed, smallPolicy{rule: fewRows}, smallPolicy{rule: fewRows}, ""},
		"a list, otherwise":      {listed, smallPolicy{rule: fewRows + allRows}, smallPolicy{rule: allRows + fewRows}, ""},
		"all rows, then none":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: noRows}, kindAllowToDeny},
		"no rows, then some":     {listed, smallPolicy{rule: noRows}, smallPolicy{rule: fewRows}, kindDenyToAllow},
		"all rows, then some":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: fewRows}, kindFilter},
		"a list's other view":    {listed, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, view: "provider"}, kindView},
		"a list's other columns": {listed, smallPolicy{rule: allRows}, smallPolicy{rule: allRows, columns: `"id", "email"`}, kindColumns},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.SQLite(t), c.live.load(t), seedWorld, shadowing(c.shadow.load(t), nil))
			n := 1.0
			if c.ask == asked {
				w.do("m", "POST", "/access/v1/evaluation", customerQuestion(w, "acme"))
			} else if a := w.get("m", "/v1/customers"); a.status != 200 {
				n++ // why there are none is a check
			}
			w.server.shadow.handled(t, n)
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

// odd is a decider that does what no engine should.
type odd struct{ do func() }

func (o odd) Decide(context.Context, *input.Input) policies.Decision {
	o.do()
	return policies.Decision{Allow: true, Outcome: outcomeAllow}
}

func (o odd) Evaluate(ctx context.Context, in *input.Input) policies.Decision {
	return o.Decide(ctx, in)
}

func (o odd) Plan(context.Context, *input.Input) *policies.Plan {
	o.do()
	return &policies.Plan{Filter: everything, Outcome: outcomeAllow}
}

var durations = regexp.MustCompile(`"timer_decision_ns":\d+|,"chain":\{[^}]*\}`)

// Every answer, header and entry of the decision log is the same beside a
// shadow that allows everything, panics, hangs or errs as it is without one.
func TestAShadowChangesNoAnswer(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	defer close(released)
	by := func(do func()) func(*shadow) {
		return func(h *shadow) { h.decider = func(*policies.Engine) decider { return odd{do} } }
	}
	permissive := smallPolicy{rule: allRows}.load(t)
	ask := func(t *testing.T, opts ...Option) (answers []string) {
		log := &coreLog{}
		w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld, append(opts, withSyncLog(log), WithIDs(func() string { return "D" }))...)
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
	w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld, shadowing(smallPolicy{rule: allRows}.load(t), func(h *shadow) {
		h.decider = func(*policies.Engine) decider { return odd{func() { <-released }} }
	}))
	h := w.server.shadow
	in := input.Input{Resource: input.Resource{Type: "customer"}}
	for range 2 * shadowQueue {
		h.add(shadowed{live: w.server.engines.Current(), by: h.engines.Current(), in: in})
	}
	if dropped := counted(h.metrics.dropped); dropped < 1 || dropped > shadowQueue {
		t.Errorf("%v dropped of %d, %d may wait", dropped, 2*shadowQueue, shadowQueue)
	}
	if a := w.get("m", "/v1/customers"); a.status != 200 {
		t.Errorf("answered %d", a.status)
	}
	h.close(time.Millisecond) // returns though the shadow does not
	h.add(shadowed{live: w.server.engines.Current(), by: h.engines.Current(), in: in})
	if dropped := counted(h.metrics.dropped); dropped < 2 {
		t.Errorf("%v dropped: what comes after the end is", dropped)
	}
}

// A write asks from within its transaction, so a full queue costs it nothing.
func TestAFullShadowReadsNoAccountTree(t *testing.T) {
	t.Parallel()
	h := &shadow{engines: &EngineHolder{}, sample: 1}
	h.engines.Swap(smallPolicy{rule: allRows}.load(t))
	h.metrics = newShadowMetrics(prometheus.NewRegistry(), h.engines)
	h.wake = sync.NewCond(&h.mu)
	read := 0
	in := input.Input{
		Subject:  input.Subject{Facts: &input.Facts{Below: func(string) bool { read++; return true }}},
		Resource: input.Resource{Type: "customer", Properties: map[string]any{"note": "text"}},
	}
	ask := func() {
		r := &session{s: &Server{shadow: h}}
		r.shadowCheck(&in, policies.Decision{}, false)
		r.shadowPlan(&in, &policies.Plan{})
	}
	if ask(); read == 0 {
		t.Fatal("nothing was read: nothing was tried")
	}
	read, h.waiting = 0, make([]shadowed, shadowQueue)
	if ask(); read != 0 || counted(h.metrics.dropped) != 2 {
		t.Errorf("%d reads, %v dropped", read, counted(h.metrics.dropped))
	}
	h.waiting, h.closed = nil, true
	if ask(); read != 0 || counted(h.metrics.dropped) != 4 {
		t.Errorf("at the end: %d reads, %v dropped", read, counted(h.metrics.dropped))
	}
}

func TestAShadowPanicsOnItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld, shadowing(smallPolicy{rule: allRows}.load(t), func(h *shadow) {
		h.decider = func(*policies.Engine) decider { return odd{func() { panic("odd") }} }
	}))
	for range 3 {
		w.get("m", "/v1/customers")
	}
	h := w.server.shadow
	h.handled(t, 3)
	if failed := counted(h.metrics.failed); failed != 3 {
		t.Errorf("%v failed", failed)
	}
}

func TestAShadowIsAskedAboutTheChangeAsItStoodThen(t *testing.T) {
	t.Parallel()
	change := &input.Change{Fields: []string{"rows"}, Before: map[string][]string{"cdr": {"read"}}}
	held := (&session{}).asAsked(nil, &input.Input{Action: input.Action{Name: "update", Change: change}})
	change.After, change.Fields = change.Before, nil
	if c := held.Action.Change; c.After != nil || len(c.Fields) != 1 {
		t.Errorf("asked about %+v", c)
	}
}

func TestOnlyTheSampleIsDecidedTwice(t *testing.T) {
	t.Parallel()
	engines := &EngineHolder{}
	h := &shadow{engines: engines, sample: 1}
	if h.picks() != nil {
		t.Error("picked without a policy to ask")
	}
	engines.Swap(smallPolicy{rule: allRows}.load(t))
	for sample, between := range map[float64][2]int{0: {0, 0}, 0.25: {350, 650}, 1: {2000, 2000}} {
		h.sample = sample
		picked := 0
		for range 2000 {
			if h.picks() != nil {
				picked++
			}
		}
		if picked < between[0] || picked > between[1] {
			t.Errorf("sample %v: %d of 2000", sample, picked)
		}
	}
}

func TestAShadowRestsForLongerThanItWorks(t *testing.T) {
	t.Parallel()
	var rested time.Duration
	h := &shadow{engines: &EngineHolder{}, share: 0.1, sleep: func(d time.Duration) { rested += d }}
	h.engines.Swap(smallPolicy{rule: allRows}.load(t))
	h.metrics = newShadowMetrics(newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld).server.registry, h.engines)
	h.log = &shadowLog{}
	var worked time.Duration
	h.decider = func(*policies.Engine) decider {
		return odd{func() {
			for began := time.Now(); ; {
				if took := time.Since(began); took > 3*shadowBurst {
					worked += took
					return
				}
			}
		}}
	}
	same := policies.Decision{Allow: true, Outcome: outcomeAllow}
	d := shadowed{by: h.engines.Current(), check: same}
	h.work([]shadowed{d, d, d}, false)
	if rested < 8*worked {
		t.Errorf("worked for %s, rested for %s: want nine times as long", worked, rested)
	}
}

func TestALoggedDisagreementHoldsBothDecisionsMaskedAndNothingElse(t *testing.T) {
	t.Parallel()
	log := &coreLog{}
	live := smallPolicy{rule: noRows, reason: "live_reason", mask: `"/result/columns"`}
	w := newWorld(t, storetest.SQLite(t), live.load(t), seedWorld, WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		shadowing(smallPolicy{rule: allRows, columns: `"id", "notes"`}.load(t), nil))
	body := strings.Replace(customerQuestion(w, "acme"), `"context":{`, `"context":{"note":"planted-sent",`, 1)
	w.do("m", "POST", "/access/v1/evaluation", body)
	h := w.server.shadow
	h.handled(t, 1)
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
	if line.Area != "customer" || line.Kind != kindDenyToAllow || line.PolicyRevision != w.server.engines.Current().Revision() ||
		line.ShadowRevision != h.engines.Current().Revision() {
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
		w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld, WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
			shadowing(candidate.load(t), nil))
		for _, user := range []string{"m", "a", "b"} {
			for _, path := range []string{"/v1/customers", "/v1/customers/{acme}", "/v1/cards", "/v1/users", "/v1/groups", "/v1/accounts"} {
				w.get(user, path)
			}
			body := strings.Replace(customerQuestion(w, "acme"), `"context":{`, `"context":{"note":"planted-sent",`, 1)
			w.do(user, "POST", "/access/v1/evaluation", body)
		}
		w.server.shadow.handled(t, 21)
	}
	text := log.take()
	if !strings.Contains(text, "shadow disagrees") {
		t.Fatal("nothing was logged: nothing was tried")
	}
	if strings.Contains(strings.ToLower(text), "planted") {
		t.Errorf("the log holds a secret: %s", text)
	}
}

func TestTooManyDisagreementsAreCountedAndNotAllLogged(t *testing.T) {
	t.Parallel()
	log := &coreLog{}
	w := newWorld(t, storetest.SQLite(t), smallPolicy{rule: noRows}.load(t), seedWorld, WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		shadowing(smallPolicy{rule: allRows}.load(t), func(h *shadow) { h.share = 1 }))
	h := w.server.shadow
	in := input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "customer", Row: map[string]any{}}}
	for range 1000 {
		h.add(shadowed{live: w.server.engines.Current(), by: h.engines.Current(), in: in, check: policies.Decision{Outcome: outcomeDeny, Reasons: []string{"no"}}})
	}
	h.handled(t, 1000)
	if n := strings.Count(log.take(), "shadow disagrees"); n < shadowLines || n > 900 {
		t.Errorf("%d lines for 1000 disagreements", n)
	}
}
