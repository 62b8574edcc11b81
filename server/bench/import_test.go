package bench

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/store/storetest"
)

// BenchmarkImport imports a CSV file of RESELLERD_BENCH_IMPORT (default 250,000)
// rates over HTTP. It measures a preview and a new draft, for a card without rates
// and for one with as many. In turns with it, psql's \copy or the sqlite3 shell's
// .import loads the same parsed rows into the same table. Then a fresh sidecar
// imports RESELLERD_BENCH_IMPORT_LARGE (default 1,000,000) rates. The benchmark
// reports the ratios of the medians, and the peak memory of each sidecar.
func BenchmarkImport(b *testing.B) {
	rows, large := setting("RESELLERD_BENCH_IMPORT", 250_000), setting("RESELLERD_BENCH_IMPORT_LARGE", 1_000_000)
	for _, loader := range []loader{{"sqlite", storetest.SQLite, "sqlite3", sqliteImport}, {"postgres", storetest.Postgres, "psql", psqlCopy}} {
		b.Run(loader.name, func(b *testing.B) {
			if _, err := exec.LookPath(loader.tool); err != nil {
				b.Skipf("no %s on the path to compare with", loader.tool)
			}
			database := loader.fresh(b)
			d := newDecks(b, database, 0, 0, 0)
			fresh, based := d.card(d.reseller, "Fresh", ""), d.card(d.reseller, "Based", "")
			d.rates(based, "CAST(10000000 + i AS TEXT), 'Destination ' || i % 4000, (i % 977 + 1) * CAST(3000000 AS BIGINT), 1, 1, 0, 'open'", rows)
			d.analyze()
			i := importer{decks: d, deck: carrierDeck(rows), rows: rows}
			i.start(b, database)
			bare := bareLoad{decks: d, card: fresh, rows: rows, load: loader.load, database: database}
			var previews, drafts, compared, loads []time.Duration
			for range rounds() {
				loads = append(loads, bare.run(b))
				previews = append(previews, i.run(b, fresh, false))
				drafts = append(drafts, i.run(b, fresh, true))
				compared = append(compared, i.run(b, based, false)+i.run(b, based, true))
			}
			one := median(loads)
			b.Logf("%s %s; preview %s, draft %s, both with a base %s", loader.tool, one, median(previews), median(drafts), median(compared))
			b.ReportMetric(ratio(median(previews), one), "ratio_preview")
			b.ReportMetric(ratio(median(drafts), one), "ratio_draft")
			b.ReportMetric(ratio(median(compared), 2*one), "ratio_with_base")
			b.ReportMetric(peak(b, i.pid), "MB_peak")
			i.deck, i.rows = carrierDeck(large), large
			i.start(b, database)
			i.run(b, fresh, false)
			i.run(b, fresh, true)
			b.ReportMetric(peak(b, i.pid), "MB_peak_large")
		})
	}
}

// loader is a database and the tool that loads rows into it.
type loader struct {
	name  string
	fresh func(testing.TB) string
	tool  string
	load  func(database, file string) *exec.Cmd
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// carrierDeck returns a file as a carrier sends it.
func carrierDeck(rows int) []byte {
	var deck bytes.Buffer
	deck.WriteString("Prefix;Destination;Rate per minute;Minimum;Increment\n")
	for i := range rows {
		fmt.Fprintf(&deck, "%d;Destination %d;0,%06d;1;1\n", 10_000_000+i, i%4000, (i%977+1)*250)
	}
	return deck.Bytes()
}

// importer sends one file to a sidecar.
type importer struct {
	*decks
	address string
	pid     int
	deck    []byte
	rows    int
}

func (i *importer) start(b *testing.B, database string) {
	var sidecar *exec.Cmd
	i.address, sidecar = serving(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"))
	i.pid = sidecar.Process.Pid
}

func (i *importer) run(b *testing.B, card string, apply bool) time.Duration {
	b.Helper()
	to := fmt.Sprintf("http://%s/v1/cards/%s/import?mode=replace&apply=%t", i.address, card, apply)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, to, bytes.NewReader(i.deck))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", i.user)
	req.Header.Set("Content-Type", "text/csv")
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	answer := readAll(b, resp.Body)
	took := time.Since(start)
	var report struct{ Revisions []struct{ Rows int } }
	if err := json.Unmarshal([]byte(answer), &report); err != nil || len(report.Revisions) != 1 || report.Revisions[0].Rows != i.rows {
		b.Fatalf("%s: %d %.500s", to, resp.StatusCode, answer)
	}
	return took
}

// peak returns the most memory that a process ever used, in MB.
func peak(b testing.TB, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skipf("no peak of memory where there is no /proc: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.Atoi(strings.Fields(text)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kilobytes) * 1024 / 1e6
		}
	}
	b.Fatal("the kernel does not say the peak")
	return 0
}

// bareLoad loads the parsed rows with the database's own tool, each time as a new
// revision.
type bareLoad struct {
	*decks
	card, database string
	rows, round    int
	load           func(database, file string) *exec.Cmd
}

func (l *bareLoad) run(b *testing.B) time.Duration {
	b.Helper()
	l.round++
	revision := fmt.Sprintf("rev_bare%d", l.round)
	l.exec(`INSERT INTO revisions (id, card_id, number, status, row_count, created_at)
		VALUES ('` + revision + `', '` + l.card + `', NULL, 'draft', 0, 1)`)
	cmd := l.load(l.database, parsedRows(b, revision, l.rows))
	start := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 && !strings.HasPrefix(string(text), "COPY ") {
		b.Fatalf("%s: %v %s", cmd, err, text)
	}
	took := time.Since(start)
	var n int
	if err := l.db.QueryRow("SELECT count(*) FROM rates WHERE revision_id = '" + revision + "'").Scan(&n); err != nil || n != l.rows {
		b.Fatalf("%d of %d rows: %v", n, l.rows, err)
	}
	return took
}

// parsedRows writes a file with the rows of the table. Two columns may be NULL, which
// the sqlite3 shell cannot import, so they are 0.
func parsedRows(b *testing.B, revision string, rows int) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), revision+".csv")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := csv.NewWriter(file)
	for i := range rows {
		cost := strconv.Itoa((i%977 + 1) * 2_500_000)
		_ = w.Write([]string{revision, strconv.Itoa(10_000_000 + i), fmt.Sprintf("Destination %d", i%4000), cost, "0", "0", "1", "1", "0", "open"}) // Error reports it after Flush
	}
	w.Flush()
	if err := w.Error(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

func psqlCopy(database, file string) *exec.Cmd {
	return exec.Command("psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--command", `\copy rates FROM '`+file+`' (FORMAT csv)`, database)
}

func sqliteImport(database, file string) *exec.Cmd {
	return exec.Command("sqlite3", "-bail", "-cmd", ".timeout 10000", strings.TrimPrefix(database, "sqlite:"), ".mode csv", ".import '"+file+"' rates")
}
