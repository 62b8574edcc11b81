package policies_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
)

// embeddedSchema returns the columns that the embedded tree expects.
func embeddedSchema() input.Schema {
	text := func(names ...string) map[string]input.ColumnKind {
		columns := map[string]input.ColumnKind{}
		for _, name := range names {
			columns[name] = input.Text
		}
		return columns
	}
	with := func(columns map[string]input.ColumnKind, kind input.ColumnKind, names ...string) input.TypeSchema {
		for _, name := range names {
			columns[name] = kind
		}
		return input.TypeSchema{Columns: columns}
	}
	card := func() input.TypeSchema {
		columns := text("id", "account_id", "tenant_id", "kind", "name", "public_name", "carrier", "currency", "direction", "external_id")
		with(columns, input.Opaque, "notes")
		return with(columns, input.Set, "assigned_to")
	}
	account := text("id", "parent_id", "tenant_id", "kind", "name", "public_name", "currency", "status", "external_id")
	with(account, input.Integer, "depth")
	user := text("id", "account_id", "tenant_id", "external_id", "status")
	with(user, input.Opaque, "login", "name", "ip_allow")
	return input.Schema{
		"account": with(account, input.Opaque, "email", "ceiling"),
		"group":   with(text("id", "account_id", "tenant_id", "name", "public_name", "lend", "template", "external_id"), input.Set, "lent_to"),
		"user":    with(user, input.Set, "groups"),
		"customer": with(text("id", "account_id", "tenant_id", "name", "status", "currency", "external_id"),
			input.Opaque, "email", "notes"),
		"card": card(), "rate": card(),
		"audit": with(text("id", "account_id", "actor_account_id", "tenant_id", "resource_type", "resource_id", "action"), input.Set),
	}
}

func embedded(t testing.TB) *policies.Engine {
	t.Helper()
	engine, err := policies.Load(context.Background(), policies.Embedded(),
		policies.Options{Schema: embeddedSchema(), Timeout: time.Minute, Source: "embedded"})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func TestEmbeddedTreeDecidesAsItEvaluates(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	engine := embedded(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range slices.Sorted(maps.Keys(embeddedSchema())) {
		var n tally
		for i := 0; i < depth.Runs(10) || n.allowed == 0 && i < 1000; i++ {
			in := embeddedInput(r, typ)
			rows := make([]map[string]any, 8)
			for i := range rows {
				rows[i] = embeddedRow(r, typ, i)
			}
			compare(t, engine, in, rows, &n)
		}
		t.Logf("%s: %d allowed, %d denied", typ, n.allowed, n.denied)
		if n.allowed == 0 || n.denied == 0 {
			t.Errorf("%s: the oracle allowed %d and denied %d rows: it tells nothing", typ, n.allowed, n.denied)
		}
	}
}

func TestEmbeddedTreeDecidesAboutAreasAndPanelsAsItEvaluates(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	engine := embedded(t)
	ctx := context.Background()
	r := rand.New(rand.NewPCG(3, 4))
	var n tally
	for i := 0; i < depth.Runs(80) || n.allowed < 20 && i < 3000; i++ {
		in := embeddedInput(r, one(r, "area", "cdr", "support-ticket", "preview", "customer/did"))
		in.Resource.ID = one(r, "cdr", "carrier", "customer", "customer/did", "rec_1")
		in.Resource.Properties = map[string]any{"account_id": one(r, "acc_m1", "acc_r1", "acc_s1", "acc_m2")}
		if r.IntN(4) == 0 {
			in.Resource.Properties = nil
		}
		want, got := engine.Evaluate(ctx, in), engine.Decide(ctx, in)
		if !sameDecision(want, got) {
			t.Fatalf("input %v\ndecided %+v\nevaluated %+v", in.Document(), got, want)
		}
		if want.Allow {
			n.allowed++
		} else {
			n.denied++
		}
	}
	if n.allowed < 20 || n.denied < 20 {
		t.Errorf("the oracle allowed %d and denied %d requests: it tells little", n.allowed, n.denied)
	}
}

func one[T any](r *rand.Rand, options ...T) T { return options[r.IntN(len(options))] }

// embeddedInput returns a random request of a random subject of the embedded
// tree.
func embeddedInput(r *rand.Rand, typ string) *input.Input {
	in := policiestest.Input(r, typ)
	in.Action.Name = one(r, "read", "read", "read", "read", "read", "read", "create", "update", "delete", "assign", "activate", "build", "preview", "nonsense")
	in.Context.ClientIP = one(r, "", "10.1.2.3", "192.0.2.7")
	if in.Subject.Facts == nil {
		return in
	}
	facts := input.Facts{
		User: map[string]any{}, Account: in.Subject.Facts.Account, Access: access(r), Groups: make([]input.Group, one(r, 1, 1, 1, 1, 1, 2, 2, 0)),
		Below: in.Subject.Facts.Below,
	}
	for key, v := range in.Subject.Facts.User {
		facts.User[key] = v
	}
	facts.User["status"] = one(r, "active", "active", "active", "active", "active", "active", "disabled")
	facts.User["ip_allow"] = one(r, []any{}, []any{}, []any{}, []any{"10.0.0.0/8"}, []any{"192.0.2.0/24", "10.1.2.0/24"})
	facts.Account.Status = one(r, "active", "active", "active", "active", "active", "active", "suspended")
	in.Subject.Facts = input.NewFacts(facts)
	return in
}

func access(r *rand.Rand) map[string][]string {
	all := []string{"create", "read", "update", "delete"}
	out := map[string][]string{"*": one(r, all, all, all[1:2], nil)}
	for _, area := range []string{"account", "group", "user", "customer", "card/provider", "card/customer", "audit", "cdr", "preview"} {
		switch r.IntN(6) {
		case 0, 3:
			out[area] = all
		case 1:
			out[area] = all[1 : 2+r.IntN(3)]
		case 2:
			out[area] = []string{}
		}
	}
	return out
}

// embeddedRow returns a random row of a type, by column.
func embeddedRow(r *rand.Rand, typ string, i int) map[string]any {
	if typ == "card" || typ == "rate" {
		return policiestest.Rows(r, "card", 1)[0]
	}
	if typ == "account" {
		row := policiestest.Rows(r, "account", 6)[i%6]
		row["depth"] = int64(r.IntN(4))
		return row
	}
	accounts := policiestest.Accounts()
	owner := one(r, accounts...)
	row := map[string]any{}
	for column, kind := range embeddedSchema()[typ].Columns {
		switch {
		case column == "id":
			row[column] = fmt.Sprintf("%s_%d", typ, i)
		case column == "account_id":
			row[column] = owner.ID
		case column == "tenant_id":
			row[column] = owner.TenantID
		case column == "actor_account_id":
			row[column] = one(r, accounts...).ID
		case column == "status":
			row[column] = one(r, "active", "disabled")
		case column == "lend":
			row[column] = one(r, "none", "all", "some")
		case kind == input.Set:
			row[column] = []string{one(r, accounts...).ID, one(r, accounts...).ID}
		case r.IntN(4) > 0:
			row[column] = policiestest.Text(r)
		}
	}
	return row
}
