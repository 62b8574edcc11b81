package bench

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// decks is a reseller, the carrier's cards that are assigned to it, and its own cards
// that are built from them.
type decks struct {
	b        testing.TB
	store    *store.Store
	db       *sql.DB
	master   string
	reseller string
	user     string   // of the reseller
	given    []string // cards that are assigned to the reseller
}

// newDecks creates a carrier and a reseller. The carrier assigns `given` cards with
// `prefixes` prefixes each to the reseller. The reseller has `built` cards of its
// own, each built from one of these with a markup of 12 %.
func newDecks(b testing.TB, database string, given, built, prefixes int) *decks {
	b.Helper()
	s := storetest.Open(b, database, store.Options{RateMemory: -1})
	d := &decks{b: b, store: s, db: storetest.SQL(b, s)}
	d.people()
	for i := range given {
		id := d.card(d.master, fmt.Sprintf("Carrier %d", i), d.reseller)
		d.given = append(d.given, id)
		d.rates(id, "'1' || substr(CAST(1000000 + i AS TEXT), 2), 'Destination ' || i % 4000, (i % 977 + 1) * CAST(2500000 AS BIGINT), 1, 1, 0, 'open'", prefixes)
	}
	for i := range built {
		d.built(d.card(d.reseller, fmt.Sprintf("Own %d", i), ""), d.given[i%given])
	}
	d.analyze()
	return d
}

func (d *decks) people() {
	names := storetest.Fill(d.b, d.store, append(carrier(),
		seed.Account("reseller", store.Account{ParentID: "carrier", Name: "Reseller"}),
		seed.User("sales", store.User{AccountID: "reseller", Login: "sales@reseller.test", Name: "Sales", Groups: []string{"resellers"}}))...)
	d.master, d.user, d.reseller = names.ID("carrier"), names.ID("sales"), names.ID("reseller")
}

// card creates a customer card. If assigned is set, it assigns the card to that
// account.
func (d *decks) card(owner, name, assigned string) (id string) {
	d.b.Helper()
	write(d.b, d.store, d.master, func(tx *store.Tx) error {
		c := store.NewCard()
		c.AccountID, c.Kind, c.Name, c.PublicName, c.Currency = owner, schema.CustomerCard, name, name, "EUR"
		c, err := tx.CreateCard(d.b.Context(), c)
		id = c.ID
		if err == nil && assigned != "" {
			_, err = tx.AssignCard(d.b.Context(), store.Assignment{CardID: id, AccountID: assigned})
		}
		return err
	})
	return id
}

// rates gives a card an active revision of n rows. columns is the SQL for the columns
// of row i.
func (d *decks) rates(card, columns string, n int) {
	d.exec(`INSERT INTO revisions (id, card_id, number, status, activated_at, row_count, created_at)
		VALUES ('rev_` + card + `', '` + card + `', 1, 'active', 1, ` + fmt.Sprint(n) + `, 1)`)
	d.exec(fmt.Sprintf(`INSERT INTO rates (revision_id, prefix, name, cost, mcd, pulse, connect, status)
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
		SELECT 'rev_%s', %s FROM n`, n, card, columns))
}

// built gives a card the revision that a build from one parent would make. With these
// costs, a markup of 12 % is exact at four decimals, so SQL can compute it.
func (d *decks) built(card, parent string) {
	recipe, err := json.Marshal(store.Recipe{Compact: "max", RatePrecision: 4, RateRounding: "half_up",
		Rules: []store.ProfitRule{{Match: "*", Type: "percent", Value: 12e10, Status: store.RuleProfit}}})
	if err != nil {
		d.b.Fatal(err)
	}
	d.exec(`INSERT INTO revisions (id, card_id, number, status, activated_at, row_count, created_at, origin, recipe)
		SELECT 'rev_` + card + `', '` + card + `', 1, 'active', 1, row_count, 1, 'build', '` + string(recipe) + `'
		FROM revisions WHERE id = 'rev_` + parent + `'`)
	d.exec(`INSERT INTO revision_parents (revision_id, position, parent_id, parent_revision_id) VALUES ('rev_` + card + `', 1, '` + parent + `', 'rev_` + parent + `')`)
	d.exec(`INSERT INTO rates (revision_id, prefix, name, cost, mcd, pulse, connect, status)
		SELECT 'rev_` + card + `', prefix, name, (cost / 100 * 112 + 500000) / 1000000 * 1000000, mcd, pulse, connect, status
		FROM rates WHERE revision_id = 'rev_` + parent + `'`)
}

func (d *decks) exec(text string) {
	d.b.Helper()
	if _, err := d.db.ExecContext(d.b.Context(), text); err != nil {
		d.b.Fatalf("%s: %v", text, err)
	}
}

// analyze does the database's maintenance for the written rows now. An autovacuum, a
// checkpoint or a busy disk would distort the measurement.
func (d *decks) analyze() {
	d.exec("ANALYZE")
	if d.store.Dialect() == "postgres" {
		d.exec("VACUUM ANALYZE rates")
		d.exec("CHECKPOINT")
	}
	syscall.Sync()
}
