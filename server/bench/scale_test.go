package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// size is how much a store and a policy hold. The viewer has 1,000 customers in each.
type size struct {
	customers int // of all accounts
	resellers int // of the carrier
	depth     int // of the viewer's account
	rules     int // that allow something for customers
}

// typical is the size from which each plot departs in one respect.
var typical = size{customers: 100_000, resellers: 1000, depth: 1, rules: 1}

// plot shows how the times grow with one part of the size.
type plot struct {
	name  string
	sizes []int
	set   func(s *size, n int)
}

func plots() []plot {
	most := setting("RESELLERD_BENCH_ROWS", 1_000_000)
	return []plot{
		{"customers", []int{most / 100, most / 10, most}, func(s *size, n int) { s.customers = n }},
		{"resellers", []int{1, 100, 10_000}, func(s *size, n int) { s.resellers = n }},
		{"depth", []int{1, 3, 6}, func(s *size, n int) { s.depth = n }},
		{"rules", []int{1, 10, 100}, func(s *size, n int) { s.rules = n }},
	}
}

// BenchmarkScale measures a check, a page, a filter, a look-up and the access of a user
// in stores and policies of other sizes, which the user does not see. It writes the
// plots in Markdown to the file that RESELLERD_BENCH_PLOTS names. It reports the largest
// growth between the smallest and the largest size.
func BenchmarkScale(b *testing.B) {
	var page bytes.Buffer
	for _, database := range []struct {
		name  string
		fresh func(testing.TB) string
	}{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.Postgres}} {
		for _, p := range plots() {
			b.Run(database.name+"/"+p.name, func(b *testing.B) {
				times := map[string][]time.Duration{}
				for _, n := range p.sizes {
					s := typical
					p.set(&s, n)
					for name, took := range s.measure(b, database.fresh(b)) {
						times[name] = append(times[name], took)
					}
				}
				b.ReportMetric(p.draw(&page, database.name, times), "most_growth")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
	b.Log("\n" + page.String())
	if path := os.Getenv("RESELLERD_BENCH_PLOTS"); path != "" {
		if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// draw writes a table and a plot, and returns the largest growth.
func (p plot) draw(page *bytes.Buffer, database string, times map[string][]time.Duration) (growth float64) {
	header := strings.ReplaceAll(strings.Trim(fmt.Sprint(p.sizes), "[]"), " ", " | ")
	fmt.Fprintf(page, "| %s, median in µs, by %s | %s |\n|---%s|\n", database, p.name, header, strings.Repeat("|---", len(p.sizes)))
	names := []string{"check", "page", "filter", "look-up", "access"}
	var lines strings.Builder
	for _, name := range names {
		took := times[name]
		fmt.Fprintf(page, "| %s |", name)
		var points []string
		for _, t := range took {
			fmt.Fprintf(page, " %d |", t.Microseconds())
			points = append(points, fmt.Sprint(t.Microseconds()))
		}
		page.WriteByte('\n')
		fmt.Fprintf(&lines, "    line \"%s\" [%s]\n", name, strings.Join(points, ", "))
		growth = max(growth, float64(took[len(took)-1])/float64(took[0]))
	}
	fmt.Fprintf(page, "\n```mermaid\nxychart-beta\n    title \"%s: %s\"\n    x-axis [%s]\n    y-axis \"µs\"\n%s```\n\n",
		database, strings.Join(names, ", "), strings.ReplaceAll(header, " | ", ", "), lines.String())
	return growth
}

// measure fills a store, and returns the median time of each request.
func (s size) measure(b *testing.B, database string) map[string]time.Duration {
	b.Helper()
	d := &decks{b: b, store: storetest.Open(b, database, store.Options{})}
	d.db = storetest.SQL(b, d.store)
	customer := d.crowd(s)
	address, _ := resellerd(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"), "--policies", s.policies(b))
	took := map[string]time.Duration{}
	for name, c := range map[string]struct{ method, path, body, part string }{
		"check":   {"POST", "/access/v1/evaluation", question(d.user, customer), `"decision":true`},
		"page":    {"GET", "/v1/customers?limit=100", "", `"next":"`},
		"filter":  {"POST", "/v1/filters", filterOf(d.user, "postgres"), `"kind":"where"`},
		"look-up": {"GET", "/v1/lookup?seconds=37&number=11001234567", "", `"prefix":"`},
		"access":  {"GET", "/v1/me", "", `"customer":`},
	} {
		all := make([]time.Duration, 0, 300)
		for i := range cap(all) + 30 {
			t := d.ask(c.method, "http://"+address+c.path, c.body, c.part)
			if i >= 30 { // the first ones fill caches
				all = append(all, t)
			}
		}
		slices.Sort(all)
		took[name] = all[len(all)/2]
	}
	return took
}

// crowd fills a store, and returns a customer of the viewer.
func (d *decks) crowd(s size) (customer string) {
	rows, parent := carrier(), "carrier"
	for i := range s.depth {
		name := fmt.Sprint("reseller ", i)
		rows = append(rows, seed.Account(name, store.Account{ParentID: parent, Name: name}))
		parent = name
	}
	rows = append(rows, seed.Group("own", store.Group{AccountID: parent, Name: "All", DefaultAccess: "crud"}),
		seed.User("sales", store.User{AccountID: parent, Login: "sales@reseller.test", Name: "Sales", Groups: []string{"own"}}))
	for i := range visible {
		name := fmt.Sprint("customer ", i)
		rows = append(rows, seed.Customer(name, store.Customer{AccountID: parent, Name: name}))
	}
	names := storetest.Fill(d.b, d.store, rows...)
	d.master, d.reseller, d.user = names.ID("carrier"), names.ID(parent), names.ID("sales")
	d.rates(d.card(d.reseller, "Own", ""), "'1' || (100000 + i), 'Destination', 1, 1, 1, 0, 'open'", 1000)
	numbers := "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) "
	d.exec(fmt.Sprintf(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at) `+numbers+
		`SELECT 'acc_' || i, '%s', '%s', 'reseller', 'Reseller ' || i, 'active', 1, 1, 1 FROM n`, s.resellers, d.master, d.master))
	d.exec(fmt.Sprintf(`INSERT INTO customers (id, tenant_id, account_id, name, email, status, currency, external_id, created_at, updated_at) `+numbers+
		`SELECT 'cus_' || i, '%s', 'acc_' || (i %% %d), 'Customer ' || i, 'customer' || i || '@example.net', 'active', 'EUR', 'ext-' || i, 1, 1 FROM n`,
		s.customers-visible, d.master, s.resellers))
	d.analyze()
	return names.ID("customer 7")
}

// policies writes the policy tree for accounts of any depth, with more rules for
// customers that concern nobody.
func (s size) policies(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	if err := os.CopyFS(dir, policies.Embedded()); err != nil {
		b.Fatal(err)
	}
	edit := func(path string, change func([]byte) ([]byte, error)) {
		path = filepath.Join(dir, path)
		text, err := os.ReadFile(path)
		if err == nil {
			text, err = change(text)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	edit("data.json", func(text []byte) ([]byte, error) {
		var data map[string]any
		if err := json.Unmarshal(text, &data); err != nil {
			return nil, err
		}
		data["max_depth"] = max(s.depth, 1)
		return json.Marshal(data)
	})
	edit("reseller/resource/customer/customer.rego", func(text []byte) ([]byte, error) {
		for i := range s.rules - 1 {
			text = fmt.Appendf(text, "\nallow if {\n\tvisible\n\tactions.permitted(\"customer\")\n\tinput.subject.user.external_id == \"nobody %d\"\n}\n", i)
		}
		return text, nil
	})
	return dir
}

// ask sends a request of the viewer, and returns how long the answer took. The answer
// contains part.
func (d *decks) ask(method, url, body, part string) time.Duration {
	d.b.Helper()
	req, err := http.NewRequestWithContext(d.b.Context(), method, url, strings.NewReader(body))
	if err != nil {
		d.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Resellerd-User", d.user)
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.b.Fatal(err)
	}
	defer resp.Body.Close()
	text := readAll(d.b, resp.Body)
	took := time.Since(start)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, part) {
		d.b.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, text)
	}
	return took
}
