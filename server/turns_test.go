package server

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"testing"

	"resellerd/server/fair"
	"resellerd/store"
)

// oneTurn leaves one turn for all accounts, which is due at once. The returned place
// has it.
func (w *world) oneTurn() *fair.Place {
	w.t.Helper()
	return only(w.t, &w.server.limiter.turns)
}

// oneScan is oneTurn for those who judge changes.
func (w *world) oneScan() *fair.Place {
	w.t.Helper()
	return only(w.t, &w.server.limiter.scans)
}

// only leaves one place in a queue, and takes it.
func only(t testing.TB, q **fair.Queue) *fair.Place {
	t.Helper()
	*q = fair.New(fair.Size{Places: 1})
	held, err := (*q).Enter(tctx, fair.Account{ID: "acc_first"})
	must(t, err)
	return held
}

func (w *world) turnsAwaited(n int) {
	w.t.Helper()
	awaited(w.t, w.server.limiter.turns, n)
}

func (w *world) scansAwaited(n int) {
	w.t.Helper()
	awaited(w.t, w.server.limiter.scans, n)
}

func awaited(t testing.TB, q *fair.Queue, n int) {
	t.Helper()
	soon(t, "the turn is awaited", func() bool {
		_, waiting := q.Count()
		return waiting == n
	})
}

func TestLongWorkYieldsItsTurn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"*","type":"percent","value":"12"}]}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).want(201)
		imports := func(query string) func() answered {
			return func() answered {
				got, _ := w.importInto("m", "upstream", query, deckOne)
				return got
			}
		}
		posts := func(path, body string) func() answered {
			return func() answered { return w.do("a", "POST", path, body) }
		}
		for _, c := range []struct {
			what string
			do   func() answered
			want int
		}{
			{"a preview of an import", imports("mode=replace"), 200},
			{"an import", imports("mode=replace&apply=true"), 200},
			{"a build", posts("/v1/cards/{retail}/build", `{}`), 201},
			{"a proof", posts("/v1/cards/{retail}/proof", ``), 200},
		} {
			w.run(t, c.what, func(t *testing.T) {
				first := w.oneTurn()
				var running sync.WaitGroup
				running.Go(func() { c.do().want(c.want) })
				w.turnsAwaited(1)
				next := make(chan *fair.Place)
				running.Go(func() {
					place, err := w.server.limiter.turns.Enter(tctx, fair.Account{ID: "acc_next"})
					if err != nil {
						t.Error(err)
					}
					next <- place
				})
				w.turnsAwaited(2)
				first.Leave()
				other := <-next
				w.turnsAwaited(1) // the work waits for its turn again
				other.Leave()
				running.Wait()
			})
		}
	})
}

// A decision about many areas needs a processor for long. Nobody waits for it meanwhile.
func TestDecisionsAboutGroupsAndDryRunsTakeATurn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.longChange = 1
		for _, c := range []struct{ what, path string }{
			{"a change of a group", "/v1/groups/{M.clerks}"},
			{"a dry run", "/v1/groups/{M.clerks}?dry_run=true"},
		} {
			w.run(t, c.what, func(t *testing.T) {
				first := w.oneTurn()
				var running sync.WaitGroup
				running.Go(func() { w.do("m", "PATCH", c.path, `{"rows":{"customer":["read"]}}`).want(200) })
				w.turnsAwaited(1)
				w.do("a", "PATCH", "/v1/customers/{acme}", `{"notes":"`+c.what+`"}`).want(200)
				first.Leave()
				running.Wait()
			})
		}
	})
}

// holdLock holds the lock that the writes of a tenant need, until release is called.
func (w *world) holdLock(tenant string) (release func()) {
	held, end := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		err := w.store.Write(tctx, w.id(tenant), func(*store.Tx) error {
			close(held)
			<-end
			return nil
		})
		if err != nil {
			w.t.Error(err)
		}
	})
	<-held
	return func() {
		close(end)
		running.Wait()
	}
}

// The lock of one tenant is held, and its accounts have filled their queue.
func TestNoTenantWaitsForTheWritesOfAnother(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.writes.size = fair.Size{Places: 1, Each: 1}
		release := w.holdLock("M")
		var running sync.WaitGroup
		send := func(user, path string) {
			running.Go(func() { w.do(user, "PATCH", path, `{"name":"written"}`).want(200) })
		}
		queued := func(has, waiting int) func() bool {
			return func() bool {
				h, n := w.server.limiter.writes.Count()
				return h == has && n == waiting
			}
		}
		send("a", "/v1/customers/{acme}")
		soon(t, "a write waits for the lock", queued(1, 0))
		send("b", "/v1/customers/{bolt}")
		soon(t, "another write waits for its account's turn", queued(1, 1))
		if _, one := w.store.Stats()["write"]; one { // all tenants share one lock
			send("n", "/v1/users/{n}")
			soon(t, "the write of another tenant waits only for the lock", queued(2, 1))
		} else {
			w.do("n", "PATCH", "/v1/users/{n}", `{"name":"written"}`).want(200)
		}
		release()
		running.Wait()
	})
}

func TestAnAccountHasAShareOfTheWaitingWrites(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.writes.size = fair.Size{Places: 2, Each: 1, Share: 2}
		release := w.holdLock("M")
		var running sync.WaitGroup
		for n := 1; n <= 2; n++ {
			running.Go(func() { w.do("a", "PATCH", "/v1/customers/{acme}", `{"notes":"waits"}`).want(200) })
			soon(t, "the write waits", func() bool {
				has, waiting := w.server.limiter.writes.Count()
				return has+waiting == n
			})
		}
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"notes":"too many"}`).refused(429, problemType+"too_many_requests")
		running.Go(func() { w.do("b", "PATCH", "/v1/customers/{bolt}", `{"notes":"other"}`).want(200) })
		soon(t, "the write of another account waits", func() bool {
			has, _ := w.server.limiter.writes.Count()
			return has == 2
		})
		release()
		running.Wait()
	})
}

func TestSortedStreamsHaveALimitOnDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(16 * spoolStep) // four for each account
	spool := func(account string, steps int, then func()) error {
		sent := writerFunc(func(p []byte) (int, error) { then(); return len(p), nil })
		return d.spooled(sent, account, func(w *bufio.Writer) error {
			_, err := io.Copy(w, io.LimitReader(endless{}, int64(steps*spoolStep)))
			return err
		})
	}
	status := func(err error) int {
		if err == nil {
			return 200
		}
		return problemOf(err).kind.status
	}
	for steps, want := range map[int]int{1: 200, 4: 200, 5: 429} {
		if got := status(spool("a", steps, func() {})); got != want {
			t.Errorf("%d steps: %d, want %d", steps, got, want)
		}
	}
	var inside func(accounts string) // each account fills its part and waits for its reader
	inside = func(accounts string) {
		if accounts == "" {
			for account, want := range map[string]int{"a": 429, "e": 503} {
				if got := status(d.room(account)); got != want {
					t.Errorf("%s: %d, want %d", account, got, want)
				}
			}
			return
		}
		once := sync.OnceFunc(func() { inside(accounts[1:]) })
		if err := spool(accounts[:1], 4, once); err != nil {
			t.Error(err)
		}
	}
	inside("abcd")
	if d.sum != 0 || len(d.used) != 0 {
		t.Errorf("%d bytes are still taken, %v", d.sum, d.used)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestASortedStreamWithoutRoomIsRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.disk = newDisk(4 * spoolStep)
		must(t, w.server.limiter.disk.take(w.id("A"), spoolStep))
		sorted := "/v1/cards/{retail}/rates?sort=name"
		w.do("a", "GET", sorted, "", "Accept", mediaNDJSON).refused(429, problemType+"too_many_requests")
		w.do("a", "GET", strings.TrimSuffix(sorted, "?sort=name"), "", "Accept", mediaNDJSON).want(200)
		w.server.limiter.disk.give(w.id("A"), spoolStep)
		w.do("a", "GET", sorted, "", "Accept", mediaNDJSON).want(200)
	})
}
