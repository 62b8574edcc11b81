package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
)

// How long a read waits for the replica before it goes to the primary.
const (
	replicaAnswers = time.Second     // for a connection, and for the state of the replica
	replicaReads   = 5 * time.Second // for the rows of one read; at most half of the time that is left
	replicaRests   = time.Second     // after a failure; no read asks it meanwhile
)

// replica is a standby of the database, which answers lists, look-ups and the pages of
// streams. A read there sees every commit that this process knows, and none that the
// primary lacks: the state of the replica is read in the read's own snapshot. A read
// that cannot have that from the replica goes to the primary.
type replica struct {
	db     dialect.Pools
	pool   *dialect.StatementPool
	logger *slog.Logger

	rests    atomic.Int64 // until when it is not asked, in nanoseconds since 1970
	silent   atomic.Bool  // the last read failed; then one read at a time asks it
	asking   atomic.Bool  // such a read
	answered atomic.Int64
	behind   atomic.Int64
	failed   atomic.Int64
}

// ReplicaReads counts the reads that were meant for the replica.
type ReplicaReads struct {
	Answered int64
	Behind   int64 // it lacked a commit that this process knew; the primary answered
	Failed   int64 // it did not answer, or the read was cancelled there; the primary answered
}

// openReplica opens the pool of a replica, and does not contact it.
func openReplica(ctx context.Context, url string, d dialect.Dialect, o Options) (*replica, error) {
	if d.Name != "postgres" || strings.HasPrefix(url, "sqlite:") {
		return nil, fault.Invalid("database-replica", "is only for PostgreSQL")
	}
	p, _, err := dialect.Connect(ctx, url, dialect.Options{MaxConns: o.MaxConns, Logger: o.Logger, Wrap: o.Wrap})
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	return &replica{db: p, pool: dialect.NewStatementPool(p.Read.DB), logger: o.Logger}, nil
}

func (r *replica) close() error {
	r.pool.Close()
	return r.db.Close()
}

// ReplicaReads returns the counts of reads for the replica.
func (s *Store) ReplicaReads() (n ReplicaReads) {
	if r := s.replica; r != nil {
		n = ReplicaReads{r.answered.Load(), r.behind.Load(), r.failed.Load()}
	}
	return n
}

// page runs fn on a replica that is new enough, or else on the primary. fn may run
// twice, so it begins by dropping what it has read.
func (s *Store) page(ctx context.Context, fn func(dialect.Execer) error) error {
	if s.replica != nil {
		if err := s.tracker.Confirm(ctx); err != nil {
			return s.dialect.TranslateIn(ctx, err)
		}
		at := history.Observation{Known: s.tracker.State(), At: time.Now()}
		if done, err := s.onReplica(ctx, &at, fn); done {
			return err
		}
	}
	return fn(s.pool)
}

// spread is snapshot on a replica that is new enough, or else on the primary. fn may
// run twice, so it begins by dropping what it has read.
func (s *Store) spread(ctx context.Context, at *history.Observation, fn func(dialect.Execer) error) error {
	if s.replica != nil {
		there := *at
		if done, err := s.onReplica(ctx, &there, func(x dialect.Execer) error {
			*at = there
			return fn(x)
		}); done {
			return err
		}
		*at = history.Observation{Known: there.Known, At: there.At}
	}
	return s.snapshot(ctx, at, fn)
}

// onReplica runs fn in a snapshot of the replica that has the commits at.Known and no
// other history than the primary. If it returns false, the primary must answer.
func (s *Store) onReplica(ctx context.Context, at *history.Observation, fn func(dialect.Execer) error) (done bool, err error) {
	r := s.replica
	if time.Now().UnixNano() < r.rests.Load() || r.silent.Load() && !r.asking.CompareAndSwap(false, true) {
		r.failed.Add(1)
		return false, nil
	}
	defer r.asking.Store(false)
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	limit := time.AfterFunc(replicaAnswers, cancel)
	defer limit.Stop()
	follows := false
	err = func() error {
		h, err := s.history.Prepare(limited, r.pool)
		if err != nil {
			return err
		}
		defer h.Release()
		tx, err := r.db.Read.BeginTxx(limited, &s.dialect.OneState)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		if err := h.Look(limited, tx, at); err != nil {
			return err
		}
		if follows = s.tracker.Follows(limited, at); !follows || !limit.Reset(readLimit(ctx)) {
			return limited.Err()
		}
		return fn(tx)
	}()
	switch {
	case err == nil && follows:
		r.answered.Add(1)
		if r.silent.Swap(false) {
			r.logger.Info("the replica answers again")
		}
		return true, nil
	case err == nil:
		r.behind.Add(1)
		return false, nil
	case ctx.Err() != nil, errors.Is(err, fault.ErrInvalid): // the caller has gone, or nobody can answer
		return true, s.dialect.TranslateIn(ctx, err)
	}
	r.failed.Add(1)
	if !errors.Is(err, fault.ErrNotFound) {
		r.rests.Store(time.Now().Add(replicaRests).UnixNano())
		if !r.silent.Swap(true) {
			r.logger.Warn("the replica does not answer, so the primary answers its reads: see whether it runs and follows", "error", err.Error())
		}
	}
	return false, nil
}

// readLimit returns how long rows may take from the replica, so that the primary can
// still answer in time.
func readLimit(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(replicaReads, time.Until(end)/2)
	}
	return replicaReads
}
