package server

import (
	"fmt"
	"sync"
	"testing"

	"resellerd/store"
)

// However many writes one account sends, only one of them waits for the lock that the
// writes of other accounts need.
func TestWritesOfAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		held, release := make(chan struct{}), make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() {
			err := w.store.Write(tctx, w.id("M"), func(*store.Tx) error {
				close(held)
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		queued := 0
		send := func(user, customer, notes string) {
			running.Go(func() {
				if got := w.do(user, "PATCH", "/v1/customers/"+customer, `{"notes":"`+notes+`"}`); got.status != 200 {
					t.Errorf("%s: %d %s", got.what, got.status, got.body)
				}
			})
			queued++
			soon(t, "the write waits", func() bool {
				has, waiting := w.server.limiter.writes.Count()
				return has+waiting == queued
			})
		}
		for n := range 5 {
			send("a", "{acme}", fmt.Sprint("hostile ", n))
		}
		send("b", "{bolt}", "other")
		if got := w.get("a", "/v1/customers/{acme}"); got.status != 200 {
			t.Errorf("a read waits for the writes of its account: %d", got.status)
		}
		if has, waiting := w.server.limiter.writes.Count(); has != 2 || waiting != 4 {
			t.Errorf("%d writes wait for the tenant's lock, and %d for their account, want one of each account and 4", has, waiting)
		}
		close(release)
		running.Wait()
	})
}
