package storetest

import (
	"fmt"
	"testing"

	"resellerd/store"
)

// SeedTenant is the master account in stores that Customers fills.
const SeedTenant = "acc_m"

const seedResellers = 1000

// Customers fills an empty store for large measurements: one master, 1,000
// resellers and rows customers. The reseller whose id it returns has exactly
// visible customers; the others share the rest evenly.
func Customers(t testing.TB, s *store.Store, rows, visible int) string {
	t.Helper()
	db := SQL(t, s)
	exec := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	numbers := "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) "
	id := "'cus_' || substr(md5(CAST(i AS TEXT)), 1, 26)"
	analyze := "VACUUM ANALYZE"
	if s.Dialect() == "sqlite" {
		id, analyze = "printf('cus_%%08xabcdefghijklmnopqr', (i * 2654435761) %% 4294967296)", "ANALYZE"
	}
	exec(`INSERT INTO accounts (id, tenant_id, kind, name, status, depth, created_at, updated_at)
		VALUES ('acc_m', 'acc_m', 'master', 'Master', 'active', 0, 1, 1)`)
	exec(fmt.Sprintf(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at) `+numbers+
		`SELECT 'acc_' || i, 'acc_m', 'acc_m', 'reseller', 'Reseller ' || i, 'active', 1, 1, 1 FROM n`, seedResellers))
	exec(fmt.Sprintf(`INSERT INTO customers (id, tenant_id, account_id, name, email, status, currency, external_id, created_at, updated_at) `+
		numbers+`SELECT `+id+`, 'acc_m', 'acc_' || CASE WHEN i < %d THEN 0 ELSE 1 + i %% %d END, 'Customer number ' || i,
		'customer' || i || '@example.net', 'active', 'EUR', 'ext-' || i, 1700000000000000 + i, 1700000000000000 + i FROM n`,
		rows, visible, seedResellers-1))
	exec(analyze)
	return "acc_0"
}
