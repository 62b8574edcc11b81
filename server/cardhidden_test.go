package server

import (
	"fmt"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store"
)

// withoutRows is a policy that hides single rows by their name: cards with their
// rates and revisions, and customers. It hides a row from the users that are
// named after it: m.without.gold does not see gold.
func withoutRows(t *testing.T) *policies.Engine {
	rules := ""
	for name, types := range map[string]string{"m-upstream": `"card", "rate", "revision"`, "m-gold": `"card", "rate", "revision"`, "a-acme": `"customer"`} {
		rules += fmt.Sprintf("\nclosed if {\n\tinput.resource.type in {%s}\n\tcontains(input.subject.user.external_id, %q)\n\tinput.resource.name == %q\n}\n",
			types, "without."+name[2:], "planted-"+name)
	}
	const exists = "\tactions.exists\n"
	return hidingEngine(t, "reseller/main/main.rego", exists, exists+"\tnot closed\n", rules)
}

// costCases are cases with a card, the card that it is bought from, a user who
// sees both, and a user who does not see the card that it is bought from. The
// users belong to the card's own account, or to the account above it.
var costCases = []struct{ card, bought, account, sees, without string }{
	{"gold", "upstream", "M", "m", "m.without.upstream"},
	{"retail", "gold", "A", "a", "a.without.gold"},
	{"retail", "gold", "M", "m", "m.without.gold"},
}

// A user sees a card, but not the card that it is bought from. No answer tells
// the user anything about the costs of that card.
func TestACardThatIsHiddenAloneIsNotToldOfByWhatIsBoughtFromIt(t *testing.T) {
	oneAtATime(t)
	engine := withoutRows(t)
	for i, c := range costCases {
		for name, url := range databases(carriers, i) {
			t.Run(fmt.Sprint(name, " ", c.without), func(t *testing.T) {
				t.Parallel()
				worldOf := func(cost int64, held string, stale bool) *world {
					return newWorld(t, url(t), engine, func(w *world) {
						seedWorld(w)
						hire(w, "M", c.account, c.without, store.Group{DefaultAccess: "crud"})
						soldFrom(c.card, c.bought, cost, held, stale)(w)
					})
				}
				cheap, dear := worldOf(1e7, "user_disabled", false), worldOf(9e8, store.ReasonSellsAtLoss, true)
				differs := 0
				for i, ask := range asksOfCosts {
					if ask.method == "GET" && askOfCosts(cheap, c.sees, c.card, i) != askOfCosts(dear, c.sees, c.card, i) {
						differs++
					}
					if one, two := askOfCosts(cheap, c.without, c.card, i), askOfCosts(dear, c.without, c.card, i); one != two {
						t.Errorf("%s %s %s:\n%s\nand\n%s", ask.method, ask.path, ask.body, one, two)
					}
				}
				const dated = "prefix,name,cost,effective date\n49,Germany,0.02,2036-01-01T00:00:00Z\n"
				for query, file := range map[string]string{"mode=replace": deckOne, "mode=amend": deckOne, "mode=replace&apply=true&zone=UTC": dated} {
					one, _ := cheap.importInto(c.without, c.card, query, file)
					two, _ := dear.importInto(c.without, c.card, query, file)
					if a, b := withoutTag(one), withoutTag(two); revisionIDs.ReplaceAllString(a, "") != revisionIDs.ReplaceAllString(b, "") {
						t.Errorf("import, %s:\n%s\nand\n%s", query, a, b)
					}
				}
				if differs < 5 {
					t.Errorf("who sees the costs tells the worlds apart by %d answers only", differs)
				}
				dear.get(c.without, "/v1/cards?stale=provider_card_changed").refused(422, "stale")
				dear.get(c.without, "/v1/cards/{"+c.bought+"}").want(404)
				dear.do(c.without, "POST", "/v1/cards/rebuild", "{}").refused(403, session.ReasonRatesHidden)
			})
		}
	}
}

// An account below never learns what an assigned card is bought from, nor that
// this has changed, whatever columns the policy lists.
func TestAnAssignedCardIsNotToldToBeStale(t *testing.T) {
	t.Parallel()
	const stale = "columns contains \"stale\" if {\n"
	eachDatabase(t, engineBut(t, "reseller/resource/card/shown.rego", stale+"\town\n", stale), func(t *testing.T, fresh func() *world) {
		w := fresh()
		soldFrom("retail", "gold", 1e7, store.ReasonSellsAtLoss, true)(w)
		soldFrom("gold", "upstream", 1e7, store.ReasonSellsAtLoss, true)(w)
		for user, want := range map[string]int{"m": 2, "a": 1} {
			if got := w.get(user, "/v1/cards?stale_null=false").items(); len(got) != want {
				t.Errorf("%s is told of %v", user, got)
			}
		}
		if got := w.get("a", "/v1/cards/{gold}").want(200).object(); got["stale"] != nil {
			t.Errorf("told %v", got["stale"])
		}
	})
}

// Accepted losses reveal both what a card costs and what it is sold for. A user
// who sees only one of the two is not told of them. The cards of an account below cost
// what customer cards are sold for, so a user who reads these sees both.
func TestLossesOfACardThatIsNotSeenAreNotToldInTheTrail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, engineOf(t, 1), func(t *testing.T, fresh func() *world) {
		w := fresh()
		w.acceptedLosses("gold")
		w.acceptedLosses("retail")
		for user, want := range map[string]int{"m": 2, "a": 1} {
			account := strings.ToUpper(user)
			hire(w, "M", account, user+".buyer", store.Group{DefaultAccess: "crud", Rows: store.Access{"card/customer": ""}})
			hire(w, "M", account, user+".seller", store.Group{DefaultAccess: "crud", Rows: store.Access{"card/provider": ""}})
			for reader, told := range map[string]int{user: want, user + ".buyer": 0, user + ".seller": want - 1} {
				items := w.get(reader, "/v1/audit?action=accept_losses").items()
				if len(items) != told {
					t.Errorf("%s is told of %d losses, want %d", reader, len(items), told)
				}
				if reader == "m.seller" && items[0]["account"] != w.id("A") {
					t.Errorf("%s is told of %v", reader, items)
				}
			}
		}
	})
}

// A policy can hide rows by their content. A preview shows nobody such a row
// through another user's eyes.
func TestAPreviewShowsNoRowThatThePreviewerDoesNotSee(t *testing.T) {
	t.Parallel()
	eachDatabase(t, withoutRows(t), func(t *testing.T, fresh func() *world) {
		w := fresh()
		for _, user := range []string{"m.without.gold", "a.without.gold", "a.too.without.gold", "a.all", "m.without.acme", "a.without.acme"} {
			hire(w, "M", strings.ToUpper(user[:1]), user, store.Group{DefaultAccess: "crud"})
		}
		for _, c := range []struct {
			viewer, target string
			more           bool
		}{
			{"m", "a.all", false}, {"m", "m.without.gold", false}, {"a.all", "a.without.gold", false},
			{"m.without.gold", "a.without.gold", false}, {"a.without.gold", "a.too.without.gold", false},
			{"m.without.gold", "m.without.gold", false}, {"m.without.gold", "m", true}, {"m.without.gold", "a.all", true},
			{"a.without.gold", "a.all", true}, {"m.without.acme", "a.all", true}, {"a.without.acme", "a.all", true},
			{"a.all", "a.without.acme", false}, {"m", "a.without.acme", false}, {"m.without.acme", "a.without.acme", false},
		} {
			want := map[bool]int{false: 200, true: 403}[c.more]
			for _, got := range []answered{
				w.do(c.viewer, "GET", "/v1/cards", "", headerAs, w.id(c.target)), w.get(c.viewer, "/v1/preview/{"+c.target+"}"),
			} {
				if got.status != want || c.more && !strings.Contains(got.body, insight.ReasonExceeds) {
					t.Errorf("%s as %s: %d %s", c.viewer, c.target, got.status, got.body)
				}
			}
		}
	})
}

// A card that one account buys is a customer card of the account above. A user
// above who reads only provider cards does not read it there, although it has the
// same area as the buyer's users. A user above who reads only customer cards reads it.
func TestAPreviewIsNoWayAroundTheKindOfCards(t *testing.T) {
	t.Parallel()
	eachDatabase(t, engineOf(t, 2), func(t *testing.T, fresh func() *world) {
		w := fresh()
		for _, side := range []string{"M", "A"} {
			for name, g := range map[string]store.Access{
				"all": {}, "bought": {"card/customer": ""}, "sold": {"card/provider": ""}, "none": {"card": ""}, "quiet": {"audit": ""},
			} {
				hire(w, "M", side, side+"."+name, store.Group{DefaultAccess: "crud", Rows: g})
			}
		}
		var told []string
		for _, viewer := range []string{"M", "A"} {
			for _, sees := range []string{"all", "bought", "sold", "none", "quiet"} {
				for _, target := range []string{"M.all", "M.bought", "M.sold", "A.all", "A.bought", "A.sold", "A.none", "A.quiet"} {
					if w.do(viewer+"."+sees, "GET", "/v1/me", "", headerAs, w.id(target)).status == 200 {
						told = append(told, viewer+"."+sees+">"+target)
					}
				}
			}
		}
		want := "M.all>M.all M.all>M.bought M.all>M.sold M.all>A.all M.all>A.bought M.all>A.sold M.all>A.none M.all>A.quiet " +
			"M.bought>M.bought M.bought>A.none M.sold>M.sold M.sold>A.all M.sold>A.bought M.sold>A.sold M.sold>A.none M.sold>A.quiet " +
			"M.none>A.none M.quiet>A.quiet " +
			"A.all>A.all A.all>A.bought A.all>A.sold A.all>A.none A.all>A.quiet " +
			"A.bought>A.bought A.bought>A.none A.sold>A.sold A.sold>A.none A.none>A.none A.quiet>A.quiet"
		if got := strings.Join(told, " "); got != want {
			t.Errorf("got %s", got)
		}
	})
}
