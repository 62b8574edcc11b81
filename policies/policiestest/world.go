package policiestest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"resellerd/policies/input"
)

// Schema returns the types of the corpus. Card, account and group have columns
// of the store's types of these names. A widget exists only in memory.
func Schema() input.Schema {
	return input.Schema{
		"card": {Columns: map[string]input.ColumnKind{
			"id": input.Text, "account_id": input.Text, "tenant_id": input.Text, "kind": input.Text,
			"name": input.Text, "public_name": input.Text, "carrier": input.Text, "currency": input.Text,
			"direction": input.Text, "external_id": input.Text, "assigned_to": input.Set, "notes": input.Opaque,
		}},
		"account": {Columns: map[string]input.ColumnKind{
			"id": input.Text, "parent_id": input.Text, "tenant_id": input.Text, "kind": input.Text,
			"name": input.Text, "public_name": input.Text, "currency": input.Text, "status": input.Text,
			"external_id": input.Text, "depth": input.Integer, "email": input.Opaque, "ceiling": input.Opaque,
		}},
		"group": {Columns: map[string]input.ColumnKind{
			"id": input.Text, "account_id": input.Text, "lend": input.Text, "lent_to": input.Set,
		}},
		"widget": {Columns: map[string]input.ColumnKind{
			"id": input.Text, "account_id": input.Text, "flag": input.Boolean, "other": input.Boolean,
			"size": input.Integer,
		}},
	}
}

// Account is an account of a world.
type Account struct {
	ID, ParentID, TenantID string
	Depth                  int
}

// Kind is "master" or "reseller".
func (a Account) Kind() string {
	if a.ParentID == "" {
		return "master"
	}
	return "reseller"
}

// Accounts returns the account tree of every world: two masters, resellers
// below them, and one account a level further down.
func Accounts() []Account {
	return []Account{
		{"acc_m1", "", "acc_m1", 0}, {"acc_r1", "acc_m1", "acc_m1", 1}, {"acc_r2", "acc_m1", "acc_m1", 1},
		{"acc_s1", "acc_r1", "acc_m1", 2}, {"acc_m2", "", "acc_m2", 0}, {"acc_r3", "acc_m2", "acc_m2", 1},
	}
}

// Below reports whether id lies in the subtree of ancestor, which includes
// ancestor.
func Below(ancestor, id string) bool {
	for _, a := range Accounts() {
		if a.ID == id {
			return id == ancestor || a.ParentID != "" && Below(ancestor, a.ParentID)
		}
	}
	return false
}

// Texts are values that break naive renderings: wildcards, escapes, quotes,
// letters whose folding, composition or order differs from their bytes, an
// empty text and a very long one.
var Texts = []string{
	"a", "A", "b", "", "%", "_", "\\", "a%", "%a", "a_b", "axb", "\\%", "a\\", "'", "it's \"quoted\"; --", "\"",
	"straße", "STRASSE", "strasse", "ä", "a\u0308", "Ä", "İ", "i", "ı", "é%", "日本", "😀", " a", "a ", "\t", "\n",
	"null", "true", "false", "0", "1", "01", "1.0", "acc_r1", "acc_m1", "usr_r1", strings.Repeat("long", 900),
}

// Text returns a hostile text. A third of the time it returns one of four
// texts, so that equal values occur.
func Text(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return pick(r, "a", "A", "acc_r1", "acc_r2")
	}
	return Texts[r.IntN(len(Texts))]
}

// maybe sets a value in a row with a probability of 3/4.
func maybe(r *rand.Rand, row map[string]any, column string, v any) {
	if r.IntN(4) > 0 {
		row[column] = v
	}
}

// Rows returns n random rows of a type, with absent values as absent keys.
// External ids are unique per account, and cards are assigned only to accounts
// directly below their owner, so that a store's constraints accept the rows.
func Rows(r *rand.Rand, typ string, n int) []map[string]any {
	rows := make([]map[string]any, n)
	taken := map[string]bool{}
	for i := range rows {
		accounts := Accounts()
		owner := accounts[r.IntN(len(accounts))]
		switch typ {
		case "card":
			rows[i] = card(r, i, owner, taken)
		case "account":
			rows[i] = account(r, accounts[i%len(accounts)])
		default:
			rows[i] = widget(r, i, owner)
		}
	}
	return rows
}

func card(r *rand.Rand, i int, owner Account, taken map[string]bool) map[string]any {
	row := map[string]any{
		"id": fmt.Sprintf("crd_%04d", i), "account_id": owner.ID, "tenant_id": owner.TenantID,
		"kind": []string{"provider", "customer", "customer"}[r.IntN(3)], "name": Text(r),
		"currency": []string{"USD", "EUR", "GBP"}[r.IntN(3)], "direction": []string{"termination", "origination"}[r.IntN(2)],
		"assigned_to": assignees(r, owner),
	}
	if row["kind"] == "provider" {
		row["assigned_to"] = []string{}
	}
	maybe(r, row, "public_name", []string{Text(r), row["name"].(string)}[r.IntN(2)])
	maybe(r, row, "carrier", Text(r))
	maybe(r, row, "notes", Text(r))
	id := Text(r)
	if key := owner.ID + "/" + id; id != "" && !taken[key] {
		taken[key] = true
		row["external_id"] = id
	}
	return row
}

func assignees(r *rand.Rand, owner Account) []string {
	out := []string{}
	for _, a := range Accounts() {
		if a.ParentID == owner.ID && r.IntN(2) == 0 {
			out = append(out, a.ID)
		}
	}
	return out
}

func account(r *rand.Rand, a Account) map[string]any {
	row := map[string]any{
		"id": a.ID, "tenant_id": a.TenantID, "kind": a.Kind(), "name": Text(r), "status": "active", "depth": int64(a.Depth),
	}
	if a.ParentID != "" {
		row["parent_id"] = a.ParentID
	}
	maybe(r, row, "public_name", Text(r))
	maybe(r, row, "currency", "USD")
	maybe(r, row, "email", Text(r))
	return row
}

func widget(r *rand.Rand, i int, owner Account) map[string]any {
	row := map[string]any{"id": fmt.Sprintf("wdg_%04d", i), "account_id": owner.ID}
	maybe(r, row, "flag", r.IntN(2) == 0)
	maybe(r, row, "other", r.IntN(2) == 0)
	maybe(r, row, "size", int64(r.IntN(4)-1))
	return row
}

// Input returns a random request about a type, without a row. The subject is
// random too.
func Input(r *rand.Rand, typ string) *input.Input {
	return &input.Input{
		Subject: subject(r), Action: input.Action{Name: pick(r, "read", "read", "update"), Form: input.FormPage, Properties: properties(r)},
		Resource: input.Resource{Type: typ},
		Context: input.Context{
			ClientIP: pick(r, "10.1.2.3", "192.0.2.7", "10.1.2.3"), Panel: pick(r, "", "one-two", "three"),
			Time: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).AddDate(0, r.IntN(3), 0),
		},
	}
}

var (
	currencies = []any{"USD", "EUR"}
	letters    = []string{"create", "read", "update", "delete"}
)

var groups = []input.Group{{ID: "grp_1", Template: "a"}, {ID: "grp_2"}}

func subject(r *rand.Rand) input.Subject {
	if r.IntN(12) == 0 {
		return input.Subject{Type: "user", ID: "usr_unknown", Properties: properties(r)}
	}
	accounts := Accounts()
	own := accounts[r.IntN(len(accounts))]
	id := "usr_" + strings.TrimPrefix(own.ID, "acc_")
	user := map[string]any{"id": id, "account_id": own.ID, "status": "active", "currencies": currencies[:r.IntN(3)]}
	maybe(r, user, "external_id", Text(r))
	facts := input.NewFacts(input.Facts{
		User: user, Groups: groups[:1+r.IntN(2)],
		Account: input.AccountFacts{
			ID: own.ID, ParentID: own.ParentID, TenantID: own.TenantID, Kind: own.Kind(), Status: "active", Depth: own.Depth,
		},
		Access: map[string][]string{"*": letters[r.IntN(2)*2:]},
		Below:  func(account string) bool { return Below(own.ID, account) },
	})
	return input.Subject{Type: "user", ID: id, Properties: properties(r), Facts: facts}
}

// properties returns random properties of a request: values of every type under
// the same names.
func properties(r *rand.Rand) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"label", "account_id"} {
		switch r.IntN(16) {
		case 0:
			out[key] = nil
		case 1:
			out[key] = float64(r.IntN(2))
		case 2:
			out[key] = r.IntN(2) == 0
		case 3:
			out[key] = []any{"a", nil}
		case 4:
			out[key] = map[string]any{"a": "b"}
		case 5, 6, 7:
			out[key] = Accounts()[1+r.IntN(2)].ID
		case 8, 9, 10:
			out[key] = "a"
		case 11, 12, 13:
			out[key] = Text(r)
		}
	}
	if r.IntN(3) > 0 {
		out["labels"] = []any{Text(r), Text(r), Text(r), int64(1)}
	}
	return out
}

func pick(r *rand.Rand, options ...string) string { return options[r.IntN(len(options))] }

// WithRow returns a copy of the request about one row.
func WithRow(in *input.Input, row map[string]any) *input.Input {
	out := *in
	out.Resource.Row = row
	if id, ok := row["id"].(string); ok {
		out.Resource.ID = id
	}
	return &out
}

// Passing returns the ids of the rows for which pass holds, sorted.
func Passing(rows []map[string]any, pass func(row map[string]any) bool) []string {
	var ids []string
	for _, row := range rows {
		if pass(row) {
			ids = append(ids, row["id"].(string))
		}
	}
	slices.Sort(ids)
	return ids
}
