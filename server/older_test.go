package server

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// olderWorld is a world whose database is replaced by an older copy. Its server
// has cached lost data and has read more commits than the database still has.
type olderWorld struct {
	*coreWorld
	here *Server
	lost string // a sealed revision that is lost
}

const lostCommits = 40

// older creates a world and makes its database lose commits while a server has
// warm caches. It calls meanwhile during that.
func older(t *testing.T, o *storetest.Older, options store.Options, meanwhile func(w *olderWorld)) *olderWorld {
	t.Helper()
	w := &olderWorld{coreWorld: newCoreWorld(t, storetest.Open(t, o.URL, options))}
	w.here = w.serve(t, nil)
	if !w.allowed(t, w.here) {
		t.Fatal("the agent is denied to begin with")
	}
	o.Copy(t)
	for i := range lostCommits {
		name := fmt.Sprint("lost ", i)
		w.seed(t, "master", seed.Customer(name, store.Customer{AccountID: "reseller", Name: name}))
	}
	a := knock(t, w.here, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent")
	if w.lost = a.Header.Get(headerRevision); a.StatusCode != 200 || w.lost == "" {
		t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	if !w.allowed(t, w.here) {
		t.Fatal("the agent is denied before anything is lost")
	}
	meanwhile(w)
	o.Replace(t)
	return w
}

// allowed reports whether a server lets the agent read a customer.
func (w *olderWorld) allowed(t *testing.T, s *Server, headers ...string) bool {
	t.Helper()
	body := `{"subject":{"type":"user","id":"agent"},"action":{"name":"read"},"resource":{"type":"customer","id":"` + w.ID("customer") + `"}}`
	a := knock(t, s, "POST", "/access/v1/evaluation", body, append([]string{wideToken}, headers...)...)
	return strings.Contains(a.text, `"decision":true`)
}

// elsewhere starts another instance on the same database.
func (w *olderWorld) elsewhere(t *testing.T, url string) *Server {
	t.Helper()
	second := *w.coreWorld
	second.store = storetest.Open(t, url, store.Options{})
	return second.serve(t, nil)
}

// disable disables the agent through a server. It retries until the server
// acknowledges that, and returns the revision of the answer.
func (w *olderWorld) disable(t *testing.T, s *Server) string {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; {
		a := knock(t, s, "PATCH", "/v1/users/"+w.ID("agent"), `{"status":"disabled"}`, wideToken, "Resellerd-User: staff")
		switch {
		case a.StatusCode == 200:
			return a.Header.Get(headerRevision)
		case a.StatusCode != 503, time.Now().After(late):
			t.Fatalf("%d %s", a.StatusCode, a.text)
		}
	}
}

// asksRarely makes a store notice nothing by polling.
var asksRarely = store.Options{Poll: time.Hour, MaxStale: time.Hour}

func nothingMeanwhile(*olderWorld) {}

// After commits were lost, a user is disabled at another instance. An instance
// that is told of that write denies the user at once. By then, the numbers of
// the lost commits are in use again.
func TestAUserDisabledElsewhereAfterALossIsDenied(t *testing.T) {
	t.Parallel()
	storetest.EachOlder(t, 0, func(t *testing.T, o *storetest.Older) {
		w := older(t, o, asksRarely, nothingMeanwhile)
		there := w.elsewhere(t, o.URL)
		w.disable(t, there)
		for range lostCommits - 1 { // up to the number that this instance knows
			coreWrite(t, there.store, w.ID("master"), func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(tctx, store.Customer{AccountID: w.ID("reseller"), Name: "again"})
				return err
			})
		}
		revision := knock(t, there, "GET", "/v1/me", "", wideToken, "Resellerd-User: staff").Header.Get(headerRevision)
		if w.allowed(t, w.here, "Resellerd-At-Least: "+revision) {
			t.Error("the user is allowed")
		}
		if w.allowed(t, w.here) {
			t.Error("the user is allowed when asked about without a revision")
		}
		if lost := w.store.HistoryLost(); lost != 1 {
			t.Errorf("%d losses counted", lost)
		}
		a := knock(t, w.here, "GET", "/v1/me", "", wideToken, "Resellerd-User: staff", "Resellerd-At-Least: "+w.lost)
		if a.StatusCode != 409 || !strings.Contains(a.text, "revision_lost") {
			t.Errorf("the lost revision is answered %d %s", a.StatusCode, a.text)
		}
	})
}

// The user is disabled at the instance that trusted the lost commits. Its own
// write does not hide the loss.
func TestAUserDisabledHereAfterALossIsDenied(t *testing.T) {
	t.Parallel()
	storetest.EachOlder(t, 1, func(t *testing.T, o *storetest.Older) {
		w := older(t, o, asksRarely, nothingMeanwhile)
		w.disable(t, w.here)
		if w.allowed(t, w.here) {
			t.Error("the user is allowed")
		}
		if a := knock(t, w.here, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent"); a.StatusCode != 403 {
			t.Errorf("the user's own request is answered %d", a.StatusCode)
		}
		if lost := w.store.HistoryLost(); lost != 1 {
			t.Errorf("%d losses counted", lost)
		}
		metrics := knock(t, w.here, "GET", "/metrics", "").text
		if !strings.Contains(metrics, "resellerd_store_history_lost_total 1\n") {
			t.Error("the metric does not count the loss")
		}
	})
}

// This test runs under load, with writers at both instances and normal polling.
// The user is denied as soon as the instance can have polled.
func TestAUserDisabledUnderLoadAfterALossIsDenied(t *testing.T) {
	t.Parallel()
	storetest.EachOlder(t, 0, func(t *testing.T, o *storetest.Older) {
		ctx, stop := context.WithCancel(t.Context())
		var load sync.WaitGroup
		var answers atomic.Int64
		lines := &coreLog{}
		w := older(t, o, store.Options{Logger: slog.New(slog.NewTextHandler(lines, nil))}, func(w *olderWorld) {
			for i := range 4 {
				load.Go(func() {
					pace := time.NewTicker(5 * time.Millisecond) // the load leaves time for the work on the databases
					defer pace.Stop()
					for n := 0; ctx.Err() == nil; n++ {
						<-pace.C
						if i == 0 {
							_ = w.store.Write(ctx, w.ID("master"), func(tx *store.Tx) error { // refused while the database is replaced
								_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: w.ID("reseller"), Name: fmt.Sprint("load ", n)})
								return err
							})
						} else {
							_ = w.allowed(t, w.here)
						}
						answers.Add(1)
					}
				})
			}
		})
		there := w.elsewhere(t, o.URL)
		revision := w.disable(t, there)
		if w.allowed(t, w.here, "Resellerd-At-Least: "+revision) {
			t.Error("the user is allowed by who is told of the write")
		}
		since := time.Now()
		for w.allowed(t, w.here) {
			if time.Since(since) > time.Minute {
				t.Error("the user is allowed a minute later")
				break
			}
		}
		before := answers.Load()
		for w.store.Ping(ctx) == nil && answers.Load() < before+50 {
			if w.allowed(t, w.here) {
				t.Error("the user is allowed again")
				break
			}
		}
		stop()
		load.Wait()
		if w.store.HistoryLost() == 0 {
			t.Error("no loss is counted")
		}
		if log := lines.take(); !strings.Contains(log, "the database lacks commits") {
			t.Errorf("no line in the log:\n%s", log)
		}
	})
}
