package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/store"
)

// planOf previews a file and returns the plan.
func (w *world) planOf(user, card, query, file string) string {
	w.t.Helper()
	got, report := w.importInto(user, card, query, file)
	if got.status != 200 || report.Plan == "" || report.PlanUntil == nil {
		w.t.Fatalf("%d %s", got.status, got.body)
	}
	return report.Plan
}

func TestAPlanWritesWhatItsPreviewShowed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		revisions, rates := w.draftsOf("retail")
		plan := w.planOf("a", "retail", "mode=replace&pulse=6", "prefix,cost\n49,0.01\n44,0.03\n4x,0.03\n")
		if other := w.planOf("a", "retail", "mode=replace&pulse=7", "prefix,cost\n49,0.01\n44,0.03\n4x,0.03\n"); other == plan {
			t.Error("another pulse has the same plan")
		}
		apply := func(user, card, query, body string, headers ...string) (answered, importBody) {
			return w.importInto(user, card, "plan="+plan+query, body, headers...)
		}
		for name, refused := range map[string]func() answered{
			"refused lines":    func() answered { got, _ := apply("a", "retail", "&apply=true", ""); return got },
			"an option":        func() answered { got, _ := apply("a", "retail", "&apply=true&pulse=6", ""); return got },
			"a body":           func() answered { got, _ := apply("a", "retail", "&apply=true", deckOne); return got },
			"for another card": func() answered { got, _ := apply("a", "bulk", "&apply=true", ""); return got },
		} {
			if got := refused(); got.status != 422 && (name != "for another card" || got.status != 404) {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		got, report := apply("a", "retail", "&apply=true&skip_refused=true", "", headerIdempotency, "once")
		if got.status != 200 || !report.Applied || report.Plan != "" || report.Revisions[0].ID == "" || report.Mode != "replace" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if again, _ := apply("a", "retail", "&apply=true&skip_refused=true", "", headerIdempotency, "once"); again.body != got.body {
			t.Errorf("again: %d %s", again.status, again.body)
		}
		if r, n := w.draftsOf("retail"); r != revisions+1 || n != rates+2 {
			t.Errorf("%d revisions and %d rates more", r-revisions, n-rates)
		}
		w.server.plans.expire(w.server.now().Add(planTime))
		if got, _ := apply("a", "retail", "&apply=true&skip_refused=true", "", headerIdempotency, "once"); got.status != 200 {
			t.Errorf("the repetition needs the plan: %d %s", got.status, got.body)
		}
		if got, _ := apply("a", "retail", "&apply=true&skip_refused=true", ""); got.status != 422 || !strings.Contains(got.body, "Preview the file again") {
			t.Errorf("after an hour: %d %s", got.status, got.body)
		}
	})
}

func TestAPlanIsRefusedWhenItsBaseHasChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		activate := func(file string) string {
			_, report := w.importInto("a", "retail", "mode=replace&apply=true", file)
			w.write(w.id("M"), func(tx *store.Tx) error {
				_, err := tx.ActivateAtLoss(tctx, store.AllRates, w.id("retail"), report.Revisions[0].ID)
				return err
			})
			return report.Revisions[0].ID
		}
		base := activate(deckOne)
		whole, part := w.planOf("a", "retail", "mode=replace", deckOne), w.planOf("a", "retail", "mode=amend&base="+base, "prefix,cost\n49,0.02\n")
		activate("prefix,name,cost,mcd,pulse\n49,Germany,0.011,1,1\n")
		for _, plan := range []string{whole, part} {
			if got, _ := w.importInto("a", "retail", "apply=true&plan="+plan, ""); got.status != 409 || !strings.Contains(got.body, `"reasons":["plan_changed"]`) {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})
}

// The profile is a part of what the preview showed, whether its change leads to other rates or to a fault.
func TestAPlanIsRefusedWhenItsProfileHasChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const file = "prefix,cost\n49,0.012\n"
		for n, rules := range []string{
			`{"kind":"customer","options":[{"parameter":"pulse","value":"60"}]}`,
			`{"kind":"customer","options":[{"parameter":"mcd","value":"60"}]}`,
			`{"kind":"customer","options":[{"parameter":"delimiter","value":";"}]}`,
			`{"kind":"customer","limits":{"row":7}}`,
		} {
			path := fmt.Sprintf("/v1/import-profiles/p%d", n)
			w.do("a", "PUT", path, `{"kind":"customer"}`).want(200)
			plan := w.planOf("a", "retail", fmt.Sprintf("mode=replace&profile=p%d", n), file)
			w.do("a", "PUT", path, rules).want(200)
			if got, _ := w.importInto("a", "retail", "apply=true&plan="+plan, ""); got.status != 409 || !strings.Contains(got.body, `"reasons":["plan_changed"]`) {
				t.Errorf("%s: %d %s", rules, got.status, got.body)
			}
		}
	})
}

// The draft of the first application is another amendment of the same prefixes.
func TestAPlanThatIsAppliedTwiceHasChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		_, report := w.importInto("a", "retail", "mode=replace&apply=true", deckOne)
		base := report.Revisions[0].ID
		w.write(w.id("M"), func(tx *store.Tx) error {
			_, err := tx.ActivateAtLoss(tctx, store.AllRates, w.id("retail"), base)
			return err
		})
		plan := w.planOf("a", "retail", "mode=amend&base="+base, "prefix,cost\n49,0.02\n")
		if got, _ := w.importInto("a", "retail", "apply=true&plan="+plan, ""); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for _, apply := range []string{"apply=true&", ""} {
			if got, _ := w.importInto("a", "retail", apply+"plan="+plan, ""); got.status != 409 || !strings.Contains(got.body, `"reasons":["plan_changed"]`) {
				t.Errorf("%q again: %d %s", apply, got.status, got.body)
			}
		}
	})
}

// An account keeps few plans, and small ones. The oldest make room.
func TestPlansAreBounded(t *testing.T) {
	t.Parallel()
	k := importPlans{disk: newDisk(40 * leastPlan)}
	for n := range 20 {
		if !k.keepSized(t, "a", n, 1) {
			t.Fatalf("plan %d is not kept", n)
		}
	}
	if k.use("b", "", "19", planNow) != nil || k.use("a", "other", "19", planNow) != nil {
		t.Error("a plan of another user, or for another card")
	}
	if k.count("a") != 10 || k.use("a", "", "9", planNow) != nil || k.use("a", "", "10", planNow) == nil {
		t.Errorf("%d plans", k.count("a"))
	}
	if k.keepSized(t, "a", 20, 10*leastPlan+1) || k.count("a") != 0 {
		t.Errorf("a file that is too large is kept; %d plans", k.count("a"))
	}
	k.disk.each = k.disk.all
	for n := range 20 {
		k.keepSized(t, "b", n, 1)
	}
	if k.count("b") != accountPlans {
		t.Errorf("%d plans of b", k.count("b"))
	}
	k.expire(planNow.Add(planTime))
	if len(k.kept) != 0 || k.disk.sum != leastPlan { // one is in use
		t.Errorf("%d plans, %d bytes", len(k.kept), k.disk.sum)
	}
}

// Accounts that use all space lose plans before an account with few plans does, and do
// not keep it from getting one.
func TestPlansOfOthersTakeNoRoom(t *testing.T) {
	t.Parallel()
	k := importPlans{disk: newDisk(40 * leastPlan)}
	for account := range 4 {
		for n := range 10 {
			k.keepSized(t, fmt.Sprint("b", account), n, leastPlan)
		}
	}
	for account := range 36 {
		if !k.keepSized(t, fmt.Sprint("small", account), 1, 1) {
			t.Fatalf("no plan for account %d", account)
		}
	}
	if len(k.kept) != 40 || k.disk.sum != 40*leastPlan {
		t.Errorf("%d plans, %d bytes", len(k.kept), k.disk.sum)
	}
	for account := range 36 {
		if k.count(fmt.Sprint("small", account)) != 1 {
			t.Errorf("account %d lost its plan", account)
		}
	}
	for account := range 4 {
		if k.count(fmt.Sprint("b", account)) != 1 {
			t.Errorf("account b%d has %d plans", account, k.count(fmt.Sprint("b", account)))
		}
	}
	if k.keepSized(t, "late", 1, 1) || k.keepSized(t, "small0", 2, 1) && k.count("small0") != 1 {
		t.Error("a plan found room where all have one")
	}
}

var planNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// keepSized keeps a plan with a file of this size, and reports whether it is kept.
func (k *importPlans) keepSized(t *testing.T, account string, n int, size int64) bool {
	t.Helper()
	file, err := nameless("resellerd-test-*")
	must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	kept, _ := k.keep(&importPlan{id: fmt.Sprint(n), user: account, account: account, upload: importUpload{file: &spool{File: file, size: size}}, until: planNow.Add(planTime)}, planNow)
	return kept
}
