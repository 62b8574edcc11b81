package query

import (
	"fmt"
	"strings"

	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// renderer turns predicates on one type into SQL conditions. A condition is true
// exactly where predicate.Filter.Eval is. It may be NULL instead of false, but
// never under a NOT. The renderer returns an error for everything that it does not
// know.
type renderer struct {
	b       *schema.Builder
	def     *schema.Type
	alias   string
	leaf    bool
	source  int
	params  *parameter.Set
	classes string
	element *schema.Column // the set column whose elements a condition is about
}

func (r *renderer) unknown(e predicate.Expr, why string) error {
	return fault.Invalid("", fmt.Sprintf("%s filter: %s: %s", r.def.Name, predicate.Text(e), why))
}

// expr renders a condition whose parts that refer to no column are decided. The
// text can stand anywhere in an AND. In an OR it needs parentheses.
func (r *renderer) expr(e predicate.Expr) (string, error) {
	switch e := e.(type) {
	case predicate.True:
		return "TRUE", nil
	case predicate.False:
		return "FALSE", nil
	case predicate.And:
		return r.joined(e, " AND ", "TRUE")
	case predicate.Or:
		text, err := r.joined(e, " OR ", "FALSE")
		return "(" + text + ")", err
	case predicate.Not:
		text, err := r.expr(e.X)
		return "NOT COALESCE((" + text + "), FALSE)", err
	case predicate.Compare:
		return r.compare(e)
	case predicate.Member:
		return r.member(e)
	case predicate.Match:
		return r.match(e)
	case predicate.Defined:
		return r.defined(e)
	case predicate.Exists:
		return r.exists(e)
	}
	return "", fault.Invalid("", fmt.Sprintf("%s filter: unknown condition %T", r.def.Name, e))
}

func (r *renderer) joined(parts []predicate.Expr, word, empty string) (string, error) {
	texts := make([]string, len(parts))
	for i, p := range parts {
		text, err := r.expr(p)
		if err != nil {
			return "", err
		}
		texts[i] = text
	}
	if len(texts) == 0 {
		return empty, nil
	}
	return strings.Join(texts, word), nil
}

// side is one operand of a condition: a scalar column, or a value with its class.
type side struct {
	column *schema.Column
	text   string // the SQL of a column
	class  byte
	arg    schema.Argument
}

// side resolves an operand. It refuses set columns and opaque columns.
func (r *renderer) side(e predicate.Expr, o predicate.Operand) (side, error) {
	if o.Ref == nil {
		class, value := parameter.Classify(o.Const)
		if !dialect.Storable(value) {
			return side{}, r.unknown(e, "constant is no text that can be stored")
		}
		return side{class: class, arg: schema.Argument{Kind: schema.ArgConst, Value: value}}, nil
	}
	if o.Ref.IsElement() {
		if r.element == nil {
			return side{}, r.unknown(e, "element of no set")
		}
		return side{column: &elementColumn, text: "s." + r.element.Set.Value}, nil
	}
	if _, ok := o.Ref.Column(); ok {
		c, err := r.policyColumn(e, o.Ref)
		if err != nil {
			return side{}, err
		}
		if c.Kind != schema.Text && c.Kind != schema.Integer && c.Kind != schema.Boolean {
			return side{}, r.unknown(e, "column "+c.Name+" is no single value")
		}
		return side{column: c, text: c.Expr(r.b, r.alias)}, nil
	}
	i := r.params.Index(o.Ref)
	if i < 0 {
		return side{}, r.unknown(e, "value is not known to the request")
	}
	return side{class: r.classes[i], arg: schema.Argument{Kind: schema.ArgParam, Source: r.source, Index: i}}, nil
}

func (r *renderer) policyColumn(e predicate.Expr, ref predicate.Ref) (*schema.Column, error) {
	name, _ := ref.Column()
	c := r.def.Column(name)
	if c == nil || !c.Policy {
		return nil, r.unknown(e, "no column "+name)
	}
	if c.Opaque {
		return nil, r.unknown(e, "column "+name+" takes no part in filters")
	}
	return c, nil
}

var sqlOps = map[predicate.Op]string{
	predicate.Eq: "=", predicate.Ne: "<>", predicate.Lt: "<", predicate.Le: "<=", predicate.Gt: ">", predicate.Ge: ">=",
}

var mirror = map[predicate.Op]predicate.Op{
	predicate.Eq: predicate.Eq, predicate.Ne: predicate.Ne,
	predicate.Lt: predicate.Gt, predicate.Le: predicate.Ge, predicate.Gt: predicate.Lt, predicate.Ge: predicate.Le,
}

func (r *renderer) compare(c predicate.Compare) (string, error) {
	if sqlOps[c.Op] == "" {
		return "", r.unknown(c, "unknown comparison")
	}
	left, err := r.side(c, c.Left)
	if err != nil {
		return "", err
	}
	right, err := r.side(c, c.Right)
	if err != nil {
		return "", err
	}
	op := c.Op
	if left.column == nil {
		left, right, op = right, left, mirror[op]
	}
	if left.column == nil {
		return "", r.unknown(c, "no column")
	}
	if right.column != nil {
		return r.compareColumns(op, left, right), nil
	}
	return r.compareValue(op, left, right), nil
}

func ordering(op predicate.Op) bool { return op != predicate.Eq && op != predicate.Ne }

func (r *renderer) compareColumns(op predicate.Op, left, right side) string {
	if left.column.Kind != right.column.Kind {
		if op == predicate.Ne {
			return present(left) + " AND " + present(right)
		}
		return "FALSE"
	}
	if !ordering(op) {
		return left.text + " " + sqlOps[op] + " " + right.text
	}
	if left.column.Kind == schema.Boolean {
		return "FALSE"
	}
	return r.b.Collated(left.text, left.column.Kind) + " " + sqlOps[op] + " " + right.text
}

func present(s side) string {
	if s.column.NotNull {
		return "TRUE"
	}
	return s.text + " IS NOT NULL"
}

// compareValue compares a column with a value of the request or the policy. A value
// of another type is unequal, and every ordering with it is false.
func (r *renderer) compareValue(op predicate.Op, c, value side) string {
	kind := c.column.Kind
	switch {
	case value.class == parameter.Absent:
		return "FALSE"
	case kind == schema.Integer && value.class != parameter.Integer && numeric(value.class):
		return r.compareOdd(op, c, value)
	case kind == schema.Text && value.class == parameter.Text, kind == schema.Integer && value.class == parameter.Integer,
		kind == schema.Boolean && value.class == parameter.Boolean && !ordering(op):
		text := c.text
		if ordering(op) {
			text = r.b.Collated(text, kind)
		}
		return text + " " + sqlOps[op] + " " + r.b.Typed(value.arg, kind)
	case op == predicate.Ne:
		return present(c)
	}
	return "FALSE"
}

func numeric(class byte) bool {
	return class == parameter.Integer || class == parameter.Fraction || class == parameter.Above || class == parameter.Under
}

// compareOdd compares an integer column with a number that is not an int64: a
// fraction, whose floor is bound, or a number out of range.
func (r *renderer) compareOdd(op predicate.Op, c, value side) string {
	below := op == predicate.Lt || op == predicate.Le // the column must be the smaller one
	switch {
	case op == predicate.Eq:
		return "FALSE"
	case op == predicate.Ne:
		return present(c)
	case value.class == parameter.Fraction && below:
		return c.text + " <= " + r.b.Integer(value.arg)
	case value.class == parameter.Fraction:
		return c.text + " > " + r.b.Integer(value.arg)
	case below == (value.class == parameter.Above):
		return present(c)
	}
	return "FALSE"
}

func (r *renderer) defined(d predicate.Defined) (string, error) {
	c, err := r.policyColumn(d, d.Ref)
	if err != nil {
		return "", err
	}
	switch c.Kind {
	case schema.Set:
		return "TRUE", nil // a set always exists, but may be empty
	case schema.Boolean:
		return c.Expr(r.b, r.alias), nil
	}
	return present(side{column: c, text: c.Expr(r.b, r.alias)}), nil
}

func (r *renderer) match(m predicate.Match) (string, error) {
	write := map[predicate.MatchOp]func(text, part string) string{
		predicate.StartsWith: r.b.Dialect.StartsWith, predicate.EndsWith: r.b.Dialect.EndsWith, predicate.Contains: r.b.Dialect.Contains,
	}[m.Op]
	if write == nil {
		return "", r.unknown(m, "unknown comparison")
	}
	var texts [2]string
	for i, o := range []predicate.Operand{m.Text, m.Part} {
		s, err := r.side(m, o)
		if err != nil {
			return "", err
		}
		if s.column != nil && s.column.Kind != schema.Text || s.column == nil && s.class != parameter.Text {
			return "FALSE", nil
		}
		if texts[i] = s.text; s.column == nil {
			texts[i] = r.b.Bind(s.arg)
		}
	}
	return write(texts[0], texts[1]), nil
}
