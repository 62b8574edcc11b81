package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/raterows"
)

// maxRuns is how often one piece of work is done because its inputs have changed,
// before the write gives up.
const maxRuns = 3

// WriteLong is Write for a write that may need long work: an import, a build, a proof
// or a comparison of rates. It does that work outside of the transaction, so that no
// other writer waits for it. Then it runs fn again, from its beginning, with the
// result at hand. So fn decides everything again under the lock. fn must have no
// effect outside of the transaction, except through variables that it sets anew each
// time. It must return the errors of the transaction's methods.
//
// If the inputs of the work have changed meanwhile, the work is done again, at most
// three times. Then WriteLong returns ErrConflict.
func (s *Store) WriteLong(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.long(ctx, dialect.Writing, func(w *works) error { return s.write(ctx, tenant, w, fn) })
}

// ReadLong is Read with the promises of WriteLong.
func (s *Store) ReadLong(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.long(ctx, dialect.Writing, func(w *works) error {
		return s.read(ctx, tenant, w, fn)
	})
}

// works holds the results of long work for one write.
type works struct {
	kind  dialect.Work
	stage *stage // nil if the work is to be done in the write's own transaction
	done  map[string]result
	runs  map[string]int
	// before is the part of a write that needs no lock; nil for none.
	before func(*Tx) error
	// many says that the write has many parts: Ahead postpones its work, and the kind stays.
	many  bool
	dry   bool // nothing is committed
	later postponed
	asked map[string]bool // the names of later
	size  int             // bytes of later
	again int             // how often the write began again, and got no further
	used  int             // results that the last run used
	most  int             // results that a run used
	// ids and types are those of the rows that the last run created, in order.
	ids, types []string
}

// newID returns an id for a new row. A write that runs again creates its rows with the
// same ids, so that work about them need not be done again.
func (tx *Tx) newID(typ string) string {
	n := tx.made
	tx.made++
	if n < len(tx.work.ids) && tx.work.types[n] == typ {
		return tx.work.ids[n]
	}
	id := tx.store.newID(typ)
	tx.work.ids, tx.work.types = append(tx.work.ids[:n], id), append(tx.work.types[:n], typ)
	return id
}

type result struct {
	on    string // the inputs
	value any
}

func newWorks(kind dialect.Work, g *stage) *works {
	return &works{kind: kind, stage: g, done: map[string]result{}, runs: map[string]int{}}
}

// pending is work that a write needs. It is the error that ends the write's
// transaction.
type pending struct {
	kind     dialect.Work
	what, on string
	do       func(context.Context, *site) (any, error)
}

func (p *pending) Error() string { return p.what + " is to be done outside of the transaction" }

// postponed is work of a transaction that went on with guesses. It is the error that ends
// the transaction.
type postponed []*pending

func (p postponed) Error() string { return p[0].Error() }

// maxLater is how many bytes of work Ahead postpones in one transaction, and maxAgain is
// how often the transaction begins again without getting further.
const (
	maxLater = 16 << 20
	maxAgain = 100
)

// errLapsed says that a staged draft was swept, or that its moment has passed.
var errLapsed = errors.New("the staged draft has lapsed")

// long runs once, and the work that it needs, in turns. kind is the work of once.
func (s *Store) long(ctx context.Context, kind dialect.Work, once func(*works) error) error {
	w := newWorks(kind, newStage(s, kind))
	defer w.stage.end(ctx)
	for {
		err := once(w)
		if errors.Is(err, errLapsed) {
			w.done = map[string]result{}
			continue // at most maxRuns times, because the work is counted
		}
		work := workOf(err)
		if work == nil {
			return err
		}
		if w.again++; w.used > w.most {
			w.most, w.again = w.used, 0
		}
		if w.many && w.again > maxAgain {
			return errRestless
		}
		if err := s.workThrough(ctx, w, work); err != nil && !errors.Is(err, errLapsed) {
			return err
		}
	}
}

// workOf returns the work that a transaction ended for; nil for none.
func workOf(err error) postponed {
	var all postponed
	var one *pending
	if !errors.As(err, &all) && errors.As(err, &one) {
		all = postponed{one}
	}
	return all
}

var errRestless = fault.Conflict("", "the data changes while it is being worked on: try again")

// workThrough does work and keeps its results.
func (s *Store) workThrough(ctx context.Context, w *works, work postponed) error {
	for _, p := range work {
		if w.runs[p.what]++; w.runs[p.what] > maxRuns {
			return errRestless
		}
		if !w.many {
			w.kind = p.kind
			w.stage.kind.Store(int64(p.kind))
		}
		value, err := p.do(ctx, &site{store: s, stage: w.stage})
		if err != nil {
			return err
		}
		w.done[p.what] = result{p.on, value}
	}
	return nil
}

// longWork returns the result of work. what names it within the write, and on are its
// inputs: equal inputs give an equal result. If the write can wait, longWork does the
// work in the transaction. Otherwise it returns the result that is at hand, or the
// error that makes WriteLong do the work.
func longWork[T any](ctx context.Context, tx *Tx, kind dialect.Work, what, on string, do func(context.Context, *site) (T, error)) (T, error) {
	if had, ok := tx.work.done[what]; ok && had.on == on {
		if value, ok := had.value.(T); ok {
			return value, nil
		}
	}
	if tx.work.stage == nil {
		return do(unyielding(ctx), &site{store: tx.store, tx: tx})
	}
	var none T
	return none, &pending{kind, what, on, func(ctx context.Context, at *site) (any, error) { return do(ctx, at) }}
}

// Aside is long work of the caller that reads nothing in the transaction: WriteLong does
// it outside of the lock. what names it within the write, and equal inputs on give an
// equal result.
func Aside[T any](ctx context.Context, tx *Tx, what, on string, do func(context.Context) (T, error)) (T, error) {
	return longWork(ctx, tx, tx.work.kind, what, on, func(ctx context.Context, _ *site) (T, error) { return do(ctx) })
}

// Ahead is Aside for the parts of a large write. WriteImport does not begin again for each
// of them: if the result is not at hand, Ahead returns guess and true, and fn goes on. The
// transaction does not commit then. All work is done after it, and fn runs again. size is
// how many bytes the work holds until then, about. on alone names the work.
func Ahead[T any](ctx context.Context, tx *Tx, what, on string, guess T, size int, do func(context.Context) (T, error)) (value T, guessed bool, err error) {
	w := tx.work
	if w.many {
		what = on
	}
	value, err = Aside(ctx, tx, what, on, do)
	var p *pending
	if !w.many || !errors.As(err, &p) {
		w.used++
		return value, false, err
	}
	if !w.asked[what] {
		w.later, w.asked[what], w.size = append(w.later, p), true, w.size+size
	}
	if w.size > maxLater {
		return value, false, w.later
	}
	return guess, true, nil
}

// site is where long work is done: in a transaction, or outside of any.
type site struct {
	store *Store
	tx    *Tx // nil outside
	stage *stage
}

// open returns a reader of the rates of a revision. Rates of a revision do not change,
// so that they need not be read at one moment.
func (a *site) open(ctx context.Context, revision string) *raterows.Reader {
	return raterows.NewReader(ctx, a.store.dialect, a.on(), revision)
}

// walk reads the rates of a revision, "" for none, with all columns.
func (a *site) walk(ctx context.Context, revision string) *rateWalk {
	return a.store.walk(ctx, a.on(), revision, "")
}

// on returns the connections to read on. Those outside of a transaction are apart from
// the ones that write, so that work which writes does not wait for itself.
func (a *site) on() dialect.Execer {
	switch {
	case a.tx != nil:
		return a.tx.tx
	case a.store.db.Bulk != nil:
		return a.store.db.Bulk
	}
	return a.store.pool
}

// differ reports whether two revisions have different rates.
func (a *site) differ(ctx context.Context, one, other string) (bool, error) {
	_, err := diff(a.walk(ctx, one), a.walk(ctx, other), func(RateChange) error { return errStopped })
	if errors.Is(err, errStopped) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("comparison of revisions %s and %s: %w", one, other, err)
	}
	return false, nil
}
