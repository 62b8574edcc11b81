package rating

import (
	"fmt"
	"slices"
	"strings"
)

// Markup is how a profit rule changes a price.
type Markup uint8

// The markups. A Floor applies together with another rule for the same row: the
// other rule sets the price, and the Floor raises it if necessary.
const (
	Absolute Markup = iota + 1 // the price is the value
	Relative                   // cost + value; a negative value reduces the price
	Percent                    // cost * (1 + value/100): 20 is 20 % on top
	Floor                      // at least cost + value, after rounding
)

var markupNames = [...]string{"", "absolute", "relative", "percent", "floor"}

// ParseMarkup reads absolute, relative, percent or floor. It returns ErrInvalid
// for any other text.
func ParseMarkup(text string) (Markup, error) {
	for m := Absolute; m <= Floor; m++ {
		if markupNames[m] == text {
			return m, nil
		}
	}
	return 0, fmt.Errorf("%w: type is not one of absolute, relative, percent, floor", ErrInvalid)
}

// String returns the markup's name, or "" for the zero value.
func (m Markup) String() string {
	if m > Floor {
		return ""
	}
	return markupNames[m]
}

// Jurisdictions is a set of jurisdictions. The zero value means all.
type Jurisdictions uint8

// SetOf returns the set of the given jurisdictions.
func SetOf(js ...Jurisdiction) Jurisdictions {
	var set Jurisdictions
	for _, j := range js {
		set |= 1 << j
	}
	return set
}

const everywhere Jurisdictions = 1<<jurisdictions - 1

// Names returns the names of the jurisdictions in the set, never nil.
func (s Jurisdictions) Names() []string {
	names := []string{}
	for j := range jurisdictions {
		if s.has(j) {
			names = append(names, j.String())
		}
	}
	return names
}

// String returns the names, separated by commas.
func (s Jurisdictions) String() string { return strings.Join(s.Names(), ", ") }

func (s Jurisdictions) has(j Jurisdiction) bool { return s == 0 || s&(1<<j) != 0 }

// Rule is a profit rule. For each row the longest match wins, and among equally
// long ones the later rule. This selection is made separately for Blocked (rules
// that apply to the indeterminate price, but no Floor), for MCD, Pulse and Connect
// together (rules that set one of them), for the price in each jurisdiction (rules
// that apply to it), and for its Floor. Rounding belongs to the price.
type Rule struct {
	Match   Match
	Type    Markup
	Value   Money // Percent: 20 % is 20 * Unit
	ApplyTo Jurisdictions
	Blocked bool // blocks the row; all other fields but Match must be unset

	MCD      Optional[uint32] // unset: the largest of the parents'
	Pulse    Optional[uint32] // unset: the largest of the parents'
	Connect  Optional[Money]  // unset: the largest of the parents'
	Rounding Rounding         // unset: the card's
}

// Validate returns ErrInvalid for a rule that is not valid.
func (r Rule) Validate() error {
	least := Money(0)
	switch {
	case r.Type == Relative:
		least = -1 << 63
	case r.Type == Percent:
		least = -100 * Unit
	}
	options := r.MCD.set || r.Pulse.set || r.Connect.set || r.Rounding != Rounding{}
	switch {
	case r.Match == Match{}:
		return fmt.Errorf("%w: match is missing", ErrInvalid)
	case r.ApplyTo&^everywhere != 0:
		return fmt.Errorf("%w: apply_to is no set of jurisdictions", ErrInvalid)
	case r.Blocked && (r.Type != 0 || r.Value != 0 || r.ApplyTo != 0 || options):
		return fmt.Errorf("%w: a blocking rule blocks the whole row and says nothing else", ErrInvalid)
	case r.Blocked:
		return nil
	case r.Type < Absolute || r.Type > Floor:
		return fmt.Errorf("%w: type is missing", ErrInvalid)
	case r.Value < least:
		return fmt.Errorf("%w: value is too small", ErrInvalid)
	case r.Type == Floor && options:
		return fmt.Errorf("%w: a floor has no mcd, pulse, connect or rounding", ErrInvalid)
	case r.Pulse.set && r.Pulse.value < 1:
		return fmt.Errorf("%w: pulse is not 1 or more", ErrInvalid)
	case r.Connect.value < 0:
		return fmt.Errorf("%w: connect is negative", ErrInvalid)
	}
	if r.Rounding != (Rounding{}) {
		_, err := r.Rounding.unit()
		return err
	}
	return nil
}

// Rules is a list of profit rules, prepared for look-ups. The zero value has
// none. It is immutable and safe for concurrent use.
type Rules struct {
	rules   []Rule
	at      map[Prefix][]int // indexes of the rules of each match, ascending
	lengths [MaxDigits + 1]bool
	below   []Prefix // prefixes of ^ matches, ascending
}

// NewRules prepares rules in their order. It returns ErrInvalid with the number
// of the first invalid rule, counted from 1.
func NewRules(rules []Rule) (Rules, error) {
	rs := Rules{rules: slices.Clone(rules), at: map[Prefix][]int{}}
	for i, rule := range rules {
		if err := rule.Validate(); err != nil {
			return Rules{}, fmt.Errorf("rule %d: %w", i+1, err)
		}
		p := rule.Match.prefix
		rs.at[p] = append(rs.at[p], i)
		rs.lengths[p.Len()] = true
		if rule.Match.below && p != 0 {
			rs.below = append(rs.below, p)
		}
	}
	slices.Sort(rs.below)
	rs.below = slices.Compact(rs.below)
	return rs, nil
}

// Below returns the prefixes of ^ matches, ascending. A build adds those that a
// parent knows. The slice is shared: do not change it.
func (rs *Rules) Below() []Prefix { return rs.below }

// verdict holds the rules that apply to a row; nil for none.
type verdict struct {
	status       *Rule // says whether the row is blocked
	terms        *Rule // sets MCD, Pulse and Connect
	price, floor [jurisdictions]*Rule
}

// of returns the rules for a row. held reports whether a parent has exactly
// this prefix; only then does a match of this prefix alone apply.
func (rs *Rules) of(p Prefix, held bool) verdict {
	var v verdict
	for n := p.Len(); n >= 0; n-- {
		if !rs.lengths[n] {
			continue
		}
		at := p.cut(n)
		for _, i := range slices.Backward(rs.at[at]) {
			rule := &rs.rules[i]
			if rule.Match.below || held && at == p {
				v.take(rule)
			}
		}
	}
	return v
}

// take considers a rule that is weaker than all earlier ones.
func (v *verdict) take(rule *Rule) {
	if v.status == nil && rule.Type != Floor && rule.ApplyTo.has(Indeterminate) {
		v.status = rule
	}
	if v.terms == nil && (rule.MCD.set || rule.Pulse.set || rule.Connect.set) {
		v.terms = rule
	}
	if rule.Blocked {
		return
	}
	winners := &v.price
	if rule.Type == Floor {
		winners = &v.floor
	}
	for j := range jurisdictions {
		if winners[j] == nil && rule.ApplyTo.has(j) {
			winners[j] = rule
		}
	}
}

// alike reports whether the same rules apply to j as to the indeterminate
// price.
func (v *verdict) alike(j Jurisdiction) bool {
	return v.price[j] == v.price[Indeterminate] && v.floor[j] == v.floor[Indeterminate]
}
