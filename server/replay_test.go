package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/policiestest/depth"
	"resellerd/server/replay"
	"resellerd/store/storetest"
)

// recordTwin sends random requests to a server with a twin's world, and returns
// its decision log.
func recordTwin(t *testing.T, viewer twinViewer, requests int, change func(*asked, int)) []byte {
	t.Helper()
	w := newTwinStore(t, storetest.SQLite(t), viewer, 5, 1)
	held, log := &EngineHolder{}, &bytes.Buffer{}
	held.Swap(engineOf(t, viewer.maxDepth))
	s, err := New(Config{PanelTokens: worldToken, DecisionLogMode: "sync", Limits: patient}, w.store, held, WithClock(w.clock),
		WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), WithDecisionWriter(log))
	must(t, err)
	w.server = s
	q := newRequests(viewer, 11)
	for range requests {
		a := q.next()
		change(&a, q.n)
		q.seen(a, w.ask(q.n, a))
	}
	return log.Bytes()
}

func replayed(t *testing.T, e *policies.Engine, log []byte) *replay.Report {
	t.Helper()
	r, err := replay.Run(context.Background(), e, []replay.Source{{Name: "log", Reader: bytes.NewReader(log)}}, replay.Options{})
	must(t, err)
	if r.Unreadable > 0 {
		t.Fatalf("%d entries cannot be read: %s", r.Unreadable, r.FirstFault)
	}
	return r
}

// Every decision, on every route, has the same result when the same policy
// decides it again from its log entry.
func TestReplayUnderTheSamePolicyFlipsNothing(t *testing.T) {
	oneAtATime(t)
	fresh, total, kinds := map[int]*policies.Engine{}, 0, map[string]int{}
	viewers := viewersOf(t)
	for i, viewer := range viewers {
		log := recordTwin(t, viewer, depth.Runs(100), func(a *asked, n int) {
			if n%3 == 0 {
				a.header = append(a.header, headerClientIP, "192.0.2.7")
			}
			if n%11 == 0 && a.method == "GET" {
				a.header = append(a.header, headerAs, idOf("user", "user A.user"))
			}
		})
		if fresh[viewer.maxDepth] == nil {
			tree, err := treeWithDepth(viewer.maxDepth)
			must(t, err)
			fresh[viewer.maxDepth], err = policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
			must(t, err)
		}
		r := replayed(t, fresh[viewer.maxDepth], log)
		networks := 0 // decisions on a user to whom a request gave networks
		for masked, n := range r.Undecidable {
			if strings.Contains(masked, "input.subject.user.ip_allow") {
				networks += n
			}
		}
		if r.Flipped != 0 || r.Open() != networks || networks > r.Entries/20 || r.Same+r.Refusals+networks != r.Entries {
			for _, g := range r.Groups {
				t.Errorf("viewer %d: %+v", i, *g)
			}
			t.Errorf("viewer %d: %+v", i, r)
		}
		total += r.Entries
		for _, mark := range []string{`"allow":true`, `"allow":false`, `"filter":`, `"access":`, `"decided_as":"absent"`, `"change":`, `"outcome":"error"`} {
			kinds[mark] += strings.Count(string(log), mark)
		}
	}
	t.Logf("%d decisions: %v", total, kinds)
	if total < depth.Runs(100)*len(viewers) {
		t.Errorf("%d decisions tell little", total)
	}
}

// A policy with one different rule changes only the decisions of that rule.
// Masked values are not guessed.
func TestReplayUnderAnotherPolicyTellsWhatFlips(t *testing.T) {
	oneAtATime(t)
	viewer := twinViewers[0]
	log := recordTwin(t, viewer, 300, func(a *asked, _ int) { a.header = append(a.header, headerClientIP, "192.0.2.7") })
	load := func(file, old, new string) *policies.Engine {
		tree, err := treeWithDepth(viewer.maxDepth)
		must(t, err)
		text := string(tree.(fstest.MapFS)[file].Data)
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %s", file, old)
		}
		tree.(fstest.MapFS)[file].Data = []byte(strings.Replace(text, old, new, 1))
		e, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Timeout: time.Minute})
		must(t, err)
		return e
	}
	stricter := load("reseller/subject/subject.rego", "admitted if {", "admitted if {\n\tinput.action.name == \"read\"\n")
	if r := replayed(t, stricter, log); r.Kinds[replay.AllowToDeny] == 0 || r.Kinds[replay.DenyToAllow] > 0 || len(r.Undecidable) > 0 {
		t.Errorf("read-only: %+v", r)
	}
	asking := load("reseller/subject/subject.rego", "admitted if {", "admitted if {\n\tinput.context.client_ip != \"10.0.0.1\"\n")
	if r := replayed(t, asking, log); r.Undecidable["input.context.client_ip"] < r.Entries/2 || r.Flipped > 0 {
		t.Errorf("asking for what was masked: %+v", r)
	}
	hides := load("reseller/resource/customer/customer.rego", `"email", `, "")
	if r := replayed(t, hides, log); r.Kinds[replay.Columns] == 0 || r.Kinds[replay.AllowToDeny] > 0 {
		t.Errorf("hiding emails: %+v", r)
	}
}

// The masked networks of a user are not guessed. Decisions that depend on them
// are undecidable; other users' decisions are not.
func TestReplayDoesNotGuessTheNetworksOfAUser(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, WithEntryHook(func(line []byte) { log.Write(line) }))
	w.do("m", "PATCH", "/v1/users/{a2}", `{"ip_allow":["192.0.2.0/24"]}`).want(200)
	for _, ip := range []string{"192.0.2.7", "198.51.100.7"} {
		log.Reset()
		w.do("a2", "GET", "/v1/customers/{acme}", "", headerClientIP, ip)
		w.do("a2", "GET", "/v1/customers", "", headerClientIP, ip)
		if r := replayed(t, engineOf(t, 1), log.Bytes()); r.Flipped > 0 || r.Open() == 0 || r.Open() != r.Entries-r.Refusals {
			t.Errorf("from %s: %+v\n%s", ip, r, log)
		}
		if strings.Contains(log.String(), ip) || strings.Contains(log.String(), "192.0.2.0") {
			t.Errorf("an address is in the log: %s", log)
		}
		log.Reset()
		w.do("a", "GET", "/v1/customers/{acme}", "", headerClientIP, ip).want(200)
		if r := replayed(t, engineOf(t, 1), log.Bytes()); r.Same == 0 || r.Same != r.Entries {
			t.Errorf("one without networks, from %s: %+v", ip, r)
		}
	}
}
