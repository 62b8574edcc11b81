// Package predicate holds the typed condition that a policy filter becomes.
//
// A store renders the condition to SQL, and the policy engine evaluates the
// same tree in memory, so that a list and a single check cannot disagree. The
// package depends on neither Rego nor SQL.
//
// The logic is two-valued and follows Rego: a condition on an absent value is
// false, and its negation is therefore true. A stored NULL is an absent value.
// Do not change a value of these types once it is built; it is then safe for
// concurrent use.
package predicate

import "slices"

// Kind is the kind of a filter. The zero value is None.
type Kind uint8

// The kinds of a Filter.
const (
	None  Kind = iota // no row passes
	All               // every row passes
	Where             // a row passes if the condition holds
)

// Filter decides which rows pass. Its zero value lets none pass, and neither
// does a Filter of kind Where without a condition.
type Filter struct {
	Kind  Kind
	Where Expr // set only for kind Where
}

// Ref is a path below the policy's input. {"resource","account_id"} is a
// column of the row. {"subject","account","id"} and {"context","time"} are
// values of the request. {"resource","properties","x"} is a property that the
// request sent.
type Ref []string

// Column returns the name of the row's column that the path stands for. It
// returns false if the path is a value of the request.
func (r Ref) Column() (string, bool) {
	if len(r) != 2 || r[0] != "resource" || r[1] == "properties" || r[1] == "type" {
		return "", false
	}
	return r[1], true
}

// Overlaps reports whether one of two paths begins with the other.
func (r Ref) Overlaps(other Ref) bool {
	n := min(len(r), len(other))
	return slices.Equal(r[:n], other[:n])
}

// Expr is a condition. It is one of And, Or, Not, True, False, Compare,
// Member, Match, Defined, Exists and Guard.
type Expr interface{ isExpr() }

// And holds if all of its conditions hold. An empty And holds.
type And []Expr

// Or holds if one of its conditions holds. An empty Or does not hold.
type Or []Expr

// Not holds if X does not hold.
type Not struct{ X Expr }

// True always holds.
type True struct{}

// False never holds.
type False struct{}

// Compare holds if both sides are present and in the relation Op. Values of
// different types are unequal (Eq false, Ne true). An ordering holds only
// between two texts (bytewise) or two numbers (exactly); any other ordering is
// false.
type Compare struct {
	Op          Op
	Left, Right Operand
}

// Member holds if Item is present and equal to an element of Set. Set is a
// list of constants, a set column, the subject's subtree Ref{"subject","below"},
// or ViewerBelow. An absent set has no elements.
type Member struct{ Item, Set Operand }

// Match holds if both sides are texts and Text starts with, ends with or
// contains Part, byte for byte. Every text contains the empty text.
type Match struct {
	Op         MatchOp
	Text, Part Operand
}

// Defined holds if the value is present and not the boolean false.
type Defined struct{ Ref Ref }

// Exists holds if some element of a set column meets Where, in which the operand
// Element stands for that element. Where consists of And, Or, Not, True, False, Compare
// and Match. An absent set has no elements.
type Exists struct {
	Set   Ref
	Where Expr
}

// Element is the path of the element in the condition of an Exists.
var Element = Ref{"element"}

// IsElement reports whether the path is Element.
func (r Ref) IsElement() bool { return len(r) == 1 && r[0] == "element" }

// Guard is a condition that reads no row. It is decided once per request,
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
func (Exists) isExpr()  {}
func (Guard) isExpr()   {}

// Op is the relation of a Compare.
type Op uint8

// The relations of a Compare. The zero value is no relation and never holds.
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

// The relations of a Match. The zero value is no relation and never holds.
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

// Operands returns the operands of a condition. It returns nil for a condition
// that consists of other conditions. For Exists, they are the set and the operands of
// its condition, without the element.
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
	case Exists:
		return appendOutside([]Operand{{Ref: e.Set}}, e.Where)
	}
	return nil
}

// appendOutside appends the operands inside a condition that are not the element.
func appendOutside(dst []Operand, e Expr) []Operand {
	switch e := e.(type) {
	case And:
		for _, x := range e {
			dst = appendOutside(dst, x)
		}
	case Or:
		for _, x := range e {
			dst = appendOutside(dst, x)
		}
	case Not:
		return appendOutside(dst, e.X)
	default:
		for _, o := range Operands(e) {
			if !o.Ref.IsElement() {
				dst = append(dst, o)
			}
		}
	}
	return dst
}

// Below is the path of the subject's subtree.
var Below = Ref{"subject", "below"}

// Viewer begins the paths of a preview's viewer, as "subject" those of the previewed user.
const Viewer = "viewer"

// ViewerBelow is the path of the viewer's subtree. An Env returns for it a
// func(accountID string) bool.
var ViewerBelow = Ref{Viewer, "below"}

// IsViewerBelow reports whether the path is the viewer's subtree.
func (r Ref) IsViewerBelow() bool { return slices.Equal(r, ViewerBelow) }

// IsBelow reports whether the path is the subject's subtree.
func (r Ref) IsBelow() bool {
	return len(r) == 2 && r[0] == "subject" && r[1] == "below"
}

// Of returns the simplified condition as a filter.
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

// Column returns the operand for a column of the row.
func Column(name string) Operand { return Operand{Ref: Ref{"resource", name}} }

// ColumnIs returns the condition that a column of the row equals an operand.
func ColumnIs(name string, to Operand) Compare {
	return Compare{Op: Eq, Left: Column(name), Right: to}
}
