package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// BenchmarkMixed measures the requests of a carrier and of a reseller: alone, and while
// another reseller loads the server with everything that it may send. Both are measured
// in turns, in RESELLERD_BENCH_ROUNDS (default 5) rounds. The load takes
// RESELLERD_BENCH_MIXED (default 20) seconds altogether. The benchmark prints a table,
// and reports the most memory of the server and the log's bytes per entry.
func BenchmarkMixed(b *testing.B) {
	size := mixedSize{prefixes: setting("RESELLERD_BENCH_PREFIXES", 250_000), rows: setting("RESELLERD_BENCH_IMPORT", 250_000),
		connections: 2000, rounds: rounds()}
	size.load = time.Duration(setting("RESELLERD_BENCH_MIXED", 20)) * time.Second / time.Duration(size.rounds)
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			m := newMixed(b, fresh(b), size)
			m.measure()
			b.Logf("%s, %s of load:\n%s", name, size.load*time.Duration(size.rounds), m.table())
			b.ReportMetric(m.worst(), "ratio_p99_worst")
			b.ReportMetric(peak(b, m.pid), "MB_peak")
			b.ReportMetric(m.logged(), "B_log_per_entry")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestMixed keeps the benchmark working. It measures a moment of load.
func TestMixed(t *testing.T) {
	databases := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if depth.Full() {
		databases["postgres"] = storetest.Postgres
	}
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixed(t, fresh(t), mixedSize{prefixes: 1000, rows: 1000, connections: 10, rounds: 1, load: time.Second})
			m.measure()
			for _, k := range m.kinds {
				for _, during := range k.during {
					if len(during.took) == 0 || len(during.refused) > 0 {
						t.Errorf("%s, %s: %d answers, %v", k.who, k.what, len(during.took), during.refused)
					}
				}
			}
			for _, what := range []string{"group", "build", "small import", "large import"} {
				if m.counts[what]["200"]+m.counts[what]["201"] == 0 {
					t.Errorf("%s: %v", what, m.counts[what])
				}
			}
			if per := m.logged(); per == 0 {
				t.Error("nothing is logged")
			}
		})
	}
}

type mixedSize struct {
	prefixes, rows, connections int // of each card of the hostile reseller, of its large file; its idle connections
	rounds                      int
	load                        time.Duration // in each round
}

// mixed is a server with two resellers and their carrier. One of the resellers is
// hostile.
type mixed struct {
	*decks
	mixedSize
	hostile hostile
	kinds   []*kind
	address string
	pid     int
	log     string
	counts  map[string]map[string]int // what the hostile reseller got
}

// kind is one kind of request of one actor.
type kind struct {
	who, what string
	user      string
	pace      time.Duration // between two requests
	request   func(n int) call
	during    [2]times // alone, and with the load
}

// call is a request.
type call struct{ method, path, accept, body string }

// times holds how long the requests of a kind took, and how many were refused.
type times struct {
	took    []time.Duration
	refused map[string]int // by status
}

func newMixed(b testing.TB, database string, size mixedSize) *mixed {
	b.Helper()
	m := &mixed{decks: newDecks(b, database, 1, 0, size.prefixes), mixedSize: size, counts: map[string]map[string]int{}}
	names := m.settle()
	m.log = filepath.Join(b.TempDir(), "decisions.ndjson")
	address, server := serving(b, database, "--decision-log", m.log)
	m.address, m.pid, m.hostile.Address = address, server.Process.Pid, address
	for i, who := range []string{"other reseller", "carrier"} {
		m.requests(who, names, []string{"agent", "boss"}[i])
	}
	return m
}

// settle creates the actors and what they have.
func (m *mixed) settle() *seed.Names {
	names := &seed.Names{}
	names.Call("carrier", m.decks.master)
	names.Call("hostile", m.decks.reseller)
	user := func(name, account, group string) seed.Row {
		return seed.User(name, store.User{AccountID: account, Login: strings.NewReplacer(" ", "-", "'", "").Replace(name) + "@bench.test", Name: name, Groups: []string{group}})
	}
	resellers := store.DefaultResellerGroup()
	resellers.AccountID = "carrier"
	rows := []seed.Row{
		seed.Group("staff", store.Group{AccountID: "carrier", Name: "Staff", DefaultAccess: "crud"}),
		seed.Group("all resellers", resellers),
		seed.Group("owners", store.Group{AccountID: "hostile", Name: "Owners", DefaultAccess: "crud"}),
		seed.Group("big 0", store.Group{AccountID: "hostile", Name: "Big 0"}),
		seed.Group("big 1", store.Group{AccountID: "hostile", Name: "Big 1"}),
		seed.Account("other", store.Account{ParentID: "carrier", Name: "Other"}),
		user("hostile owner", "hostile", "owners"),
		user("boss", "carrier", "staff"), user("boss's temp", "carrier", "staff"),
		user("agent", "other", "all resellers"), user("agent's temp", "other", "all resellers"),
	}
	for i := range 200 {
		rows = append(rows, seed.Customer(fmt.Sprint("customer ", i), store.Customer{AccountID: "other", Name: fmt.Sprint("Customer ", i)}))
	}
	write(m.b, m.store, m.decks.master, func(tx *store.Tx) error { return seed.Make(m.b.Context(), tx, names, rows...) })
	for user, account := range map[string]string{"agent": names.ID("other"), "boss": m.decks.master} {
		card := m.card(account, "Small card of "+user, "")
		m.rates(card, "'1' || (100000 + i), 'Small', 10000000, 1, 1, 0, 'open'", 1000)
		names.Call(user+"'s card", card)
	}
	h := &m.hostile
	h.User, h.Streamed, h.Rows, h.Connections = names.ID("hostile owner"), m.given[0], m.rows, m.connections
	h.Groups = []string{names.ID("big 0"), names.ID("big 1")}
	h.Card, h.Other = m.card(m.reseller, "Small files", ""), m.card(m.reseller, "Large files", "")
	for i := range 4 {
		h.Built = append(h.Built, m.card(m.reseller, fmt.Sprint("Built ", i), ""))
	}
	write(m.b, m.store, m.decks.master, func(tx *store.Tx) error {
		for _, card := range h.Built {
			if err := tx.SetParents(m.b.Context(), store.AllRates, card, []store.Parent{{CardID: m.given[0]}}); err != nil {
				return err
			}
			if err := tx.SetProfitRules(m.b.Context(), card, []store.ProfitRule{{Match: "*", Type: "percent", Value: 12e10, Status: store.RuleProfit}}); err != nil {
				return err
			}
		}
		return nil
	})
	m.analyze()
	return names
}

// requests adds the kinds of requests of a user.
func (m *mixed) requests(who string, names *seed.Names, user string) {
	id, card, temp := names.ID(user), names.ID(user+"'s card"), names.ID(user+"'s temp")
	customer := func(n int) string { return names.ID(fmt.Sprint("customer ", n%200)) }
	status := []string{"disabled", "active"}
	for what, request := range map[string]func(n int) call{
		"check": func(n int) call { return call{"POST", "/access/v1/evaluation", "", question(id, customer(n))} },
		"list":  func(int) call { return call{"GET", "/v1/customers?limit=100", "", ""} },
		"look-up": func(n int) call {
			return call{"GET", fmt.Sprintf("/v1/lookup?number=1%06d0000", 100000+n%1000), "", ""}
		},
		"change": func(n int) call {
			return call{"PATCH", "/v1/customers/" + customer(n), "", fmt.Sprintf(`{"notes":"%d"}`, n)}
		},
		"revocation": func(n int) call { return call{"PATCH", "/v1/users/" + temp, "", `{"status":"` + status[n%2] + `"}`} },
		"export":     func(int) call { return call{"GET", "/v1/cards/" + card + "/rates", "text/csv", ""} },
	} {
		k := &kind{who: who, what: what, user: id, pace: 100 * time.Millisecond, request: request}
		if what == "change" || what == "revocation" {
			k.pace = 500 * time.Millisecond
		}
		m.kinds = append(m.kinds, k)
	}
	slices.SortFunc(m.kinds, func(a, b *kind) int { return strings.Compare(b.who+a.what, a.who+b.what) })
}

// measure measures in turns without and with the load.
func (m *mixed) measure() {
	m.phase(0, m.load/4) // warm
	for _, k := range m.kinds {
		k.during = [2]times{}
	}
	for range m.rounds {
		m.phase(0, m.load/2)
		end := m.hostile.begin(m.b)
		m.phase(1, m.load)
		for kind, counts := range end() {
			if m.counts[kind] == nil {
				m.counts[kind] = map[string]int{}
			}
			for status, n := range counts {
				m.counts[kind][status] += n
			}
		}
		m.rest()
	}
}

// rest waits until the server works for nobody.
func (m *mixed) rest() {
	for range 600 {
		if metric(m.b, m.address, `resellerd_limiter_held{kind="jobs"}`)+metric(m.b, m.address, `resellerd_limiter_held{kind="files"}`) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	m.b.Fatal("the server still works for a client that has gone")
}

// phase sends all kinds of requests at the same time.
func (m *mixed) phase(which int, long time.Duration) {
	ctx, stop := context.WithTimeout(m.b.Context(), long)
	defer stop()
	var running sync.WaitGroup
	for _, k := range m.kinds {
		running.Go(func() { m.repeat(ctx, k, which) })
	}
	running.Wait()
}

// repeat sends one kind of request again and again. If an answer comes late, the
// requests that were due meanwhile count as late, too.
func (m *mixed) repeat(ctx context.Context, k *kind, which int) {
	due := time.Now()
	for n := 0; ; n++ {
		status := m.send(k, n)
		k.during[which].note(status, time.Since(due))
		due = due.Add(k.pace)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			return
		}
		if now := time.Now(); now.Sub(due) < k.pace { // only the timer was late
			due = now
		}
	}
}

func (t *times) note(status string, took time.Duration) {
	t.took = append(t.took, took)
	if status == "200" {
		return
	}
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	t.refused[status]++
}

// mixedClient keeps a connection for each kind of request.
var mixedClient = http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: time.Minute}

func (m *mixed) send(k *kind, n int) (status string) {
	c := k.request(n)
	req, err := http.NewRequest(c.method, "http://"+m.address+c.path, bytes.NewReader([]byte(c.body)))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if c.path != "/access/v1/evaluation" {
		req.Header.Set("Resellerd-User", k.user)
	}
	if c.accept != "" {
		req.Header.Set("Accept", c.accept)
	}
	resp, err := mixedClient.Do(req)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "cut off"
	}
	return fmt.Sprint(resp.StatusCode)
}

// ratio is how many times longer the slowest hundredth takes with the load.
func (k *kind) ratio() float64 {
	return ratio(percentile(k.during[1].took, 99), percentile(k.during[0].took, 99))
}

func (m *mixed) worst() (most float64) {
	for _, k := range m.kinds {
		most = max(most, k.ratio())
	}
	return most
}

// logged is how many bytes the log has for each entry, with its profiles.
func (m *mixed) logged() float64 {
	files, _ := filepath.Glob(m.log + "*")
	size := 0.0
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			m.b.Fatal(err)
		}
		size += float64(info.Size())
	}
	return size / metric(m.b, m.address, `resellerd_decision_log_entries_total{result="written"}`)
}

// table is a table for the page, and what else there is to know.
func (m *mixed) table() string {
	var out strings.Builder
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
	out.WriteString("| Requests of | | alone: p50, p99, most in ms | with the load | p99 × | refused |\n|---|---|---|---|---|---|\n")
	for _, k := range m.kinds {
		a, l := &k.during[0], &k.during[1]
		fmt.Fprintf(&out, "| %s | %s | %s, %s, %s | %s, %s, %s | %.1f | %v %v of %d |\n", k.who, k.what, ms(percentile(a.took, 50)), ms(percentile(a.took, 99)), ms(percentile(a.took, 100)),
			ms(percentile(l.took, 50)), ms(percentile(l.took, 99)), ms(percentile(l.took, 100)), k.ratio(), a.refused, l.refused, len(l.took))
	}
	fmt.Fprintf(&out, "memory: %.0f MB at most; log: %.0f bytes per entry, %.0f dropped\n", peak(m.b, m.pid), m.logged(),
		metric(m.b, m.address, `resellerd_decision_log_entries_total{result="dropped"}`))
	for _, kind := range slices.Sorted(maps.Keys(m.counts)) {
		fmt.Fprintf(&out, "%s: %v\n", kind, m.counts[kind])
	}
	return out.String()
}
