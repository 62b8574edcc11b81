package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/storetest"
)

// hostile are texts that have broken filters elsewhere.
var hostile = []string{
	"", " ", "%", "_", `\`, "'", `"`, "''", "a", "A", "ab", "aB", "AB", "a%b", "a_b", `a\b`, "a'b", "%a", "a%",
	"ä", "Ä", "ß", "ss", "é", "e\u0301", "İ", "i", "😀", "a😀b", "\u2028", "--", "; DROP TABLE cards", "null", "NULL", "0", "1", "true",
	"\t", "a\nb", strings.Repeat("x", 3000), strings.Repeat("x", 3000) + "y", "acc_1", "crd_1", "active",
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func perhaps(r *rand.Rand, text string) any {
	if r.IntN(3) == 0 {
		return nil
	}
	return text
}

// world is a store that is filled with hostile rows, and the data needed to query it.
// SQL inserts the rows without validation, which package seed cannot do.
type world struct {
	t        testing.TB
	r        *rand.Rand
	db       *sql.DB
	accounts []string
	parents  map[string]string
	ids      map[string][]string // by type
}

const worldNow = 1_800_000_000_000_000

// newWorld creates two tenants with three levels of accounts, and about forty rows
// of each other type.
func newWorld(t testing.TB, s *store.Store, seed uint64) *world {
	t.Helper()
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), db: storetest.SQL(t, s), parents: map[string]string{}, ids: map[string][]string{}}
	for i, parent := range []string{"", "", "acc_0", "acc_0", "acc_2", "acc_4", "acc_1"} {
		w.account(fmt.Sprintf("acc_%d", i), parent)
	}
	for i := range 40 {
		w.group(i)
		w.customer(i)
		w.card(i)
	}
	w.exec("DELETE FROM settings WHERE name = 'folded'") // migrating folds what SQL has inserted
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) exec(text string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(context.Background(), text, args...); err != nil {
		w.t.Fatalf("%s %v: %v", text, args, err)
	}
}

func (w *world) tenant(account string) string {
	for w.parents[account] != "" {
		account = w.parents[account]
	}
	return account
}

func (w *world) chain(account string) []string {
	var all []string
	for ; account != ""; account = w.parents[account] {
		all = append(all, account)
	}
	return all
}

func (w *world) account(id, parent string) {
	w.parents[id], w.accounts = parent, append(w.accounts, id)
	w.ids["account"] = append(w.ids["account"], id)
	kind, depth := "master", len(w.chain(id))-1
	if depth > 0 {
		kind = "reseller"
	}
	w.exec(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, public_name, currency, status, external_id, depth, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, 1, 1)`,
		id, w.tenant(id), sql.NullString{String: parent, Valid: parent != ""}, kind, pick(w.r, hostile), perhaps(w.r, pick(w.r, hostile)),
		perhaps(w.r, "EUR"), perhaps(w.r, id), depth)
}

func (w *world) group(i int) {
	id, account := fmt.Sprintf("grp_%d", i), pick(w.r, w.accounts)
	lend := pick(w.r, []string{"none", "all", "some"})
	w.ids["group"] = append(w.ids["group"], id)
	w.exec(`INSERT INTO groups (id, tenant_id, account_id, name, public_name, lend, template, default_access, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'r', 1, 1)`,
		id, w.tenant(account), account, pick(w.r, hostile), perhaps(w.r, pick(w.r, hostile)), lend, perhaps(w.r, "x"))
	w.exec("INSERT INTO group_rows (group_id, area, access) VALUES ($1, 'customer', 'cr'), ($1, 'card/provider', '')", id)
	for _, below := range w.accounts {
		if w.parents[below] == account && w.r.IntN(2) == 0 {
			w.exec("INSERT INTO group_loans (group_id, account_id, owner_id) VALUES ($1, $2, $3)", id, below, account)
		}
	}
}

func (w *world) customer(i int) {
	id, account := fmt.Sprintf("cus_%d", i), pick(w.r, w.accounts)
	w.ids["customer"] = append(w.ids["customer"], id)
	w.exec(`INSERT INTO customers (id, tenant_id, account_id, name, status, currency, external_id, notes, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)`,
		id, w.tenant(account), account, pick(w.r, hostile), pick(w.r, []string{"active", "suspended", "closed"}),
		perhaps(w.r, pick(w.r, hostile)), perhaps(w.r, fmt.Sprint(pick(w.r, hostile), i)), perhaps(w.r, "secret"), w.r.IntN(5))
}

func (w *world) card(i int) {
	id, account := fmt.Sprintf("crd_%d", i), pick(w.r, w.accounts)
	kind := pick(w.r, []string{"provider", "customer", "customer"})
	var carrier any
	if kind == "provider" {
		carrier = perhaps(w.r, pick(w.r, hostile))
	}
	w.ids["card"] = append(w.ids["card"], id)
	w.exec(`INSERT INTO cards (id, tenant_id, account_id, kind, name, public_name, carrier, currency, direction, rate_precision,
		rate_rounding, charge_precision, charge_rounding, external_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'EUR', 'termination', $8, 'up', 4, 'down', $9, $10, 1)`,
		id, w.tenant(account), account, kind, pick(w.r, hostile), perhaps(w.r, pick(w.r, hostile)), carrier,
		w.r.IntN(11), perhaps(w.r, fmt.Sprint(i)), w.r.IntN(5))
	for _, below := range w.accounts {
		if kind == "customer" && w.parents[below] == account && w.r.IntN(2) == 0 {
			from := worldNow + pick(w.r, []int64{-10, 0, 10})
			var to any
			if w.r.IntN(2) == 0 {
				to = from + pick(w.r, []int64{5, 10, 20})
			}
			w.exec("INSERT INTO assignments (card_id, account_id, owner_id, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5)",
				id, below, account, from, to)
		}
	}
}

// asking is the Env of one request: values by path, and, if there is a row, the
// values of the row.
type asking struct {
	w      *world
	me     string
	values map[string]any
	row    map[string]any
}

func (a asking) Lookup(ref predicate.Ref) (any, bool) {
	if name, ok := ref.Column(); ok {
		v, ok := a.row[name]
		return v, ok
	}
	v, ok := a.values[ref.String()]
	return v, ok
}

func (a asking) Below(id string) bool {
	for _, above := range a.w.chain(id) {
		if above == a.me {
			return true
		}
	}
	return false
}

func (a asking) Guard(id int) bool { return id%2 == 0 }
