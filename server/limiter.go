package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"resellerd/server/fair"
	"resellerd/store"
	"resellerd/store/coop"
)

// Sizes of the limiter. An account's share says how many of its requests may be in
// progress; others wait for a place only if all places are taken.
var (
	// fileSize limits files that arrive or wait on disk.
	fileSize = fair.Size{Places: 16, Reserve: 2, Share: 4}
	// jobSize limits streams, batch look-ups, proofs, builds and previews. Most of
	// them wait for their clients at any time.
	jobSize = fair.Size{Places: 64, Reserve: 8, Share: 16}
	// pollSize limits the requests that wait for changes. They do nothing most of the time.
	pollSize = fair.Size{Places: 2048, Reserve: 64, Share: 64}
	// writeSize limits the writes of one tenant, so that they leave connections for reads
	// and for other tenants.
	writeSize = fair.Size{Places: 4, Reserve: 1, Each: 1, Share: mostWaiting}
)

// limiter shares the work that takes long among accounts. A request enters once, for
// its whole life, as a file or as a job. Beyond its account's share it is refused. It
// also needs a turn while it works, and gives it to others while it waits for its
// client. Turns are fewer than processors, so that short requests always find one.
type limiter struct {
	files *fair.Queue
	jobs  *fair.Queue
	polls *fair.Queue // requests that wait for changes
	turns *fair.Queue
	// scans are turns to judge changes. They are apart from the other turns, so that a reader of
	// changes does not wait for long work of its account, and each scan yields soon. No account
	// has a share of them: polls and webhooks are bounded.
	scans *fair.Queue
	// writes are transactions that hold, or wait for, the lock of their tenant and a
	// connection. One account has one, however many requests it sends. Each tenant has a
	// queue, because no write of a tenant waits for the lock of another one.
	writes *queues
	disk   *disk
}

// mostWaiting is how many writes of an account may hold or await the lock, and how many
// of its requests a turn.
const mostWaiting = 64

// leastTurns is the least default of Config.HeavyJobs: a short job of one account does
// not wait for a long one of another.
const leastTurns = 2

// leastTurn is how long heavy work has its turn before it yields. Shorter turns would
// starve work of many small parts.
const leastTurn = 20 * time.Millisecond

func newLimiter(cfg *Config) *limiter {
	return &limiter{files: fair.New(fileSize), jobs: fair.New(jobSize), polls: fair.New(pollSize), writes: &queues{size: writeSize, of: map[string]*fair.Queue{}}, disk: newDisk(cfg.Limits.Spool),
		turns: fair.New(turnSize(cfg.HeavyJobs, runtime.GOMAXPROCS(0))), scans: fair.New(scanSize(cfg.HeavyJobs, runtime.GOMAXPROCS(0)))}
}

// turnSize returns the turns of heavy work: as many as heavyJobs, or by default half of the
// processors, and one more for masters. One account has at most half of them.
func turnSize(heavyJobs, processors int) fair.Size {
	turns := heavyJobs
	if turns <= 0 {
		turns = max(leastTurns, processors/2)
	}
	each := max(1, min(turns, processors)/2)
	return fair.Size{Places: turns, Reserve: 1, Each: each, Share: mostWaiting, Turn: leastTurn}
}

// scanSize returns the turns to judge changes: as many as those of heavy work.
func scanSize(heavyJobs, processors int) fair.Size {
	size := turnSize(heavyJobs, processors)
	size.Share = 0
	return size
}

// payer is the account whose share a request uses: that of the user who makes it, also
// in a preview.
func (r *inquiry) payer() fair.Account {
	who := r.Subject
	if r.Viewer != nil {
		who = r.Viewer.Subject
	}
	if who == nil {
		return fair.Account{}
	}
	return fair.Account{ID: who.Account.ID, Master: who.Account.Kind == store.Master}
}

// take takes a place in a queue of files or jobs. Errors: 429 if the account's share
// is used up, 503 if no place becomes free in time.
func (r *exchange) take(ctx context.Context, q *fair.Queue, name string) (*fair.Place, error) {
	who := r.payer()
	place, err := q.Enter(ctx, who)
	r.c.Set(headerBudgetPolicy, fmt.Sprintf(`"%s";q=%d;qu="concurrent-requests"`, name, q.Size().Share))
	r.c.Set(headerBudget, fmt.Sprintf(`"%s";r=%d`, name, q.Left(who.ID)))
	return place, busy(err)
}

// The account's own budget, as draft-ietf-httpapi-ratelimit-headers defines it.
const (
	headerBudgetPolicy = "RateLimit-Policy"
	headerBudget       = "RateLimit"
)

// busy is the answer to a request that got no place.
func busy(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fair.ErrShare):
		return &problem{kind: kindBusy, detail: "The account has as many of these requests in progress as it may have. Try again later."}
	}
	return &problem{kind: kindUnavailable, detail: "There is too much work in progress. Try again later.", cause: err}
}

// turn waits for a turn to work.
func (r *inquiry) turn(ctx context.Context) (*fair.Place, error) {
	turn, err := r.s.limiter.turns.Enter(ctx, r.payer())
	return turn, busy(err)
}

// inTurn does heavy work, in a turn of its own unless the request has one.
func (r *inquiry) inTurn(ctx context.Context, work func()) error {
	if !r.hasTurn {
		turn, err := r.turn(ctx)
		if err != nil {
			return err
		}
		defer turn.Leave()
	}
	work()
	return nil
}

// queues holds a queue for each tenant. It keeps them, because there are few tenants.
type queues struct {
	size fair.Size // of each

	mu sync.Mutex
	of map[string]*fair.Queue
}

func (q *queues) tenant(id string) *fair.Queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.of[id] == nil {
		q.of[id] = fair.New(q.size)
	}
	return q.of[id]
}

// Count is fair.Queue.Count for all tenants.
func (q *queues) Count() (held, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range q.of {
		h, w := one.Count()
		held, waiting = held+h, waiting+w
	}
	return held, waiting
}

// Refused is fair.Queue.Refused for all tenants.
func (q *queues) Refused() (n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range q.of {
		n += one.Refused()
	}
	return n
}

// Size returns the size of one tenant's queue.
func (q *queues) Size() fair.Size { return q.size }

// queued returns a context whose writes wait until the account may begin one.
func (r *inquiry) queued(ctx context.Context) context.Context {
	if r.Facts == nil {
		return ctx // nobody writes
	}
	queue, who := r.s.limiter.writes.tenant(r.Facts.Account.TenantID), r.payer()
	return coop.Queue(ctx, func(ctx context.Context) (leave func(), err error) {
		place, err := queue.Enter(ctx, who)
		if err != nil {
			return nil, busy(err)
		}
		return place.Leave, nil
	})
}

// job takes a place and a turn for a request that works until it answers. From then on
// the work yields the turn between its parts. A stream takes them itself.
func (r *exchange) job() (leave func(), err error) {
	place, err := r.take(r.Ctx, r.s.limiter.jobs, "jobs")
	if err != nil {
		return nil, err
	}
	turn, err := r.turn(r.Ctx)
	if err != nil {
		place.Leave()
		return nil, err
	}
	r.Ctx, r.hasTurn = working(r.Ctx, turn), true
	return func() {
		r.hasTurn = false
		turn.Leave()
		place.Leave()
	}, nil
}

// asJob makes a handler a job.
func asJob(handle func(*exchange) error) func(*exchange) error {
	return func(r *exchange) error {
		leave, err := r.job()
		if err != nil {
			return err
		}
		defer leave()
		return handle(r)
	}
}

// working is a context whose work yields the turn between two parts. The work must
// hold no lock then; see package coop.
func working(ctx context.Context, turn *fair.Place) context.Context {
	return coop.With(ctx, yielded{turn})
}

// yielded is a turn that work yields.
type yielded struct{ *fair.Place }

// Yield implements coop.Turn. Its errors are those of turn.
func (y yielded) Yield(ctx context.Context) error { return busy(y.Place.Yield(ctx)) }

// considerate gives the turn to others while it waits for the client.
type considerate struct {
	ctx  context.Context
	out  io.Writer
	turn *fair.Place
}

func (c considerate) Write(p []byte) (int, error) {
	c.turn.Pause()
	n, err := c.out.Write(p)
	if err != nil {
		return n, err
	}
	return n, busy(c.turn.Resume(c.ctx))
}

// streamWriter is the type of functions that write a stream.
type streamWriter func(ctx context.Context, w *bufio.Writer) error
