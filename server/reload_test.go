package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
)

// side is a policy of the reload tests. The two sides differ in what they allow,
// show, filter, give as reasons and erase from the decision log.
type side struct {
	name, where, columns, erased string
}

var (
	sideA = side{"a", `input.resource.name != "bolt"`, `"id", "name", "prefix"`, "/input/subject/groups"}
	sideB = side{"b", `input.resource.name == "bolt"`, `"id", "status", "prefix", "cost"`, "/input/action/name"}
)

const sideRego = `package reseller.main

default allow := false

allow if input.resource.type in {"card", "rate"}

allow if {
	input.resource.type == "customer"
	%s
}

decision["allow"] := allow

decision["reasons"] := reasons

decision["view"] := view if allow

decision["columns"] := columns if allow

view := "customer" if input.resource.type

columns contains name if some name in {%s}

reasons contains "by_%s" if not allow
`

func (s side) load(t testing.TB) *policies.Engine {
	t.Helper()
	tree := fstest.MapFS{
		"reseller/main/main.rego": {Data: fmt.Appendf(nil, sideRego, s.where, s.columns, s.name)},
		"system/log/log.rego":     {Data: fmt.Appendf(nil, "package system.log\n\nmask := {%q}\n", s.erased)},
	}
	e, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	return e
}

// reloadAsked are the requests of the reload tests.
var reloadAsked = map[string]func(w *world) answered{
	"an evaluation": func(w *world) answered {
		body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer","id":%q},"context":{"reasons":true}}`,
			w.id("m"), w.id("bolt"))
		return w.do("m", "POST", "/access/v1/evaluation", body)
	},
	"a list":   func(w *world) answered { return w.get("m", "/v1/customers?count=true") },
	"one row":  func(w *world) answered { return w.get("m", "/v1/customers/{mega}") },
	"a stream": func(w *world) answered { return w.do("m", "GET", "/v1/cards/{gold}/rates", "", "Accept", mediaNDJSON) },
	"a file":   func(w *world) answered { return w.do("m", "GET", "/v1/cards/{gold}/rates", "", "Accept", mediaCSV) },
}

// said is the part of an answer that depends on the policy, without its ids.
func said(a answered) string {
	return fmt.Sprintf("%d %s %s", a.status, a.header.Get("ETag"), decisionIDs.ReplaceAllString(a.body, ""))
}

// alone returns the answer to each request under each policy alone.
func alone(t *testing.T, w *world, engines ...*policies.Engine) map[string]map[string]string {
	t.Helper()
	answers := map[string]map[string]string{}
	for _, e := range engines {
		w.server.engines.Swap(e)
		answers[e.Revision()] = map[string]string{}
		for name, ask := range reloadAsked {
			a := ask(w)
			if got := a.header.Get(headerPolicy); got != e.Revision() {
				t.Fatalf("%s: decided by %s, said %q", name, e.Revision(), got)
			}
			answers[e.Revision()][name] = said(a)
		}
	}
	return answers
}

// A request stays with the policy that it began with. The values that it caches
// after another policy came into force are never served under that policy.
func TestAFillThatRacesAReloadIsNotServedUnderTheNewRevision(t *testing.T) {
	t.Parallel()
	for name, ask := range reloadAsked {
		t.Run(name, func(t *testing.T) {
			g := &stopClock{}
			log := &coreLog{}
			a, b := sideA.load(t), sideB.load(t)
			w := newWorld(t, carriers.SQLite(t), a, seedWorld, WithClock(g.now), withSyncLog(log))
			want := alone(t, w, sideA.load(t), sideB.load(t)) // separate engines, so that a and b stay cold
			if want[a.Revision()][name] == want[b.Revision()][name] {
				t.Fatalf("both policies answer alike: %s", want[a.Revision()][name])
			}
			w.server.engines.Swap(a)
			log.take()
			g.close()
			began := make(chan answered, 1)
			go func() { began <- ask(w) }()
			<-g.entered // the old policy's request is about to fill the caches
			w.server.engines.Swap(b)
			during := ask(w)
			close(g.release)
			before := <-began
			after := ask(w)
			for i, got := range []answered{before, during, after} {
				revision := []string{a.Revision(), b.Revision(), b.Revision()}[i]
				if got.header.Get(headerPolicy) != revision || said(got) != want[revision][name] {
					t.Errorf("answer %d under %s:\n%s\nwant under %s:\n%s", i, got.header.Get(headerPolicy), said(got), revision, want[revision][name])
				}
			}
			checkErased(t, log, a, b)
		})
	}
}

// checkErased checks every log entry against the mask of the revision that it
// names.
func checkErased(t *testing.T, log *coreLog, a, b *policies.Engine) {
	t.Helper()
	seen, profiles := map[string]int{}, map[string][]any{}
	for line := range strings.Lines(log.withProfiles()) {
		var entry struct {
			Event, Hash    string
			Groups         []any  // of a profile
			PolicyRevision string `json:"policy_revision"`
			Input          struct {
				Subject struct{ Profile string }
				Action  struct{ Name *string }
			}
			Erased []string
		}
		must(t, json.Unmarshal([]byte(line), &entry))
		if entry.Event != "" {
			profiles[entry.Hash] = entry.Groups
			continue
		}
		seen[entry.PolicyRevision]++
		groups, action := profiles[entry.Input.Subject.Profile] != nil, entry.Input.Action.Name != nil
		want := map[string][3]any{
			a.Revision(): {false, true, sideA.erased}, b.Revision(): {true, false, sideB.erased},
		}[entry.PolicyRevision]
		if len(entry.Erased) != 1 || want != [3]any{groups, action, entry.Erased[0]} {
			t.Errorf("masked by another policy than the one it names: %s", line)
		}
	}
	if seen[a.Revision()] == 0 || seen[b.Revision()] == 0 {
		t.Errorf("entries by revision: %v", seen)
	}
}

// withSyncLog makes the server write the decision log at once.
func withSyncLog(log *coreLog) Option {
	return func(s *Server) {
		WithDecisionWriter(log)(s)
		s.cfg.DecisionLogMode = "sync"
	}
}

// stopClock is a clock that can stop the first request that reads it.
type stopClock struct {
	armed            atomic.Bool
	entered, release chan struct{}
}

func (g *stopClock) close() {
	g.entered, g.release = make(chan struct{}), make(chan struct{})
	g.armed.Store(true)
}

func (g *stopClock) now() time.Time {
	if g.armed.CompareAndSwap(true, false) {
		close(g.entered)
		<-g.release
	}
	return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
}

func TestNoAnswerMixesTwoRevisionsUnderLoad(t *testing.T) {
	t.Parallel()
	log := &coreLog{}
	a, b := sideA.load(t), sideB.load(t)
	w := newWorld(t, carriers.SQLite(t), a, seedWorld, withSyncLog(log))
	want := alone(t, w, a, b)
	log.take()
	stop := make(chan struct{})
	var reloading, asking sync.WaitGroup
	reloading.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				w.server.engines.Swap([]side{sideA, sideB}[i%2].load(t)) // with cold caches each time
			}
		}
	})
	mixed := make(chan string, 1024)
	revisions := map[string]*atomic.Int64{a.Revision(): {}, b.Revision(): {}}
	for range 4 {
		asking.Go(func() {
			for range 25 {
				for name, ask := range reloadAsked {
					got := ask(w)
					revision := got.header.Get(headerPolicy)
					revisions[revision].Add(1)
					if said(got) != want[revision][name] {
						select {
						case mixed <- fmt.Sprintf("%s under %s: %s", name, revision, said(got)):
						default:
						}
					}
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	reloading.Wait()
	close(mixed)
	for text := range mixed {
		t.Error(text)
	}
	if revisions[a.Revision()].Load() == 0 || revisions[b.Revision()].Load() == 0 {
		t.Errorf("one policy answered everything: %v", revisions)
	}
	checkErased(t, log, a, b)
}

func TestTheServerIsReadyWithTheLastGoodPolicyAndNotBeforeTheFirst(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	ready := func(want int) {
		t.Helper()
		a := knock(t, s, "GET", "/readyz", "")
		if a.StatusCode != want || strings.Contains(a.text, "polic") {
			t.Errorf("readyz: %d %s", a.StatusCode, a.text)
		}
	}
	old := s.engines.Swap(nil)
	ready(http.StatusServiceUnavailable)
	if a := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered without a policy: %d %s", a.StatusCode, a.text)
	}
	s.engines.Swap(old)
	ready(http.StatusOK)
	s.PolicyLoaded(context.DeadlineExceeded)
	ready(http.StatusOK)
}

func TestTheMetricsShowOnePolicyTheOneInForce(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	for _, e := range []*policies.Engine{sideA.load(t), sideB.load(t)} {
		s.engines.Swap(e)
		text := []byte(knock(t, s, "GET", "/metrics", "").text)
		if bytes.Count(text, []byte("resellerd_policy_info{")) != 1 || !bytes.Contains(text, []byte(e.Revision())) {
			t.Errorf("not %s alone: %s", e.Revision(), text)
		}
	}
}
