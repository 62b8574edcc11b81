package query

import (
	"strings"

	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// member renders membership in constants, in the subject's subtree or in a set
// column.
func (r *renderer) member(m predicate.Member) (string, error) {
	item, err := r.side(m, m.Item)
	if err != nil {
		return "", err
	}
	switch {
	case m.Set.Ref.IsBelow():
		return r.below(m, item, parameter.SubjectAccount)
	case m.Set.Ref.IsViewerBelow():
		return r.below(m, item, parameter.ViewerAccount)
	case m.Set.Ref != nil:
		return r.memberOfSet(m, item)
	case item.column == nil:
		return "", r.unknown(m, "no column")
	}
	return r.memberOfList(item, m.Set.List), nil
}

func (r *renderer) master() bool { return r.classes[len(r.classes)-1] == parameter.Master }

func (r *renderer) memberOfList(item side, list []any) string {
	classes := map[schema.Kind]byte{schema.Text: parameter.Text, schema.Integer: parameter.Integer, schema.Boolean: parameter.Boolean}
	var marks []string
	for _, v := range list {
		if class, value := parameter.Classify(v); class == classes[item.column.Kind] && dialect.Storable(value) {
			marks = append(marks, r.b.Typed(schema.Argument{Kind: schema.ArgConst, Value: value}, item.column.Kind))
		}
	}
	switch len(marks) {
	case 0:
		return "FALSE"
	case 1:
		return item.text + " = " + marks[0]
	}
	return item.text + " IN (" + strings.Join(marks, ", ") + ")"
}

// below renders membership in the subtree of an account as a semi-join. For the
// subject's, it uses an equality if no account is below the subject's own. It also uses
// one if the subtree is the whole tenant: every row names its tenant, and a row's
// accounts all belong to that tenant.
func (r *renderer) below(m predicate.Member, item side, of predicate.Ref) (string, error) {
	if item.column == nil {
		return "", r.unknown(m, "no column")
	}
	account, err := r.side(m, predicate.Operand{Ref: of})
	if err != nil {
		return "", err
	}
	if item.column.Kind != schema.Text || account.class != parameter.Text {
		return "FALSE", nil
	}
	mark := r.b.Bind(account.arg)
	subject := m.Set.Ref.IsBelow()
	if subject && r.leaf {
		return item.text + " = " + mark, nil
	}
	if subject && item.column.Account && r.master() {
		return schema.And(present(item), r.alias+".tenant_id = "+mark), nil
	}
	return r.b.Dialect.AnyOf(item.text, "SELECT s.descendant_id FROM account_tree s WHERE s.ancestor_id = "+mark), nil
}

// memberOfSet renders membership in a set column. If the value comes from the
// request, the subquery starts from the value, so that its index finds the rows.
// Otherwise it starts from the row.
func (r *renderer) memberOfSet(m predicate.Member, item side) (string, error) {
	if _, ok := m.Set.Ref.Column(); !ok {
		return "", r.unknown(m, "set is no column")
	}
	c, err := r.policyColumn(m, m.Set.Ref)
	if err != nil {
		return "", err
	}
	if c.Kind != schema.Set {
		return "FALSE", nil
	}
	if item.column == nil && item.class != parameter.Text || item.column != nil && item.column.Kind != schema.Text {
		return "FALSE", nil
	}
	s, only := c.Set, ""
	if s.Only != "" {
		only = schema.Aliased(s.Only, r.alias)
	}
	from, where := s.Rows(r.b)
	if item.column != nil {
		condition := schema.And("s."+s.Owner+" = "+r.alias+".id", "s."+s.Value+" = "+item.text, where)
		return schema.And(only, "EXISTS (SELECT 1 FROM "+from+" WHERE "+condition+")"), nil
	}
	condition := schema.And("s."+s.Value+" = "+r.b.Bind(item.arg), where)
	return schema.And(only, r.b.Dialect.AnyOf(r.alias+".id", "SELECT s."+s.Owner+" FROM "+from+" WHERE "+condition)), nil
}

// elementColumn stands for the values of a set column.
var elementColumn = schema.Column{ColumnInfo: schema.ColumnInfo{Kind: schema.Text}, NotNull: true}

// exists renders a condition on the elements of a set column.
func (r *renderer) exists(e predicate.Exists) (string, error) {
	c, err := r.policyColumn(e, e.Set)
	if err != nil {
		return "", err
	}
	if c.Kind != schema.Set {
		return "FALSE", nil
	}
	if r.element != nil {
		return "", r.unknown(e, "set inside a condition on the elements of another")
	}
	r.element = c
	condition, err := r.expr(e.Where)
	r.element = nil
	if err != nil {
		return "", err
	}
	only := ""
	if c.Set.Only != "" {
		only = schema.Aliased(c.Set.Only, r.alias)
	}
	from, where := c.Set.Rows(r.b)
	condition = schema.And("s."+c.Set.Owner+" = "+r.alias+".id", where, condition)
	return schema.And(only, "EXISTS (SELECT 1 FROM "+from+" WHERE "+condition+")"), nil
}
