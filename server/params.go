package server

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/strictjson"
	"resellerd/store/query"
	"resellerd/store/schema"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// listParams holds the parameters of a list, checked against the columns that
// the reader is shown.
type listParams struct {
	where  []query.Condition
	sort   string
	desc   bool
	limit  int
	count  bool
	cursor string
	// question is the normalised text of everything that a cursor is bound to.
	question string
}

// operators are the suffixes of a filter's name. "" means equality.
var operators = []struct {
	suffix string
	op     query.Op
	kinds  []schema.Kind
}{
	{"", query.Eq, []schema.Kind{schema.Text, schema.Integer, schema.Boolean, schema.Time, schema.Money}},
	{"_contains", query.Contains, []schema.Kind{schema.Text}},
	{"_prefix", query.Prefix, []schema.Kind{schema.Text}},
	{"_gt", query.Gt, []schema.Kind{schema.Time, schema.Integer, schema.Money}},
	{"_lt", query.Lt, []schema.Kind{schema.Time, schema.Integer, schema.Money}},
}

// readParams reads the query of a list whose reader is shown these columns. The
// parameters in apart are read by the caller; a cursor is bound to them too.
// Errors: 422 with the parameter's name. A parameter over a column that is not
// shown is as unknown as one that does not exist.
func (r *exchange) readParams(shown map[string]schema.ColumnInfo, apart ...string) (listParams, error) {
	p := listParams{limit: defaultLimit}
	args, err := r.queryArgs()
	if err != nil {
		return p, err
	}
	var normal []string
	for _, a := range args {
		bound := slices.Contains(apart, a.name)
		if !bound {
			if bound, err = p.read(shown, a.name, a.value); err != nil {
				return p, err
			}
		}
		if bound {
			normal = append(normal, url.QueryEscape(a.name)+"="+url.QueryEscape(a.value))
		}
	}
	path := strings.Clone(r.c.Path())
	p.question = path + "?" + strings.Join(normal, "&")
	return p, nil
}

type queryArg struct{ name, value string }

// queryArgs returns the query, sorted by name. Errors: 422 for a repeated
// parameter and for invalid text.
func (r *exchange) queryArgs() ([]queryArg, error) {
	var args []queryArg
	for name, value := range r.c.Request().URI().QueryArgs().All() {
		args = append(args, queryArg{string(name), string(value)})
	}
	slices.SortStableFunc(args, func(a, b queryArg) int { return strings.Compare(a.name, b.name) })
	for i, a := range args {
		if !strictjson.CleanText(a.name) || !strictjson.CleanText(a.value) {
			return nil, invalid(strings.ToValidUTF8(a.name, "\uFFFD"), "has invalid text")
		}
		if i > 0 && args[i-1].name == a.name {
			return nil, invalid(a.name, "is given more than once")
		}
	}
	return args, nil
}

// read reads one parameter, and reports whether a cursor is bound to it.
func (p *listParams) read(shown map[string]schema.ColumnInfo, name, value string) (bound bool, err error) {
	switch name {
	case "limit":
		p.limit, err = strconv.Atoi(value)
		if err != nil || p.limit < 1 || p.limit > maxLimit {
			return false, invalid(name, "must be a number from 1 to 1000")
		}
	case "count":
		p.count, err = strconv.ParseBool(value)
		if err != nil {
			return false, invalid(name, "must be true or false")
		}
	case "cursor":
		p.cursor = value
	case "sort":
		return true, p.order(shown, value)
	default:
		return true, p.filter(shown, name, value)
	}
	return false, nil
}

func (p *listParams) order(shown map[string]schema.ColumnInfo, value string) error {
	column, desc := strings.CutPrefix(value, "-")
	if c, ok := shown[column]; !ok || !c.Sort {
		return invalid("sort", "names an unknown column")
	}
	p.sort, p.desc = column, desc
	return nil
}

func (p *listParams) filter(shown map[string]schema.ColumnInfo, name, value string) error {
	for _, o := range operators {
		column, ok := strings.CutSuffix(name, o.suffix)
		c, visible := shown[column]
		if !ok || !visible || !c.Search || !slices.Contains(o.kinds, c.Kind) {
			continue
		}
		if wanted, ok := readable(c.Kind, value); !ok {
			return invalid(name, "must be "+wanted)
		}
		p.where = append(p.where, query.Condition{Column: column, Op: o.op, Value: value})
		return nil
	}
	return invalid(name, "is not a known parameter")
}

// readable reports whether a value has the format of the column's kind. wanted
// describes that format.
func readable(kind schema.Kind, value string) (wanted string, ok bool) {
	var err error
	switch kind {
	case schema.Integer:
		wanted = "a whole number"
		_, err = strconv.ParseInt(value, 10, 64)
	case schema.Boolean:
		wanted = "true or false"
		if value != "true" && value != "false" {
			err = strconv.ErrSyntax
		}
	case schema.Time:
		wanted = "a time in the format of RFC 3339"
		_, err = time.Parse(time.RFC3339Nano, value)
	case schema.Money:
		wanted = "a decimal number"
		_, err = schema.ParseMoney(value)
	}
	return wanted, err == nil
}

// shownColumns returns the columns of a type that a plan shows on at least some
// rows.
func shownColumns(typ string, plan *policies.Plan) map[string]schema.ColumnInfo {
	shown := map[string]schema.ColumnInfo{}
	info := schema.Info(typ)
	for _, group := range plan.Columns {
		if group.When.Kind == predicate.None {
			continue
		}
		for _, c := range info.Columns {
			if c.Show && slices.Contains(group.Columns, c.Name) {
				shown[c.Name] = c
			}
		}
	}
	return shown
}
