package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// A staged draft is a revision without a card. Every list, count, schedule and trigger
// finds revisions through their card, so that none finds a staged draft. Its rates are
// written outside of the tenant's lock, in transactions that do not change the data
// revision. The write that needs the draft gives it its card.
//
// The work that writes a draft renews its lease. A draft without a lease is deleted:
// see Sweep.

// lease is how long a staged draft stays without being renewed.
const lease = time.Minute

// stage is where the work for one write stages its drafts.
type stage struct {
	store *Store
	by    string       // names the work
	kind  atomic.Int64 // of the work, a dialect.Work

	begin   sync.Once
	renewed chan struct{} // closed when nothing renews the lease any more; nil before begin
	stop    context.CancelFunc
}

func newStage(s *Store, kind dialect.Work) *stage {
	g := &stage{store: s, by: rand.Text()}
	g.kind.Store(int64(kind))
	return g
}

// write runs fn in a transaction that waits for no writer of the tenant, except for its
// turn if the database has one writer at a time. It does not change the data revision.
func (g *stage) write(ctx context.Context, fn func(tx *Tx) error) error {
	s, kind := g.store, dialect.Work(g.kind.Load())
	leave, err := s.turns.enterStaging(ctx)
	if err != nil {
		return err
	}
	defer leave()
	begun, letGo, err := s.beginWrite(ctx, s.db.Stage, kind)
	defer letGo()
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	tx := &Tx{store: s, tx: begun, now: schema.Micros(s.micros()), work: newWorks(kind, nil)}
	ended := false
	defer func() {
		if !ended {
			_ = begun.Rollback() // the earlier error is the one that matters
		}
	}()
	if err := s.dialect.Limit(ctx, begun, kind); err != nil {
		return fmt.Errorf("transaction: %w", tx.refused(ctx, err))
	}
	if err := fn(tx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ended = true
	return tx.refused(ctx, begun.Commit())
}

// until returns when a lease that is renewed now ends.
func (tx *Tx) until() schema.Micros { return schema.Micros(tx.store.micros() + lease.Microseconds()) }

// renew renews the lease of the drafts of the stage, and returns errLapsed if there are
// fewer than n of them.
func (g *stage) renew(ctx context.Context, tx *Tx, n int) error {
	left, err := tx.exec(ctx, "UPDATE revisions SET staged_until = ? WHERE staged_by = ? AND card_id IS NULL", tx.until(), g.by)
	if err == nil && left < int64(n) {
		err = errLapsed
	}
	return err
}

// keep renews the lease in the background until end.
func (g *stage) keep(ctx context.Context) {
	g.begin.Do(func() {
		ctx, stop := context.WithCancel(ctx)
		g.stop, g.renewed = stop, make(chan struct{})
		go func() {
			defer close(g.renewed)
			every := time.NewTicker(lease / 4)
			defer every.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-every.C:
				}
				// If it fails, the lease ends, and the work is done again.
				_ = g.write(ctx, func(tx *Tx) error { return g.renew(ctx, tx, 0) })
			}
		}()
	})
}

// end gives up the drafts that no write has taken. Sweep deletes them.
func (g *stage) end(ctx context.Context) {
	if g.stop == nil {
		return
	}
	g.stop()
	<-g.renewed
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// If it fails, the lease ends on its own.
	_ = g.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "UPDATE revisions SET staged_by = NULL, staged_until = 0 WHERE staged_by = ? AND card_id IS NULL", g.by)
		return err
	})
}

// putStaged stores new drafts, without their rates.
func (tx *Tx) putStaged(ctx context.Context, by string, drafts []*Revision) error {
	for _, d := range drafts {
		staged := *d
		staged.StagedBy, staged.StagedUntil = by, tx.until()
		if _, err := tx.execNamed(ctx, revisionsTable.insert, staged); err != nil {
			return err
		}
	}
	return nil
}

// take gives a staged draft its card. It returns errLapsed if the draft is gone.
func (tx *Tx) take(ctx context.Context, draft *Revision) error {
	by := inPlace
	if tx.work.stage != nil {
		by = tx.work.stage.by
	}
	draft.CreatedAt = tx.now
	n, err := tx.exec(ctx, `UPDATE revisions SET card_id = ?, created_at = ?, row_count = ?, staged_by = NULL, staged_until = NULL
		WHERE id = ? AND card_id IS NULL AND staged_by = ?`, draft.CardID, draft.CreatedAt, draft.Rows, draft.ID, by)
	if err == nil && n == 0 {
		err = errLapsed
	}
	return err
}

// inPlace is the staged_by of a draft whose own transaction writes its rates.
const inPlace = "transaction"

// rowSource calls emit with the values of each row to store, in any order: the id of
// the draft, then the values of its rate. emit copies the values.
type rowSource func(ctx context.Context, emit func(values []any) error) error

// fill stages drafts with their rows.
func (a *site) fill(ctx context.Context, drafts []*Revision, rows rowSource) error {
	if a.tx != nil {
		return a.fillInPlace(ctx, drafts, rows)
	}
	return a.fillInSlices(ctx, drafts, rows)
}

// fillInPlace writes within the transaction. It writes nothing while rows reads.
func (a *site) fillInPlace(ctx context.Context, drafts []*Revision, rows rowSource) error {
	const turn = 10_000 // rows that are computed before they are written
	if err := a.tx.putStaged(ctx, inPlace, drafts); err != nil {
		return err
	}
	var b rowBatch
	put := func() error {
		err := a.tx.putRows(ctx, b.next)
		b.clear()
		return err
	}
	err := rows(ctx, func(values []any) error {
		if b.add(values); b.rows() < turn {
			return nil
		}
		return put()
	})
	if err == nil && b.rows() > 0 {
		err = put()
	}
	return err
}

// batchRows is the number of rows that are computed while others are written, if the
// database does not limit them.
const batchRows = 1000

// fillInSlices writes the rows in several transactions. Other work has its turn between
// two of them. Each has as many rows as the database wants. If it wants no limit, a
// transaction ends when other work waits for its turn, or when it is time to renew the
// lease.
func (a *site) fillInSlices(ctx context.Context, drafts []*Revision, rows rowSource) error {
	if err := a.stage.write(ctx, func(tx *Tx) error { return tx.putStaged(ctx, a.stage.by, drafts) }); err != nil {
		return err
	}
	a.stage.keep(ctx)
	limit := a.store.dialect.StageRows
	batches, stop := beside(unyielding(ctx), rows, cmp.Or(limit, batchRows))
	defer stop()
	for b, more := <-batches; more; b, more = <-batches {
		until := a.store.micros() + (lease / 4).Microseconds()
		next := func() ([]any, error) {
			for b.err == nil && b.rows() == 0 {
				if limit > 0 || coop.Due(ctx) || a.store.micros() > until {
					return nil, nil
				}
				if b, more = <-batches; !more {
					return nil, nil
				}
			}
			return b.next()
		}
		if b.err != nil {
			return b.err
		}
		if err := coop.Yield(ctx); err != nil {
			return err
		}
		err := a.stage.write(ctx, func(tx *Tx) error {
			renew := func() error { return a.stage.renew(ctx, tx, len(drafts)) }
			if err := renew(); err != nil {
				return err
			}
			if err := tx.putRows(ctx, next); err != nil {
				return err
			}
			return renew() // others see only this one
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unyielding returns a context whose work does not yield, because it holds a
// connection or is not in the goroutine that has the turn.
func unyielding(ctx context.Context) context.Context { return coop.With(ctx, nil) }

// putRows writes rows until next returns nil.
func (tx *Tx) putRows(ctx context.Context, next func() ([]any, error)) error {
	tx.changed = true
	_, err := tx.store.dialect.BulkInsert(ctx, tx.tx, "rates", rateColumns, next)
	return tx.refused(ctx, err)
}

// rowBatch holds rows to write, or the error that ended them.
type rowBatch struct {
	values []any // of all rows, one after the other
	taken  int
	err    error
}

func (b *rowBatch) add(values []any) { b.values = append(b.values, values...) }

// rows returns how many rows are left.
func (b *rowBatch) rows() int { return len(b.values)/len(rateColumns) - b.taken }

func (b *rowBatch) clear() { b.values, b.taken = b.values[:0], 0 }

// next takes a row, and returns nil at the end.
func (b *rowBatch) next() ([]any, error) {
	if b.err != nil || b.rows() == 0 {
		return nil, b.err
	}
	at := b.taken * len(rateColumns)
	b.taken++
	return b.values[at : at+len(rateColumns)], nil
}

// beside computes rows in a goroutine of its own, in batches of a size. Call stop,
// which waits for the goroutine, after the last batch.
func beside(ctx context.Context, rows rowSource, size int) (batches <-chan *rowBatch, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan *rowBatch, 2)
	go func() {
		defer close(out)
		b := &rowBatch{}
		send := func() error {
			select {
			case out <- b:
				b = &rowBatch{values: make([]any, 0, size*len(rateColumns))}
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		err := rows(ctx, func(values []any) error {
			if b.add(values); b.rows() < size {
				return nil
			}
			return send()
		})
		if err == nil && b.rows() > 0 {
			err = send()
		}
		if err != nil {
			b = &rowBatch{err: err}
			_ = send() // fails only if nobody wants the rows any more
		}
	}()
	return out, func() {
		cancel()
		for range out { // until the goroutine has ended
		}
	}
}

// detach takes revisions from their card, so that Sweep deletes them. where is the
// condition.
func (tx *Tx) detach(ctx context.Context, where string, args ...any) error {
	_, err := tx.exec(ctx, "UPDATE revisions SET card_id = NULL, status = ?, live_at = NULL, staged_by = NULL, staged_until = 0 WHERE "+where,
		append([]any{RevisionDraft}, args...)...)
	return err
}

// sweepRows is how many rates Sweep deletes in one transaction.
const sweepRows = 2000

// afterPrefixes sorts after every prefix: all their digits are smaller.
const afterPrefixes = ":"

// builtFrom says of a revision r that the costs of another one are read from it: of one that
// may be in force now or later.
const builtFrom = `EXISTS (SELECT 1 FROM revision_parents p JOIN revisions b ON b.id = p.revision_id
	WHERE p.parent_revision_id = r.id AND b.card_id IS NOT NULL AND b.status <> 'archived')`

// Sweep deletes revisions without a card whose lease has ended, with their rates. It spares
// those that another card was built from, as long as that one may be in force. No
// writer waits for it for long: each transaction deletes a limited number of rates. It
// does not change the data revision, because nobody can see these revisions. Any
// number of processes may sweep at the same time.
func (s *Store) Sweep(ctx context.Context) error {
	for {
		more, err := s.sweepOne(ctx)
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if !more {
			return nil
		}
	}
}

func (s *Store) sweepOne(ctx context.Context) (more bool, err error) {
	found, err := dialect.SelectAll[kept](ctx, s.dialect, s.pool, "SELECT id FROM revisions r WHERE card_id IS NULL AND staged_until < ? AND NOT "+
		builtFrom+" ORDER BY staged_until, id LIMIT 1", s.micros())
	if err != nil || len(found) == 0 {
		return false, err
	}
	id, g, left, gone := found[0].ID, newStage(s, dialect.Sweeping), true, false
	after, upTo := "", "" // the prefixes up to after are deleted
	for ; err == nil && left; after = upTo {
		err = g.write(ctx, func(tx *Tx) error {
			// Nobody can take the draft or renew its lease after this.
			n, err := tx.exec(ctx, "UPDATE revisions AS r SET staged_by = NULL, staged_until = 0 WHERE id = ? AND card_id IS NULL AND staged_until < ? AND NOT "+
				builtFrom, id, tx.now)
			if err != nil || n == 0 {
				left = false
				return err
			}
			last, err := dialect.SelectAll[struct{ Prefix string }](ctx, s.dialect, tx.tx, "SELECT prefix FROM rates WHERE revision_id = ? AND prefix > ? ORDER BY prefix LIMIT 1 OFFSET ?", id, after, sweepRows-1)
			if err != nil {
				return err
			}
			upTo = afterPrefixes
			if left = len(last) > 0; left {
				upTo = last[0].Prefix
			}
			if _, err = tx.exec(ctx, "DELETE FROM rates WHERE revision_id = ? AND prefix > ? AND prefix <= ?", id, after, upTo); err != nil || left {
				return err
			}
			_, err = tx.exec(ctx, "DELETE FROM revisions WHERE id = ? AND card_id IS NULL", id)
			gone = err == nil
			return err
		})
	}
	if gone && err == nil {
		s.swept.Add(1)
	}
	return err == nil, err
}

type kept struct{ ID string }

// errStopped ends work whose result is known, or not needed any more.
var errStopped = errors.New("stopped")
