package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/feed"
	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// bench is a store with webhooks, and a clock.
type bench struct {
	t     *testing.T
	store *store.Store
	names *seed.Names
	mu    sync.Mutex
	now   time.Time
}

func newBench(t *testing.T, urls map[string]string) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	b.store = storetest.Open(t, storetest.SQLite(t), store.Options{Now: b.clock})
	rows := []seed.Row{
		seed.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier"}),
		seed.Group("all", store.Group{AccountID: "carrier", Name: "all", DefaultAccess: "crud"}),
		seed.User("boss", store.User{AccountID: "carrier", Login: "boss@example.com", Groups: []string{"all"}}),
	}
	for name, url := range urls {
		rows = append(rows, seed.Webhook(name, store.Webhook{AccountID: "carrier", UserID: "boss", URL: url, Secret: "sealed"}))
	}
	b.names = storetest.Fill(t, b.store, rows...)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// fake tells nothing but the first reset, unless a test sets something else.
type fake struct {
	tell  func(after *feed.Cursor) (feed.Answer, error)
	again func(a feed.Answer) (feed.Answer, error)
	asOf  func() bool
}

func (f fake) Tell(_ context.Context, after *feed.Cursor, _ int) (feed.Answer, error) {
	if f.tell == nil {
		return feed.Answer{}, nil
	}
	return f.tell(after)
}

func (f fake) Again(_ context.Context, a feed.Answer) (feed.Answer, error) {
	if f.again == nil {
		return a, nil
	}
	return f.again(a)
}

func (f fake) AsOf(context.Context, store.WebhookNow, feed.Answer) (bool, error) {
	return f.asOf == nil || f.asOf(), nil
}

// engine returns an engine.
func (b *bench) engine(roots *x509.CertPool, tells ...fake) *Engine {
	return New(Options{
		Store: b.store, Guard: loopback, Roots: roots, Now: b.clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: NewMetrics(prometheus.NewRegistry()),
		Policy: func() string { return "" }, Open: func(string, string) (Secret, error) { return Secret("secret"), nil },
		Teller: func(*store.Webhook) Teller { return append(tells, fake{})[0] },
	})
}

func (b *bench) round(e *Engine) {
	b.t.Helper()
	if _, err := e.Round(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) state(name string) store.WebhookState {
	b.t.Helper()
	_, state, err := b.store.WebhookState(context.Background(), b.names.ID(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

func TestAReceiverThatHangsDelaysNoOtherWebhook(t *testing.T) {
	t.Parallel()
	hold, quick := make(chan struct{}), make(chan string, 10)
	url, roots := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hangs") {
			<-hold
			return
		}
		quick <- r.URL.Path
	})
	b := newBench(t, map[string]string{"a": url + "/hangs1", "b": url + "/hangs2", "c": url + "/quick", "d": url + "/hangs3"})
	e := b.engine(roots)
	b.round(e)
	select {
	case <-quick:
	case <-time.After(time.Minute):
		t.Error("the quick receiver waits")
	}
	b.round(e) // those that hang are not started twice
	close(hold)
	e.Wait()
	for _, name := range []string{"a", "b", "c", "d"} {
		if s := b.state(name); s.Reached == "" || s.MessageID != "" || s.DeliveredAt == 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestAnotherProcessTakesOver(t *testing.T) {
	t.Parallel()
	var asked sync.Map
	url, roots := receiver(t, func(_ http.ResponseWriter, r *http.Request) { asked.Store(r.Header.Get("webhook-id"), true) })
	b := newBench(t, map[string]string{"hook": url})
	one, two := b.engine(roots), b.engine(roots)
	if held, err := one.lease.renew(context.Background(), b.clock(), 1); err != nil || !held {
		t.Fatalf("nobody holds the lease: %v, %v", held, err)
	}
	for range 5 {
		b.round(two)
		two.Wait()
		b.pass(time.Second)
	}
	if s := b.state("hook"); s.Reached != "" {
		t.Error("two processes deliver")
	}
	b.pass(2 * time.Second)
	b.round(two)
	two.Wait()
	if s := b.state("hook"); s.Reached == "" {
		t.Errorf("nobody has taken over: %+v", s)
	}
	if held, err := one.lease.renew(context.Background(), b.clock(), 1); err != nil || held {
		t.Errorf("both hold the lease: %v, %v", held, err)
	}
	two.lease.release(context.Background())
	if held, err := one.lease.renew(context.Background(), b.clock(), 1); err != nil || !held {
		t.Errorf("a lease that was given back is not taken: %v, %v", held, err)
	}
}

func TestAProcessWithoutTheLeaseMovesNoCursor(t *testing.T) {
	t.Parallel()
	hold, arrived := make(chan struct{}), make(chan string, 10)
	url, roots := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("webhook-id")
		<-hold
	})
	b := newBench(t, map[string]string{"hook": url})
	one, two := b.engine(roots), b.engine(roots)
	b.round(one)
	first := <-arrived
	b.round(two)
	b.pass(7 * time.Second)
	b.round(two)
	if second := <-arrived; second != first {
		t.Errorf("the message has the id %s, then %s", first, second)
	}
	close(hold)
	one.Wait()
	two.Wait()
	if s := b.state("hook"); s.Reached == "" || s.MessageID != "" {
		t.Errorf("the cursor has not moved: %+v", s)
	}
}

func TestAFaultOfOneWebhookIsTriedAgain(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"faulty": url, "sound": url})
	faults := 0
	e := b.engine(roots)
	e.Teller = func(hook *store.Webhook) Teller {
		return fake{tell: func(*feed.Cursor) (feed.Answer, error) {
			if hook.ID == b.names.ID("faulty") && faults < 2 {
				faults++
				panic("a fault")
			}
			return feed.Answer{}, nil
		}}
	}
	for range 4 {
		b.round(e)
		e.Wait()
		b.pass(2 * later)
	}
	for _, name := range []string{"faulty", "sound"} {
		if s := b.state(name); s.Reached == "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if faults != 2 {
		t.Errorf("%d faults", faults)
	}
}

// A message is judged again when the connection stands, and is not sent if its user may be
// told something else by then.
func TestAMessageThatIsOutOfDateIsNotSent(t *testing.T) {
	t.Parallel()
	got := make(chan Message, 10)
	url, roots := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		var m Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		got <- m
	})
	b := newBench(t, map[string]string{"hook": url})
	gone, asked := []feed.Item{{Kind: "customer", ID: "cus_1", Gone: true}}, 0
	e := b.engine(roots, fake{
		tell: func(after *feed.Cursor) (feed.Answer, error) {
			if after == nil || after.At == 2 {
				return feed.Answer{Cursor: feed.Cursor{At: 1 + at(after)}}, nil
			}
			return feed.Answer{Items: []feed.Item{{Kind: "customer", ID: "cus_1"}}, Cursor: feed.Cursor{At: 2}}, nil
		},
		again: func(a feed.Answer) (feed.Answer, error) {
			if len(a.Items) > 0 {
				a.Items = gone
			}
			return a, nil
		},
		asOf: func() bool { asked++; return asked != 2 },
	})
	b.round(e)
	e.Wait()
	close(got)
	var all []Message
	for m := range got {
		all = append(all, m)
	}
	if len(all) != 2 || !all[0].Data.Reset || !slices.Equal(all[1].Data.Items, gone) {
		t.Errorf("the receiver was told %+v", all)
	}
}

func at(c *feed.Cursor) schema.Micros {
	if c == nil {
		return 0
	}
	return c.At
}

// Idle webhooks cause no writes, and others take over all the same.
func TestAnIdleProcessWritesNothing(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"hook": url})
	e := b.engine(roots)
	for range 3 {
		b.round(e)
		e.Wait()
		b.pass(idleFor)
	}
	before, err := b.store.WebhookLease(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		b.pass(time.Second)
		b.round(e)
		e.Wait()
	}
	if after, err := b.store.WebhookLease(context.Background()); err != nil || after != before {
		t.Errorf("the lease was %+v and is %+v, %v", before, after, err)
	}
}

// A copy of a database, and one that was restored, tell receivers to read everything anew.
func TestWebhooksOfAnotherDatabaseBeginAgain(t *testing.T) {
	t.Parallel()
	var resets atomic.Int64
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) { resets.Add(1) })
	b := newBench(t, map[string]string{"one": url, "two": url})
	e := b.engine(roots)
	for range 2 {
		b.round(e)
		e.Wait()
	}
	if n := resets.Load(); n != 2 {
		t.Fatalf("there were %d resets at the start", n)
	}
	if _, err := storetest.SQL(t, b.store).Exec("UPDATE webhook_lease SET place = 'another one', owner = ''"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		restored := b.engine(roots)
		for range 3 {
			b.round(restored)
			restored.Wait()
			b.pass(10 * time.Second)
		}
	}
	if n := resets.Load(); n != 4 {
		t.Errorf("there were %d resets, want 2 more than 2", n)
	}
}

// A change of a webhook that cannot be decided tries again at once, in the process that has the
// lease.
func TestAChangeOfAWebhookTriesAgainAtOnce(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"hook": url})
	tries := [2]int{}
	var all []*Engine
	for n := range tries {
		all = append(all, b.engine(roots, fake{tell: func(*feed.Cursor) (feed.Answer, error) {
			if tries[n]++; n == 0 && tries[n] < 4 {
				panic("a fault")
			}
			return feed.Answer{}, nil
		}}))
	}
	rounds := func(seconds int) {
		for range seconds {
			for _, e := range all {
				b.round(e)
				e.Wait()
			}
			b.pass(time.Second)
		}
	}
	rounds(18) // after 0, 5 and 15 s; the next try would be after 35 s
	if tries != [2]int{3, 0} {
		t.Fatalf("%v tries", tries)
	}
	err := b.store.Write(context.Background(), b.names.ID("carrier"), func(tx *store.Tx) error {
		return tx.RotateWebhook(context.Background(), b.names.ID("hook"), "sealed", 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if rounds(2); tries[0] < 4 || tries[1] != 0 {
		t.Errorf("%v tries after the change", tries)
	}
	if s := b.state("hook"); s.Reached == "" || s.Error != "" {
		t.Errorf("the state is %+v", s)
	}
}

// A process whose attempts all fail leaves the lease to another one.
func TestAnUnhealthyProcessStandsAside(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"a": "https://127.0.0.1:1/", "b": "https://127.0.0.1:2/", "c": "https://127.0.0.1:3/"})
	sick, well := b.engine(nil), b.engine(nil)
	b.round(sick)
	sick.Wait()
	b.pass(6 * time.Second)
	b.round(sick)
	b.round(well)
	well.Wait()
	lease, err := b.store.WebhookLease(context.Background())
	if err != nil || lease.Owner != well.lease.own {
		t.Errorf("the lease is %+v, %v", lease, err)
	}
}

// The receivers of one tenant may all be gone: that is no fault of the process, and others do
// not wait for it.
func TestDeadHostsOfOneTenantAreNoFaultOfTheProcess(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for about, test := range map[string]struct {
		fail    func(h *health)
		tenants int
		aside   bool
	}{
		"all hosts of one of two tenants": {func(h *health) { failing(h, "one", 20) }, 2, false},
		"all hosts of the only tenant":    {func(h *health) { failing(h, "one", 3) }, 1, true},
		"two hosts of the only tenant":    {func(h *health) { failing(h, "one", 2) }, 1, false},
		"hosts of both tenants":           {func(h *health) { failing(h, "one", 2); failing(h, "two", 1) }, 2, true},
		"hosts of two of many tenants":    {func(h *health) { failing(h, "one", 9); failing(h, "two", 9) }, 50, false},
		"hosts of three of many tenants":  {func(h *health) { failing(h, "one", 1); failing(h, "two", 1); failing(h, "three", 1) }, 50, true},
		"one tenant cannot be decided":    {func(h *health) { h.faulty("one") }, 2, false},
		"nothing can be decided":          {func(h *health) { h.faulty("one"); h.faulty("two") }, 2, true},
		"one can be decided again":        {func(h *health) { h.faulty("one"); h.faulty("two"); h.decided("one") }, 2, false},
		"its host cannot be reached":      {func(h *health) { h.faulty("one"); failing(h, "two", 1); h.decided("two") }, 2, true},
		"a success after the failures":    {func(h *health) { failing(h, "one", 3); failing(h, "two", 3); h.well() }, 2, false},
	} {
		h := &health{}
		test.fail(h)
		if aside := h.aside(now, test.tenants, false); aside != test.aside {
			t.Errorf("%s: the process stands aside: %t", about, aside)
		}
	}
}

// A process that leaves the lease holds others up for a short time, and only as long as there is
// a reason.
func TestAProcessThatLeavesHoldsOthersUpForAShortTime(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_800_000_000, 0)
	for about, test := range map[string]struct {
		then  func(h *health)
		after time.Duration
		busy  bool
		aside bool
	}{
		"a message is still on its way":      {func(*health) {}, leaveFor - 1, true, true},
		"a message hangs":                    {func(*health) {}, leaveFor, true, false},
		"everything has ended":               {func(*health) {}, time.Second, false, true},
		"a receiver answers meanwhile":       {(*health).well, time.Second, true, false},
		"there was nothing to do for a time": {(*health).idle, time.Hour, false, false},
		"hosts fail again, and a message hangs": {func(h *health) {
			h.aside(begun.Add(leaveFor), 1, true)
			failing(h, "one", manyHosts)
		}, 2 * leaveFor, true, false},
	} {
		h := &health{}
		failing(h, "one", manyHosts)
		if !h.aside(begun, 1, true) || !h.isLeaving() {
			t.Fatal("the process does not leave")
		}
		test.then(h)
		if aside := h.aside(begun.Add(test.after), 1, test.busy); aside != test.aside {
			t.Errorf("%s: the process stands aside: %t", about, aside)
		}
	}
}

func failing(h *health, tenant string, hosts int) {
	for n := range hosts {
		h.unreachable(tenant, fmt.Sprint(tenant, n))
	}
}

// Changes and time make one process deliver again and again, and let none of the others take
// over: also if they notice the work earlier, and if there is nothing to tell.
func TestTheLeaseStaysWithAProcessThatServesEverything(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"hook": url})
	var all []*Engine
	for range 3 {
		all = append(all, b.engine(roots))
	}
	rounds := func(seconds int) {
		for range seconds {
			for _, e := range all {
				b.round(e)
				e.Wait()
			}
			b.pass(time.Second)
		}
	}
	owner := func() string {
		t.Helper()
		lease, err := b.store.WebhookLease(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return lease.Owner
	}
	rounds(200) // each has asked once since it began
	first := owner()
	for n := range 10 {
		slices.Reverse(all)
		b.change(n)
		rounds(40)
		if now := owner(); now != first {
			t.Fatalf("change %d: %s has the lease, then %s", n, first, now)
		}
	}
	for _, e := range all {
		e.mu.Lock()
		e.of(b.names.ID("hook")).turned = true
		e.mu.Unlock()
	}
	if rounds(60); owner() != first {
		t.Error("the lease moves because of the clock")
	}
	all = slices.DeleteFunc(all, func(e *Engine) bool { return e.lease.own == first })
	b.change(10)
	if rounds(10); owner() == first {
		t.Error("nobody takes over from a process that has gone")
	}
}

// change renames the user.
func (b *bench) change(n int) {
	b.t.Helper()
	name := fmt.Sprint("Boss ", n)
	err := b.store.Write(context.Background(), b.names.ID("carrier"), func(tx *store.Tx) error {
		_, err := tx.UpdateUser(context.Background(), b.names.ID("boss"), store.UserPatch{Name: &name})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// A process stops while a receiver has the message. Its answer counts.
func TestAnAnswerThatArrivesWhileTheProcessStopsCounts(t *testing.T) {
	t.Parallel()
	stopping, stop := context.WithCancel(context.Background())
	var asked atomic.Int64
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		stop()
		time.Sleep(200 * time.Millisecond) // the end of the context has arrived everywhere
	})
	b := newBench(t, map[string]string{"hook": url})
	e := b.engine(roots)
	e.Run(stopping)
	if s := b.state("hook"); s.Reached == "" || s.MessageID != "" {
		t.Errorf("the state is %+v", s)
	}
	next := b.engine(roots)
	b.round(next)
	next.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the message was sent %d times", n)
	}
}

// A process that stops sends nothing that it has not begun to send.
func TestNothingIsSentAfterTheProcessHasStopped(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	b := newBench(t, map[string]string{"hook": url})
	ctx, stop := context.WithCancel(context.Background())
	e := b.engine(roots, fake{asOf: func() bool { stop(); return true }})
	if _, err := e.Round(ctx); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if asked.Load() != 0 {
		t.Error("a message was sent")
	}
}

// A slow receiver gives its place back after a time, whatever it has left.
func TestAPlaceIsHeldForATime(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var b *bench
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		b.pass(12 * time.Second)
	})
	b = newBench(t, map[string]string{"slow": url})
	n := 0
	e := b.engine(roots, fake{tell: func(*feed.Cursor) (feed.Answer, error) {
		n++
		return feed.Answer{Items: []feed.Item{{Kind: "customer", ID: fmt.Sprint(n)}}, Cursor: feed.Cursor{At: schema.Micros(n)}}, nil
	}})
	b.round(e)
	e.Wait()
	if got := asked.Load(); got != 3 {
		t.Errorf("%d messages were sent in a row, want 3", got)
	}
}

// A question that needs more time goes on with the next visit. It is no fault, but what waits
// has an age.
func TestAReaderFarBehindIsNoFault(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"behind": url})
	n := 0
	e := b.engine(roots, fake{tell: func(*feed.Cursor) (feed.Answer, error) {
		if n++; n < 4 || n == 6 {
			return feed.Answer{}, fmt.Errorf("%w: %w", feed.ErrUnfinished, context.DeadlineExceeded)
		}
		return feed.Answer{}, nil
	}})
	begun := schema.MicrosOf(b.clock())
	for range 3 {
		b.round(e)
		e.Wait()
		if s := b.state("behind"); s.Error != "" || s.NextAt != 0 || s.MadeAt != begun {
			t.Fatalf("the state is %+v", s)
		}
		b.pass(time.Second)
	}
	due, err := b.store.WebhooksDue(context.Background())
	if age := oldest(due, b.clock()); err != nil || age != 3*time.Second {
		t.Errorf("something has waited for %s, %v", age, err)
	}
	b.round(e)
	e.Wait()
	if s := b.state("behind"); s.Reached == "" || s.MadeAt != 0 {
		t.Errorf("after %d questions, the state is %+v", n, s)
	}
	b.change(1)
	b.round(e)
	e.Wait()
	if s := b.state("behind"); s.MadeAt == 0 {
		t.Errorf("after %d questions, nothing waits: %+v", n, s)
	}
	b.round(e)
	e.Wait()
	if s := b.state("behind"); s.MadeAt != 0 || n != 7 {
		t.Errorf("after %d questions that told nothing, the state is %+v", n, s)
	}
}

// However many webhooks one tenant or one host has, those of others have a place, and all
// have their turn.
func TestTenantsAndHostsShareThePlaces(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(depth.FirstSeed(), 22))
	for range 20 {
		s, all, served := newShares(), []candidate{}, map[string]int{}
		hooks := map[string]int{"greedy": 2000, "many": 50 + r.IntN(500), "few": 1 + r.IntN(5), "failing": 300}
		for tenant, n := range hooks {
			for i := range n {
				host := fmt.Sprint(tenant, i%(1+r.IntN(40)))
				all = append(all, candidate{due: &store.WebhookDue{ID: fmt.Sprint(tenant, " ", i), TenantID: tenant, Failed: tenant == "failing"}, host: host})
			}
		}
		for range 200 {
			chosen := s.choose(all)
			if s.all > places || s.failed > places/2 {
				t.Fatalf("%d places are taken, %d of those who fail", s.all, s.failed)
			}
			for host, n := range s.host {
				if n > ofHost {
					t.Fatalf("%s has %d places", host, n)
				}
			}
			for tenant, n := range s.tenant {
				if n > ofTenant {
					t.Fatalf("%s has %d places", tenant, n)
				}
			}
			for _, c := range chosen {
				served[c.due.ID]++
				for i := range all {
					if all[i].due.ID == c.due.ID {
						all[i].last = c.last
					}
				}
			}
			for _, c := range chosen {
				s.count(c, -1)
			}
		}
		if s.all != 0 || len(s.host) != 0 || len(s.tenant) != 0 {
			t.Errorf("left: %+v", s)
		}
		for tenant, n := range hooks {
			for i := range n {
				if served[fmt.Sprint(tenant, " ", i)] == 0 {
					t.Fatalf("%s %d had no turn", tenant, i)
				}
			}
		}
	}
}

// A process that leaves the lease waits for what is on its way, and begins nothing meanwhile:
// the process that takes the lease would send it, too.
func TestAProcessThatStandsAsideEndsItsMessagesFirst(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	hold := make(chan struct{})
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-hold
	})
	b := newBench(t, map[string]string{"hook": url})
	one, two := b.engine(roots), b.engine(roots)
	b.round(one)
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	failing(&one.health, "carrier", manyHosts)
	for range 10 {
		b.round(one)
		b.round(two)
		b.pass(time.Second)
	}
	lease, err := b.store.WebhookLease(context.Background())
	if err != nil || lease.Owner != one.lease.own {
		t.Errorf("the lease is %+v, %v", lease, err)
	}
	close(hold)
	one.Wait()
	b.round(one)
	for range 3 {
		b.round(two)
		two.Wait()
		b.pass(time.Second)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the message was sent %d times", n)
	}
}

// Each process notices the clock and another policy by itself. What the process with the lease
// has not noticed is served by another one when that process has gone.
func TestWhatTheProcessWithTheLeaseHasNotNoticedIsServed(t *testing.T) {
	t.Parallel()
	for about, notice := range map[string]func(b *bench, e *Engine){
		"the clock": func(b *bench, e *Engine) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.of(b.names.ID("hook")).turned = true
			e.looked = e.looked.Add(lookEvery)
		},
		"another policy": func(_ *bench, e *Engine) { e.Policy = func() string { return "another" } },
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
			b := newBench(t, map[string]string{"hook": url})
			var asked atomic.Int64
			tells := fake{tell: func(*feed.Cursor) (feed.Answer, error) { asked.Add(1); return feed.Answer{}, nil }}
			one, two := b.engine(roots), b.engine(roots, tells)
			rounds := func(seconds int, engines ...*Engine) {
				for range seconds {
					for _, e := range engines {
						b.round(e)
						e.Wait()
					}
					b.pass(time.Second)
				}
			}
			rounds(40, one, two)
			if asked.Load() != 0 {
				t.Fatal("the other process has the lease")
			}
			rounds(lookSeconds, one, two) // both have just looked
			notice(b, two)
			rounds(1, two)
			b.change(1)
			rounds(5, one, two) // the process with the lease is busy with a change, and ends
			rounds(60, two)
			if asked.Load() == 0 {
				t.Error("nobody has asked again")
			}
		})
	}
}

// While the process with the lease is working, nobody knows what it has served. That holds also
// for a tenant whose changes were all deleted.
func TestAProcessThatIsWorkingHasServedNothingYet(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"hook": url})
	one, two := b.engine(roots), b.engine(roots)
	b.round(one)
	one.Wait()
	if _, err := storetest.SQL(t, b.store).Exec("DELETE FROM changes"); err != nil {
		t.Fatal(err)
	}
	if held, err := one.lease.renew(context.Background(), b.clock(), 0); err != nil || !held {
		t.Fatalf("held %t, %v", held, err)
	}
	for range 8 { // then nobody renews the lease
		b.round(two)
		two.Wait()
		b.pass(time.Second)
	}
	if lease, err := b.store.WebhookLease(context.Background()); err != nil || lease.Owner != two.lease.own {
		t.Errorf("the lease is %+v, %v", lease, err)
	}
	two.mu.Lock()
	defer two.mu.Unlock()
	if k := two.of(b.names.ID("hook")); !k.told || k.asked.IsZero() {
		t.Errorf("nothing was asked: %+v", k)
	}
}

const lookSeconds = int(lookEvery / time.Second)

// A webhook that cannot be decided is late by itself. The lease stays where it is, the webhook
// is tried again, and the process with the lease says that it has served all others.
func TestAWebhookThatCannotBeDecidedMovesNoLease(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench(t, map[string]string{"hook": url})
	var tries [2]atomic.Int64
	var all []*Engine
	for n := range tries {
		all = append(all, b.engine(roots, fake{tell: func(after *feed.Cursor) (feed.Answer, error) {
			if tries[n].Add(1); after != nil {
				panic("a fault")
			}
			return feed.Answer{}, nil
		}}))
	}
	rounds := func(seconds int) {
		for range seconds {
			for _, e := range all {
				b.round(e)
				e.Wait()
			}
			b.pass(time.Second)
		}
	}
	rounds(10)
	b.change(1)
	rounds(300)
	lease, err := b.store.WebhookLease(context.Background())
	if err != nil || lease.Done == 0 || lease.Owner != all[0].lease.own {
		t.Errorf("the lease is %+v, %v", lease, err)
	}
	if s := b.state("hook"); s.Error != store.LateWebhook || s.MadeAt == 0 || s.NextAt == 0 {
		t.Errorf("the state is %+v", s)
	}
	if one, two := tries[0].Load(), tries[1].Load(); one < 5 || one > 12 || two != 0 {
		t.Errorf("%d and %d tries", one, two)
	}
	all = all[1:]
	rounds(320)
	if tries[1].Load() == 0 {
		t.Error("nobody tries again after the process with the lease has gone")
	}
}
