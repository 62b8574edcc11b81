package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

// benchRows is how many customers the benchmarks create, over 1,000 resellers:
// RESELLERD_BENCH_ROWS, or 100,000.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("RESELLERD_BENCH_ROWS")); err == nil {
		return n
	}
	return 100_000
}

const benchResellers = 1000

// seed fills a store with one master, 1,000 resellers and n evenly spread
// customers.
func seed(b testing.TB, s *store.Store, n int) {
	b.Helper()
	db := storetest.SQL(b, s)
	exec := func(text string, args ...any) {
		if _, err := db.ExecContext(context.Background(), text, args...); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
	exec(`INSERT INTO accounts (id, tenant_id, kind, name, status, depth, created_at, updated_at)
		VALUES ('acc_m', 'acc_m', 'master', 'Master', 'active', 0, 1, 1)`)
	numbers := "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) "
	exec(fmt.Sprintf(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at) `+numbers+`
		SELECT 'acc_' || i, 'acc_m', 'acc_m', 'reseller', 'Reseller ' || i, 'active', 1, 1, 1 FROM n`, benchResellers))
	id := "'cus_' || substr(md5(CAST(i AS TEXT)), 1, 26)"
	if s.Dialect() == "sqlite" {
		id = "printf('cus_%08xabcdefghijklmnopqr', (i * 2654435761) % 4294967296)"
	}
	exec(`INSERT INTO customers (id, tenant_id, account_id, name, email, status, currency, external_id, notes, created_at, updated_at) ` +
		fmt.Sprintf(numbers, n) + ` SELECT ` + id + `, 'acc_m', 'acc_' || (i % 1000), 'Customer number ' || i,
			'customer' || i || '@example.net', 'active', 'EUR', 'ext-' || i, NULL, 1700000000000000 + i, 1700000000000000 + i FROM n`)
	if s.Dialect() == "postgres" {
		exec("VACUUM ANALYZE customers")
		exec("VACUUM ANALYZE accounts")
		exec("VACUUM ANALYZE account_tree")
	} else {
		exec("ANALYZE")
	}
}

// resellersPage is the query of a reseller without accounts below it for its
// customers, with all columns except those of other tables.
func resellersPage(account string) query.Query {
	mine := predicate.Of(predicate.Member{
		Item: predicate.Operand{Ref: predicate.Ref{"resource", "account_id"}}, Set: predicate.Operand{Ref: predicate.Below},
	})
	return query.Query{
		Type: "customer", Filter: mine, Env: benchEnv(account), Leaf: true,
		Views:   []query.View{{Name: "full", When: mine}},
		Columns: []query.Columns{{Names: benchColumns, When: mine}},
		Limit:   100,
	}
}

var benchColumns = []string{"id", "account_id", "name", "email", "status", "currency", "external_id", "notes", "created_at", "updated_at"}

type benchEnv string

func (e benchEnv) Lookup(ref predicate.Ref) (any, bool) {
	return string(e), ref.String() == "subject.account.id"
}
func (e benchEnv) Below(id string) bool { return id == string(e) }
func (benchEnv) Guard(int) bool         { return false }

// handWritten reads the same page with hand-written SQL: a prepared statement with
// the same columns, scanned into values.
type handWritten struct{ stmt *sql.Stmt }

func prepareByHand(b testing.TB, s *store.Store) handWritten {
	text := "SELECT " + strings.Join(benchColumns, ", ") + " FROM customers WHERE account_id = $1 ORDER BY id LIMIT 100"
	stmt, err := storetest.SQL(b, s).Prepare(text)
	if err != nil {
		b.Fatal(err)
	}
	return handWritten{stmt}
}

func (h handWritten) page(ctx context.Context, account string) ([][]any, error) {
	rows, err := h.stmt.QueryContext(ctx, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page [][]any
	for rows.Next() {
		values, into := make([]any, len(benchColumns)), make([]any, len(benchColumns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		page = append(page, values)
	}
	return page, rows.Err()
}

// BenchmarkPage reads a page of 100 customers of one reseller out of all. It
// alternates between List and hand-written SQL, and reports the median time of both
// and their ratio.
func BenchmarkPage(b *testing.B) {
	for _, url := range []func(testing.TB) string{storetest.SQLite, storetest.Postgres} {
		s := storetest.Open(b, url(b), store.Options{})
		seed(b, s, benchRows())
		b.Run(s.Dialect(), func(b *testing.B) { benchmarkPage(b, s) })
	}
}

func benchmarkPage(b *testing.B, s *store.Store) {
	hand := prepareByHand(b, s)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	var ours, theirs []time.Duration
	for i := 0; b.Loop(); i++ {
		account := fmt.Sprintf("acc_%d", i*7919%benchResellers)
		byList := func() {
			start := time.Now()
			page, err := s.List(ctx, resellersPage(account))
			ours = append(ours, time.Since(start))
			if err != nil || len(page.Rows) != 100 {
				b.Fatalf("%d rows, %v", len(page.Rows), err)
			}
		}
		byHand := func() {
			start := time.Now()
			page, err := hand.page(ctx, account)
			theirs = append(theirs, time.Since(start))
			if err != nil || len(page) != 100 {
				b.Fatalf("%d rows, %v", len(page), err)
			}
		}
		if i%2 == 0 {
			byList()
			byHand()
		} else {
			byHand()
			byList()
		}
	}
	report(b, ours, theirs)
}

func report(b *testing.B, ours, theirs []time.Duration) {
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(median(ours), "µs/list")
	b.ReportMetric(median(theirs), "µs/hand")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
	b.ReportMetric(0, "ns/op") // the time of both together has no meaning
}

// BenchmarkWrite makes the smallest possible write, a change of one row. Then it
// reads the data that the write has evicted from the caches.
func BenchmarkWrite(b *testing.B) {
	for _, url := range []func(testing.TB) string{storetest.SQLite, storetest.Postgres} {
		s := storetest.Open(b, url(b), store.Options{})
		house(b, s)
		user := store.User{AccountID: "acc_r", Login: "r@x.example", Groups: []string{"grp_2"}}
		mustDo(s.Write(context.Background(), "acc_m", func(tx *store.Tx) (err error) {
			user, err = tx.CreateUser(context.Background(), user)
			return err
		}))
		b.Run(s.Dialect(), func(b *testing.B) { benchmarkWrite(b, s, user.ID) })
	}
}

func benchmarkWrite(b *testing.B, s *store.Store, user string) {
	ctx, names := context.Background(), [2]string{"even", "odd"}
	steps := map[string]func() error{
		"row":     func() error { _, err := s.PolicyRow(ctx, "card", "crd_m"); return err },
		"below":   func() error { _, err := s.Below(ctx, "acc_m", "acc_r"); return err },
		"subject": func() error { _, err := s.Subject(ctx, "acc_m", user); return err },
	}
	took := map[string][]time.Duration{}
	timed := func(name string, step func() error) {
		start := time.Now()
		if err := step(); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		took[name] = append(took[name], time.Since(start))
	}
	for i := 0; b.Loop(); i++ {
		timed("write", func() error {
			return s.Write(ctx, "acc_m", func(tx *store.Tx) error {
				_, err := tx.UpdateAccount(ctx, "acc_r", store.AccountPatch{Name: &names[i%2]})
				return err
			})
		})
		for name, step := range steps {
			timed(name, step)
		}
	}
	for name, all := range took {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-µs")
	}
}
