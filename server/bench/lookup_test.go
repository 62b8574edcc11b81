package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// BenchmarkLookup looks up numbers for a reseller that sees 200 cards. 20 of them are
// assigned to it, with RESELLERD_BENCH_PREFIXES (default 25,000) prefixes each. 180
// are its own, each built from one of these with a markup of 12 %. It reports the
// times as the client and the server measure them, and the size of the rate memory.
// It measures again without the rate memory, and with 2,000 more cards that the
// reseller does not see.
func BenchmarkLookup(b *testing.B) {
	prefixes := setting("RESELLERD_BENCH_PREFIXES", 25_000)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			database, start := fresh(b), time.Now()
			d := newDecks(b, database, 20, 180, prefixes)
			b.Logf("%d rows made in %s", 200*prefixes, time.Since(start).Round(time.Second))
			warm := d.sidecar(database)
			warm.warmUp(20*prefixes, 180)
			warm.measure("from memory", 5000)
			past := d.sidecar(database, "--rate-memory", "0")
			past.measure("past it", 300)
			d.invisible(2000)
			warm.measure("from memory, among 2,000 more", 5000)
			b.ReportMetric(float64(warm.worst.Microseconds()), "µs_p99")
		})
	}
}

// invisible creates more cards of the carrier that are assigned to nobody.
func (d *decks) invisible(n int) {
	for i := range n {
		d.rates(d.card(d.master, fmt.Sprintf("Hidden %d", i), ""), "'1' || (100000 + i), 'Hidden', 1, 1, 1, 0, 'open'", 10)
	}
	d.analyze()
	write(d.b, d.store, d.master, func(tx *store.Tx) error { // this write tells the sidecar about rows written without the store
		name := "Carrier, renamed"
		_, err := tx.UpdateAccount(d.b.Context(), d.master, store.AccountPatch{Name: &name})
		return err
	})
	time.Sleep(time.Second) // longer than the sidecar takes to notice
}

// asker sends requests to one sidecar, one after another.
type asker struct {
	*decks
	address string
	random  *rand.Rand
	worst   time.Duration // 99th percentile of the last run
}

func (d *decks) sidecar(database string, flags ...string) *asker {
	flags = append(flags, "--decision-log", filepath.Join(d.b.TempDir(), "decisions.ndjson"))
	address, _ := resellerd(d.b, database, flags...)
	return &asker{decks: d, address: address, random: rand.New(rand.NewPCG(1, 1))}
}

func (a *asker) lookup() time.Duration {
	number := fmt.Sprintf("1%06d%04d", a.random.IntN(300_000), a.random.IntN(10_000))
	req, err := http.NewRequestWithContext(a.b.Context(), http.MethodGet, "http://"+a.address+"/v1/lookup?seconds=37&number="+number, nil)
	if err != nil {
		a.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", a.user)
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.b.Fatal(err)
	}
	defer resp.Body.Close()
	if text := readAll(a.b, resp.Body); resp.StatusCode != http.StatusOK || len(text) < 200*100 {
		a.b.Fatalf("%d %s", resp.StatusCode, text)
	}
	return time.Since(start)
}

// warmUp asks until all rates are in memory, and logs how long that takes.
func (a *asker) warmUp(rows, built int) {
	start := time.Now()
	a.lookup()
	for metric(a.b, a.address, "resellerd_rate_memory_waiting") > 0 {
		time.Sleep(100 * time.Millisecond)
	}
	bytes, kept := metric(a.b, a.address, "resellerd_rate_memory_bytes"), metric(a.b, a.address, "resellerd_rate_memory_revisions")
	a.b.Logf("in memory after %s: %.0f revisions in %.1f MB, %.1f bytes for each of %d prefixes, %d of them worked out; %s",
		time.Since(start).Round(time.Millisecond), kept, bytes/1e6, bytes/float64(rows), rows, built, resident(a.b, a.address))
	if kept != 200 {
		a.b.Fatalf("%.0f revisions are kept of 200", kept)
	}
}

func (a *asker) measure(name string, n int) {
	for range n / 10 { // not counted
		a.lookup()
	}
	const within, all = `resellerd_http_request_duration_seconds_bucket{code="200",method="GET",route="/v1/lookup",le="0.001"}`,
		`resellerd_http_request_duration_seconds_count{code="200",method="GET",route="/v1/lookup"}`
	fast, counted := metric(a.b, a.address, within), metric(a.b, a.address, all)
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = a.lookup()
	}
	fast, counted = metric(a.b, a.address, within)-fast, metric(a.b, a.address, all)-counted
	slices.Sort(times)
	a.worst = times[n*99/100]
	a.b.Logf("%-30s median %s, 99 %% within %s, as the client sees it; in the server %.2f %% within 1 ms",
		name, times[n/2], a.worst, 100*fast/counted)
}
