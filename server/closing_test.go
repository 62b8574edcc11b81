package server

import (
	"slices"
	"testing"
	"time"

	"resellerd/server/insight"
	"resellerd/store"
)

// remains is what a dry run of closing an account lists.
func (w *world) remains(user, account string) *insight.Remains {
	w.t.Helper()
	return w.do(user, "PATCH", "/v1/accounts/{"+account+"}?dry_run=true", `{"status":"closed"}`).rehearsal().Remains
}

func firstOf(t *testing.T, what string, l *insight.Remaining, want ...string) {
	t.Helper()
	slices.Sort(want)
	if l == nil || l.Total != len(want) || !slices.Equal(slices.Sorted(slices.Values(l.First)), want) {
		t.Errorf("%s: got %+v, want %v", what, l, want)
	}
}

// Before an account is closed, a dry run lists what would stay in use, at the account
// and below it: what the user sees of that.
func TestTheDryRunOfClosingAnAccountListsWhatRemains(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		below := w.do("m", "POST", "/v1/accounts", `{"name":"AA","parent_id":"{A}"}`).want(201).object()
		w.call("AA", below["id"].(string))
		gone := w.do("m", "POST", "/v1/accounts", `{"name":"Gone","parent_id":"{A}"}`).want(201).object()
		w.call("Gone", gone["id"].(string))
		w.do("m", "PATCH", "/v1/accounts/{Gone}", `{"status":"closed"}`).want(200)
		made := w.do("a", "POST", "/v1/customers", `{"name":"Deep","account_id":"{AA}"}`).want(201).object()
		w.call("deep", made["id"].(string))
		w.do("a", "PATCH", "/v1/customers/{apex}", `{"status":"suspended"}`).want(200)
		w.drafts("retail", "later", "9")
		w.drafts("retail", "open", "9")
		w.do("a", "POST", "/v1/cards/{retail}/revisions/{retail.later}/activate", `{"live_at":"`+w.later(time.Hour)+`"}`).want(200)

		all := w.remains("m", "A")
		firstOf(t, "accounts", all.Accounts, w.id("AA"))
		firstOf(t, "customers", all.Customers, w.id("acme"), w.id("deep"))
		firstOf(t, "cards", all.Cards, w.id("retail"))
		path := "/v1/cards/" + w.id("retail") + "/revisions/"
		firstOf(t, "schedules", all.Scheduled, path+w.id("retail.later"))
		firstOf(t, "drafts", all.Drafts, path+w.id("retail.open"))

		firstOf(t, "webhooks", all.Webhooks, w.id("hook"))
		w.do("m", "PATCH", "/v1/users/{a}", `{"status":"disabled"}`).want(200) // which ends the webhook
		firstOf(t, "webhooks that have not ended", w.remains("m", "A").Webhooks)

		hire(w, "M", "M", "closer", store.Group{Rows: store.Access{"account": "ru"}})
		part := w.remains("closer", "A")
		firstOf(t, "accounts", part.Accounts, w.id("AA"))
		if part.Customers != nil || part.Cards != nil || part.Scheduled != nil || part.Drafts != nil || part.Webhooks != nil {
			t.Errorf("one who sees accounts alone is told %+v", part)
		}
		if got := w.do("m", "PATCH", "/v1/accounts/{A}?dry_run=true", `{"status":"suspended"}`).rehearsal().Remains; got != nil {
			t.Errorf("a suspension lists %+v", got)
		}
		if status := w.get("m", "/v1/accounts/{A}").object()["status"]; status != store.Active {
			t.Errorf("the dry run leaves the account %v", status)
		}
	})
}

// A policy that keeps the revisions of a card to its owner, or their status, also keeps them
// from the dry run of a closing.
func TestADryRunOfClosingTellsOfNoHiddenRevision(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"rows":    {"allow if card.allow", "allow if {\n\tcard.allow\n\tcard.own\n}"},
		"columns": {"columns contains column if {\n\tcard.whole\n\tsome column in [\n", "columns contains column if {\n\tcard.whole\n\tcard.own\n\tsome column in [\n"},
	} {
		engine := engineBut(t, "reseller/resource/revision/revision.rego", change[0], change[1])
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
				w := fresh()
				w.drafts("retail", "open", "9")
				all := w.remains("m", "A")
				if all.Accounts == nil || all.Customers == nil {
					t.Errorf("%+v", all)
				}
				firstOf(t, "cards", all.Cards)
				firstOf(t, "schedules", all.Scheduled)
				firstOf(t, "drafts", all.Drafts)
			})
		})
	}
}

// To use a closed account again is an action of its own, with a row of its own.
func TestOpeningAClosedAccountIsAnActionOfItsOwn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "M", "closer", store.Group{DefaultAccess: "crud", Rows: store.Access{"account/opening": "r"}})
		w.do("closer", "PATCH", "/v1/accounts/{C}", `{"status":"suspended"}`).want(200)
		w.do("closer", "PATCH", "/v1/accounts/{C}", `{"status":"active"}`).want(200)
		w.do("closer", "PATCH", "/v1/accounts/{C}", `{"status":"closed"}`).want(200)
		for _, status := range []string{"active", "suspended"} {
			for _, dry := range []string{"", "?dry_run=true"} {
				w.do("closer", "PATCH", "/v1/accounts/{C}"+dry, `{"status":"`+status+`"}`).refused(403, `"reasons":["area_denied"]`)
			}
		}
		w.do("closer", "PATCH", "/v1/accounts/{C}", `{"name":"Closed"}`).want(200)
		w.do("m", "PATCH", "/v1/accounts/{C}", `{"status":"active"}`).want(200)
		if got := w.get("m", "/v1/audit?action=open").items(); len(got) != 1 || got[0]["account"] != w.id("C") {
			t.Errorf("audited %v", got)
		}
	})
}
