// Package predicate holds the typed condition that a policy filter becomes.
//
// A store renders it to SQL and the policy engine evaluates the very same tree
// in memory, so that a list and a single check can never disagree. The package
// knows neither Rego nor SQL.
//
// The logic is two-valued and follows Rego: a condition over an absent value
// is false, and its negation is therefore true. A stored NULL is an absent
// value. All types are immutable by convention once built and then safe for
// concurrent use.
package predicate

// Kind tells the three kinds of filter apart. The zero value shows nothing.
type Kind uint8

// The kinds of a Filter.
const (
	None  Kind = iota // no row passes
	All               // every row passes
	Where             // a row passes when the condition holds
)

// Filter decides which rows pass. Its zero value lets none pass, and so does a
// Filter of kind Where without a condition.
type Filter struct {
	Kind  Kind
	Where Expr // set only for kind Where
}

// Ref is a path below the policy's input: {"resource","account_id"} is a
// column of the row, {"subject","account","id"} or {"context","time"} are
// values of the request, {"resource","properties","x"} is a property that the
// request sent along.
type Ref []string

// Column returns the name of the row's column that the path stands for, and
// false when the path is a value of the request.
func (r Ref) Column() (string, bool) {
	if len(r) != 2 || r[0] != "resource" || r[1] == "properties" || r[1] == "type" {
		return "", false
	}
	return r[1], true
}

// Expr is a condition: And, Or, Not, True, False, Compare, Member, Match,
// Defined or Guard, and nothing else.
type Expr interface{ isExpr() }

// And holds when all of its conditions hold; an empty one holds.
type And []Expr

// Or holds when one of its conditions holds; an empty one does not.
type Or []Expr

// Not holds when X does not.
type Not struct{ X Expr }

// True always holds.
type True struct{}

// False never holds.
type False struct{}

// Compare holds when both sides are present and stand in the relation Op.
// Values of different types are unequal (Eq false, Ne true); an ordering of
// different types, or of anything but two texts (bytewise) or two numbers
// (exactly), is false.
type Compare struct {
	Op          Op
	Left, Right Operand
}

// Member holds when Item is present and equal to an element of Set. Set is a
// list of constants, a set column, or the subject's subtree
// Ref{"subject","below"}. An absent set has no elements.
type Member struct{ Item, Set Operand }

// Match holds when both sides are texts and Text starts with, ends with or
// contains Part, byte for byte. Every text contains the empty one.
type Match struct {
	Op         MatchOp
	Text, Part Operand
}

// Defined holds when the value is present and not the boolean false.
type Defined struct{ Ref Ref }

// Guard is a condition that touches no row. It is decided once per request,
// outside the tree.
type Guard struct{ ID int }

func (And) isExpr()     {}
func (Or) isExpr()      {}
func (Not) isExpr()     {}
func (True) isExpr()    {}
func (False) isExpr()   {}
func (Compare) isExpr() {}
func (Member) isExpr()  {}
func (Match) isExpr()   {}
func (Defined) isExpr() {}
func (Guard) isExpr()   {}

// Op is the relation of a Compare.
type Op uint8

// The relations of a Compare. The zero value is none of them and never holds.
const (
	Eq Op = iota + 1
	Ne
	Lt
	Le
	Gt
	Ge
)

// MatchOp is the relation of a Match.
type MatchOp uint8

// The relations of a Match. The zero value is none of them and never holds.
const (
	StartsWith MatchOp = iota + 1
	EndsWith
	Contains
)

// Operand is one side of a condition: exactly one of a path, a scalar constant
// (string, bool or int64), or a list of such constants.
type Operand struct {
	Ref   Ref
	Const any
	List  []any
}

// Operands are what a condition compares; none for one that is made of others.
func Operands(e Expr) []Operand {
	switch e := e.(type) {
	case Compare:
		return []Operand{e.Left, e.Right}
	case Member:
		return []Operand{e.Item, e.Set}
	case Match:
		return []Operand{e.Text, e.Part}
	case Defined:
		return []Operand{{Ref: e.Ref}}
	}
	return nil
}

// Below is the path of the subject's subtree, the only set that is neither a
// column nor a list of constants.
var Below = Ref{"subject", "below"}

// IsBelow tells whether the path is the subject's subtree.
func (r Ref) IsBelow() bool {
	return len(r) == 2 && r[0] == "subject" && r[1] == "below"
}

// Of returns the filter of a condition, simplified.
func Of(e Expr) Filter {
	switch e := Simplify(e).(type) {
	case True:
		return Filter{Kind: All}
	case False:
		return Filter{}
	default:
		return Filter{Kind: Where, Where: e}
	}
}

// Column is the operand for a column of the row.
func Column(name string) Operand { return Operand{Ref: Ref{"resource", name}} }

// ColumnIs holds where a column of the row has the value of an operand.
func ColumnIs(name string, to Operand) Compare {
	return Compare{Op: Eq, Left: Column(name), Right: to}
}
