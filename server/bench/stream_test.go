package bench

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// BenchmarkStream streams a card of RESELLERD_BENCH_PREFIXES (default 250,000)
// translated rates as NDJSON. A bare Fiber handler with database/sql encodes the same
// rows the same way, in turns, on both databases. The benchmark reports the ratio of
// the throughputs, the time of the first byte, and the sidecar's memory above its
// idle use.
func BenchmarkStream(b *testing.B) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			database := fresh(b)
			d := newDecks(b, database, 1, 0, setting("RESELLERD_BENCH_PREFIXES", 250_000))
			address, _ := resellerd(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"))
			ours := streamed{url: "http://" + address + "/v1/cards/" + d.given[0] + "/rates", user: d.user}
			bare := streamed{url: bareStream(b, database, "rev_"+d.given[0])}
			ours.read(b)
			bare.read(b)
			time.Sleep(time.Second) // let both release the memory of their first run
			rest := residentBytes(b, address)
			most := watch(b, address)
			for range rounds() {
				ours.read(b)
				bare.read(b)
			}
			above := (most() - rest) / 1e6
			if ours.size == 0 || ours.sum != bare.sum {
				b.Fatalf("%d bytes and %d bytes are not the same rows", ours.size, bare.size)
			}
			b.Logf("resellerd %.0f MB/s, bare %.0f MB/s, first byte after %s, bare %s, %.0f MB above %.0f at rest",
				ours.throughput(), bare.throughput(), median(ours.first), median(bare.first), above, rest/1e6)
			b.ReportMetric(ours.throughput()/bare.throughput(), "ratio_bare")
			b.ReportMetric(float64(median(ours.first).Microseconds())/1000, "ms_first_byte")
			b.ReportMetric(above, "MB_above_rest")
		})
	}
}

// streamed reads one card repeatedly.
type streamed struct {
	url, user   string
	size, sum   int // of one response
	first, last []time.Duration
}

func (s *streamed) read(b *testing.B) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", s.user)
	req.Header.Set("Accept", "application/x-ndjson")
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	buffer := make([]byte, 64<<10)
	n, err := resp.Body.Read(buffer)
	s.first = append(s.first, time.Since(start))
	s.size, s.sum = 0, 0
	for ; ; n, err = resp.Body.Read(buffer) {
		s.size += n
		for _, c := range buffer[:n] {
			s.sum += int(c)
		}
		if err == io.EOF {
			break
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %v", s.url, resp.StatusCode, err)
		}
	}
	s.last = append(s.last, time.Since(start))
}

func (s *streamed) throughput() float64 { return float64(s.size) / 1e6 / median(s.last).Seconds() }

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// watch measures the sidecar's memory until most is called, which returns the
// maximum.
func watch(b *testing.B, address string) (most func() float64) {
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				peak.Store(max(peak.Load(), int64(residentBytes(b, address))))
			}
		}
	}()
	return func() float64 { close(stop); <-stopped; return float64(peak.Load()) }
}

// bareStream serves the same rows with only Fiber and database/sql, in its own
// process.
func bareStream(b *testing.B, database, revision string) string {
	b.Helper()
	address := freePort(b)
	cmd := exec.Command(peerBinary(b), "-test.run", "^TestStreamPeer$")
	cmd.Env = append(os.Environ(), "BARE_ADDRESS="+address, "BARE_DATABASE="+database, "BARE_REVISION="+revision)
	run(b, cmd)
	waitFor(b, "http://"+address+"/nothing")
	return "http://" + address + "/"
}

// TestStreamPeer is the bare stream in its own process. It serves only if a benchmark
// starts it.
func TestStreamPeer(t *testing.T) {
	database := os.Getenv("BARE_DATABASE")
	if os.Getenv("BARE_REVISION") == "" {
		t.Skip("a peer for the benchmarks, started by them")
	}
	driver, name := "postgres", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := db.Prepare("SELECT prefix, name, cost, inter, intra, mcd, pulse, connect, status FROM rates WHERE revision_id = $1 ORDER BY prefix")
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "application/x-ndjson")
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			if err := bareRates(w, stmt, os.Getenv("BARE_REVISION")); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
	t.Fatal(app.Listen(os.Getenv("BARE_ADDRESS")))
}

func bareRates(w *bufio.Writer, stmt *sql.Stmt, revision string) error {
	rows, err := stmt.Query(revision)
	if err != nil {
		return err
	}
	defer rows.Close()
	var prefix, name, status sql.RawBytes
	var cost, mcd, pulse, connect int64
	var inter, intra sql.NullInt64
	var line []byte
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(&prefix, &name, &cost, &inter, &intra, &mcd, &pulse, &connect, &status); err != nil {
			return err
		}
		line = query.AppendString(append(line[:0], `{"prefix":`...), string(prefix))
		line = query.AppendString(append(line, `,"name":`...), string(name))
		line = schema.AppendMoney(append(line, `,"cost":"`...), cost)
		line = bareMoney(append(line, `","inter":`...), inter)
		line = bareMoney(append(line, `,"intra":`...), intra)
		line = strconv.AppendInt(append(line, `,"mcd":`...), mcd, 10)
		line = strconv.AppendInt(append(line, `,"pulse":`...), pulse, 10)
		line = schema.AppendMoney(append(line, `,"connect":"`...), connect)
		line = query.AppendString(append(line, `","status":`...), string(status))
		if _, err := w.Write(append(line, "}\n"...)); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `{"rows":%d}`+"\n", n)
	return err
}

func bareMoney(line []byte, money sql.NullInt64) []byte {
	if !money.Valid {
		return append(line, "null"...)
	}
	return append(schema.AppendMoney(append(line, '"'), money.Int64), '"')
}
