package server

import (
	"fmt"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/storetest"
)

// withoutRows is a policy that hides single rows by their name, cards with their
// rates, from the users that are named after them: m.without.gold does not see
// gold.
func withoutRows(t *testing.T) *policies.Engine {
	rules := ""
	for name, types := range map[string]string{"m-upstream": `"card", "rate", "revision"`, "m-gold": `"card", "rate", "revision"`, "a-acme": `"customer"`} {
		rules += fmt.Sprintf("\nclosed if {\n\tinput.resource.type in {%s}\n\tcontains(input.subject.user.external_id, %q)\n\tinput.resource.name == %q\n}\n",
			types, "without."+name[2:], "planted-"+name)
	}
	const exists = "\tactions.exists\n"
	return hidingEngine(t, "reseller/main/main.rego", exists, exists+"\tnot closed\n", rules)
}

// costCases are cards, what each is bought from, and who sees both, or does not
// see what is bought: on the card's own side, or above it.
var costCases = []struct{ card, bought, account, sees, without string }{
	{"gold", "upstream", "M", "m", "m.without.upstream"},
	{"retail", "gold", "A", "a", "a.without.gold"},
	{"retail", "gold", "M", "m", "m.without.gold"},
}

// Who sees a card and not what it is bought from is told nothing that is worked
// out from what that costs, however it asks.
func TestACardThatIsHiddenAloneIsNotToldOfByWhatIsBoughtFromIt(t *testing.T) {
	oneAtATime(t)
	engine := withoutRows(t)
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		for _, c := range costCases {
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
				if differs < 5 {
					t.Errorf("who sees the costs tells the worlds apart by %d answers only", differs)
				}
				dear.get(c.without, "/v1/cards?stale=provider_card_changed").refused(422, "stale")
				dear.get(c.without, "/v1/cards/{"+c.bought+"}").want(404)
				dear.do(c.without, "POST", "/v1/cards/rebuild", "{}").refused(403, reasonRatesHidden)
			})
		}
	}
}

// That losses were accepted tells what a card is sold for beside what it costs:
// who sees one of them alone is not told.
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
			for reader, told := range map[string]int{user: want, user + ".buyer": 0, user + ".seller": 0} {
				if got := len(w.get(reader, "/v1/audit?action=accept_losses").items()); got != told {
					t.Errorf("%s is told of %d losses, want %d", reader, got, told)
				}
			}
		}
	})
}
