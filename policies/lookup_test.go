package policies_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
)

const lookupRules = `allow if {
	data.resellers[input.subject.account.id].plan == "gold"
	input.resource.kind == "customer"
}

allow if {
	settings := data.resellers[input.subject.account.id]
	input.resource.name == settings.shown[_]
}

allow if {
	id := input.subject.user.external_id
	id in data.vips.list
	not input.resource.public_name
}

allow if {
	object.get(data.resellers, input.subject.account.id, {"plan": "none"}).plan == "none"
	input.resource.currency == "GBP"
}

allow if {
	some kind in data.plans[data.resellers[input.subject.account.id].plan].kinds
	input.resource.kind == kind
	not input.subject.account.id in data.vips.list
}

allow if {
	not data.resellers[input.subject.account.id].plan
	not silver
	input.resource.direction == "origination"
}

silver if data.resellers[input.subject.account.id].plan == "silver"
`

// lookupTree is a tree whose rules look up n accounts in the data.
func lookupTree(t testing.TB, n int) map[string]string {
	resellers := map[string]any{
		"acc_r1": map[string]any{"plan": "gold", "shown": []string{"a"}},
		"acc_s1": map[string]any{"plan": "silver", "shown": []string{"b", "a%"}},
		"acc_m1": map[string]any{"shown": []string{}},
	}
	vips := []string{"acc_m2", "acc_r1"}
	for i := range n {
		id := fmt.Sprintf("acc_%d", i)
		resellers[id] = map[string]any{"plan": []string{"gold", "silver", "iron"}[i%3], "shown": []string{"b"}}
		vips = append(vips, id)
	}
	files := main(lookupRules)
	for name, v := range map[string]any{
		"resellers/data.json": resellers, "vips/data.json": map[string]any{"list": vips},
		"plans/data.json": map[string]any{"gold": map[string]any{"kinds": []string{"provider"}}, "iron": map[string]any{"kinds": []string{}}},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}

func TestLookUpsByTheSubjectDecideAsTheyEvaluate(t *testing.T) {
	for _, n := range []int{0, 40, 3000} {
		engine := load(t, lookupTree(t, n))
		r := rand.New(rand.NewPCG(uint64(n), 5))
		var found tally
		for range 40 {
			compare(t, engine, policiestest.Input(r, "card"), policiestest.Rows(r, "card", 12), &found)
		}
		if found.allowed == 0 || found.denied == 0 {
			t.Errorf("%d allowed, %d denied: it tells nothing", found.allowed, found.denied)
		}
		if count := engine.CompileTimes()["partial"].Count; count > 0 {
			t.Errorf("%d plans lack rules", count)
		}
	}
}

// Users with equal values share a plan, however many accounts the data has.
func TestUsersWithEqualValuesShareAPlan(t *testing.T) {
	files := lookupTree(t, 300)
	files["reseller/main/main.rego"] = plainDecision + "allow if {\n\tdata.resellers[input.subject.account.id].plan == input.resource.kind\n}\n"
	engine := load(t, files)
	for i := range 300 {
		if d := engine.Decide(context.Background(), policiestest.WithRow(inData(i), map[string]any{"kind": "gold"})); d.Allow != (i%3 == 0) {
			t.Fatalf("account %d: %+v", i, d)
		}
	}
	if n := engine.CompileTimes()["plan"].Count; n > 4 {
		t.Errorf("%d plans for three values", n)
	}
}

// inData is a question of a user whose account is in the data of lookupTree.
func inData(i int) *input.Input {
	id := fmt.Sprintf("acc_%d", i)
	facts := input.Facts{Account: input.AccountFacts{ID: id, Kind: "reseller", Status: "active", Depth: 1}, Groups: []input.Group{{ID: "grp_1"}},
		User: map[string]any{"id": "usr_" + id, "status": "active", "external_id": id}}
	return &input.Input{Subject: input.Subject{Type: "user", ID: "usr_" + id, Facts: input.NewFacts(facts)},
		Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "card", ID: "crd_1"}}
}

func TestLookUpsByAColumnAreBoundUpToASize(t *testing.T) {
	for name, rule := range map[string]string{
		"by key":  "data.resellers[input.resource.account_id]",
		"by plan": `data.resellers[input.resource.account_id].plan == "gold"`,
		"in list": "input.resource.account_id in data.vips.list",
		"an item": "input.resource.account_id == data.vips.list[_]",
		"hidden":  "input.subject.user.external_id == \"x\"\n\tdata.resellers[input.resource.account_id]",
	} {
		files := lookupTree(t, 1500)
		files["reseller/main/main.rego"] = plainDecision + "allow if {\n\tinput.resource.kind == \"customer\"\n\t" + rule + "\n}\n"
		_, err := policies.Load(context.Background(), tree(files), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
		line := 9 + strings.Count(rule, "\n")
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("main.rego:%d: ", line)) || !strings.Contains(err.Error(), "a filter can bind 1000") {
			t.Errorf("%s: %v", name, err)
		}
	}
	files := lookupTree(t, 900)
	files["reseller/main/main.rego"] = plainDecision + "allow if data.resellers[input.resource.account_id].plan == \"gold\"\n"
	engine := load(t, files)
	var found tally
	r := rand.New(rand.NewPCG(1, 9))
	compare(t, engine, policiestest.Input(r, "card"), policiestest.Rows(r, "card", 40), &found)
	if found.allowed == 0 || found.denied == 0 {
		t.Errorf("%d allowed, %d denied", found.allowed, found.denied)
	}
}

// A rule that only a user of the data reaches is tried, and the places are named.
func TestLoadTriesUsersOfTheData(t *testing.T) {
	files := lookupTree(t, 10)
	engine := load(t, files)
	if places := engine.LookUps(); len(places) != 5 || places[0].File != "reseller/main/main.rego" || places[0].Line != 8 ||
		!strings.HasSuffix(places[0].Message, "looks up data.resellers[input.subject.account.id].plan") {
		t.Errorf("looked up at %v", places)
	}
	files["reseller/main/main.rego"] = plainDecision + `allow if {
	some a in input.resource.assigned_to
	some limit in data.resellers[input.subject.account.id].limits
	a < limit
}
`
	files["resellers/data.json"] = `{"acc_7": {"limits": [7]}}`
	_, err := policies.Load(context.Background(), tree(files), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "main.rego:10: ") {
		t.Errorf("loaded with %v", err)
	}
}

func BenchmarkLookUpLoad(b *testing.B) {
	for _, n := range []int{10, 50_000} {
		files := tree(lookupTree(b, n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				engine, err := policies.Load(context.Background(), files, policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
				began := time.Now()
				engine.Decide(context.Background(), policiestest.WithRow(inData(3), map[string]any{"kind": "customer"}))
				b.ReportMetric(float64(time.Since(began).Microseconds())/1e3, "ms-first")
				b.StartTimer()
			}
		})
	}
}

func BenchmarkLookUpDecision(b *testing.B) {
	for _, n := range []int{10, 50_000} {
		engine, err := policies.Load(context.Background(), tree(lookupTree(b, n)), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		row := map[string]any{"kind": "customer", "name": "x"}
		in := policiestest.WithRow(inData(3), row)
		b.Run(fmt.Sprintf("warm of %d", n), func(b *testing.B) {
			for b.Loop() {
				engine.Decide(context.Background(), in)
			}
		})
	}
}
