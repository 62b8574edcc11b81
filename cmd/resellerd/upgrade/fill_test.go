package upgrade

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// founding has the ids of the rows that the test uses.
type founding struct {
	Account string `json:"account_id"`
	Group   string `json:"group_id"`
	admin   string

	reseller, user string // an account with an assigned card, and a user of the account
	sale           string // the id of that card
}

// Sizes of everything but the customers, whose number the caller chooses.
const (
	resellers = 200
	users     = 2000
	rates     = 100_000
)

// fill creates the rows of a busy carrier. It writes the mass rows with SQL into the
// release's own schema. The release creates the cards with their rates.
func fill(t *testing.T, older *sidecar, database string, f *founding, customers int) {
	t.Helper()
	lent := older.made(t, "/v1/groups/default-reseller", f.admin, `{"name":"Lent","lend_to":"all"}`)
	db, id := open(t, database)
	for _, text := range bulk(id, f.Account, lent, customers) {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	f.reseller = scalar(t, db, "SELECT id FROM accounts WHERE external_id = 'R-0'")
	f.user = "user-0"

	supply := older.made(t, "/v1/cards", f.admin, `{"kind":"provider","name":"Supply","currency":"USD"}`)
	var deck strings.Builder
	deck.WriteString("prefix,name,cost,mcd,pulse\n")
	for i := range rates {
		fmt.Fprintf(&deck, "44%05d,Place %d,0.%04d,1,1\n", i, i/10, 1+i%997)
	}
	imported := older.ask(t, http.MethodPost, "/v1/cards/"+supply+"/import?mode=replace&apply=true&nanp=false", f.admin, deck.String())
	revision := imported.field(t, "revisions", "0", "id")
	older.must(t, http.MethodPost, "/v1/cards/"+supply+"/revisions/"+revision+"/activate", f.admin, "{}")
	f.sale = older.made(t, "/v1/cards", f.admin, fmt.Sprintf(
		`{"name":"Sale","public_name":"Gold","currency":"USD","parents":[%q],"profit_rules":[{"match":"*","type":"percent","value":"20"}]}`, supply))
	older.must(t, http.MethodPost, "/v1/cards/"+f.sale+"/build", f.admin, `{"activate":true}`)
	older.must(t, http.MethodPut, "/v1/cards/"+f.sale+"/assignments/"+f.reseller, f.admin, "{}")
}

// bulk returns the statements that create accounts, users, customers and audit
// entries. Some users have external ids that a stricter version refuses: one is used
// twice, and one ends with a blank.
func bulk(id func(kind, number string) string, tenant, group string, customers int) []string {
	numbers := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) ", n)
	}
	account := id("acc", fmt.Sprintf("(i %% %d)", resellers))
	into := func(columns string, n int, values string) string {
		return fmt.Sprintf("INSERT INTO %s %s SELECT %s FROM n", columns, numbers(n), values)
	}
	return []string{
		into("accounts (id, tenant_id, parent_id, kind, name, currency, status, depth, external_id, created_at, updated_at)", resellers,
			fmt.Sprintf("%s, '%s', '%s', 'reseller', 'Reseller ' || i, 'USD', 'active', 1, 'R-' || i, 1, 1", id("acc", "i"), tenant, tenant)),
		"BEGIN; " +
			into("users (id, tenant_id, account_id, external_id, login, status, first_group_id, created_at, updated_at)", users,
				fmt.Sprintf("%s, '%s', %s, CASE WHEN i < %d THEN 'user-' || i WHEN i < %d THEN 'twin' ELSE 'blank ' END, 'u' || i || '@x.example', 'active', '%s', 1, 1",
					id("usr", "i"), tenant, account, users-3, users-1, group)) + "; " +
			into("user_groups (user_id, group_id)", users, fmt.Sprintf("%s, '%s'", id("usr", "i"), group)) + "; COMMIT",
		into("customers (id, tenant_id, account_id, name, email, status, currency, external_id, created_at, updated_at)", customers,
			fmt.Sprintf("%s, '%s', %s, 'Customer ' || i, 'c' || i || '@example.net', 'active', 'USD', 'C-' || i, 1700000000000000 + i, 1700000000000000 + i", id("cus", "i"), tenant, account)),
		into("audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action)", customers,
			fmt.Sprintf("%s, '%s', 1700000000000000 + i, %s, 'customer', %s, 'create'", id("aud", "i"), tenant, account, id("cus", "i"))),
	}
}

// open connects to the database without the binaries. It also returns a function that
// makes an id from a number.
func open(t *testing.T, database string) (db *sql.DB, id func(kind, number string) string) {
	t.Helper()
	driver, name := "postgres", database
	id = func(kind, number string) string {
		return fmt.Sprintf("'%s_' || substr(md5('%s' || %s), 1, 26)", kind, kind, number)
	}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)"
		id = func(kind, number string) string {
			return fmt.Sprintf("printf('%s_%%08xabcdefghijklmnopqr', (%s * 2654435761) %% 4294967296)", kind, number)
		}
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() }) // the database is removed with the test
	return db, id
}

func scalar(t *testing.T, db *sql.DB, query string) (value string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}
