package server

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"resellerd/server/insight"
	"resellerd/store"
)

// oracle is a question whose answer could tell what the asker must not see.
// Reseller A asks the same in two worlds. One of them has been changed out of
// its sight.
type oracle struct {
	name    string
	prepare func(w *world) // in both worlds; may be nil
	differ  func(w *world)
	ask     func(w *world) []answered
}

func probe(w *world, typ, id, action string, properties map[string]any) answered {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{
		"subject":  map[string]any{"type": "user", "id": w.id("a")},
		"action":   map[string]any{"name": action, "properties": properties},
		"resource": map[string]any{"type": typ, "id": id, "properties": properties},
		"context":  map[string]any{"reasons": true},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do("a", "POST", "/access/v1/evaluation", string(body))
}

func change(tenant string, fn func(ctx context.Context, w *world, tx *store.Tx) error) func(*world) {
	return func(w *world) {
		w.t.Helper()
		w.write(w.id(tenant), func(tx *store.Tx) error { return fn(context.Background(), w, tx) })
	}
}

var oracles = []oracle{
	{
		name: "to whom else a lent group is lent",
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			some, to := store.LendSome, []string{w.id("A"), w.id("B"), w.id("C")}
			_, err := tx.UpdateGroup(ctx, w.id("M.default"), store.GroupPatch{Lend: &some, LentTo: &to})
			return err
		}),
		ask: func(w *world) (got []answered) {
			for _, account := range []string{"A", "B", "C", "M", "nobody"} {
				for _, parent := range []string{"M", "N", "nobody"} {
					got = append(got, probe(w, "group", w.id("M.default"), "assign",
						map[string]any{"account_id": w.id(account), "parent_id": w.id(parent)}))
				}
			}
			return got
		},
	},
	{
		name: "whether an invisible user has an external id",
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			name := "panel-7"
			_, err := tx.UpdateUser(ctx, w.id("b"), store.UserPatch{ExternalID: &name})
			return err
		}),
		ask: func(w *world) []answered {
			return []answered{
				w.do("a", "GET", "/v1/customers", "", headerAs, "panel-7"),
				w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":"panel-7"}`),
				w.do("a", "GET", "/v1/customers", "", headerAs, "panel-7"),
			}
		},
	},
	{
		name: "who is on the card, what it is called and noted, where the carrier comes from",
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			name, notes, prefix := "another", "other notes", "99#"
			if err := tx.RemoveCustomerFromCard(ctx, w.id("gold"), w.id("mega")); err != nil {
				return err
			}
			if err := tx.WithdrawCard(ctx, w.id("gold"), w.id("B")); err != nil {
				return err
			}
			_, err := tx.UpdateCard(ctx, store.AllRates, w.id("gold"), store.CardPatch{Name: &name, Notes: &notes, TechPrefix: &prefix})
			return err
		}),
		ask: func(w *world) (got []answered) {
			for _, sort := range []string{"id", "name", "-updated_at", "created_at", "notes", "tech_prefix", "kind", "carrier", "external_id"} {
				got = append(got, w.get("a", "/v1/cards?count=true&sort="+sort))
			}
			for _, filter := range []string{"name_contains=planted", "notes_contains=o", "tech_prefix=77%23", "updated_at_gt=2020-01-01T00:00:00Z", "external_id_prefix=planted"} {
				got = append(got, w.get("a", "/v1/cards?count=true&"+filter))
			}
			for _, action := range []string{"read", "update", "delete", "assign", "activate", "build", "accept_losses", "preview", "create"} {
				got = append(got, probe(w, "card", w.id("gold"), action, nil))
			}
			return got
		},
	},
	{
		name: "what a ceiling above takes from groups that one is not in",
		prepare: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			w.name("M.strong")
			_, err := tx.CreateGroup(ctx, store.Group{AccountID: w.id("M"), Name: "strong", Lend: store.LendAll, Rows: store.Access{"fax": "r"}})
			return err
		}),
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			ceiling := store.Access{"*": "crud", "fax": ""}
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Ceiling: &ceiling})
			return err
		}),
		ask: func(w *world) []answered {
			return []answered{
				w.do("a", "POST", "/v1/users", `{"login":"q@x.example","groups":["{M.strong}"]}`).refused(403, insight.ReasonExceeds),
				w.do("a", "PATCH", "/v1/users/{a2}", `{"groups":["{M.default}","{M.strong}"]}`).refused(403, insight.ReasonExceeds),
				w.do("a", "PATCH", "/v1/users/{a}", `{"groups":["{M.default}","{M.strong}"]}`).refused(403, insight.ReasonExceeds),
				w.get("a", "/v1/me"),
				w.decided("a", probe(w, "area", "fax", "read", nil)),
				w.do("a", "PATCH", "/v1/users/{a2}?dry_run=true", `{"groups":["{M.default}","{M.strong}"]}`).refused(403, insight.ReasonExceeds),
			}
		},
	},
	{
		name:    "what the card that one is given was built from, and costs there",
		prepare: func(w *world) { w.built("retail", tenPercent, store.Parent{CardID: w.id("gold")}) },
		differ: func(w *world) {
			w.rates("upstream", store.Rate{Prefix: "49", Name: "Elsewhere", Cost: 5, Pulse: 1}, store.Rate{Prefix: "4917", Name: "Mobile", Cost: 7, Pulse: 1})
			w.rates("bronze", store.Rate{Prefix: "4930", Name: "Berlin", Cost: 9, Pulse: 1})
			w.rates("bulk")
		},
		ask: func(w *world) (got []answered) {
			for range 3 { // from the database, while it is loaded into memory, and from memory
				for _, number := range []string{"49", "4917", "4930", "1", "44"} {
					got = append(got, w.get("a", "/v1/lookup?number="+number).want(200))
				}
				got = append(got, w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"4917"},{"number":"4930","seconds":7}]}`).want(200))
				if err := w.store.WaitRates(context.Background()); err != nil {
					w.t.Fatal(err)
				}
			}
			return got
		},
	},
	{
		name: "drafts, schedules and held revisions of an assigned card, and what is activated out of sight",
		prepare: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			if err := tx.SetParents(ctx, store.AllRates, w.id("retail"), []store.Parent{{CardID: w.id("gold")}}); err != nil {
				return err
			}
			w.name("retail built")
			built, err := tx.BuildRevision(ctx, store.AllRates, w.id("retail"))
			w.name("")
			if err == nil {
				_, err = tx.ActivateRevision(ctx, store.AllRates, w.id("retail"), built.Revision.ID)
			}
			return err
		}),
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			for i, card := range []string{"gold", "gold", "gold", "upstream", "bronze"} {
				r, err := tx.CreateRevision(ctx, w.id(card), dear)
				soon := store.Schedule{At: tx.Now() + 1, UserID: w.id("m")}
				switch {
				case err != nil:
				case i > 2:
					_, err = tx.ActivateRevision(ctx, store.AllRates, w.id(card), r.ID)
				case i > 0:
					_, err = tx.ScheduleRevision(ctx, store.AllRates, w.id(card), r.ID, soon)
				}
				if err == nil && i == 2 {
					_, err = tx.HoldRevision(ctx, w.id(card), r.ID, "user_disabled")
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
		ask: func(w *world) (got []answered) {
			for _, path := range []string{
				"/v1/cards?count=true", "/v1/cards?stale_null=false", "/v1/cards/{gold}", "/v1/cards/{retail}",
				"/v1/cards/{gold}/revisions?count=true", "/v1/cards/{gold}/revisions?sort=created_at", "/v1/cards/{gold}/rates",
				"/v1/cards/{gold}/revisions/{gold.revision}", "/v1/cards/{gold}/revisions/{gold.revision}/diff",
				"/v1/cards/{retail}/revisions?count=true", "/v1/cards/{gold}/rates?at=2026-03-04T05:06:17Z", "/v1/audit?count=true",
			} {
				got = append(got, w.get("a", path))
			}
			return append(got, w.do("a", "POST", "/v1/cards/{gold}/revisions/{gold.revision}/activate", ""), w.do("a", "POST", "/v1/cards/{gold}/rollback", ""))
		},
	},
	{
		name: "what an import into an assigned card, or over its drafts, is told",
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			for _, card := range []string{"gold", "bulk"} {
				w.name("hidden draft of " + card)
				r, err := tx.CreateRevision(ctx, w.id(card), dear)
				if err == nil && card == "bulk" {
					_, err = tx.ActivateAtLoss(ctx, store.AllRates, w.id(card), r.ID)
				}
				if err != nil {
					return err
				}
			}
			w.name("")
			return nil
		}),
		ask: func(w *world) (got []answered) {
			for _, card := range []string{"gold", "bulk", "upstream", "retail"} {
				for _, base := range []string{"", "nothing", w.id("gold.revision"), idOf("revision", "hidden draft of gold"), idOf("revision", "hidden draft of bulk")} {
					w.name(fmt.Sprint("import ", len(got)))
					query := "mode=replace&apply=true"
					if base != "" {
						query = "mode=amend&base=" + base
					}
					answer, _ := w.importInto("a", card, query, deckOne)
					got = append(got, answer)
				}
			}
			w.name("")
			return got
		},
	},
	{
		name: "which ceilings above take nothing away",
		differ: change("M", func(ctx context.Context, w *world, tx *store.Tx) error {
			ceiling := store.Access{"*": "crud", "customer/did": "crud", "routing": "", "fax": "crud"}
			_, err := tx.UpdateAccount(ctx, w.id("A"), store.AccountPatch{Ceiling: &ceiling})
			return err
		}),
		ask: func(w *world) []answered {
			got := []answered{w.get("a", "/v1/me"), w.get("a", "/v1/accounts/{A}"), w.get("a", "/v1/accounts?sort=name")}
			for _, area := range []string{"routing", "fax", "customer/did", "cdr", "customer"} {
				got = append(got, w.decided("a", probe(w, "area", area, "read", nil)))
			}
			return append(got, w.do("a", "PATCH", "/v1/users/{a2}?dry_run=true", `{"status":"disabled"}`))
		},
	},
}

func (o oracle) seed(w *world) {
	seedWorld(w)
	if o.prepare != nil {
		o.prepare(w)
	}
}

func TestNoQuestionTellsWhatIsOutOfSight(t *testing.T) {
	oneAtATime(t)
	for i, o := range oracles {
		t.Run(o.name, func(t *testing.T) {
			for name, url := range databases(carriers, i) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					plain := newWorld(t, url(t), engineOf(t, 1), o.seed)
					other := newWorld(t, url(t), engineOf(t, 1), func(w *world) { o.seed(w); o.differ(w) })
					first, second := o.ask(plain), o.ask(other)
					for i := range first {
						if withoutTag(first[i]) != withoutTag(second[i]) {
							t.Errorf("question %d, %s:\n%s\nand\n%s", i, first[i].what, first[i].alike(), second[i].alike())
						}
					}
				})
			}
		})
	}
}

// withoutTag removes the ETag, which depends on the store's own key.
func withoutTag(a answered) string {
	a.header = a.header.Clone()
	a.header.Del("ETag")
	return fmt.Sprint(a.alike())
}
