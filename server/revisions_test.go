package server

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/schema"
)

// passTime does the work that is due.
func (w *world) passTime() {
	w.t.Helper()
	if _, err := w.server.passTime(context.Background(), &timekeeper{}); err != nil {
		w.t.Fatal(err)
	}
}

// dear is a rate that costs more than any sale price.
func dear(yield func(store.Rate, error) bool) {
	yield(store.Rate{Prefix: "49", Name: "Germany", Cost: 90_000_000_000, Pulse: 1}, nil)
}

func (w *world) later(d time.Duration) string { return w.clock().Add(d).Format(time.RFC3339Nano) }

func (w *world) status(user, card, revision string) string {
	w.t.Helper()
	status, _ := w.get(user, "/v1/cards/{"+card+"}/revisions/{"+revision+"}").want(200).object()["status"].(string)
	return status
}

func TestWhoSeesWhichRevisions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.draft("gold")
		w.draft("retail")
		own := w.get("m", "/v1/cards/{gold}/revisions?count=true")
		if got := own.column("status"); strings.Join(got, " ") != "draft active" || own.object()["total"] != 2.0 {
			t.Errorf("the owner sees %v", own.body)
		}
		assigned := w.get("a", "/v1/cards/{gold}/revisions?count=true")
		items := assigned.items()
		if len(items) != 1 || len(items[0]) != 4 || items[0]["etag"] == nil || items[0]["id"] != w.id("gold.revision") || items[0]["rows"] != 3.0 || assigned.object()["total"] != 1.0 {
			t.Errorf("who it is assigned to sees %s", assigned.body)
		}
		w.get("a", "/v1/cards/{gold}/revisions?status=active").want(422)
		w.get("a", "/v1/cards/{gold}/revisions/{gold.revision}").want(200)
		w.get("a", "/v1/cards/{gold}/revisions/{gold.draft}").want(404)
		w.get("a", "/v1/cards/{gold}/revisions/{gold.revision}/diff").refused(403, "card_not_own")
		w.get("c", "/v1/cards/{gold}/revisions").want(404)
		if got := w.get("m", "/v1/cards/{retail}/revisions").column("status"); len(got) != 2 {
			t.Errorf("those above see %v", got)
		}
		w.do("m", "POST", "/v1/cards/{retail}/revisions/{retail.draft}/activate", "").refused(403, "card_not_own")
		w.do("a", "POST", "/v1/cards/{gold}/revisions/{gold.revision}/activate", "").refused(403, "card_not_own")
		w.do("a", "POST", "/v1/cards/{gold}/rollback", "").refused(403, "card_not_own")
	})
}

func TestARevisionIsActivatedAndRolledBackInOneCallEach(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/cards/{gold}/rollback", "").want(409)
		w.draft("gold")
		tag := w.get("m", "/v1/cards/{gold}/revisions/{gold.draft}").header.Get("ETag")
		w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.draft}/activate", "", "If-Match", `"other"`).want(412)
		w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.draft}/activate", `{"live_at":"2020-01-01T00:00:00Z"}`).refused(422, "live_at")
		w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.draft}/activate", `{"now":true}`).refused(422, "now")
		w.pass(time.Hour)
		for range 2 { // the same key again
			got := w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.draft}/activate", "", headerIdempotency, "k").want(200).object()
			if got["status"] != "active" || got["number"] != 2.0 || tag == "" {
				t.Errorf("got %v", got)
			}
		}
		w.do("m", "DELETE", "/v1/cards/{gold}/revisions/{gold.draft}", "").want(409)
		w.pass(time.Hour)
		if got := w.do("m", "POST", "/v1/cards/{gold}/rollback", "").want(200).object(); got["id"] != w.id("gold.revision") || got["status"] != "active" {
			t.Errorf("got %v", got)
		}
		actions := w.get("m", "/v1/audit?action=activate").items()
		if len(actions) != 2 {
			t.Errorf("got %v", actions)
		}
		for at, want := range map[time.Duration]string{0: "0.0123", -time.Minute: "0.05", -90 * time.Minute: "0.0123"} {
			for _, user := range []string{"m", "a"} {
				rates := w.get(user, "/v1/cards/{gold}/rates?prefix=49&at="+w.later(at))
				if got := rates.column("cost"); len(got) != 1 || got[0] != want {
					t.Errorf("%s at %v: %s", user, at, rates.body)
				}
			}
		}
		w.get("m", "/v1/cards/{gold}/rates?at="+w.later(time.Second)).refused(422, "future")
		w.get("m", "/v1/cards/{gold}/rates?at="+w.later(0)+"&revision={gold.draft}").refused(422, "at")
	})
}

// The answer depends on the time alone: not on whether there were rates then, nor on whether
// they are deleted already.
func TestRatesBeforeTheTimeThatIsKeptAreRefusedForAll(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.cfg.Keep.Revisions = 24 * time.Hour
		w.pass(1000 * time.Hour)
		for _, user := range []string{"m", "a"} {
			for _, at := range []time.Duration{-25 * time.Hour, -1001 * time.Hour, -10_000 * time.Hour} {
				w.get(user, "/v1/cards/{gold}/rates?at="+w.later(at)).refused(422, "they are kept for 24h0m0s")
			}
			if rates := w.get(user, "/v1/cards/{gold}/rates?prefix=49&at="+w.later(-23*time.Hour)); len(rates.column("cost")) != 1 {
				t.Errorf("%s: %s", user, rates.body)
			}
			w.get(user, "/v1/cards/crd_absent/rates?at="+w.later(-25*time.Hour)).want(404)
		}
	})
}

func TestThePastOfACardIsWhatItWasWhileItWasAssigned(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.pass(time.Hour)
		w.drafts("silver", "second", "0.06")
		w.do("m", "POST", "/v1/cards/{silver}/revisions/{silver.second}/activate", "").want(200)
		w.pass(time.Hour)
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		w.pass(time.Hour)
		w.drafts("silver", "third", "0.07")
		w.do("m", "POST", "/v1/cards/{silver}/revisions/{silver.third}/activate", "").want(200)
		w.pass(time.Hour)
		empty := w.get("a", "/v1/cards/{silver}/rates?at=1980-01-01T00:00:00Z").want(200).body
		for ago, want := range map[time.Duration]string{0: "0.07", 90 * time.Minute: "0.06", 2*time.Hour + time.Minute: "", 200 * time.Minute: ""} {
			got := w.get("a", "/v1/cards/{silver}/rates?at="+w.later(-ago)).want(200)
			if want == "" && got.body != empty || !strings.Contains(got.body, want) {
				t.Errorf("%v ago: %s", ago, got.body)
			}
		}
		file := w.do("a", "GET", "/v1/cards/{silver}/rates?at=1980-01-01T00:00:00Z", "", "Accept", cardfile.MediaJSON).want(200)
		if !strings.Contains(file.body, "1980-01-01") {
			t.Errorf("a file of the past is dated otherwise: %s", file.body)
		}
		w.get("a", "/v1/cards/{silver}/rates?revision={silver.second}").refused(422, "is not a known parameter")
		w.do("m", "DELETE", "/v1/cards/{silver}/assignments/{A}", "").want(204)
		w.pass(time.Minute)
		w.get("a", "/v1/cards/{silver}/rates?at="+w.later(-30*time.Minute)).want(404)
	})
}

// A cursor stays with the revision that it started with.
func TestPagesAreOfOneRevision(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.draft("gold")
		w.pass(time.Hour)
		for _, user := range []string{"m", "a"} {
			first := w.get(user, "/v1/cards/{gold}/rates?limit=1").object()
			next, _ := first["next"].(string)
			w.pass(time.Hour)
			if user == "m" {
				w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.draft}/activate", "").want(200)
			} else {
				w.do("m", "POST", "/v1/cards/{gold}/rollback", "").want(200)
				w.do("m", "POST", "/v1/cards/{gold}/rollback", "").want(200)
			}
			got := w.get(user, "/v1/cards/{gold}/rates?limit=1&cursor="+next)
			if user == "m" && got.want(200).column("cost")[0] != "0.0123" {
				t.Errorf("got %s", got.body)
			}
			w.do("m", "POST", "/v1/cards/{gold}/revisions/{gold.revision}/activate", "").want(200)
		}
		w.get("m", "/v1/cards/{gold}/rates?limit=1&at="+w.later(0)+"&cursor=x").refused(422, "cursor")
		w.drafts("gold", "page", "0.01")
		w.write(w.id("M"), func(tx *store.Tx) error {
			r, err := tx.CreateRevision(context.Background(), w.id("gold"), someRates("M", schema.CustomerCard))
			w.call("gold.gone", r.ID)
			return err
		})
		path := "/v1/cards/{gold}/rates?limit=1&revision={gold.gone}"
		next, _ := w.get("m", path).object()["next"].(string)
		w.get("m", path+"&cursor="+next).want(200)
		w.get("m", "/v1/cards/{gold}/rates?limit=1&cursor="+next).refused(422, "cursor")
		w.do("m", "DELETE", "/v1/cards/{gold}/revisions/{gold.gone}", "").want(204)
		w.get("m", path+"&cursor="+next).want(404)
	})
}

func TestADiffIsPagedCountedAndStreamed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.draft("gold")
		path := "/v1/cards/{gold}/revisions/{gold.draft}/diff"
		var seen []string
		next := ""
		for range 5 {
			page := w.get("m", path+"?limit=2&count=true"+next).want(200)
			for _, item := range page.items() {
				seen = append(seen, item["prefix"].(string)+" "+item["change"].(string))
			}
			sum, _ := page.object()["sum"].(map[string]any)
			if sum["removed"] != 2.0 || sum["up"] != 1.0 || sum["unchanged"] != 0.0 {
				t.Errorf("got %s", page.body)
			}
			cursor, more := page.object()["next"].(string)
			if !more {
				break
			}
			next = "&cursor=" + cursor
		}
		if got := strings.Join(seen, ", "); got != "44 removed, 49 up, 491 removed" {
			t.Errorf("got %s", got)
		}
		stream := w.do("m", "GET", path, "", "Accept", mediaNDJSON).want(200)
		if lines := strings.Split(strings.TrimSpace(stream.body), "\n"); len(lines) != 4 || !strings.HasPrefix(lines[3], `{"sum":`) {
			t.Errorf("got %s", stream.body)
		}
		w.get("m", path+"?with={upstream.revision}").refused(422, "with")
		w.get("m", path+"?with={nobody}").refused(422, "with")
		if got := w.get("m", path+"?with={gold.draft}").items(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestAScheduledRevisionBecomesActiveOnTimeAndOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.draft("gold")
		path := "/v1/cards/{gold}/revisions/{gold.draft}"
		before := w.get("a", "/v1/cards/{gold}").alike() + w.get("a", "/v1/cards/{gold}/revisions").alike()
		w.do("m", "POST", path+"/activate", `{"live_at":"`+w.later(time.Hour)+`"}`).want(200)
		w.do("m", "PATCH", path, `{"status":"active"}`).refused(422, "status")
		if got := w.do("m", "PATCH", path, `{"status":"draft"}`).want(200).object(); got["status"] != "draft" || got["live_at"] != nil {
			t.Errorf("got %v", got)
		}
		w.do("m", "POST", path+"/activate", `{"live_at":"`+w.later(time.Hour)+`"}`).want(200)
		w.pass(59 * time.Minute)
		w.passTime()
		if got := w.status("m", "gold", "gold.draft"); got != "scheduled" {
			t.Errorf("got %s", got)
		}
		if after := w.get("a", "/v1/cards/{gold}").alike() + w.get("a", "/v1/cards/{gold}/revisions").alike(); after != before {
			t.Errorf("a schedule above shows:\n%s\nand\n%s", before, after)
		}
		w.pass(time.Minute)
		var replicas sync.WaitGroup
		for range 4 {
			replicas.Go(func() {
				if _, err := w.server.passTime(context.Background(), &timekeeper{}); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		if got := w.status("m", "gold", "gold.draft"); got != "active" {
			t.Errorf("got %s", got)
		}
		entries := w.get("m", "/v1/audit?action=activate").items()
		if len(entries) != 3 || entries[0]["actor"] != w.id("m") {
			t.Errorf("got %v", entries)
		}
	})
}

func TestWhatMayNoLongerBeIsHeldWithTheReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason string
		change func(ctx context.Context, w *world, tx *store.Tx) error
	}{
		"the user is disabled": {"user_disabled", func(ctx context.Context, w *world, tx *store.Tx) error {
			status := store.Disabled
			_, err := tx.UpdateUser(ctx, w.id("a"), store.UserPatch{Status: &status})
			return err
		}},
		"the user is gone": {"unknown_user", func(ctx context.Context, w *world, tx *store.Tx) error {
			return tx.DeleteUser(ctx, w.id("a"), 0)
		}},
		"the account is suspended": {"account_suspended", func(ctx context.Context, w *world, tx *store.Tx) error {
			status := store.Suspended
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Status: &status})
			return err
		}},
		"a ceiling takes the right away": {"area_denied", func(ctx context.Context, w *world, tx *store.Tx) error {
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Ceiling: &store.Access{"*": "r"}})
			return err
		}},
		"a ceiling takes the card out of sight": {"not_visible", func(ctx context.Context, w *world, tx *store.Tx) error {
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Ceiling: &store.Access{"*": "crud", "card/customer": ""}})
			return err
		}},
		"a ceiling hides all cards": {"area_denied", func(ctx context.Context, w *world, tx *store.Tx) error {
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Ceiling: &store.Access{"*": "crud", "card/customer": "", "card/provider": ""}})
			return err
		}},
		"the address is not allowed any more": {"client_ip_denied", func(ctx context.Context, w *world, tx *store.Tx) error {
			_, err := tx.UpdateUser(ctx, w.id("a"), store.UserPatch{IPAllow: &[]string{"10.0.0.0/8"}})
			return err
		}},
		"the provider card is withdrawn": {store.ReasonWithdrawn, func(ctx context.Context, w *world, tx *store.Tx) error {
			return tx.WithdrawCard(ctx, w.id("gold"), w.id("A"))
		}},
		"it would sell at a loss": {store.ReasonSellsAtLoss, func(ctx context.Context, w *world, tx *store.Tx) error {
			r, err := tx.CreateRevision(ctx, w.id("gold"), dear)
			if err == nil {
				_, err = tx.ActivateRevision(ctx, store.AllRates, w.id("gold"), r.ID)
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				w.write(w.id("M"), func(tx *store.Tx) error {
					if err := tx.SetParents(context.Background(), store.AllRates, w.id("retail"), []store.Parent{{CardID: w.id("gold")}}); err != nil {
						return err
					}
					built, err := tx.BuildRevision(context.Background(), store.AllRates, w.id("retail"))
					w.call("retail.built", built.Revision.ID)
					return err
				})
				w.do("a", "POST", "/v1/cards/{retail}/revisions/{retail.built}/activate", `{"live_at":"`+w.later(time.Hour)+`"}`,
					headerClientIP, "192.0.2.1").want(200)
				w.write(w.id("M"), func(tx *store.Tx) error { return c.change(context.Background(), w, tx) })
				w.pass(time.Hour)
				w.passTime()
				got := w.get("m", "/v1/cards/{retail}/revisions/{retail.built}").want(200).object()
				if got["status"] != "held" || got["held_reason"] != c.reason {
					t.Errorf("got %v", got)
				}
				entries := w.get("m", "/v1/audit?action=activate&sort=-at").items()
				if len(entries) != 2 || entries[0]["actor"] != w.id("a") {
					t.Errorf("got %v", entries)
				}
				w.passTime()
				if again := w.get("m", "/v1/audit?action=activate").items(); len(again) != 2 {
					t.Errorf("got %v", again)
				}
			})
		})
	}
}

// A user with a row for activation alone activates what others have made.
func TestARowForActivationSeparatesMakersFromActivators(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "maker", store.Group{Rows: store.Access{"card/customer": "crud", "card/customer/activation": "r", "card/provider": "r"}})
		hire(w, "M", "A", "second", store.Group{Rows: store.Access{"card/customer": "r", "card/customer/activation": "u", "card/provider": "r"}})
		report, _ := w.importInto("maker", "retail", "mode=replace&apply=true", deckOne)
		report.want(200)
		draft := w.get("maker", "/v1/cards/{retail}/revisions?status=draft").column("id")[0]
		w.call("made", draft)
		path := "/v1/cards/{retail}/revisions/{made}/activate"
		w.do("maker", "POST", path, "").refused(403, `"reasons":["area_denied"]`)
		w.do("maker", "POST", path, `{"live_at":"`+w.later(time.Hour)+`"}`).refused(403, `"reasons":["area_denied"]`)
		w.do("maker", "POST", "/v1/cards/{retail}/rollback", "").refused(403, `"reasons":["area_denied"]`)
		w.do("second", "PATCH", "/v1/cards/{retail}", `{"name":"x"}`).refused(403, `"reasons":["area_denied"]`)
		w.do("second", "POST", path, "").want(200)
		w.do("second", "POST", "/v1/cards/{retail}/rollback", "").want(200)
		w.do("a", "POST", "/v1/cards/{retail}/rollback", "").want(200) // its row for the cards covers activation
	})
}

// Policy data demands that another user activates a revision than the one who made it:
// at once, at a time, by a build, a rebuild, an import and a rollback. A schedule is decided
// again when its time comes.
func TestPolicyDataDemandsASecondUser(t *testing.T) {
	t.Parallel()
	engine := engineBut(t, "data.json", `"activation_by_another": false`, `"activation_by_another": true`)
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		w := fresh()
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"*","type":"percent","value":"20"}]}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).refused(403, "own_revision")
		make := func(name, percent string) {
			w.do("a", "PATCH", "/v1/cards/{retail}", `{"profit_rules":[{"match":"*","type":"percent","value":"`+percent+`"}]}`).want(200)
			w.call(name, w.do("a", "POST", "/v1/cards/{retail}/build", `{}`).want(201).object()["revision_id"].(string))
		}
		make("built", "20")
		path := "/v1/cards/{retail}/revisions/{built}/activate"
		w.do("a", "POST", path, "").refused(403, `"reasons":["own_revision"]`)
		w.do("a", "POST", path, `{"live_at":"`+w.later(time.Hour)+`"}`).refused(403, "own_revision")
		const dated = "prefix,name,cost,effective date\n49,Germany,9,2036-01-01T00:00:00Z\n"
		report, _ := w.importInto("a", "retail", "mode=replace&apply=true&schedule=true&zone=UTC", dated)
		report.refused(403, "own_revision")
		w.do("a2", "POST", path, "").want(200)
		w.do("m", "POST", "/v1/cards/{bronze}/rollback", "").refused(409, "No other revision was active")
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"charge_precision":3}`).want(200) // the card is stale
		w.do("a", "POST", "/v1/cards/rebuild", `{"activate":true}`).refused(200, `"refused":1`).refused(200, `"reasons":["own_revision"]`)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"charge_precision":4}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/rollback", "").refused(403, "own_revision") // its maker is not known
		for _, c := range []struct{ name, percent, by, status string }{{"by the maker", "30", "a", store.RevisionHeld}, {"by another", "40", "a2", store.RevisionActive}} {
			make("later", c.percent)
			w.server.engines.Swap(engineOf(t, 1)) // which does not demand it
			w.do(c.by, "POST", "/v1/cards/{retail}/revisions/{later}/activate", `{"live_at":"`+w.later(time.Minute)+`"}`).want(200)
			w.server.engines.Swap(engine)
			w.pass(time.Hour)
			w.passTime()
			later := w.get("a", "/v1/cards/{retail}/revisions/{later}").want(200)
			if later.object()["status"] != c.status || c.by == "a" != strings.Contains(later.body, "own_revision") {
				t.Errorf("%s: %s", c.name, later.body)
			}
		}
		w.draft("retail")
		w.do("a2", "POST", "/v1/cards/{retail}/revisions/{retail.draft}/activate", `{"accept_losses":true}`).want(403)
	})
}
