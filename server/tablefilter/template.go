package tablefilter

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"resellerd/policies/input"
	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/store"
)

// MaxBelow is the greatest number of accounts that a filter lists.
const MaxBelow = 10_000

// ErrManyBelow says that the user's subtree has more accounts than a filter lists.
var ErrManyBelow = errors.New("more accounts are below the user's account than a filter lists")

// ErrUCAST says that a filter has no form in ucast.
var ErrUCAST = errors.New("the filter compares two columns, which ucast cannot express")

// Accounts are the accounts that a user's filters may name.
type Accounts interface {
	// Below lists the accounts of the user's subtree, or more than MaxBelow of them.
	Below() ([]store.NamedAccount, error)
	// Find returns an account of the user's subtree or above it.
	Find(id string) (store.NamedAccount, bool)
}

// Filter is a filter that is ready to use. Its kind is all, none or where. SQL and
// Args are set for SQL, and Tree for ucast with the kind where.
type Filter struct {
	Kind predicate.Kind
	SQL  string
	Args []string
	Tree any
}

// Template is a filter for a table, without the values of a request. It is safe for
// concurrent use.
type Template struct {
	table    Table
	filter   predicate.Filter
	params   *parameter.Set
	accounts map[string]bool // columns that name accounts
	mentions []mention       // accounts that the filter mentions; the first is the tenant
	subtree  bool            // the filter asks for the subtree
	lists    [3]bool         // the types of the columns that it asks it for

	mu    sync.RWMutex
	texts map[string]*text
}

// mention is an account that a filter compares a column with.
type mention struct {
	key string
	id  string
	at  int // of a value of the request, or -1
}

// text is the SQL of a filter, and where its arguments come from.
type text struct {
	kind    predicate.Kind
	sql     string
	sources []source
	node    node // of ucast
}

// New returns the template of a plan's filter. kinds are the types that the policy
// needs values of the row to have: see policies.Plan. It returns a ColumnError for a
// column that is malformed, that the table does not have, or that has another type.
func New(f predicate.Filter, kinds map[string]input.ColumnKind, table Table) (*Template, error) {
	if err := table.check(); err != nil {
		return nil, err
	}
	t := &Template{table: table, filter: f, params: parameter.New(), texts: map[string]*text{}, accounts: map[string]bool{}}
	t.mention(predicate.Operand{Ref: parameter.SubjectTenant})
	if f.Kind != predicate.Where || f.Where == nil {
		return t, nil
	}
	r := renaming{table: &table, kinds: kinds}
	t.filter.Where = r.expr(f.Where)
	if r.err != nil {
		return nil, r.err
	}
	t.findAccounts(t.filter.Where)
	t.findMentions(t.filter.Where)
	t.params.Collect(t.filter.Where)
	return t, nil
}

// renaming replaces the paths of the panel's own row with columns.
type renaming struct {
	table *Table
	kinds map[string]input.ColumnKind
	err   error
}

func (r *renaming) expr(e predicate.Expr) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		return predicate.And(r.list(e))
	case predicate.Or:
		return predicate.Or(r.list(e))
	case predicate.Not:
		return predicate.Not{X: r.expr(e.X)}
	case predicate.Compare:
		e.Left.Ref, e.Right.Ref = r.ref(e.Left.Ref), r.ref(e.Right.Ref)
		return e
	case predicate.Member:
		e.Item.Ref, e.Set.Ref = r.ref(e.Item.Ref), r.ref(e.Set.Ref)
		return e
	case predicate.Match:
		e.Text.Ref, e.Part.Ref = r.ref(e.Text.Ref), r.ref(e.Part.Ref)
		return e
	case predicate.Defined:
		e.Ref = r.ref(e.Ref)
		return e
	}
	return e
}

func (r *renaming) list(list []predicate.Expr) []predicate.Expr {
	out := make([]predicate.Expr, len(list))
	for i, e := range list {
		out[i] = r.expr(e)
	}
	return out
}

func (r *renaming) ref(ref predicate.Ref) predicate.Ref {
	if len(ref) == 0 || ref[0] != "resource" || len(ref) == 2 && ref[1] == "type" {
		return ref
	}
	name := strings.Join(ref[1:], ".")
	if len(ref) == 3 && ref[1] == "properties" && ref[2] != "id" && ref[2] != "type" && ref[2] != "properties" {
		name = ref[2]
	}
	_, mapped := r.table.Columns[name]
	kind, needed := r.kinds[ref.String()]
	switch {
	case r.err != nil:
	case !mapped:
		r.err = &ColumnError{name, "is missing: the policy reads it"}
	case needed && kind != r.table.kind(name):
		r.err = &ColumnError{name, "has a type that the policy does not read"}
	}
	return predicate.Ref{"resource", name}
}

// findAccounts finds the columns that name accounts: by their names, and because the
// filter asks whether they are in the subtree.
func (t *Template) findAccounts(e predicate.Expr) {
	eachAtom(e, func(e predicate.Expr) {
		for _, o := range predicate.Operands(e) {
			if name, ok := o.Ref.Column(); ok && input.AccountKey("", name) {
				t.accounts[name] = true
			}
		}
		if m, ok := e.(predicate.Member); ok && m.Set.Ref.IsBelow() {
			if name, ok := m.Item.Ref.Column(); ok {
				t.accounts[name], t.subtree = true, true
				if kind := belowOf(t.table.Columns[name].Type); kind != 0 {
					t.lists[kind-fromBelow] = true
				}
			}
		}
	})
	t.accounts[TenantColumn] = true
}

func (t *Template) findMentions(e predicate.Expr) {
	if !t.table.ExternalIDs {
		return
	}
	eachAtom(e, func(e predicate.Expr) {
		operands := predicate.Operands(e)
		if m, ok := e.(predicate.Member); ok && !m.Set.Ref.IsBelow() {
			for _, c := range m.Set.List {
				operands = append(operands, predicate.Operand{Const: c})
			}
		}
		for _, o := range operands {
			if name, ok := o.Ref.Column(); ok && t.accounts[name] {
				for _, other := range operands {
					t.mention(other)
				}
				return
			}
		}
	})
}

func (t *Template) mention(o predicate.Operand) {
	id, isText := o.Const.(string)
	if _, column := o.Ref.Column(); column || o.Ref.IsBelow() || o.Ref == nil && !isText || t.mentionOf(o) >= 0 {
		return
	}
	m := mention{key: mentionKey(o), id: id, at: -1}
	if o.Ref != nil {
		t.params.Add(o.Ref)
		m.at = t.params.Index(o.Ref)
	}
	t.mentions = append(t.mentions, m)
}

func mentionKey(o predicate.Operand) string {
	if o.Ref != nil {
		return o.Ref.String()
	}
	id, _ := o.Const.(string)
	return strconv.Quote(id)
}

func (t *Template) mentionOf(o predicate.Operand) int {
	key := mentionKey(o)
	return slices.IndexFunc(t.mentions, func(m mention) bool { return m.key == key })
}

func eachAtom(e predicate.Expr, found func(predicate.Expr)) {
	switch e := e.(type) {
	case predicate.And:
		for _, x := range e {
			eachAtom(x, found)
		}
	case predicate.Or:
		for _, x := range e {
			eachAtom(x, found)
		}
	case predicate.Not:
		eachAtom(e.X, found)
	default:
		found(e)
	}
}

// Bytes estimates the size of the template with its texts.
func (t *Template) Bytes() int64 { return 4<<10 + maxTexts*1<<10 + 16*int64(len(t.filter.String())) }

// maxTexts limits the cached texts of a template, and maxListed the accounts in them.
const (
	maxTexts  = 16
	maxListed = 32
)

// Bind returns the filter for one request. It returns ErrManyBelow, a ColumnError for
// a comparison that cannot be made exactly, or the error of a.
func (t *Template) Bind(env predicate.Env, a Accounts) (Filter, error) {
	if t.filter.Kind != predicate.Where {
		return t.fixed(t.filter.Kind), nil
	}
	b, err := t.bind(env, a)
	if err != nil {
		return Filter{}, err
	}
	return b.filter()
}

func (t *Template) fixed(kind predicate.Kind) Filter {
	f := Filter{Kind: kind, Args: []string{}}
	switch {
	case t.table.Dialect == UCAST:
		f.Args = nil
	case kind == predicate.All:
		f.SQL = sqlTrue
	default:
		f.SQL = sqlFalse
	}
	return f
}

// bound is a template with the values of a request.
type bound struct {
	*Template
	space  [64]byte
	key    []byte // everything that the text depends on
	values []any
	names  []string // of mentions
	below  [3][]string
}

func (t *Template) bind(env predicate.Env, a Accounts) (*bound, error) {
	b := &bound{Template: t}
	var classes []byte
	classes, b.values = t.params.Values(env, b.space[:0])
	master := classes[len(classes)-1] == parameter.Master
	for i, v := range b.values {
		if s, ok := v.(string); ok {
			classes[i] = textClass(s)
		}
	}
	classes = b.nameMentions(classes, a)
	_, mapped := t.table.Columns[TenantColumn]
	if t.subtree && !(master && (mapped || t.table.OneTenant)) {
		if err := b.listBelow(a); err != nil {
			return nil, err
		}
	}
	for _, list := range b.below {
		classes = strconv.AppendInt(append(classes, ' '), int64(len(list)), 36)
	}
	b.key = classes
	return b, nil
}

const unknownAccount = '?'

// nameMentions finds the names by which the table knows the accounts that the filter
// mentions. It appends the class of each name.
func (b *bound) nameMentions(classes []byte, a Accounts) []byte {
	b.names = make([]string, len(b.mentions))
	for i, m := range b.mentions {
		id := m.id
		if m.at >= 0 {
			id, _ = b.values[m.at].(string)
		}
		class := byte(unknownAccount)
		if !b.table.ExternalIDs {
			b.names[i], class = id, textClass(id)
		} else if account, ok := a.Find(id); ok {
			if b.names[i], class = account.ExternalID, textClass(account.ExternalID); account.ExternalID == "" {
				class = parameter.Absent
			}
		}
		classes = append(classes, class)
	}
	return classes
}

// belowTypes are the types of columns that name accounts, in the order of lists.
var belowTypes = [3]Type{Text, Integer, UUID}

func (b *bound) listBelow(a Accounts) error {
	accounts, err := a.Below()
	if err != nil {
		return err
	}
	if len(accounts) > MaxBelow {
		return ErrManyBelow
	}
	for _, account := range accounts {
		name := account.ID
		if b.table.ExternalIDs {
			name = account.ExternalID
		}
		if name == "" {
			continue
		}
		for i, typ := range belowTypes {
			if b.lists[i] && typ.holds(name) {
				b.below[i] = append(b.below[i], name)
			}
		}
	}
	return nil
}

func (b *bound) filter() (Filter, error) {
	b.mu.RLock()
	found := b.texts[string(b.key)]
	b.mu.RUnlock()
	if found == nil {
		var err error
		if found, err = b.render(); err != nil {
			return Filter{}, err
		}
	}
	if found.kind != predicate.Where {
		return b.fixed(found.kind), nil
	}
	if found.node != nil {
		return Filter{Kind: predicate.Where, Tree: b.tree(found.node)}, nil
	}
	f := Filter{Kind: predicate.Where, SQL: found.sql, Args: make([]string, len(found.sources))}
	for i, s := range found.sources {
		f.Args[i] = b.argument(s)
	}
	return f, nil
}

// argument returns the value of a source as a text.
func (b *bound) argument(s source) string {
	switch s.kind {
	case fromConstant:
		return s.text
	case fromAccount:
		return b.names[s.index]
	case fromTenant:
		return b.names[0]
	case fromBelow, fromBelowInteger, fromBelowUUID:
		return b.below[s.kind-fromBelow][s.index]
	}
	switch v := b.values[s.index].(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return (&lowering{Template: b.Template}).boolean(v)
	}
	return ""
}

// render makes the text for the classes of the bound values, and caches it.
func (b *bound) render() (*text, error) {
	own, next := b.params.Classes(), 0
	classes := string(b.key[:own])
	decided := predicate.Simplify(b.params.Decide(b.Template.filter.Where, classes, &next))
	l := &lowering{Template: b.Template, classes: classes, names: string(b.key[own : own+len(b.mentions)]), master: b.key[own-1] == parameter.Master}
	for i, list := range b.below {
		l.below[i] = len(list)
	}
	n := l.node(decided)
	if l.err != nil {
		return nil, l.err
	}
	made := &text{kind: predicate.Where}
	switch n := n.(type) {
	case constant:
		if made.kind = predicate.None; n {
			made.kind = predicate.All
		}
	default:
		if b.table.Dialect == UCAST {
			if !plainTree(n) {
				return nil, ErrUCAST
			}
			made.node = n
		} else {
			w := newWriter(&b.table)
			made.sql, made.sources = w.condition(n)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.texts) < maxTexts && len(b.below[0])+len(b.below[1])+len(b.below[2]) <= maxListed {
		b.texts[string(b.key)] = made
	}
	return made, nil
}
