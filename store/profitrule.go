package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// maxRules is the most profit rules that a card can have.
const maxRules = 1000

// The states that a profit rule gives a row.
const (
	RuleProfit  = "profit"
	RuleBlocked = "blocked"
)

// ProfitRule turns a parent's prices into the card's. If several rules match a
// prefix, see rating.Rule for the one that applies. Money and percentages are in
// units of 10^-10.
type ProfitRule struct {
	Match   string // a prefix, "^" and a prefix, or "*"
	Type    string `db:"type,null"` // absolute, relative, percent or floor; "" if blocked
	Value   int64  `db:"value,null"`
	ApplyTo string `db:"apply_to,null"` // some of cost, inter and intra, joined by commas; "" for all
	Status  string // RuleProfit or RuleBlocked

	MCD, Pulse *int // seconds; nil for the parents' largest value
	Connect    *int64
	Precision  *int   // nil with Rounding "" for the card's rounding; both or neither are given
	Rounding   string `db:"rounding,null"`
}

// ruleRow is a row of the table of profit rules.
type ruleRow struct {
	CardID   string `db:"card_id,key"`
	Position int    `db:"position,key"`
	ProfitRule
	Value *int64 // nil if blocked
}

var (
	rulesTable    = statementsOf[ProfitRule]("profit_rules")
	ruleRowsTable = statementsOf[ruleRow]("profit_rules")
)

// ProfitRules lists the profit rules of a card of the tenant, in their order. It
// returns ErrNotFound if there is no such card.
func (tx *Tx) ProfitRules(ctx context.Context, card string) ([]ProfitRule, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return nil, err
	}
	return tx.profitRules(ctx, card)
}

func (tx *Tx) profitRules(ctx context.Context, card string) ([]ProfitRule, error) {
	rules, err := dialect.SelectAll[ProfitRule](ctx, tx.store.dialect, tx.tx, rulesTable.query+" WHERE card_id = ? ORDER BY position", card)
	if err != nil {
		return nil, fmt.Errorf("profit rules of card %s: %w", card, err)
	}
	return rules, nil
}

// SetProfitRules replaces the profit rules of a customer card of the tenant. It
// returns ErrNotFound for an unknown card, and the errors of CheckProfitRules.
func (tx *Tx) SetProfitRules(ctx context.Context, card string, rules []ProfitRule) error {
	c, err := tx.Card(ctx, card)
	if err != nil {
		return err
	}
	if len(rules) > 0 && c.Kind != schema.CustomerCard {
		return fmt.Errorf("card %s: %w", card, fault.Invalid("profit_rules", "applies only to customer cards"))
	}
	if len(rules) > maxRules {
		return fmt.Errorf("card %s: %w", card, fault.Invalid("profit_rules", fmt.Sprintf("has more than %d rules", maxRules)))
	}
	if _, err := ratingRules(rules); err != nil {
		return fmt.Errorf("card %s: %w", card, err)
	}
	if err := tx.willChange(ctx, "card", card); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM profit_rules WHERE card_id = ?", card); err != nil {
		return fmt.Errorf("profit rules of card %s: %w", card, err)
	}
	if err := tx.touchCard(ctx, card); err != nil {
		return err
	}
	for i := range rules {
		if err := tx.putRule(ctx, card, i+1, &rules[i]); err != nil {
			return fmt.Errorf("profit rules of card %s: %w", card, err)
		}
	}
	return nil
}

func (tx *Tx) putRule(ctx context.Context, card string, position int, r *ProfitRule) error {
	row := ruleRow{CardID: card, Position: position, ProfitRule: *r}
	if r.Status != RuleBlocked {
		row.Value = &r.Value
	}
	_, err := tx.execNamed(ctx, ruleRowsTable.insert, row)
	return err
}

// CheckProfitRules returns ErrInvalid with every fault of the rules. A fault names its field as
// profit_rules[0].type, and a rule whose fields do not agree as profit_rules[0].
func CheckProfitRules(rules []ProfitRule) error {
	_, err := ratingRules(rules)
	return err
}

// ratingRules converts the rules for the arithmetic. It returns the errors of CheckProfitRules.
func ratingRules(rules []ProfitRule) (rating.Rules, error) {
	all := make([]rating.Rule, len(rules))
	var wrong fault.Several
	for i := range rules {
		c := ruleCheck{at: fmt.Sprintf("profit_rules[%d]", i)}
		all[i] = c.rule(&rules[i])
		wrong = append(wrong, c.wrong...)
	}
	if len(wrong) > 0 {
		return rating.Rules{}, wrong
	}
	return rating.NewRules(all)
}

// ruleCheck collects the faults of one rule.
type ruleCheck struct {
	at    string // names the rule
	wrong fault.Several
}

// plainText is the text of an arithmetic error, without the prefix of
// rating.ErrInvalid.
func plainText(err error) string {
	return strings.TrimPrefix(err.Error(), rating.ErrInvalid.Error()+": ")
}

// ruleFields are the names with which the text of an error about a single field begins.
var ruleFields = []string{"match", "type", "value", "apply_to", "status", "mcd", "pulse", "connect", "precision", "rounding"}

// add takes an error whose text begins with the name of a field, or is about the whole rule.
func (c *ruleCheck) add(err error) {
	if err == nil {
		return
	}
	text := plainText(err)
	if field, rest, _ := strings.Cut(text, " "); slices.Contains(ruleFields, field) {
		c.wrong = append(c.wrong, fault.Invalid(c.at+"."+field, rest))
		return
	}
	c.wrong = append(c.wrong, fault.Invalid(c.at, "does not fit together: "+text))
}

// rule converts a rule. The arithmetic checks it as a whole if each field is right.
func (c *ruleCheck) rule(r *ProfitRule) (rule rating.Rule) {
	var err error
	if rule.Match, err = rating.ParseMatch(r.Match); err != nil {
		c.add(errors.New("match is not a prefix, ^ and a prefix, or *"))
	}
	if r.Type != "" {
		rule.Type, err = rating.ParseMarkup(r.Type)
		c.add(err)
	}
	rule.ApplyTo, err = applyTo(r.ApplyTo)
	c.add(err)
	rule.Value, rule.Blocked = rating.Money(r.Value), r.Status == RuleBlocked
	if !rule.Blocked && r.Status != RuleProfit {
		c.add(errors.New("status is not one of profit, blocked"))
	}
	rule.MCD, err = seconds("mcd", r.MCD, 0)
	c.add(err)
	rule.Pulse, err = seconds("pulse", r.Pulse, 1)
	c.add(err)
	if r.Connect != nil {
		rule.Connect = rating.Some(rating.Money(*r.Connect))
	}
	switch {
	case r.Precision == nil && r.Rounding != "":
		c.add(errors.New("precision is missing: precision and rounding are given together"))
	case r.Precision != nil && r.Rounding == "":
		c.add(errors.New("rounding is missing: precision and rounding are given together"))
	case r.Precision != nil:
		rule.Rounding, err = rating.NewRounding(*r.Precision, r.Rounding)
		c.add(err)
	}
	if len(c.wrong) == 0 {
		c.add(rule.Validate())
	}
	return rule
}

func seconds(field string, n *int, least int) (rating.Optional[uint32], error) {
	if n == nil {
		return rating.Optional[uint32]{}, nil
	}
	if *n < least || *n > schema.MaxSeconds {
		return rating.Optional[uint32]{}, fmt.Errorf("%s is not between %d and %d seconds", field, least, schema.MaxSeconds)
	}
	return rating.Some(uint32(*n)), nil
}

// priceColumns maps the names of a row's prices to their jurisdictions.
var priceColumns = map[string]rating.Jurisdiction{"cost": rating.Indeterminate, "inter": rating.Inter, "intra": rating.Intra}

func applyTo(text string) (rating.Jurisdictions, error) {
	if text == "" {
		return 0, nil
	}
	var all []rating.Jurisdiction
	for name := range strings.SplitSeq(text, ",") {
		j, ok := priceColumns[name]
		if !ok {
			return 0, fmt.Errorf("apply_to names something else than cost, inter and intra")
		}
		all = append(all, j)
	}
	return rating.SetOf(all...), nil
}
