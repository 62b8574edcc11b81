package bench

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/storetest"
)

// BenchmarkPage compares a reseller's page of 100 customers over HTTP with a bare
// Fiber handler. That one runs the same query, written by hand, and encodes it the
// same way. It runs on both databases. RESELLERD_BENCH_ROWS customers (default
// 1,000,000) belong to 1,000 resellers. The same page among a hundredth of them shows
// whether the time grows with invisible rows.
func BenchmarkPage(b *testing.B) {
	rows := setting("RESELLERD_BENCH_ROWS", 1_000_000)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			large, small := seeded(b, fresh(b), rows), seeded(b, fresh(b), rows/100)
			targets := []target{
				page("resellerd", large.sidecar(b), large.user),
				page("bare Fiber", large.bare(b), large.user),
				page("resellerd, few others", small.sidecar(b), small.user),
			}
			medians := compare(b, targets)
			report(b, "time against bare Fiber", medians[1]/medians[0])
			report(b, "time among many / among few", medians[2]/medians[0])
			b.ReportMetric(medians[1]/medians[0], "ratio_bare")
			b.ReportMetric(medians[2]/medians[0], "ratio_growth")
		})
	}
}

// filled is a store with one reseller that has 1,000 customers, and many other
// resellers.
type filled struct{ database, account, user string }

// visible is how many customers the viewer has, independent of the others.
const visible = 1000

func seeded(b *testing.B, database string, rows int) filled {
	b.Helper()
	s := storetest.Open(b, database, store.Options{})
	account := storetest.Customers(b, s, rows, visible)
	f := filled{database: database, account: account}
	write(b, s, storetest.SeedTenant, func(tx *store.Tx) error {
		group := store.DefaultResellerGroup()
		group.AccountID = storetest.SeedTenant
		group, err := tx.CreateGroup(b.Context(), group)
		if err != nil {
			return err
		}
		u, err := tx.CreateUser(b.Context(), store.User{
			AccountID: account, Login: "sales@reseller.test", Name: "Sales", Status: store.Active, Groups: []string{group.ID},
		})
		f.user = u.ID
		return err
	})
	return f
}

func (f filled) sidecar(b *testing.B) string {
	address, took := resellerd(b, f.database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"))
	b.Logf("ready after %s, %s", took.Round(time.Millisecond), resident(b, address))
	return address
}

// resident describes how much memory the sidecar uses.
func resident(b testing.TB, address string) string {
	b.Helper()
	return fmt.Sprintf("%.0f MB resident", residentBytes(b, address)/1e6)
}

// residentBytes returns how much memory the sidecar uses, according to its own
// metrics.
func residentBytes(b testing.TB, address string) float64 {
	b.Helper()
	return metric(b, address, "process_resident_memory_bytes")
}

// metric returns one of the sidecar's metrics.
func metric(b testing.TB, address, name string) float64 {
	b.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	for line := range strings.Lines(readAll(b, resp.Body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				b.Fatal(err)
			}
			return number
		}
	}
	b.Fatalf("no %s in the metrics", name)
	return 0
}

func page(name, address, user string) target {
	return target{
		name: name, url: "http://" + address + "/v1/customers?limit=100", method: "GET",
		headers: map[string]string{"Authorization": "Bearer " + token, "Resellerd-User": user},
	}
}

// bare serves the page with only Fiber and database/sql, in its own process.
func (f filled) bare(b *testing.B) string {
	b.Helper()
	address := freePort(b)
	cmd := exec.Command(peerBinary(b), "-test.run", "^TestPagePeer$")
	cmd.Env = append(os.Environ(), "BARE_ADDRESS="+address, "BARE_DATABASE="+f.database, "BARE_ACCOUNT="+f.account)
	run(b, cmd)
	waitFor(b, "http://"+address+"/v1/customers")
	return address
}

// pageQuery has the select list of resellerd's own customer view, including the cards
// of a customer.
const pageQuery = `SELECT id, account_id, name, email, status, currency, external_id, notes, %s, created_at, updated_at
	FROM customers WHERE account_id = $1 ORDER BY id LIMIT 101`

var pageCards = map[string]string{
	"postgres": `COALESCE((SELECT json_agg(k.card_id ORDER BY k.card_id)::text FROM card_customers k WHERE k.customer_id = customers.id), '[]')`,
	"sqlite":   `(SELECT json_group_array(k.card_id) FROM card_customers k WHERE k.customer_id = customers.id)`,
}

// TestPagePeer is the bare page in its own process. It serves only if a benchmark
// starts it.
func TestPagePeer(t *testing.T) {
	db, driver := barePool(t)
	stmt, err := db.Prepare(fmt.Sprintf(pageQuery, pageCards[driver]))
	if err != nil {
		t.Fatal(err)
	}
	account := os.Getenv("BARE_ACCOUNT")
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/v1/customers", func(c *fiber.Ctx) error {
		body, err := barePage(c, stmt, account)
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(body)
	})
	t.Fatal(app.Listen(os.Getenv("BARE_ADDRESS")))
}

func barePage(c *fiber.Ctx, stmt *sql.Stmt, account string) ([]byte, error) {
	rows, err := stmt.QueryContext(c.Context(), account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	body := append(make([]byte, 0, 64<<10), `{"items":[`...)
	for n := 0; rows.Next() && n < 100; n++ {
		if n > 0 {
			body = append(body, ',')
		}
		if body, err = appendCustomer(body, rows); err != nil {
			return nil, err
		}
	}
	return append(body, `],"next":""}`...), rows.Err()
}

func appendCustomer(body []byte, rows *sql.Rows) ([]byte, error) {
	var texts [9]sql.NullString
	var created, updated int64
	err := rows.Scan(&texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &texts[5], &texts[6], &texts[7], &texts[8], &created, &updated)
	if err != nil {
		return nil, err
	}
	body = append(body, '{')
	for i, name := range []string{"id", "account_id", "name", "email", "status", "currency", "external_id", "notes"} {
		body = append(append(append(body, '"'), name...), '"', ':')
		if texts[i].Valid {
			body = strconv.AppendQuote(body, texts[i].String)
		} else {
			body = append(body, "null"...)
		}
		body = append(body, ',')
	}
	body = append(append(body, `"cards":`...), texts[8].String...)
	body = time.UnixMicro(created).UTC().AppendFormat(append(body, `,"created_at":"`...), time.RFC3339Nano)
	body = time.UnixMicro(updated).UTC().AppendFormat(append(body, `","updated_at":"`...), time.RFC3339Nano)
	return append(body, `"}`...), nil
}
