package store_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

// The database does not answer any more, without an error of the network. Whatever a
// request does at that moment, it ends soon after its own end, and later ones work.
func TestARequestEndsWithoutAnAnswerOfTheDatabase(t *testing.T) {
	t.Parallel()
	line := storetest.SilentLine(t)
	c := newCarrier(t, storetest.Open(t, line.URL, store.Options{MaxConns: 2}))
	mustDo(c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
		for i := range 2100 { // two pages of a stream
			if _, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.master.ID, Name: "customer " + strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	all := customers()
	rows := func(ctx context.Context, at func()) error {
		return c.Stream(ctx, all, func(query.Row) error {
			at()
			return nil
		})
	}
	write := func(ctx context.Context, at func(tx *store.Tx)) error {
		return c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
			at(tx)
			_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.master.ID, Name: "next"})
			return err
		})
	}
	for name, act := range map[string]func(ctx context.Context) error{
		"read": func(ctx context.Context) error {
			line.FallSilent()
			_, err := c.List(ctx, all)
			return err
		},
		"moment": func(ctx context.Context) error {
			line.FallSilent()
			return c.Snapshot(ctx, c.master.ID, func(*store.Moment) error { return nil })
		},
		"stream": func(ctx context.Context) error { return rows(ctx, sync.OnceFunc(line.FallSilent)) },
		"begin": func(ctx context.Context) error {
			line.FallSilentAt("BEGIN")
			return write(ctx, func(*store.Tx) {})
		},
		"write": func(ctx context.Context) error { return write(ctx, func(*store.Tx) { line.FallSilent() }) },
		"copy": func(ctx context.Context) error {
			return c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
				line.FallSilentAt("COPY ")
				return tx.SetDestinations(ctx, c.master.ID, []store.Destination{{Prefix: "49", Name: "GERMANY"}})
			})
		},
		"commit": func(ctx context.Context) error {
			line.FallSilentAt("COMMIT")
			return write(ctx, func(*store.Tx) {})
		},
		"connection": func(ctx context.Context) error {
			c.DropConnections()
			line.FallSilent()
			_, err := c.List(ctx, all)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer line.Speak()
			const limit = 300 * time.Millisecond
			began := time.Now()
			within, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			ended := make(chan error, 2)
			for range cap(ended) { // all connections
				go func() { ended <- act(within) }()
			}
			for range cap(ended) {
				select {
				case err := <-ended:
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, fault.ErrUnavailable) {
						t.Errorf("ended with %v", err)
					}
				case <-time.After(30 * time.Second):
					t.Fatal("still waits for the database")
				}
			}
			if late := time.Since(began) - limit; late > 5*time.Second { // a second, and what a busy machine takes
				t.Errorf("ended %v after its limit", late)
			}
			line.Speak()
			eventually(t, func() error { return rows(ctx, func() {}) })
			eventually(t, func() error { return write(ctx, func(*store.Tx) {}) })
		})
	}
}

// A process is cut off in the middle of a write, while more of its writes wait. The next
// write of another process waits until the server has ended the one transaction, and
// succeeds.
func TestAProcessThatIsCutOffFailsNoOtherWrite(t *testing.T) {
	t.Parallel()
	line := storetest.SilentLine(t)
	c := newCarrier(t, storetest.Open(t, line.Direct, store.Options{}))
	cut := storetest.Open(t, line.URL, store.Options{})
	create := func(tx *store.Tx, name string) error {
		_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.master.ID, Name: name})
		return err
	}
	within := func() context.Context {
		limited, cancel := context.WithTimeout(ctx, 15*time.Second) // as a request of serve
		t.Cleanup(cancel)
		return limited
	}
	const more = 3
	begun, waiting, ended, later := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, more)
	go func() {
		ended <- cut.Write(within(), c.master.ID, func(tx *store.Tx) error {
			err := create(tx, "cut off")
			close(begun)
			<-waiting
			line.FallSilent()
			return errors.Join(err, create(tx, "never"))
		})
	}()
	<-begun
	for range more {
		go func() {
			later <- cut.Write(within(), c.master.ID, func(tx *store.Tx) error { return create(tx, "later") })
		}()
	}
	time.Sleep(300 * time.Millisecond) // they wait for the lock, or are about to
	close(waiting)
	if err := c.Write(within(), c.master.ID, func(tx *store.Tx) error { return create(tx, "next") }); err != nil {
		t.Errorf("the write of another process: %v", err)
	}
	line.Speak()
	if err := <-ended; err == nil {
		t.Error("the write that was cut off is acknowledged")
	}
	stored := 2 // the one of the carrier, and the next
	for range more {
		if err := <-later; err == nil {
			stored++
		}
	}
	page, err := c.List(ctx, customers())
	mustDo(err)
	if page.Total != stored {
		t.Errorf("%d customers, not %d", page.Total, stored)
	}
}
