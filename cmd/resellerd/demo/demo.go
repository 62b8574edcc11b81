// Package demo makes a carrier to look at: a master, three resellers, their
// users, customers and rate cards. Names, prices and ids are invented, and the
// same every time.
package demo

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"resellerd/store"
)

// World names what of the carrier is worth showing.
type World struct {
	Tenant string // the master's account id
	Card   string // id of the customer card that one reseller was assigned

	// External ids of users: the master's, the reseller's that has the card,
	// and one of a reseller that has not.
	Master, Reseller, Stranger string

	Seller   string // external id of a user of the reseller's who may do less
	Customer string // id of one of the reseller's customers
}

// began is when everything in the demo was made.
var began = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Open makes the carrier in a new SQLite store in dir and returns the store,
// which the caller closes. Dir must hold no store yet.
func Open(ctx context.Context, dir string) (*store.Store, World, error) {
	clock := &clock{}
	st, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "demo.db"), store.Options{Now: clock.now, NewID: ids()})
	if err != nil {
		return nil, World{}, err
	}
	w, err := fill(ctx, st)
	if err != nil {
		return nil, World{}, errors.Join(fmt.Errorf("demo: %w", err), st.Close())
	}
	clock.run()
	return st, w, nil
}

func fill(ctx context.Context, st *store.Store) (World, error) {
	if err := st.Migrate(ctx); err != nil {
		return World{}, err
	}
	b := builder{owners: map[string]store.User{}, buyers: map[string][]store.Customer{}}
	for _, step := range []func(context.Context) error{b.people, b.customers, b.cards} {
		err := st.Write(ctx, b.master.ID, func(tx *store.Tx) error {
			b.tx = tx
			return step(ctx)
		})
		if err != nil {
			return World{}, err
		}
	}
	return b.world, nil
}

// builder makes the carrier, a part of it in each transaction.
type builder struct {
	tx        *store.Tx
	world     World
	master    store.Account
	resellers []store.Account
	owners    map[string]store.User       // who acts for each account
	buyers    map[string][]store.Customer // by account, in the order they are made
}

// made writes the audit entry of a new row.
func (b *builder) made(ctx context.Context, account, typ, id string) error {
	return b.audit(ctx, account, typ, id, "create")
}

// audit writes an entry in the name of the row's owner, or of the carrier
// while the owner has nobody yet.
func (b *builder) audit(ctx context.Context, account, typ, id, action string) error {
	actor, ok := b.owners[account]
	if !ok {
		actor = b.owners[b.master.ID]
	}
	_, err := b.tx.Audit(ctx, store.AuditEntry{
		ActorID: actor.ID, ActorAccountID: actor.AccountID,
		AccountID: account, ResourceType: typ, ResourceID: id, Action: action,
	})
	return err
}

// clock stands still while the carrier is made, so that it is the same every
// time, and is the real one from then on.
type clock struct{ running atomic.Bool }

func (c *clock) run() { c.running.Store(true) }

func (c *clock) now() time.Time {
	if c.running.Load() {
		return time.Now()
	}
	return began
}

// firstIDs is how many ids of a kind the demo may use up; later ones are
// random, so that what a visitor makes is as unguessable as elsewhere.
const firstIDs = 200

// ids makes the same ids every time, in the form of store.RandomID.
func ids() func(kind string) string {
	var mu sync.Mutex
	count := map[string]int{}
	return func(kind string) string {
		mu.Lock()
		defer mu.Unlock()
		random := store.RandomID(kind)
		count[kind]++
		if count[kind] > firstIDs {
			return random
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "resellerd demo %s %d", kind, count[kind]))
		prefix, digits, _ := strings.Cut(random, "_")
		text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
		return prefix + "_" + strings.ToLower(text[:len(digits)])
	}
}
