// Package demo creates an example carrier: a master, three resellers, and their
// users, customers and rate cards. Names, prices and ids are invented, and the same
// in every run.
package demo

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"resellerd/store"
)

// World names the rows of the example that the demo shows.
type World struct {
	Tenant string // the master's account id
	Card   string // id of the customer card that is assigned to one reseller

	// External ids of users: one of the master, one of the reseller with the card,
	// and one of a reseller without it.
	Master, Reseller, Stranger string

	Seller   string // external id of the reseller's user with fewer rights
	Customer string // id of one of the reseller's customers
}

// began is the creation time of everything in the demo.
var began = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Database returns the database of a demo whose files are in dir.
func Database(dir string) string { return "sqlite:" + filepath.Join(dir, file) }

// file is the database of a demo in its folder, and folders begins the names of such
// folders.
const (
	file    = "demo.db"
	folders = "resellerd-demo-"
)

// MakeDir makes a folder for the files of a demo. Only the user may read it.
func MakeDir() (string, error) { return os.MkdirTemp("", folders) }

// Running returns the database of the only demo of this machine, or "" if there is none
// or several.
func Running() string {
	all, _ := filepath.Glob(filepath.Join(os.TempDir(), folders+"*", file)) // fails only for a bad pattern
	if len(all) != 1 {
		return ""
	}
	dir := filepath.Dir(all[0])
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return ""
	}
	return Database(dir)
}

// Open creates the carrier in a new SQLite store in dir and returns the store. The
// caller must close the store. dir must not contain a store yet.
func Open(ctx context.Context, dir string) (*store.Store, World, error) {
	clock := &clock{}
	st, err := store.Open(ctx, Database(dir), store.Options{Now: clock.now, NewID: ids()})
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

// builder creates the carrier, one part in each transaction.
type builder struct {
	tx        *store.Tx
	world     World
	master    store.Account
	resellers []store.Account
	owners    map[string]store.User       // the user who acts for each account
	buyers    map[string][]store.Customer // by account, in the order of their creation
	providers []store.Parent              // the provider cards, in the order of their creation
}

// made writes the audit entry of a new row.
func (b *builder) made(ctx context.Context, account, typ, id string) error {
	return b.audit(ctx, account, typ, id, "create")
}

// audit writes an entry whose actor is the user of the row's account. If that account
// has no user yet, the actor is the carrier's.
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

// clock returns a fixed time while the carrier is created, so that every run gives
// the same rows. Afterwards it returns the real time.
type clock struct{ running atomic.Bool }

func (c *clock) run() { c.running.Store(true) }

func (c *clock) now() time.Time {
	if c.running.Load() {
		return time.Now()
	}
	return began
}

// firstIDs is how many ids of a kind are predictable. Later ids are random, so that
// the ids of a visitor's rows cannot be guessed.
const firstIDs = 200

// ids returns a function that makes the same ids in every run, in the form of
// store.RandomID.
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
