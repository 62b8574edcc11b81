package tablefilter

import (
	"strconv"
	"strings"

	"resellerd/policies/input"
	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
)

// lowering turns a predicate into nodes, for values of some classes.
type lowering struct {
	*Template
	classes string
	names   string // the class of each account that the filter mentions
	master  bool
	below   [3]int // accounts of the subtree that columns of each type can hold
	err     error
}

func (l *lowering) refuse(column, text string) node {
	if l.err == nil {
		l.err = &ColumnError{column, text}
	}
	return constant(false)
}

const inexact = "cannot be compared exactly in the way that the policy asks for"

func (l *lowering) node(e predicate.Expr) node {
	switch e := e.(type) {
	case predicate.True:
		return constant(true)
	case predicate.And:
		return and(l.nodes(e)...)
	case predicate.Or:
		return or(l.nodes(e)...)
	case predicate.Not:
		return negate(l.node(e.X))
	case predicate.Compare:
		return l.compare(e)
	case predicate.Member:
		return l.member(e)
	case predicate.Match:
		return l.match(e)
	case predicate.Defined:
		name, _ := e.Ref.Column()
		if l.table.kind(name) == input.Boolean {
			return compare{predicate.Eq, name, source{kind: fromConstant, text: l.boolean(true)}}
		}
		return present{name}
	case predicate.False:
		return constant(false)
	}
	return l.refuse("", "cannot be found: the filter has a condition of a kind that no table carries")
}

func (l *lowering) nodes(list []predicate.Expr) []node {
	out := make([]node, len(list))
	for i, e := range list {
		out[i] = l.node(e)
	}
	return out
}

// value is an operand that is no column: its class, and where its argument comes from.
type value struct {
	class byte
	source
}

// operand returns the column of an operand, or else its value.
func (l *lowering) operand(o predicate.Operand) (column string, v value) {
	if name, ok := o.Ref.Column(); ok {
		return name, value{}
	}
	if o.Ref != nil {
		i := l.params.Index(o.Ref)
		return "", value{l.classes[i], source{kind: fromRequest, index: i}}
	}
	return "", l.constant(o.Const)
}

func (l *lowering) constant(c any) value {
	class, bound := parameter.Classify(c)
	v := value{class: class, source: source{kind: fromConstant}}
	switch bound := bound.(type) {
	case string:
		v.class, v.text = textClass(bound), bound
	case int64:
		v.text = strconv.FormatInt(bound, 10)
	case bool:
		v.text = l.boolean(bound)
	}
	return v
}

// The classes of texts, which decide what columns can hold them.
const (
	plainText   = parameter.Text
	integerText = 'd'
	uuidText    = 'u'
	nulText     = '0'
)

func textClass(text string) byte {
	switch {
	case Integer.holds(text):
		return integerText
	case UUID.holds(text):
		return uuidText
	case strings.ContainsRune(text, 0):
		return nulText
	}
	return plainText
}

func isText(class byte) bool {
	return class == plainText || class == integerText || class == uuidText || class == nulText
}

// holdable reports whether a column of the type can hold a text of the class.
func holdable(typ Type, class byte) bool {
	switch typ {
	case Integer:
		return class == integerText
	case UUID:
		return class == uuidText
	}
	return true
}

// boolean is how the dialect writes a truth value as an argument.
func (l *lowering) boolean(b bool) string {
	if l.table.Dialect == Postgres || l.table.Dialect == UCAST {
		return strconv.FormatBool(b)
	}
	if b {
		return "1"
	}
	return "0"
}

func ordering(op predicate.Op) bool { return op != predicate.Eq && op != predicate.Ne }

var mirrored = map[predicate.Op]predicate.Op{
	predicate.Eq: predicate.Eq, predicate.Ne: predicate.Ne,
	predicate.Lt: predicate.Gt, predicate.Le: predicate.Ge, predicate.Gt: predicate.Lt, predicate.Ge: predicate.Le,
}

func (l *lowering) compare(c predicate.Compare) node {
	left, v := l.operand(c.Left)
	right, w := l.operand(c.Right)
	switch {
	case left != "" && right != "":
		return l.compareColumns(c.Op, left, right)
	case left != "":
		return l.relate(c.Op, left, c.Right, w)
	}
	return l.relate(mirrored[c.Op], right, c.Left, v)
}

func (l *lowering) compareColumns(op predicate.Op, left, right string) node {
	both := and(present{left}, present{right})
	if l.table.kind(left) != l.table.kind(right) {
		if op == predicate.Ne {
			return both
		}
		return constant(false)
	}
	named := l.table.ExternalIDs && (l.accounts[left] || l.accounts[right])
	same := l.table.Columns[left].Type == l.table.Columns[right].Type
	switch {
	case !same || named && (ordering(op) || !l.accounts[left] || !l.accounts[right]):
		return l.refuse(left, inexact)
	case ordering(op) && l.table.kind(left) == input.Boolean:
		return constant(false)
	case ordering(op) && l.table.kind(left) == input.Text && l.table.Columns[left].Type != Text:
		return l.refuse(left, inexact)
	case op == predicate.Ne:
		return and(both, negate(columns{predicate.Eq, left, right}))
	}
	return columns{op, left, right}
}

// relate compares a column with a value.
func (l *lowering) relate(op predicate.Op, column string, o predicate.Operand, v value) node {
	if v.class == parameter.Absent {
		return constant(false)
	}
	if op == predicate.Ne {
		return and(present{column}, negate(l.equals(column, o, v)))
	}
	if op == predicate.Eq {
		return l.equals(column, o, v)
	}
	return l.order(op, column, v)
}

func (l *lowering) equals(column string, o predicate.Operand, v value) node {
	typ, kind := l.table.Columns[column].Type, l.table.kind(column)
	switch {
	case kind == input.Text && v.class == nulText:
		return l.refuse(column, inexact)
	case kind == input.Text && isText(v.class):
		if l.table.ExternalIDs && l.accounts[column] {
			return l.equalsAccount(column, o)
		}
		if !holdable(typ, v.class) {
			return constant(false)
		}
	case kind == input.Integer && v.class != parameter.Integer,
		kind == input.Boolean && v.class != parameter.Boolean, kind == input.Text:
		return constant(false)
	}
	return compare{predicate.Eq, column, v.source}
}

// equalsAccount compares a column of external ids with an account.
func (l *lowering) equalsAccount(column string, o predicate.Operand) node {
	i := l.mentionOf(o)
	switch class := l.names[i]; {
	case class == unknownAccount:
		return l.refuse(column, "holds external ids, and the policy compares it with something that is no account of the user")
	case class == parameter.Absent, !holdable(l.table.Columns[column].Type, class):
		return constant(false)
	}
	return and(compare{predicate.Eq, column, source{kind: fromAccount, index: i}}, l.ofTenant(column))
}

// ofTenant is the condition that a row belongs to the user's tenant, in which external
// ids are unique. The table needs no column for it if there is only one tenant.
func (l *lowering) ofTenant(column string) node {
	if _, mapped := l.table.Columns[TenantColumn]; !mapped || column == TenantColumn {
		return constant(true)
	}
	return l.tenantRow()
}

func (l *lowering) tenantRow() node {
	switch class := l.names[0]; {
	case class == parameter.Absent:
		return constant(false) // no row can name the tenant
	case !holdable(l.table.Columns[TenantColumn].Type, class):
		return constant(false)
	}
	return compare{predicate.Eq, TenantColumn, source{kind: fromTenant}}
}

func (l *lowering) order(op predicate.Op, column string, v value) node {
	typ, kind := l.table.Columns[column].Type, l.table.kind(column)
	switch {
	case kind == input.Text && isText(v.class):
		if typ != Text || v.class == nulText || l.table.ExternalIDs && l.accounts[column] {
			return l.refuse(column, inexact)
		}
		return compare{op, column, v.source}
	case kind != input.Integer:
		return constant(false)
	case v.class == parameter.Integer:
		return compare{op, column, v.source}
	case v.class == parameter.Fraction, v.class == parameter.Above, v.class == parameter.Under:
		return l.refuse(column, inexact)
	}
	return constant(false)
}

func (l *lowering) member(m predicate.Member) node {
	column, _ := l.operand(m.Item)
	switch {
	case column == "":
		return l.refuse(setOf(m), inexact)
	case m.Set.Ref.IsBelow():
		return l.inSubtree(column)
	case m.Set.Ref != nil:
		return l.refuse(column, inexact)
	}
	var values []source
	for _, c := range m.Set.List {
		switch x := l.equals(column, predicate.Operand{Const: c}, l.constant(c)).(type) {
		case compare:
			values = append(values, x.value)
		case all: // an account of a tenant: each has the condition on its own
			return or(l.eachOf(column, m.Set.List)...)
		}
	}
	return in(column, values)
}

func setOf(m predicate.Member) string {
	name, _ := m.Set.Ref.Column()
	return name
}

func (l *lowering) eachOf(column string, list []any) []node {
	out := make([]node, len(list))
	for i, c := range list {
		out[i] = l.equals(column, predicate.Operand{Const: c}, l.constant(c))
	}
	return out
}

func in(column string, values []source) node {
	switch len(values) {
	case 0:
		return constant(false)
	case 1:
		return compare{predicate.Eq, column, values[0]}
	}
	return oneOf{column, values}
}

// inSubtree is the condition that a column names an account of the user's subtree. For
// a master, it needs no list if the table says which tenant a row belongs to.
func (l *lowering) inSubtree(column string) node {
	if l.master && l.table.OneTenant {
		return constant(true)
	}
	if _, mapped := l.table.Columns[TenantColumn]; l.master && mapped {
		if l.names[0] == parameter.Absent {
			return l.refuse(TenantColumn, "holds external ids, and the tenant has none")
		}
		return and(l.tenantRow(), present{column})
	}
	typ := l.table.Columns[column].Type
	kind, n := belowOf(typ), 0
	if kind != 0 {
		n = l.below[kind-fromBelow]
	}
	values := make([]source, n)
	for i := range values {
		values[i] = source{kind: kind, index: i}
	}
	if l.table.ExternalIDs {
		return and(in(column, values), l.ofTenant(column))
	}
	return in(column, values)
}

// belowOf returns the list of accounts that a column of the type can hold.
func belowOf(typ Type) sourceKind {
	switch typ {
	case Text:
		return fromBelow
	case Integer:
		return fromBelowInteger
	case UUID:
		return fromBelowUUID
	}
	return 0
}

func (l *lowering) match(m predicate.Match) node {
	var sides [2]side
	for i, o := range []predicate.Operand{m.Text, m.Part} {
		column, v := l.operand(o)
		switch {
		case column == "" && !isText(v.class), column != "" && l.table.kind(column) != input.Text:
			return constant(false)
		case column != "" && (l.table.Columns[column].Type != Text || l.table.ExternalIDs && l.accounts[column]):
			return l.refuse(column, inexact)
		case v.class == nulText:
			return l.refuse(columnOf(m), inexact)
		}
		sides[i] = side{column, v.source}
	}
	return match{m.Op, sides[0], sides[1]}
}

func columnOf(m predicate.Match) string {
	if name, ok := m.Text.Ref.Column(); ok {
		return name
	}
	name, _ := m.Part.Ref.Column()
	return name
}
