package webhook

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/server/feed"
	"resellerd/store"
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

// engine returns an engine that tells nothing but the first reset.
func (b *bench) engine(roots *x509.CertPool) *Engine {
	return New(Options{
		Store: b.store, Guard: loopback, Roots: roots, Now: b.clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: NewMetrics(prometheus.NewRegistry()),
		Policy: func() any { return nil }, Open: func(string, string) (Secret, error) { return Secret("secret"), nil },
		Tell: func(context.Context, *store.Webhook, *feed.Cursor, int) (feed.Answer, error) {
			return feed.Answer{}, nil
		},
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
	if held, err := one.lease.renew(context.Background(), b.clock()); err != nil || !held {
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
	if held, err := one.lease.renew(context.Background(), b.clock()); err != nil || held {
		t.Errorf("both hold the lease: %v, %v", held, err)
	}
	two.lease.release(context.Background())
	if held, err := one.lease.renew(context.Background(), b.clock()); err != nil || !held {
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
	e, faults := b.engine(roots), 0
	e.Tell = func(_ context.Context, hook *store.Webhook, _ *feed.Cursor, _ int) (feed.Answer, error) {
		if hook.ID == b.names.ID("faulty") && faults < 2 {
			faults++
			panic("a fault")
		}
		return feed.Answer{}, nil
	}
	for range 4 {
		b.round(e)
		e.Wait()
		b.pass(later)
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
