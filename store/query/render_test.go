package query

import (
	"errors"
	"strings"
	"testing"

	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

func col(name string) predicate.Operand {
	return predicate.Operand{Ref: predicate.Ref{"resource", name}}
}

func value(path ...string) predicate.Operand { return predicate.Operand{Ref: path} }

func literal(v any) predicate.Operand { return predicate.Operand{Const: v} }

func compare(op predicate.Op, left, right predicate.Operand) predicate.Expr {
	return predicate.Compare{Op: op, Left: left, Right: right}
}

func match(op predicate.MatchOp, text, part predicate.Operand) predicate.Expr {
	return predicate.Match{Op: op, Text: text, Part: part}
}

// request is an Env with values by path.
type request map[string]any

func (r request) Lookup(ref predicate.Ref) (any, bool) { v, ok := r[ref.String()]; return v, ok }
func (request) Below(id string) bool                   { return id == "acc_below" }
func (request) Guard(id int) bool                      { return id == 1 }

var renderRequest = request{
	"subject.account.id": "acc_me", "context.text": "x", "context.number": int64(7), "context.fraction": 1.5,
	"context.huge": 1e30, "context.flag": true,
}

var (
	me    = value("subject", "account", "id")
	below = predicate.Operand{Ref: predicate.Below}
)

var renderings = []struct {
	name             string
	typ              string
	leaf             bool
	where            predicate.Expr
	sqlite, postgres string // postgres is "" if it differs only in its placeholders
}{
	{name: "a column equals a value of the request", typ: "customer",
		where: compare(predicate.Eq, col("account_id"), me), sqlite: "t.account_id = ?1"},
	{name: "the value may stand left", typ: "customer",
		where: compare(predicate.Lt, me, col("account_id")), sqlite: "t.account_id > ?1", postgres: `t.account_id COLLATE "C" > $1`},
	{name: "a negation covers the absent", typ: "card",
		where:  predicate.Not{X: compare(predicate.Eq, col("public_name"), literal("a"))},
		sqlite: "NOT COALESCE((t.public_name = ?1), FALSE)"},
	{name: "an absent value of the request compares with nothing", typ: "customer",
		where: compare(predicate.Ne, col("account_id"), value("context", "absent")), sqlite: "FALSE"},
	{name: "a value of another type is unequal to what is there", typ: "card",
		where: compare(predicate.Ne, col("public_name"), value("context", "number")), sqlite: "t.public_name IS NOT NULL"},
	{name: "a value of another type equals nothing", typ: "card",
		where: compare(predicate.Eq, col("public_name"), value("context", "number")), sqlite: "FALSE"},
	{name: "a value of another type is in no order", typ: "account",
		where: compare(predicate.Lt, col("depth"), value("context", "text")), sqlite: "FALSE"},
	{name: "an integer is an int64 on both", typ: "account",
		where: compare(predicate.Ge, col("depth"), value("context", "number")), sqlite: "t.depth >= ?1", postgres: "t.depth >= $1::bigint"},
	{name: "less than a fraction is at most its floor", typ: "account",
		where: compare(predicate.Lt, col("depth"), value("context", "fraction")), sqlite: "t.depth <= ?1", postgres: "t.depth <= $1::bigint"},
	{name: "everything is below a number beyond the range", typ: "account",
		where: compare(predicate.Lt, col("depth"), value("context", "huge")), sqlite: "TRUE"},
	{name: "a list keeps what the column can be", typ: "customer",
		where:  predicate.Member{Item: col("status"), Set: predicate.Operand{List: []any{"active", int64(1), "closed"}}},
		sqlite: "t.status IN (?1, ?2)"},
	{name: "the subtree is a list that is read once", typ: "customer",
		where:    predicate.Member{Item: col("account_id"), Set: below},
		sqlite:   "t.account_id IN (SELECT s.descendant_id FROM account_tree s WHERE s.ancestor_id = ?1)",
		postgres: "t.account_id = ANY (ARRAY(SELECT s.descendant_id FROM account_tree s WHERE s.ancestor_id = $1))"},
	{name: "the subtree of a leaf is its account", typ: "customer", leaf: true,
		where: predicate.Member{Item: col("account_id"), Set: below}, sqlite: "t.account_id = ?1"},
	{name: "a set is read from the request's value", typ: "card",
		where: predicate.Member{Item: me, Set: col("assigned_to")},
		sqlite: "t.id IN (SELECT s.card_id FROM assignments s WHERE s.account_id = ?2 AND " +
			"s.valid_from + 0 <= ?1 AND (s.valid_to IS NULL OR s.valid_to + 0 > ?1))",
		postgres: "t.id = ANY (ARRAY(SELECT s.card_id FROM assignments s WHERE s.account_id = $2 AND " +
			"s.valid_from + 0 <= $1::bigint AND (s.valid_to IS NULL OR s.valid_to + 0 > $1::bigint)))"},
	{name: "a set is read from the row's own column", typ: "group",
		where:  predicate.Member{Item: col("account_id"), Set: col("lent_to")},
		sqlite: "t.lend = 'some' AND EXISTS (SELECT 1 FROM group_loans s WHERE s.group_id = t.id AND s.account_id = t.account_id)"},
	{name: "an element is compared in its own table", typ: "group",
		where: predicate.Exists{Set: predicate.Ref{"resource", "lent_to"},
			Where: predicate.Not{X: match(predicate.StartsWith, predicate.Operand{Ref: predicate.Element}, literal("acc_"))}},
		sqlite: "t.lend = 'some' AND EXISTS (SELECT 1 FROM group_loans s WHERE s.group_id = t.id AND " +
			"NOT COALESCE((CASE length(CAST(?1 AS BLOB)) WHEN 0 THEN CAST(s.account_id AS BLOB) IS NOT NULL " +
			"ELSE substr(CAST(s.account_id AS BLOB), 1, length(CAST(?1 AS BLOB))) = CAST(?1 AS BLOB) END), FALSE))",
		postgres: "t.lend = 'some' AND EXISTS (SELECT 1 FROM group_loans s WHERE s.group_id = t.id AND " +
			"NOT COALESCE((starts_with(s.account_id, $1::text)), FALSE))"},
	{name: "a set has an element", typ: "card",
		where: predicate.Exists{Set: predicate.Ref{"resource", "assigned_to"}, Where: predicate.True{}},
		sqlite: "EXISTS (SELECT 1 FROM assignments s WHERE s.card_id = t.id AND " +
			"s.valid_from + 0 <= ?1 AND (s.valid_to IS NULL OR s.valid_to + 0 > ?1))",
		postgres: "EXISTS (SELECT 1 FROM assignments s WHERE s.card_id = t.id AND " +
			"s.valid_from + 0 <= $1::bigint AND (s.valid_to IS NULL OR s.valid_to + 0 > $1::bigint))"},
	{name: "a set is always there", typ: "card",
		where: predicate.Defined{Ref: predicate.Ref{"resource", "assigned_to"}}, sqlite: "TRUE"},
	{name: "presence", typ: "card",
		where: predicate.Defined{Ref: predicate.Ref{"resource", "public_name"}}, sqlite: "t.public_name IS NOT NULL"},
	{name: "a part is no pattern", typ: "customer",
		where:  match(predicate.Contains, col("name"), literal("%_\\")),
		sqlite: "instr(CAST(t.name AS BLOB), CAST(?1 AS BLOB)) > 0", postgres: "strpos(t.name, $1::text) > 0"},
	{name: "a beginning is compared bytewise", typ: "customer",
		where: match(predicate.StartsWith, col("name"), value("context", "text")),
		sqlite: "CASE length(CAST(?1 AS BLOB)) WHEN 0 THEN CAST(t.name AS BLOB) IS NOT NULL ELSE " +
			"substr(CAST(t.name AS BLOB), 1, length(CAST(?1 AS BLOB))) = CAST(?1 AS BLOB) END",
		postgres: "starts_with(t.name, $1::text)"},
	{name: "a part that is no text matches nothing", typ: "customer",
		where: match(predicate.StartsWith, col("name"), value("context", "number")), sqlite: "FALSE"},
	{name: "what touches no row is decided before", typ: "customer",
		where: predicate.Or{
			predicate.And{predicate.Guard{ID: 1}, compare(predicate.Eq, col("status"), literal("active"))},
			predicate.And{predicate.Guard{ID: 2}, compare(predicate.Eq, col("status"), literal("closed"))},
		},
		sqlite: "t.status = ?1"},
	{name: "an OR within an AND has parentheses", typ: "customer",
		where: predicate.And{
			compare(predicate.Eq, col("tenant_id"), value("context", "text")),
			predicate.Or{
				compare(predicate.Eq, col("status"), literal("active")),
				predicate.Defined{Ref: predicate.Ref{"resource", "external_id"}},
			},
		},
		sqlite: "t.tenant_id = ?1 AND (t.status = ?2 OR t.external_id IS NOT NULL)"},
	{name: "two columns compare", typ: "account",
		where: compare(predicate.Ne, col("parent_id"), col("tenant_id")), sqlite: "t.parent_id <> t.tenant_id"},
}

func rendered(d dialect.Dialect, typ string, leaf bool, where predicate.Expr) (string, error) {
	l := parameter.New()
	l.Collect(where)
	classes, _ := l.Values(renderRequest, nil)
	next := 0
	r := &renderer{b: schema.NewBuilder(d), def: schema.ByName[typ], alias: "t", leaf: leaf, params: l, classes: string(classes)}
	return r.expr(predicate.Simplify(l.Decide(where, string(classes), &next)))
}

func TestATreeBecomesSQL(t *testing.T) {
	t.Parallel()
	for _, c := range renderings {
		t.Run(c.name, func(t *testing.T) {
			want := c.postgres
			if want == "" {
				want = strings.ReplaceAll(c.sqlite, "?", "$")
			}
			for d, want := range map[string]string{"sqlite": c.sqlite, "postgres": want} {
				dialects := map[string]dialect.Dialect{"sqlite": dialect.SQLite(), "postgres": dialect.Postgres()}
				got, err := rendered(dialects[d], c.typ, c.leaf, c.where)
				if err != nil {
					t.Fatalf("%s: %v", d, err)
				}
				if got != want {
					t.Errorf("%s:\n got %s\nwant %s", d, got, want)
				}
			}
		})
	}
}

func TestWhatIsUnknownIsRefused(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]predicate.Expr{
		"no column secret":                       compare(predicate.Eq, col("secret"), me),
		"no column tech_prefix":                  compare(predicate.Eq, col("tech_prefix"), me),
		"column notes takes no part in filters":  compare(predicate.Eq, col("notes"), literal("x")),
		"column assigned_to is no single value":  compare(predicate.Eq, col("assigned_to"), literal("x")),
		"set is no column":                       predicate.Member{Item: col("account_id"), Set: value("context", "list")},
		"constant is no text that can be stored": compare(predicate.Eq, col("name"), literal("a\x00")),
	} {
		for _, d := range []dialect.Dialect{dialect.SQLite(), dialect.Postgres()} {
			_, err := rendered(d, "card", false, where)
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}

func TestConclusionsAboutPredicates(t *testing.T) {
	t.Parallel()
	mine := compare(predicate.Eq, col("account_id"), me)
	provider := compare(predicate.Eq, col("kind"), literal("provider"))
	customer := compare(predicate.Eq, col("kind"), literal("customer"))
	for _, c := range []struct {
		name              string
		a, b              predicate.Expr
		implies, disjoint bool
	}{
		{"itself", mine, mine, true, false},
		{"a conjunction implies its parts", predicate.And{mine, provider}, mine, true, false},
		{"a part does not imply the conjunction", mine, predicate.And{mine, provider}, false, false},
		{"a part implies the alternative", mine, predicate.Or{provider, mine}, true, false},
		{"the alternative does not imply its part", predicate.Or{provider, mine}, mine, false, false},
		{"two constants exclude each other", predicate.And{mine, provider}, predicate.And{mine, customer}, false, true},
		{"a negation excludes", predicate.And{mine, provider}, predicate.Not{X: mine}, false, true},
		{"unrelated", mine, provider, false, false},
	} {
		if got := predicate.Implies(c.a, c.b); got != c.implies {
			t.Errorf("%s: implies is %v", c.name, got)
		}
		if got := disjoint(c.a, c.b); got != c.disjoint {
			t.Errorf("%s: disjoint is %v", c.name, got)
		}
	}
}
