package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// BenchmarkWaiting measures how long the writes of others take while one reseller
// imports RESELLERD_BENCH_IMPORT_LARGE (default 1,000,000) rates, builds four cards of
// RESELLERD_BENCH_PREFIXES (default 250,000) rates, and proves one of them. Meanwhile
// another reseller changes a customer, and the carrier disables and enables a user, in
// turns. The benchmark reports the median and the 99th percentile of each. Neither
// waits for the load, if these are far below the seconds that the load takes.
func BenchmarkWaiting(b *testing.B) {
	rows, prefixes := setting("RESELLERD_BENCH_IMPORT_LARGE", 1_000_000), setting("RESELLERD_BENCH_PREFIXES", 250_000)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			database := fresh(b)
			w := newWaiting(b, database, prefixes)
			w.address, _ = resellerd(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"), "--request-timeout", "15m")
			w.measure(20) // warm
			clear(w.took)
			alone := w.measure(200)
			clear(w.took)
			ctx, stop := context.WithCancel(b.Context())
			load := w.load(ctx, carrierDeck(rows))
			during := w.measureUntil(load)
			stop()
			for what, all := range during {
				b.Logf("%s %s: %d during the load: p50 %s, p99 %s, most %s; alone: p50 %s, p99 %s", name, what, len(all),
					percentile(all, 50), percentile(all, 99), percentile(all, 100), percentile(alone[what], 50), percentile(alone[what], 99))
				b.ReportMetric(float64(percentile(all, 99).Microseconds())/1000, "ms_p99_"+what)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// waiting is a reseller that loads the server, and two others that write.
type waiting struct {
	*decks
	address           string
	own               []string // cards of the first reseller that are built
	imported          string
	boss, agent, temp string // users of the carrier and of the other reseller
	customer          string // of the other reseller
	took              map[string][]time.Duration
}

func newWaiting(b *testing.B, database string, prefixes int) *waiting {
	b.Helper()
	w := &waiting{decks: newDecks(b, database, 1, 0, prefixes), took: map[string][]time.Duration{}}
	for i := range 4 {
		card := w.card(w.reseller, fmt.Sprintf("Own %d", i), "")
		w.own = append(w.own, card)
		write(b, w.store, w.decks.master, func(tx *store.Tx) error {
			if err := tx.SetParents(b.Context(), store.AllRates, card, []store.Parent{{CardID: w.given[0]}}); err != nil {
				return err
			}
			return tx.SetProfitRules(b.Context(), card, []store.ProfitRule{{Match: "*", Type: "percent", Value: 12e10, Status: store.RuleProfit}})
		})
	}
	w.built(w.own[0], w.given[0])
	w.imported = w.card(w.reseller, "Imported", "")
	names := &seed.Names{}
	names.Call("carrier", w.decks.master)
	staff := store.Group{AccountID: "carrier", Name: "Staff", DefaultAccess: "crud"}
	group := store.DefaultResellerGroup()
	group.AccountID = "carrier"
	write(b, w.store, w.decks.master, func(tx *store.Tx) error {
		return seed.Make(b.Context(), tx, names,
			seed.Group("staff", staff), seed.Group("resellers of others", group),
			seed.User("boss", store.User{AccountID: "carrier", Login: "boss@carrier.test", Name: "Boss", Groups: []string{"staff"}}),
			seed.Account("other", store.Account{ParentID: "carrier", Name: "Other"}),
			seed.User("agent", store.User{AccountID: "other", Login: "agent@other.test", Name: "Agent", Groups: []string{"resellers of others"}}),
			seed.User("temp", store.User{AccountID: "other", Login: "temp@other.test", Name: "Temp", Groups: []string{"resellers of others"}}),
			seed.Customer("customer", store.Customer{AccountID: "other", Name: "Customer"}))
	})
	w.boss, w.agent, w.temp, w.customer = names.ID("boss"), names.ID("agent"), names.ID("temp"), names.ID("customer")
	w.analyze()
	return w
}

func percentile(all []time.Duration, n int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*n/100)].Round(10 * time.Microsecond)
}

func (w *waiting) send(ctx context.Context, user, method, path, mediaType string, body []byte) (int, string) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.address+path, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", user)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// measure makes n writes of each kind.
func (w *waiting) measure(n int) map[string][]time.Duration {
	for i := range n {
		w.writeOnce(i)
	}
	return maps.Clone(w.took)
}

// measureUntil makes writes of each kind until done is closed.
func (w *waiting) measureUntil(done <-chan struct{}) map[string][]time.Duration {
	for i := 0; ; i++ {
		select {
		case <-done:
			return w.took
		default:
			w.writeOnce(i)
		}
	}
}

func (w *waiting) writeOnce(i int) {
	status := []string{"disabled", "active"}[i%2]
	for what, one := range map[string][3]string{
		"patch":      {w.agent, "/v1/customers/" + w.customer, fmt.Sprintf(`{"name":"Customer %d"}`, i)},
		"revocation": {w.boss, "/v1/users/" + w.temp, `{"status":"` + status + `"}`},
	} {
		start := time.Now()
		if code, text := w.send(w.b.Context(), one[0], http.MethodPatch, one[1], "application/json", []byte(one[2])); code != http.StatusOK {
			w.b.Fatalf("%s: %d %s", what, code, text)
		}
		w.took[what] = append(w.took[what], time.Since(start))
	}
}

// load imports the deck once. Until that is done, it builds the cards and proves one
// of them, again and again. The returned channel is closed at the end.
func (w *waiting) load(ctx context.Context, deck []byte) <-chan struct{} {
	imported, all := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		defer close(imported)
		start := time.Now()
		code, text := w.send(ctx, w.user, http.MethodPost, "/v1/cards/"+w.imported+"/import?mode=replace&apply=true", "text/csv", deck)
		w.b.Logf("import: %d after %s", code, time.Since(start))
		if code != http.StatusOK {
			w.b.Error(text)
		}
	})
	again := func(path string, status int) {
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-imported:
					w.b.Logf("%s: %d times", path, n)
					return
				default:
				}
				if code, text := w.send(ctx, w.user, http.MethodPost, path, "application/json", []byte("{}")); code != status {
					w.b.Errorf("%s: %d %s", path, code, text)
					return
				}
			}
		})
	}
	for _, card := range w.own {
		again("/v1/cards/"+card+"/build", http.StatusCreated)
	}
	again("/v1/cards/"+w.own[0]+"/proof", http.StatusOK)
	go func() {
		running.Wait()
		close(all)
	}()
	return all
}
