package server

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/strictjson"
	"resellerd/store"
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
	expand []schema.ColumnInfo
	// question is the normalised text of everything that a cursor is bound to.
	question string
}

// operator is a suffix of a filter's name.
type operator struct {
	suffix string // "" means equality
	op     query.Op
	kinds  []schema.Kind
	means  string // for the OpenAPI document
	many   bool   // takes several values
	null   bool   // takes true or false instead of a value
}

var (
	scalars = []schema.Kind{schema.Text, schema.Integer, schema.Boolean, schema.Time, schema.Money}
	ordered = []schema.Kind{schema.Time, schema.Integer, schema.Money}
	anyKind = append([]schema.Kind{schema.Set}, scalars...)
)

// operators are the filters of every list.
var operators = []operator{
	{suffix: "", op: query.Eq, kinds: anyKind, means: "has one of these values", many: true},
	{suffix: "_ne", op: query.Ne, kinds: anyKind, means: "has none of these values", many: true},
	{suffix: "_gt", op: query.Gt, kinds: ordered, means: "is above this value"},
	{suffix: "_gte", op: query.Ge, kinds: ordered, means: "is this value or above it"},
	{suffix: "_lt", op: query.Lt, kinds: ordered, means: "is below this value"},
	{suffix: "_lte", op: query.Le, kinds: ordered, means: "is this value or below it"},
	{suffix: "_contains", op: query.Contains, kinds: []schema.Kind{schema.Text}, means: "contains this text, without regard to case and accents"},
	{suffix: "_prefix", op: query.Prefix, kinds: []schema.Kind{schema.Text}, means: "begins with this text"},
	{suffix: "_null", op: query.Null, kinds: anyKind, means: "has no value", null: true},
}

// takes reports whether the filter is one for a column.
func (o operator) takes(c schema.ColumnInfo) bool {
	part := o.op == query.Contains || o.op == query.Prefix
	return c.Search && slices.Contains(o.kinds, c.Kind) && !(part && c.Whole())
}

// emptyParameter continues the name of a parameter without a value.
const emptyParameter = "has no value: leave it out"

// maxFilters is the greatest number of filters of a list.
const maxFilters = 20

// readParams reads the query of a list whose reader is shown these columns. The
// parameters in apart are read by the caller; a cursor is bound to them too.
// Errors: 422 with the parameter's name. A parameter over a column that is not
// shown is as unknown as one that does not exist.
func (r *exchange) readParams(shown map[string]schema.ColumnInfo, apart ...string) (listParams, error) {
	p := listParams{limit: defaultLimit}
	args, err := r.allQueryArgs()
	if err != nil {
		return p, err
	}
	var normal []string
	for i, a := range args {
		if i > 0 && args[i-1].name == a.name {
			continue // together with the first of its name
		}
		values := valuesOf(args[i:], a.name)
		bound := slices.Contains(apart, a.name)
		switch {
		case !bound:
			if bound, err = p.read(shown, a.name, values); err != nil {
				return p, err
			}
		case len(values) > 1:
			return p, invalid(a.name, "is given more than once")
		case a.value == "":
			return p, invalid(a.name, emptyParameter)
		}
		for _, value := range values {
			if bound {
				normal = append(normal, url.QueryEscape(a.name)+"="+url.QueryEscape(value))
			}
		}
	}
	path := strings.Clone(r.c.Path())
	p.question = path + "?" + strings.Join(normal, "&")
	return p, nil
}

// valuesOf returns the values of the parameters of this name, which come first.
func valuesOf(args []queryArg, name string) (values []string) {
	for _, a := range args {
		if a.name != name {
			break
		}
		values = append(values, a.value)
	}
	return values
}

type queryArg struct{ name, value string }

// queryArgs returns the query, sorted by name. Errors: 422 for a repeated
// parameter and for invalid text.
func (r *exchange) queryArgs() ([]queryArg, error) {
	args, err := r.allQueryArgs()
	for i, a := range args {
		if i > 0 && args[i-1].name == a.name {
			return nil, invalid(a.name, "is given more than once")
		}
	}
	return args, err
}

// allQueryArgs is queryArgs for a request that may repeat a parameter.
func (r *exchange) allQueryArgs() ([]queryArg, error) {
	var args []queryArg
	for name, value := range r.c.Request().URI().QueryArgs().All() {
		args = append(args, queryArg{string(name), string(value)})
	}
	slices.SortStableFunc(args, func(a, b queryArg) int { return strings.Compare(a.name, b.name) })
	for _, a := range args {
		if !strictjson.CleanText(a.name) || !strictjson.CleanText(a.value) {
			return nil, invalid(strings.ToValidUTF8(a.name, "\uFFFD"), "has invalid text")
		}
	}
	return args, nil
}

// read reads one parameter, and reports whether a cursor is bound to it.
func (p *listParams) read(shown map[string]schema.ColumnInfo, name string, values []string) (bound bool, err error) {
	value := values[0]
	switch name {
	case "limit", "count", "cursor", "sort", "expand":
		if len(values) > 1 {
			return false, invalid(name, "is given more than once")
		}
	default:
		return true, p.filter(shown, name, values)
	}
	switch name {
	case "limit":
		p.limit, err = strconv.Atoi(value)
		if err != nil || p.limit < 1 || p.limit > maxLimit {
			return false, invalid(name, "must be a number from 1 to 1000")
		}
	case "count":
		if err := truth(&p.count, value); err != nil {
			return false, invalid(name, err.Error())
		}
	case "cursor":
		if p.cursor = value; value == "" {
			return false, invalid(name, emptyParameter)
		}
	case "sort":
		return true, p.order(shown, value)
	case "expand":
		p.expand, err = readExpand(shown, value)
	}
	return false, err
}

func (p *listParams) order(shown map[string]schema.ColumnInfo, value string) error {
	column, desc := strings.CutPrefix(value, "-")
	if c, ok := shown[column]; !ok || !c.Sort {
		var all []string
		for name, c := range shown {
			if c.Sort {
				all = append(all, name)
			}
		}
		if slices.Sort(all); len(all) == 0 {
			return invalid("sort", "is not a known parameter")
		}
		return invalid("sort", "must be one of "+strings.Join(all, ", ")+", with - before it for the reverse order")
	}
	p.sort, p.desc = column, desc
	return nil
}

// filter reads the values of one filter. Of ids, of words and of true and false, one
// parameter may hold several, separated by commas.
func (p *listParams) filter(shown map[string]schema.ColumnInfo, name string, values []string) error {
	o, c, also, known := filterNamed(shown, name)
	switch {
	case !known:
		return unknownParameter(name)
	case len(values) > 1 && !o.many:
		return invalid(name, "is given more than once")
	case len(p.where) == maxFilters:
		return invalid(name, "is too much: a list takes at most 20 filters")
	}
	where := query.Condition{Column: c.Name, Op: o.op, Also: also}
	if o.null {
		if values[0] == "false" {
			where.Op = query.NotNull
		}
		c = schema.ColumnInfo{Kind: schema.Boolean}
	}
	var all []string
	for _, value := range values {
		if o.many && c.Commas() {
			all = append(all, strings.Split(value, ",")...)
		} else {
			all = append(all, value)
		}
	}
	if len(all) > query.MaxValues {
		return invalid(name, "must have at most 100 values")
	}
	for _, value := range all {
		if wanted, ok := readable(c, o, value); !ok {
			return invalid(name, "must be "+wanted)
		}
	}
	where.Value, where.Or = all[0], all[1:]
	p.where = append(p.where, where)
	return nil
}

// filterNamed finds the operator and the column that a parameter names. A search may
// name several columns, separated by commas.
func filterNamed(shown map[string]schema.ColumnInfo, name string) (o operator, c schema.ColumnInfo, also []string, known bool) {
	for _, o := range operators {
		column, ok := strings.CutSuffix(name, o.suffix)
		if !ok {
			continue
		}
		names := strings.Split(column, ",")
		if len(names) > 1 && o.op != query.Contains || len(names) > maxFilters {
			continue
		}
		takes := func(name string) bool {
			c, visible := shown[name]
			return visible && o.takes(c)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return !takes(name) }) {
			return o, shown[names[0]], names[1:], true
		}
	}
	return operator{}, schema.ColumnInfo{}, nil, false
}

// wholeID matches the id of a row.
var wholeID = regexp.MustCompile("^" + idPattern + "$")

// readable reports whether a filter's value is one that a column can have. wanted
// describes such values.
func readable(c schema.ColumnInfo, o operator, value string) (wanted string, ok bool) {
	if c.Words != nil && o.many {
		return "one of " + strings.Join(c.Words, ", "), slices.Contains(c.Words, value)
	}
	if c.Prefix != "" && o.many {
		return "an id that begins with " + c.Prefix, wholeID.MatchString(value) && strings.HasPrefix(value, c.Prefix)
	}
	if c.Name == "currency" && o.many {
		return "the code of a currency (ISO 4217)", store.IsCurrency(value)
	}
	var err error
	switch c.Kind {
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
	default:
		if o.op == query.Contains {
			return "a text with more than accents", schema.Fold(value) != ""
		}
		return "a text that is not empty", value != ""
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
