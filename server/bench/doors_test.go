package bench

import (
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/storetest"
)

// BenchmarkSearch compares a search for 100 of a reseller's customers over HTTP with a
// bare Fiber handler around the same query, written by hand. It runs on both databases,
// over RESELLERD_BENCH_ROWS customers (default 1,000,000).
func BenchmarkSearch(b *testing.B) {
	rows := setting("RESELLERD_BENCH_ROWS", 1_000_000)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			f := seeded(b, fresh(b), rows)
			body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer"},"page":{"limit":100}}`, f.user)
			search := evaluation("resellerd", f.sidecar(b), body)
			search.url = strings.Replace(search.url, "evaluation", "search/resource", 1)
			if n := strings.Count(string(post(b, search.url, body)), `"id":`); n != 100 {
				b.Fatalf("the search finds %d customers", n)
			}
			hand := target{name: "bare Fiber", url: f.peer(b, "TestSearchPeer"), method: "POST", headers: jsonType, bodies: []string{body}}
			medians := compare(b, []target{search, hand})
			report(b, "time against the query by hand", medians[1]/medians[0])
			b.ReportMetric(medians[1]/medians[0], "ratio_bare")
		})
	}
}

// peer starts a test of this package that serves over the database.
func (f filled) peer(b *testing.B, test string) string {
	b.Helper()
	address := freePort(b)
	cmd := exec.Command(peerBinary(b), "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), "BARE_ADDRESS="+address, "BARE_DATABASE="+f.database, "BARE_ACCOUNT="+f.account)
	run(b, cmd)
	url := "http://" + address + "/"
	waitFor(b, url)
	return url
}

// TestSearchPeer answers with the ids of 100 customers. It serves only if a benchmark
// starts it.
func TestSearchPeer(t *testing.T) {
	db, _ := barePool(t)
	stmt, err := db.Prepare("SELECT id FROM customers WHERE account_id = $1 ORDER BY id LIMIT 101")
	if err != nil {
		t.Fatal(err)
	}
	account := os.Getenv("BARE_ACCOUNT")
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.All("/", func(c *fiber.Ctx) error {
		rows, err := stmt.QueryContext(c.Context(), account)
		if err != nil {
			return err
		}
		defer rows.Close()
		body := append(make([]byte, 0, 8<<10), `{"results":[`...)
		for n := 0; rows.Next() && n < 100; n++ {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			if n > 0 {
				body = append(body, ',')
			}
			body = append(strconv.AppendQuote(append(body, `{"type":"customer","id":`...), id), '}')
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(append(body, `],"page":{"next_token":""}}`...))
	})
	t.Fatal(app.Listen(os.Getenv("BARE_ADDRESS")))
}

// barePool opens the database of a peer, or skips the test if no benchmark started it.
func barePool(t *testing.T) (db *sql.DB, driver string) {
	t.Helper()
	database := os.Getenv("BARE_DATABASE")
	if database == "" {
		t.Skip("a peer for the benchmarks, started by them")
	}
	db, driver = openPanel(t, database)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	return db, driver
}

// openPanel opens a database as a panel does.
func openPanel(t testing.TB, database string) (db *sql.DB, driver string) {
	t.Helper()
	driver, name := "postgres", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, driver
}

// BenchmarkFilters compares a request for the filter of a table with a warm check, and 50
// checks in one request with single ones, of resellerd and of OPA's server.
func BenchmarkFilters(b *testing.B) {
	database := storetest.SQLite(b)
	w := newWorld(b, storetest.Open(b, database, store.Options{}))
	logFile := filepath.Join(b.TempDir(), "decisions.ndjson")
	address, _ := resellerd(b, database, "--decision-log", logFile)
	yes := question(w.user, w.customer)
	single := evaluation("one check", address, yes)
	filters := evaluation("a filter", address, filterOf(w.user, "postgres"))
	filters.url = "http://" + address + "/v1/filters"
	batch := evaluation("50 checks", address, batchOf(w, 50))
	batch.url += "s"
	if n := strings.Count(string(post(b, batch.url, batch.bodies[0])), `"decision":true`); n != 50 {
		b.Fatalf("%d of 50 checks are allowed", n)
	}
	if text := post(b, filters.url, filters.bodies[0]); !strings.Contains(string(text), `"kind":"where"`) {
		b.Fatalf("the filter is %s", text)
	}
	targets := append([]target{single, filters, batch}, opaTargets(b, address, logFile, yes, question(w.user, w.foreign))...)
	medians := compare(b, targets)
	report(b, "a filter: time against a check", medians[0]/medians[1])
	report(b, "checks of batches / single checks", 50*medians[2]/medians[0])
	if len(medians) > 3 {
		report(b, "checks of batches / checks of OPA", 50*medians[2]/medians[3])
		b.ReportMetric(50*medians[2]/medians[3], "ratio_batch")
	}
	b.ReportMetric(medians[0]/medians[1], "ratio_filter")
}

func filterOf(user, dialect string) string {
	return fmt.Sprintf(`{"user":%q,"area":"cdr","dialect":%q,"columns":{"account_id":"account","called":"called"}}`, user, dialect)
}

func batchOf(w world, n int) string {
	one := fmt.Sprintf(`{"resource":{"type":"customer","id":%q}}`, w.customer)
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"evaluations":[%s]}`,
		w.user, strings.Join(slices.Repeat([]string{one}, n), ","))
}

// BenchmarkForwardAuth compares nginx with auth_request that asks resellerd, and with one
// that asks a bare Fiber handler. The page is a file that nginx serves itself.
func BenchmarkForwardAuth(b *testing.B) {
	if _, err := exec.LookPath("nginx"); err != nil {
		b.Skip("nginx is not on the PATH")
	}
	database := storetest.SQLite(b)
	w := newWorld(b, storetest.Open(b, database, store.Options{}))
	keys, user := issued(b, w.user)
	sidecar, _ := resellerd(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"), "--policies", mappedPolicies(b),
		"--jwks", keys, "--jwt-issuer", "https://id.example", "--jwt-audience", "resellerd", "--forward-auth", "X-Original-Method,X-Original-URI")
	through := func(name, asked string) target {
		return target{name: name, url: guarded(b, asked), method: "GET", headers: map[string]string{"Authorization": "Bearer " + user}}
	}
	targets := []target{
		through("nginx, resellerd", "http://"+sidecar+"/forward-auth"),
		through("nginx, bare Fiber", bare(b, "")),
	}
	medians := compare(b, targets)
	report(b, "time against bare Fiber", medians[1]/medians[0])
	b.ReportMetric(medians[1]/medians[0], "ratio_bare")
}

// issued writes the keys of an issuer, and returns a token of a user.
func issued(b *testing.B, user string) (keys, token string) {
	b.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	encode := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			b.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	keys = filepath.Join(b.TempDir(), "jwks.json")
	text := fmt.Sprintf(`{"keys":[{"kty":"OKP","kid":"d","crv":"Ed25519","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	signed := encode(map[string]any{"alg": "EdDSA", "kid": "d"}) + "." +
		encode(map[string]any{"sub": user, "iss": "https://id.example", "aud": "resellerd", "exp": time.Now().Add(time.Hour).Unix()})
	return keys, signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(signed)))
}

// mappedPolicies copies the policy tree with a path of the panel's own.
func mappedPolicies(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	if err := os.CopyFS(dir, policies.Embedded()); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "data.json")
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		b.Fatal(err)
	}
	data["areas"] = map[string]string{"/cdr": "cdr"}
	if text, err = json.Marshal(data); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// guarded starts an nginx that asks at a URL about each request for a page. It is one process,
// because workers of root could not read the page as another user.
func guarded(b *testing.B, asked string) string {
	b.Helper()
	dir, address := b.TempDir(), freePort(b)
	config := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr error; master_process off; events {}
http {
    access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/c;
    upstream asked { server %[3]s; keepalive 32; }
    server {
        listen %[2]s;
        root %[1]s;
        location / { auth_request /_asked; }
        location = /_asked {
            internal;
            proxy_pass http://asked%[4]s;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URI $request_uri;
        }
    }
}
`, dir, address, hostOf(asked), strings.TrimPrefix(asked, "http://"+hostOf(asked)))
	for name, text := range map[string]string{"nginx.conf": config, "cdr": "page"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	cmd.Stderr = os.Stderr
	run(b, cmd)
	url := "http://" + address + "/cdr"
	waitFor(b, url)
	return url
}

func hostOf(url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	return host
}

// BenchmarkCDRs reads one reseller's page of 100 call records out of RESELLERD_BENCH_CDRS
// (default 20,000,000) in a table of the panel's own. It alternates between the condition
// that resellerd answers with and one that is written by hand.
func BenchmarkCDRs(b *testing.B) {
	rows := setting("RESELLERD_BENCH_CDRS", 20_000_000)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			database := fresh(b)
			s := storetest.Open(b, database, store.Options{})
			w := newWorld(b, s)
			where, account := filterFor(b, database, w.user, name)
			db, _ := openPanel(b, database)
			fillCDRs(b, db, name, rows, account)
			page := func(where string) *sql.Stmt {
				stmt, err := db.Prepare("SELECT id, account, called FROM cdrs WHERE " + where + " ORDER BY id DESC LIMIT 100")
				if err != nil {
					b.Fatal(err)
				}
				return stmt
			}
			pages := [2]*sql.Stmt{page(where), page("account = $1")}
			var took [2][]time.Duration
			for i := range 50 * rounds() {
				for j := range pages {
					at := (i + j) % 2
					took[at] = append(took[at], timed(b, pages[at], account))
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			ours, theirs := took[0][len(took[0])/2], took[1][len(took[1])/2]
			ratio := float64(ours) / float64(theirs)
			b.Logf("through the filter %s, by hand %s", ours, theirs)
			report(b, "time against the query by hand", ratio)
			b.ReportMetric(ratio, "ratio_hand")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// filterFor asks for the condition of a user's rows, and returns its only argument.
func filterFor(b *testing.B, database, user, dialect string) (where, argument string) {
	b.Helper()
	address, _ := resellerd(b, database, "--decision-log", "none")
	var f struct {
		SQL  string
		Args []string
	}
	if err := json.Unmarshal(post(b, "http://"+address+"/v1/filters", filterOf(user, dialect)), &f); err != nil {
		b.Fatal(err)
	}
	if args := slices.Compact(f.Args); len(args) != 1 {
		b.Fatalf("the filter %s has the arguments %q", f.SQL, f.Args)
	}
	if dialect == "sqlite" { // each of its placeholders takes an argument
		for n := strings.Count(f.SQL, "?"); n > 0; n-- {
			f.SQL = strings.Replace(f.SQL, "?", "$1", 1)
		}
	}
	return f.SQL, f.Args[0]
}

// fillCDRs makes a table with an index for pages of one account among 1,000.
func fillCDRs(b *testing.B, db *sql.DB, dialect string, rows int, account string) {
	b.Helper()
	numbers := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)", rows)
	analyze := "ANALYZE cdrs"
	if dialect == "postgres" {
		numbers, analyze = fmt.Sprintf("WITH n(i) AS (SELECT generate_series(0, %d - 1))", rows), "VACUUM ANALYZE cdrs"
	}
	for _, text := range []string{
		"CREATE TABLE cdrs (id BIGINT PRIMARY KEY, account TEXT NOT NULL, called TEXT NOT NULL)",
		"INSERT INTO cdrs (id, account, called) " + numbers + " SELECT i, CASE WHEN i % 1000 = 0 THEN '" + account + "' ELSE 'acc_' || i % 1000 END, '49' || i FROM n",
		"CREATE INDEX cdrs_account ON cdrs (account, id)",
		analyze,
	} {
		if _, err := db.ExecContext(b.Context(), text); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
}

// timed reads a page and returns how long that took.
func timed(b *testing.B, stmt *sql.Stmt, account string) time.Duration {
	b.Helper()
	start := time.Now()
	rows, err := stmt.QueryContext(b.Context(), account)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id int64
		var of, called string
		if err := rows.Scan(&id, &of, &called); err != nil {
			b.Fatal(err)
		}
	}
	if rows.Err() != nil || n == 0 {
		b.Fatalf("%d rows, %v", n, rows.Err())
	}
	return time.Since(start)
}
