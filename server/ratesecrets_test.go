package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/rating"
	"resellerd/store/schema"
	"resellerd/store/seed"
)

// rateUse is the way in which a route uses rates.
type rateUse string

const (
	usesNone    rateUse = "none"     // its answer holds nothing from rates
	usesShown   rateUse = "shown"    // it shows rates, in the columns that the policy shows
	usesLeftOut rateUse = "left out" // it leaves out results that are computed from rates
	usesRefused rateUse = "refused"  // it answers rates_hidden
)

// rateUses classifies every route of the table.
var rateUses = map[string]rateUse{
	"GET /v1/me": usesNone,

	"GET /v1/accounts": usesNone, "POST /v1/accounts": usesNone, "GET /v1/accounts/:id": usesNone, "PATCH /v1/accounts/:id": usesNone,

	"PUT /v1/accounts/by-external-id/:external_id": usesNone, "PUT /v1/accounts/bulk": usesNone, "PUT /v1/groups/by-external-id/:external_id": usesNone, "PUT /v1/groups/bulk": usesNone, "PUT /v1/users/by-external-id/:external_id": usesNone, "PUT /v1/users/bulk": usesNone, "PUT /v1/customers/by-external-id/:external_id": usesNone, "PUT /v1/customers/bulk": usesNone,
	"PUT /v1/cards/by-external-id/:external_id": usesRefused, "PUT /v1/cards/bulk": usesRefused,

	"GET /v1/groups": usesNone, "POST /v1/groups": usesNone, "POST /v1/groups/default-reseller": usesNone,
	"GET /v1/groups/:id": usesNone, "PATCH /v1/groups/:id": usesNone, "DELETE /v1/groups/:id": usesNone,

	"GET /v1/users": usesNone, "POST /v1/users": usesNone, "GET /v1/users/:id": usesNone, "PATCH /v1/users/:id": usesNone, "DELETE /v1/users/:id": usesNone,

	"POST /v1/customers/bulk": usesNone, "PATCH /v1/customers/bulk": usesNone, "POST /v1/users/bulk": usesNone, "PATCH /v1/users/bulk": usesNone,

	"GET /v1/customers": usesNone, "POST /v1/customers": usesNone, "GET /v1/customers/:id": usesNone,
	"PATCH /v1/customers/:id": usesNone, "DELETE /v1/customers/:id": usesNone, "GET /v1/customers/:id/cards": usesLeftOut, "GET /v1/customers/:id/billing": usesNone,

	"GET /v1/cards": usesLeftOut, "POST /v1/cards": usesNone, "GET /v1/cards/:id": usesLeftOut, "DELETE /v1/cards/:id": usesNone,
	"PATCH /v1/cards/:id": usesRefused, "POST /v1/cards/rebuild": usesRefused, "POST /v1/cards/:id/build": usesRefused,
	"POST /v1/cards/:id/proof": usesRefused, "POST /v1/cards/:id/rollback": usesRefused,
	"GET /v1/cards/:id/rates": usesShown, "GET /v1/cards/:id/profit-rules": usesNone, "PUT /v1/cards/:id/profit-rules": usesNone,
	"GET /v1/cards/:id/revisions": usesLeftOut, "GET /v1/cards/:id/revisions/:revision": usesLeftOut,
	"PATCH /v1/cards/:id/revisions/:revision": usesLeftOut, "DELETE /v1/cards/:id/revisions/:revision": usesNone,
	"POST /v1/cards/:id/revisions/:revision/activate": usesRefused, "GET /v1/cards/:id/revisions/:revision/diff": usesRefused,
	"POST /v1/cards/:id/import":     usesRefused, // for an amendment; a replacement leaves the changes out
	"GET /v1/cards/:id/assignments": usesNone, "PUT /v1/cards/:id/assignments/:account_id": usesNone, "DELETE /v1/cards/:id/assignments/:account_id": usesNone,
	"GET /v1/cards/:id/customers": usesNone, "PUT /v1/cards/:id/customers/:customer_id": usesNone, "DELETE /v1/cards/:id/customers/:customer_id": usesNone,

	"GET /v1/lookup": usesShown, "POST /v1/lookup": usesShown,

	"GET /v1/import-profiles": usesLeftOut, "GET /v1/import-profiles/:name": usesLeftOut, "PUT /v1/import-profiles/:name": usesLeftOut, "DELETE /v1/import-profiles/:name": usesNone,
	"GET /v1/destinations": usesNone, "PUT /v1/destinations": usesNone,

	"GET /v1/webhooks": usesNone, "POST /v1/webhooks": usesNone, "GET /v1/webhooks/:id": usesNone, "PATCH /v1/webhooks/:id": usesNone, "DELETE /v1/webhooks/:id": usesNone,
	"POST /v1/webhooks/:id/rotate": usesNone, "GET /v1/webhooks/:id/dead-letters": usesNone, "POST /v1/webhooks/:id/dead-letters/:letter/send": usesNone,

	"GET /v1/changes": usesNone, "GET /v1/audit": usesLeftOut, "GET /v1/audit/export": usesLeftOut, "GET /v1/preview/:user": usesLeftOut, "GET /v1/decisions/:id": usesNone,

	"POST /access/v1/evaluation": usesNone, "POST /access/v1/evaluations": usesNone,
	"GET " + forwardAuthPath: usesNone, "POST /access/v1/search/subject": usesNone, "POST /access/v1/search/resource": usesNone, "POST /access/v1/search/action": usesNone,
	"GET " + metadataPath: usesNone,
	"POST /v1/filters":    usesNone,

	"GET /livez": usesNone, "GET /readyz": usesNone, "GET /metrics": usesNone, "GET /openapi.json": usesNone, "GET /docs": usesNone,
	"GET /docs/:page": usesNone, "GET /llms.txt": usesNone,
}

func TestEveryRouteIsClassifiedByWhatItHasToDoWithRates(t *testing.T) {
	t.Parallel()
	left := maps.Clone(rateUses)
	asked := map[string]bool{}
	for _, ask := range asksOfRates {
		asked[ask.route] = true
	}
	for _, rt := range routes() {
		key := rt.method + " " + rt.path
		use, known := rateUses[key]
		switch {
		case !known:
			t.Errorf("%s: the route is new: say in rateUses what it has to do with rates", key)
		case use != usesNone && !asked[key]:
			t.Errorf("%s: nothing in asksOfRates asks it", key)
		}
		delete(left, key)
	}
	if len(left) > 0 {
		t.Errorf("no such routes any more: %v", slices.Sorted(maps.Keys(left)))
	}
}

// hidings are policies that hide rates, or some of their columns, from users
// without the area card/rates.
var hidings = []struct {
	name                 string
	file, text, by, more string
	// inter says that the worlds differ only in the prices of jurisdictions.
	inter bool
}{
	{name: "rates", file: "reseller/resource/rate/rate.rego", text: `allow if card.allow`,
		by: "allow if {\n\tcard.allow\n\tdata.reseller.areas.permits(\"card/rates\", \"read\")\n}"},
	{name: "cost", file: "reseller/resource/rate/rate.rego", text: `"cost", `, by: ``,
		more: "\ncolumns contains \"cost\" if data.reseller.areas.permits(\"card/rates\", \"read\")\n"},
	{name: "inter and intra", file: "reseller/resource/rate/rate.rego", text: `"inter", "intra", `, by: ``, inter: true,
		more: "\ncolumns contains \"inter\" if data.reseller.areas.permits(\"card/rates\", \"read\")\n" +
			"\ncolumns contains \"intra\" if data.reseller.areas.permits(\"card/rates\", \"read\")\n"},
}

func hidingEngine(t *testing.T, file, text, by, more string) *policies.Engine {
	t.Helper()
	tree, err := treeWithDepth(1)
	must(t, err)
	files := tree.(fstest.MapFS)
	was := string(files[file].Data)
	if strings.Count(was, text) != 1 {
		t.Fatalf("%s does not hold %q once", file, text)
	}
	files[file] = &fstest.MapFile{Data: []byte(strings.Replace(was, text, by, 1) + more)}
	engine, err := policies.Load(context.Background(), files, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	return engine
}

// eyed creates users with all the access of their account. Some are shown rates
// and some are not.
func eyed(w *world) {
	for user, account := range map[string]string{"m.sees": "M", "m.hidden": "M", "a.sees": "A", "a.hidden": "A"} {
		g := store.Group{AccountID: account, Name: "of " + user, DefaultAccess: "crud"}
		if strings.HasSuffix(user, "hidden") {
			g.Rows = store.Access{"card/rates": ""}
		}
		seedIn(w, user, g)
	}
}

// seedIn creates a group of M's tenant with a user in it.
func seedIn(w *world, user string, g store.Group) {
	w.seed("M", seed.Group("group of "+user, g),
		seed.User(user, store.User{AccountID: g.AccountID, Login: user + "@example.com", Groups: []string{"group of " + user}}))
}

// rateOfWorld is a rate of one prefix. It differs between the worlds only in
// hidden columns.
func rateOfWorld(inter bool, cost int64) func(yield func(store.Rate, error) bool) {
	rate := store.Rate{Prefix: "49", Name: "Germany", Cost: cost, Pulse: 1}
	if inter {
		rate.Cost, rate.Inter, rate.Intra = 1e8, &cost, &cost
	}
	return func(yield func(store.Rate, error) bool) { yield(rate, nil) }
}

// costly makes card sell what bought costs. Depending on dear, it accepts a loss
// or not, holds one revision for one reason or the other, and is stale or not.
// Rows, ids and states do not depend on the costs.
func costly(card, bought string, inter, dear bool) func(w *world) {
	return func(w *world) {
		seedWorld(w)
		eyed(w)
		cost, own, held := int64(1e7), int64(3e8), "user_disabled"
		if dear {
			cost, own, held = 9e8, 1e8, store.ReasonSellsAtLoss
		}
		revised := func(name, of string, cost int64, then func(tx *store.Tx, r store.Revision) error) {
			w.pass(time.Second)
			w.write(w.id("M"), func(tx *store.Tx) error {
				w.name(name)
				r, err := tx.CreateRevision(tctx, w.id(of), rateOfWorld(inter, cost))
				if w.name(""); err == nil {
					err = then(tx, r)
				}
				return err
			})
		}
		activate := func(tx *store.Tx, r store.Revision) error {
			_, err := tx.ActivateAtLoss(tctx, store.AllRates, r.CardID, r.ID)
			return err
		}
		supply := func(cards ...string) {
			w.write(w.id("M"), func(tx *store.Tx) error {
				parents := []store.Parent{}
				for _, name := range cards {
					parents = append(parents, store.Parent{CardID: w.id(name)})
				}
				return tx.SetParents(tctx, store.AllRates, w.id(card), parents)
			})
		}
		revised("price of "+bought, bought, 1e7, activate)
		supply(bought)
		revised("before of "+card, card, own+1, activate)
		revised("price again of "+bought, bought, cost, activate)
		revised("force of "+card, card, own, activate)
		revised("held of "+card, card, own, func(tx *store.Tx, r store.Revision) error {
			s := store.Schedule{At: tx.Now() + 1, UserID: w.id("m"), AtLoss: true}
			_, err := tx.ScheduleRevision(tctx, store.AllRates, r.CardID, r.ID, s)
			if err == nil {
				_, err = tx.HoldRevision(tctx, r.CardID, r.ID, held)
			}
			return err
		})
		revised("draft of "+card, card, 2e8, func(*store.Tx, store.Revision) error { return nil })
		w.write(w.id("M"), func(tx *store.Tx) error {
			var err error
			for account, kind := range map[string]string{"M": schema.ProviderCard, "A": schema.CustomerCard} {
				rules := `{"options":[],"answers":[],"columns":[],"typical":{"cost":"` + rating.Money(cost).String() + `","mcd":0,"pulse":1},"limits":{}}`
				err = errors.Join(err, tx.PutImportProfile(tctx, w.id(account), store.ImportProfile{Kind: kind, Name: "weekly", Rules: rules}))
			}
			return err
		})
		if card == "gold" { // makes it stale if it sells at a loss
			supply(bought, "upstream2")
		}
		if dear {
			w.acceptedLosses(card)
		}
	}
}

// askOfRates is a request whose answer could reveal rates.
type askOfRates struct{ route, path, body, accept string }

const ofRevision = "/v1/cards/{K}/revisions/"

// asksOfRates are sent in this order. Requests that change data come last.
var asksOfRates = []askOfRates{
	{"GET /v1/cards", "/v1/cards?count=true", "", ""}, {"GET /v1/cards", "/v1/cards?stale=provider_card_changed&count=true", "", ""},
	{"GET /v1/cards", "/v1/cards?stale_null=false", "", ""}, {"GET /v1/cards", "/v1/cards?sort=-stale", "", ""},
	{"GET /v1/customers/:id/cards", "/v1/customers/{mega}/cards?count=true", "", ""}, {"GET /v1/customers/:id/cards", "/v1/customers/{acme}/cards?stale_null=true&count=true", "", ""},
	{"GET /v1/cards/:id", "/v1/cards/{K}", "", ""}, {"GET /v1/cards/:id", "/v1/cards/{P}", "", ""},
	{"GET /v1/cards/:id/revisions", "/v1/cards/{K}/revisions?count=true", "", ""}, {"GET /v1/cards/:id/revisions", "/v1/cards/{P}/revisions", "", ""},
	{"GET /v1/cards/:id/revisions", "/v1/cards/{K}/revisions?losses_accepted=true&count=true", "", ""},
	{"GET /v1/cards/:id/revisions", "/v1/cards/{K}/revisions?held_reason_prefix=s", "", ""}, {"GET /v1/cards/:id/revisions", "/v1/cards/{K}/revisions?sort=held_reason", "", ""},
	{"GET /v1/cards/:id/revisions/:revision", ofRevision + "{force}", "", ""}, {"GET /v1/cards/:id/revisions/:revision", ofRevision + "{held}", "", ""},
	{"GET /v1/cards/:id/revisions/:revision/diff", ofRevision + "{draft}/diff?count=true", "", ""},
	{"GET /v1/cards/:id/revisions/:revision/diff", ofRevision + "{force}/diff?with={before}", "", mediaNDJSON},
	{"GET /v1/cards/:id/rates", "/v1/cards/{K}/rates?count=true", "", ""}, {"GET /v1/cards/:id/rates", "/v1/cards/{P}/rates", "", mediaCSV},
	{"GET /v1/cards/:id/rates", "/v1/cards/{K}/rates?revision={draft}", "", mediaNDJSON}, {"GET /v1/cards/:id/rates", "/v1/cards/{K}/rates", "", "application/json"},
	{"GET /v1/cards/:id/rates", "/v1/cards/{P}/rates?cost_gt=0.05", "", ""}, {"GET /v1/cards/:id/rates", "/v1/cards/{K}/rates?sort=inter", "", ""},
	{"GET /v1/lookup", "/v1/lookup?number=49171", "", ""}, {"GET /v1/lookup", "/v1/lookup?number=49171&jurisdiction=inter", "", ""},
	{"POST /v1/lookup", "/v1/lookup", `{"numbers":[{"number":"49171","seconds":7},{"number":"86"}]}`, ""},
	{"GET /v1/audit", "/v1/audit?count=true", "", ""}, {"GET /v1/audit/export", "/v1/audit/export", "", ""}, {"GET /v1/audit", "/v1/audit?action=accept_losses&count=true", "", ""},
	{"GET /v1/preview/:user", "/v1/preview/{U}", "", ""}, {"GET /v1/preview/:user", "/v1/preview/{S}", "", ""},
	{"POST /v1/cards/:id/proof", "/v1/cards/{K}/proof", "", ""}, {"POST /v1/cards/:id/proof", "/v1/cards/{K}/proof", `{"revision_id":"{held}"}`, mediaNDJSON},
	{"POST /v1/cards/:id/proof", "/v1/cards/{K}/proof?limit=x", `{"revision_id":"nothing"}`, ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=replace", "prefix,name,cost\n49,Germany,0.02\n44,UK,0.02\n", ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=amend&base={force}", "prefix,name,cost\n44,UK,0.02\n", ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=amend&base={draft}", "prefix,name,cost\n44,UK,0.02\n", ""},
	{"POST /v1/cards/:id/build", "/v1/cards/{K}/build", `{}`, ""}, {"POST /v1/cards/:id/build", "/v1/cards/{K}/build", `{"activate":true,"accept_losses":true}`, ""},
	{"POST /v1/cards/:id/build", "/v1/cards/{K}/build", `{"activate":7}`, ""},
	{"POST /v1/cards/rebuild", "/v1/cards/rebuild", `{}`, ""}, {"POST /v1/cards/rebuild", "/v1/cards/rebuild", `{"ids":["{K}"],"activate":true}`, mediaNDJSON},
	{"POST /v1/cards/:id/revisions/:revision/activate", ofRevision + "{draft}/activate", ``, ""},
	{"POST /v1/cards/:id/revisions/:revision/activate", ofRevision + "{held}/activate", `{"accept_losses":true}`, ""},
	{"POST /v1/cards/:id/revisions/:revision/activate", ofRevision + "{draft}/activate", `{"live_at":"2027-01-01T00:00:00Z"}`, ""},
	{"POST /v1/cards/:id/rollback", "/v1/cards/{K}/rollback", ``, ""}, {"POST /v1/cards/:id/rollback", "/v1/cards/{K}/rollback", `{"accept_losses":true}`, ""},
	{"GET /v1/import-profiles", "/v1/import-profiles?count=true", "", ""}, {"GET /v1/import-profiles/:name", "/v1/import-profiles/weekly", "", ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=replace&zone=UTC", "prefix,name,cost,effective date\n49,Germany,0.02,2020-01-01T00:00:00Z\n44,UK,0.02,2036-01-01T00:00:00Z\n", ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=replace&profile=weekly", "prefix,name,cost\n49,Germany,70\n", ""},
	{"PUT /v1/import-profiles/:name", "/v1/import-profiles/weekly", `{}`, ""},
	{"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"charge_precision":0,"charge_rounding":"down"}`, ""},
	{"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"charge_rounding":"down","accept_losses":true}`, ""},
	{"PUT /v1/cards/by-external-id/:external_id", "/v1/cards/by-external-id/{name}", `{"charge_precision":0,"charge_rounding":"down"}`, ""},
	{"PUT /v1/cards/bulk", "/v1/cards/bulk?atomic=true", `{"items":[{"external_id":"{external id}","charge_precision":0,"charge_rounding":"down"}]}`, ""},
	{"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"routing":"cheapest"}`, ""}, {"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"direction":"origination"}`, ""},
	{"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"parents":["{P}"]}`, ""}, {"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"parents":[],"accept_losses":true}`, ""},
	{"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"charge_precision":"x","name":7}`, ""}, {"PATCH /v1/cards/:id", "/v1/cards/{K}", `{"rate_precision":6,"public_notes":"x","accept_losses":true}`, ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=replace&apply=true", "prefix,name,cost\n49,Germany,0.02\n44,UK,0.02\n", ""},
	{"POST /v1/cards/:id/import", "/v1/cards/{K}/import?mode=replace&apply=true&schedule=true&zone=UTC", "prefix,name,cost,effective date\n49,Germany,0.02,2036-01-01T00:00:00Z\n", ""},
	{"PATCH /v1/cards/:id/revisions/:revision", ofRevision + "{held}", `{"status":"draft"}`, ""},
	{"GET /v1/audit", "/v1/audit?count=true", "", ""}, {"GET /v1/cards", "/v1/cards", "", ""}, {"GET /v1/cards/:id/revisions", "/v1/cards/{K}/revisions", "", ""},
}

// askRates sends the i-th request.
func askRates(w *world, user, card, bought string, i int) answered {
	w.t.Helper()
	ask := asksOfRates[i]
	side, _, _ := strings.Cut(user, ".")
	revision := func(name string) string { return w.id(name + " of " + card + ".revision") }
	external := secret(map[string]string{"gold": "M", "retail": "A"}[card], "external "+card)
	expand := strings.NewReplacer("{name}", url.PathEscape(external), "{external id}", external, "{K}", w.id(card), "{P}", w.id(bought), "{force}", revision("force"), "{held}", revision("held"),
		"{draft}", revision("draft"), "{before}", revision("before"), "{U}", w.id(side+".hidden"), "{S}", w.id(side+".sees")).Replace
	method, _, _ := strings.Cut(ask.route, " ")
	headers := []string{"Accept", ask.accept}
	if strings.HasPrefix(ask.body, "prefix,") {
		headers = append(headers, "Content-Type", "text/csv")
	}
	w.name(fmt.Sprint(user, " asks ", i))
	defer w.name("")
	return w.do(user, method, expand(ask.path), expand(ask.body), headers...)
}

// ratesOf returns rates of one prefix.
func ratesOf(prefix string, cost int64) []store.Rate {
	return []store.Rate{{Prefix: prefix, Name: "Germany", Cost: cost, Pulse: 1}}
}
