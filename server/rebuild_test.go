package server

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/server/session"
	"resellerd/server/transport"
	"resellerd/store"
	"resellerd/store/schema"
)

// engineBut is the embedded policy with a text in one of its files replaced.
func engineBut(t *testing.T, file, text, by string) *policies.Engine {
	t.Helper()
	tree, err := treeWithDepth(1)
	must(t, err)
	files := tree.(fstest.MapFS)
	if !strings.Contains(string(files[file].Data), text) {
		t.Fatalf("%s does not hold %q", file, text)
	}
	files[file] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(files[file].Data), text, by))}
	engine, err := policies.Load(context.Background(), files, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	return engine
}

// eachDatabase runs a test with a world under a policy, on both databases; in
// quick tests, on one.
func eachDatabase(t *testing.T, engine *policies.Engine, test func(t *testing.T, fresh func() *world)) {
	t.Helper()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			test(t, func() *world { return newWorld(t, url(t), engine, seedWorld) })
		})
	}
}

// resold creates active cards of A that are built from gold, with this currency
// and public name.
func (w *world) resold(currency, public string, names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.write(w.id("M"), func(tx *store.Tx) error {
			card, parent := store.NewCard(), store.Parent{CardID: w.id("gold")}
			card.AccountID, card.Kind, card.Name, card.Currency, card.PublicName = w.id("A"), schema.CustomerCard, name, currency, public
			if currency != "EUR" {
				parent.Exchange = "2"
			}
			w.name(name)
			card, err := tx.CreateCard(tctx, card)
			if err == nil {
				err = tx.SetParents(tctx, store.AllRates, card.ID, []store.Parent{parent})
			}
			if err == nil {
				err = activateBuilt(tx, card.ID)
			}
			return err
		})
	}
}

func activateBuilt(tx *store.Tx, card string) error {
	built, err := tx.BuildRevision(tctx, store.AllRates, card)
	if err == nil {
		_, err = tx.ActivateAtLoss(tctx, store.AllRates, card, built.Revision.ID)
	}
	return err
}

// reprice activates other rates of gold. Cards that are built from it become
// stale.
func (w *world) reprice(cost int64) {
	w.t.Helper()
	w.pass(time.Second)
	w.write(w.id("M"), func(tx *store.Tx) error {
		revision, err := tx.CreateRevision(tctx, w.id("gold"), func(yield func(store.Rate, error) bool) {
			yield(store.Rate{Prefix: "49", Name: "Germany", Cost: cost, Pulse: 1}, nil)
		})
		if err == nil {
			_, err = tx.ActivateAtLoss(tctx, store.AllRates, w.id("gold"), revision.ID)
		}
		return err
	})
	w.pass(time.Second)
}

// rebuilt is the answer to a rebuild.
type rebuilt struct {
	Cards, Built, Refused int
	Already               int `json:"already_built"`
	Items                 []struct {
		CardID     string `json:"card_id"`
		RevisionID string `json:"revision_id"`
		Result     string
		Status     string
		Reasons    []string
	}
}

// rebuild rebuilds as user a, and returns the result for each card.
func (w *world) rebuild(body string) (total rebuilt, results []string) {
	w.t.Helper()
	must(w.t, json.Unmarshal([]byte(w.do("a", "POST", "/v1/cards/rebuild", body).want(200).body), &total))
	for _, one := range total.Items {
		results = append(results, one.Result)
	}
	return total, results
}

var revisionIDs = regexp.MustCompile(`rev_[a-z0-9]+`)

// hushing hides own cards from resellers, but not the cards that they are bought
// from.
const cardRego, hushed, hushing = "reseller/resource/card/card.rego", "reach.subtree\n\tinput.resource.kind == \"customer\"",
	hushed + "\n\tnot input.resource.public_name == \"hush\""

// Two worlds differ in stale cards of the own account that the policy hides from
// the user. A rebuild tells the user no difference, and does not change the
// hidden cards.
func TestARebuildNeitherTellsOfNorTouchesOwnCardsThatThePolicyHides(t *testing.T) {
	oneAtATime(t)
	eachDatabase(t, engineBut(t, cardRego, hushed, hushing), func(t *testing.T, fresh func() *world) {
		bare, more := fresh(), fresh()
		hidden := []string{"hush1", "hush2", "hush3"}
		more.resold("EUR", "hush", hidden...)
		for _, w := range []*world{bare, more} {
			w.resold("EUR", "", "open1", "open2")
			w.reprice(200_000_000)
		}
		if n := len(staleOf(more)) - len(staleOf(bare)); n != len(hidden) {
			t.Fatalf("%d more are stale", n)
		}
		for i, c := range []struct{ body, accept string }{
			{`{}`, ""}, {`{}`, mediaNDJSON}, {`{"ids":["{hush1}","{open1}"]}`, ""}, {`{"ids":["{hush1}"]}`, mediaNDJSON}, {`{"ids":[]}`, ""},
			{`{"ids":["{hush1}","{open2}"],"activate":true}`, ""}, {`{"activate":true}`, mediaNDJSON}, {`{"activate":true}`, ""},
		} {
			// The bare world has no hidden cards, so it gets the ids from the
			// other world.
			body := more.expand(c.body)
			one := bare.do("a", "POST", "/v1/cards/rebuild", body, "Accept", c.accept).want(200)
			two := more.do("a", "POST", "/v1/cards/rebuild", body, "Accept", c.accept).want(200)
			if a, b := revisionIDs.ReplaceAllString(one.alike(), ""), revisionIDs.ReplaceAllString(two.alike(), ""); a != b {
				t.Errorf("request %d %s:\n%s\n%s", i, c.body, a, b)
			}
			if i == 0 && !strings.Contains(two.body, `"cards":2,"built":2`) {
				t.Errorf("nothing was built: %s", two.body)
			}
		}
		for _, card := range hidden {
			if revisions, _ := more.draftsOf(card); revisions != 1 {
				t.Errorf("%s, which is hidden, has %d revisions", card, revisions)
			}
		}
		if left := staleOf(more); len(left) != len(hidden) {
			t.Errorf("%d are stale still", len(left))
		}
	})
}

func staleOf(w *world) []string {
	w.t.Helper()
	stale, err := w.store.StaleCards(tctx, w.id("A"))
	must(w.t, err)
	return stale
}

func TestWhoIsNotShownThatACardIsStaleRebuildsNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, engineBut(t, "reseller/resource/card/shown.rego", `columns contains "stale" if {`, `columns contains "other" if {`), func(t *testing.T, fresh func() *world) {
		w := fresh()
		w.resold("EUR", "", "one")
		w.reprice(200_000_000)
		if total, _ := w.rebuild(`{}`); total.Cards != 0 || len(staleOf(w)) != 1 {
			t.Errorf("got %+v", total)
		}
	})
}

func TestARebuildThatWasCutOffGoesOnWithTheRest(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cards := []string{"one", "two", "three"}
		w.resold("EUR", "", cards...)
		w.reprice(200_000_000)
		first := w.cutOff(buildOptions{})
		total, results := w.rebuild(`{}`)
		if total.Cards != 3 || total.Built != 2 || total.Already != 1 {
			t.Errorf("after it was cut off: %+v", total)
		}
		slices.Sort(results)
		if fmt.Sprint(results) != "[already_built built built]" {
			t.Errorf("got %v", results)
		}
		kept := map[string]string{first.CardID: first.RevisionID}
		for _, one := range total.Items {
			if before := kept[one.CardID]; before != "" && before != one.RevisionID {
				t.Errorf("%s: was built as %s, is told as %s", one.CardID, before, one.RevisionID)
			}
			kept[one.CardID] = one.RevisionID
		}
		if total, _ := w.rebuild(`{}`); total.Already != 3 || total.Built != 0 {
			t.Errorf("once more: %+v", total)
		}
		for _, card := range cards {
			if revisions, _ := w.draftsOf(card); revisions != 2 {
				t.Errorf("%s has %d revisions", card, revisions)
			}
		}
		made := w.cutOff(buildOptions{activate: true})
		if made.Result != resultAlready || made.Status != store.RevisionActive || made.RevisionID != kept[made.CardID] {
			t.Errorf("what was built before is not what became active: %+v", made)
		}
		total, _ = w.rebuild(`{"activate":true}`)
		if total.Cards != 2 || total.Already != 2 {
			t.Errorf("after it was cut off: %+v", total)
		}
		for _, one := range total.Items {
			if one.RevisionID != kept[one.CardID] || one.Status != store.RevisionActive {
				t.Errorf("%+v, built as %s", one, kept[one.CardID])
			}
		}
		if got := w.get("a", "/v1/audit?action=activate").want(200).items(); len(got) != 3 {
			t.Errorf("%d activations are written down", len(got))
		}
		if total, _ := w.rebuild(`{"activate":true}`); total.Cards != 0 {
			t.Errorf("when all is done: %+v", total)
		}
	})
}

// cutOff starts a rebuild as user a, whose client is gone after the first card.
func (w *world) cutOff(o buildOptions) (first rebuiltBody) {
	w.t.Helper()
	r := &inquiry{s: w.server, Session: session.Session{Shared: w.server.shared, Ctx: tctx, Engine: w.server.engines.Current(), From: session.Origin{Name: "rebuild"}, DecisionID: "cut off"}}
	r.Caller.UserRef = w.id("a")
	must(w.t, r.LoadUser())
	cards, err := r.shownStale(nil)
	must(w.t, err)
	_, err = r.rebuild(rebuilding{cards, o}, func(one rebuiltBody, _ *rebuildBody) error {
		first = one
		return transport.ErrClientGone
	})
	if err == nil {
		w.t.Fatal("it went on without its reader")
	}
	return first
}

func TestACardIsBuiltAgainOnceAnythingThatItRestsOnHasChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.resold("USD", "", "one")
		w.reprice(200_000_000)
		var last string
		step := func(what, want string) {
			t.Helper()
			w.pass(time.Second)
			for _, want := range []string{want, resultAlready} {
				total, results := w.rebuild(`{}`)
				if fmt.Sprint(results) != "["+want+"]" {
					t.Fatalf("%s: %v, want %s", what, results, want)
				}
				if id := total.Items[0].RevisionID; (id == last) != (want == resultAlready) {
					t.Errorf("%s: revision %s after %s", what, id, last)
				} else {
					last = id
				}
			}
		}
		step("at first", resultBuilt)
		w.do("a", "PATCH", "/v1/cards/{one}", `{"notes":"nothing to do with it","tech_prefix":"7#"}`).want(200)
		step("a note", resultAlready)
		for _, c := range []struct{ what, method, path, body string }{
			{"rules", "PUT", "/v1/cards/{one}/profit-rules", `{"items":[{"match":"*","type":"percent","value":"12"}]}`},
			{"compact", "PATCH", "/v1/cards/{one}", `{"compact":"min"}`},
			{"precision", "PATCH", "/v1/cards/{one}", `{"rate_precision":3}`},
			{"rounding", "PATCH", "/v1/cards/{one}", `{"rate_rounding":"up"}`},
			{"exchange", "PATCH", "/v1/cards/{one}", `{"parents":[{"card_id":"{gold}","exchange":"3"}]}`},
			{"destinations", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":"Germany"}]}`},
		} {
			w.do("a", c.method, c.path, c.body).want(200)
			step(c.what, resultBuilt)
		}
		w.reprice(300_000_000)
		step("the parent", resultBuilt)
		w.do("a", "DELETE", "/v1/cards/{one}/revisions/"+last, "").want(204)
		w.pass(time.Second)
		if _, results := w.rebuild(`{"ids":["{one}"]}`); fmt.Sprint(results) != "[built]" {
			t.Errorf("without its draft: %v", results)
		}
	})
}

func TestADraftThatSellsAtALossIsNotMadeActiveByARebuild(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.resold("EUR", "", "one")
		w.do("a", "PUT", "/v1/cards/{one}/profit-rules", `{"items":[{"match":"*","type":"absolute","value":"0"}]}`).want(200)
		w.reprice(200_000_000)
		built, _ := w.rebuild(`{}`)
		if built.Built != 1 {
			t.Fatalf("got %+v", built)
		}
		refused, _ := w.rebuild(`{"activate":true}`)
		if refused.Refused != 1 || !slices.Contains(refused.Items[0].Reasons, store.ReasonSellsAtLoss) || refused.Items[0].RevisionID != "" {
			t.Errorf("got %+v", refused)
		}
		if barred, _ := w.rebuild(`{"activate":true,"accept_losses":true}`); barred.Refused != 1 || !slices.Contains(barred.Items[0].Reasons, "area_denied") {
			t.Errorf("got %+v", barred)
		}
	})
}

// A user whose policy shows no revisions is not told that one exists.
func TestARevisionOutOfSightIsNotTakenForBuilt(t *testing.T) {
	t.Parallel()
	eachDatabase(t, engineBut(t, "reseller/resource/revision/revision.rego", `allow if card.allow`, `allow if false`), func(t *testing.T, fresh func() *world) {
		w := fresh()
		w.resold("EUR", "", "one")
		w.reprice(200_000_000)
		for range 2 {
			if total, _ := w.rebuild(`{}`); total.Built != 1 {
				t.Errorf("got %+v", total)
			}
		}
	})
}

func TestARebuildIsNotRehearsed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.resold("EUR", "", "one")
		w.reprice(200_000_000)
		w.do("a", "POST", "/v1/cards/rebuild?dry_run=true", `{}`).refused(422, "no dry run")
		if revisions, _ := w.draftsOf("one"); revisions != 1 {
			t.Errorf("%d revisions", revisions)
		}
	})
}
