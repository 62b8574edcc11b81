package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"slices"
	"strings"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// planted is seedWorld with a random text in every private field, so that no
// text appears by chance.
type planted struct {
	*world
	what map[string]string // the owner and field of each text
	kept map[string]string // texts that only their owner's user may read, with that user
	ids  []string          // the ids that requests use
}

func (p *planted) note(account, field, text string) string {
	p.what[text] = account + ": " + field
	return text
}

// text plants a random word.
func (p *planted) text(account, field string) string {
	return p.note(account, field, "zq"+strings.ToLower(rand.Text()))
}

func (p *planted) mail(account, field string) string {
	return p.text(account, field) + "@example.com"
}

// digits plants a random number of 14 digits.
func (p *planted) digits(account, field string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(9e13))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.note(account, field, fmt.Sprint(n.Int64()+1e13))
}

// notA lists everything that reseller A does not own, by owner.
var notA = map[string]struct{ Users, groups, customers, cards []string }{
	"M": {[]string{"m", "clerk"}, []string{"M.full", "M.clerks", "M.default"}, []string{"mega"}, []string{"upstream", "upstream2", "gold", "silver", "bronze"}},
	"B": {[]string{"b", "b2"}, nil, []string{"bolt", "brio"}, []string{"bulk"}},
	"C": {[]string{"c", "c2"}, nil, []string{"crux"}, nil},
	"N": {[]string{"n", "nclerk"}, []string{"N.full", "N.clerks", "N.default"}, nil, []string{"foreign", "nickel"}},
	"R": {[]string{"r", "r2"}, nil, []string{"rune"}, nil},
}

func tenantOf(account string) string {
	if account == "N" || account == "R" {
		return "N"
	}
	return "M"
}

// plant fills every private field that reseller A does not own.
func plant(w *world) *planted {
	p := &planted{world: w, what: map[string]string{}, kept: map[string]string{}}
	for _, account := range slices.Sorted(maps.Keys(notA)) {
		w.write(w.id(tenantOf(account)), func(tx *store.Tx) error {
			for _, fill := range []func(*store.Tx, string) error{
				p.plantAccount, p.plantGroups, p.plantUsers, p.plantCustomers, p.plantCards, p.plantDestinations, p.plantAudit,
			} {
				if err := fill(tx, account); err != nil {
					return fmt.Errorf("%s: %w", account, err)
				}
			}
			return nil
		})
	}
	p.write(p.id("M"), func(tx *store.Tx) error {
		external, ceiling := p.text("M", "its name for reseller A"), store.Access{"*": "crud", p.text("M", "ceiling of reseller A"): "crud"}
		if err := tx.SetParents(context.Background(), store.AllRates, p.id("retail"), []store.Parent{{CardID: p.id("gold")}}); err != nil {
			return err
		}
		_, err := tx.UpdateAccount(context.Background(), p.id("A"), store.AccountPatch{ExternalID: &external, Ceiling: &ceiling})
		return err
	})
	return p
}

func (p *planted) plantAccount(tx *store.Tx, account string) error {
	name, mail := p.text(account, "company name"), p.mail(account, "email")
	patch := store.AccountPatch{Name: &name, Email: &mail}
	if account != "M" {
		public, external := p.text(account, "public name"), p.text(account, "external id")
		patch.PublicName, patch.ExternalID = &public, &external
	}
	if account != "M" && account != "N" {
		patch.Ceiling = &store.Access{"*": "crud", p.text(account, "ceiling"): "r"}
	}
	_, err := tx.UpdateAccount(context.Background(), p.id(account), patch)
	return err
}

func (p *planted) plantGroups(tx *store.Tx, account string) error {
	for _, group := range notA[account].groups {
		name := p.text(account, "name of group "+group)
		patch := store.GroupPatch{Name: &name}
		if group != "M.default" {
			public := p.text(account, "public name of group "+group)
			patch.PublicName, patch.Rows = &public, &store.Access{p.text(account, "area in group "+group): "r"}
		}
		if group == "M.clerks" || group == "N.clerks" {
			(*patch.Rows)["customer"] = "r"
		}
		if _, err := tx.UpdateGroup(context.Background(), p.id(group), patch); err != nil {
			return err
		}
	}
	return nil
}

func (p *planted) plantUsers(tx *store.Tx, account string) error {
	for _, user := range notA[account].Users {
		login, name, external := p.mail(account, "login of "+user), p.text(account, "name of "+user), p.text(account, "external id of "+user)
		patch := store.UserPatch{Login: &login, Name: &name, ExternalID: &external}
		if _, err := tx.UpdateUser(context.Background(), p.id(user), patch); err != nil {
			return err
		}
	}
	return nil
}

func (p *planted) plantCustomers(tx *store.Tx, account string) error {
	for _, customer := range notA[account].customers {
		name, mail := p.text(account, "name of "+customer), p.mail(account, "email of "+customer)
		external, notes := p.text(account, "external id of "+customer), p.text(account, "notes on "+customer)
		patch := store.CustomerPatch{Name: &name, Email: &mail, ExternalID: &external, Notes: &notes}
		if _, err := tx.UpdateCustomer(context.Background(), p.id(customer), patch); err != nil {
			return err
		}
	}
	return nil
}

func (p *planted) plantCards(tx *store.Tx, account string) error {
	for _, card := range notA[account].cards {
		name, external := p.text(account, "name of "+card), p.text(account, "external id of "+card)
		notes, tech := p.text(account, "notes on "+card), p.digits(account, "tech prefix of "+card)
		patch := store.CardPatch{Name: &name, ExternalID: &external, Notes: &notes, TechPrefix: &tech}
		if account != "M" && account != "N" {
			p.kept[notes] = strings.ToLower(account)
		}
		if card != "gold" {
			public, publicNotes := p.text(account, "public name of "+card), p.text(account, "public notes on "+card)
			patch.PublicName, patch.PublicNotes = &public, &publicNotes
		}
		stored, err := tx.Card(context.Background(), p.id(card))
		if err != nil {
			return err
		}
		if stored.Kind == schema.ProviderCard {
			carrier := p.text(account, "carrier of "+card)
			patch.Carrier = &carrier
		}
		if _, err := tx.UpdateCard(context.Background(), store.AllRates, p.id(card), patch); err != nil {
			return err
		}
		if err := p.plantRecipe(tx, account, &stored); err != nil {
			return err
		}
		if err := p.plantRevisions(tx, account, card); err != nil {
			return err
		}
	}
	return nil
}

// plantRecipe sets the parents and profit rules of a customer card.
func (p *planted) plantRecipe(tx *store.Tx, account string, card *store.Card) error {
	if card.Kind != schema.CustomerCard {
		return nil
	}
	if upstream := map[string]string{"M": "upstream", "N": "foreign"}[account]; upstream != "" {
		if err := tx.SetParents(context.Background(), store.AllRates, card.ID, []store.Parent{{CardID: p.id(upstream)}}); err != nil {
			return err
		}
	}
	return tx.SetProfitRules(context.Background(), card.ID, []store.ProfitRule{
		{Match: p.digits(account, "a profit rule"), Type: "relative", Value: 5, Status: store.RuleProfit},
	})
}

// plantDestinations gives an account a name for a destination, which only its
// own users read.
func (p *planted) plantDestinations(tx *store.Tx, account string) error {
	if account == "R" { // its users have no access in this world
		return nil
	}
	name := p.text(account, "what it calls a place")
	if account != "M" && account != "N" {
		p.kept[name] = strings.ToLower(account)
	}
	return tx.SetDestinations(context.Background(), p.id(account), []store.Destination{{Prefix: "49", Name: name}})
}

// plantRevisions gives a card an old revision, an active one and a draft. The
// old revision and the draft are private. The active one is private too, except
// for gold.
func (p *planted) plantRevisions(tx *store.Tx, account, card string) error {
	ctx := context.Background()
	for _, label := range []string{"old", "new", "draft"} {
		name := "Germany"
		if label != "new" || card != "gold" {
			name = p.text(account, "rates of the "+label+" revision of "+card)
		}
		p.name("revision " + label + " of " + card)
		revision, err := tx.CreateRevision(ctx, p.id(card), oneRate(name))
		if err == nil && label != "draft" {
			_, err = tx.ActivateRevision(ctx, store.AllRates, p.id(card), revision.ID)
		}
		if err != nil {
			return err
		}
		p.call("revision "+label+" of "+card, revision.ID)
	}
	p.name("")
	return nil
}

func oneRate(name string) iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		yield(store.Rate{Prefix: "49", Name: name, Cost: 100_000_000, Pulse: 1}, nil)
	}
}

// plantAudit writes audit entries with a change: about the owner, and from the
// master about A.
func (p *planted) plantAudit(tx *store.Tx, account string) error {
	owners := []string{account}
	if account == "M" {
		owners = append(owners, "A")
	}
	for _, owner := range owners {
		row := map[string]any{"id": p.id(owner), "tenant_id": p.id(tenantOf(owner)), "kind": store.Reseller}
		columns := map[string]any{"name": session.Changed{Before: p.text(account, "name before, in an audit entry about "+owner), After: "now"}}
		change, err := json.Marshal(map[string]any{"columns": columns, "row": row})
		if err != nil {
			return err
		}
		_, err = tx.Audit(context.Background(), store.AuditEntry{
			ActorID: p.id(notA[account].Users[0]), ActorAccountID: p.id(account), AccountID: p.id(owner),
			ResourceType: "account", ResourceID: p.id(owner), Action: "update", Change: change,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
