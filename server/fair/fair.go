// Package fair shares a limited number of places among accounts. A request that finds
// no free place waits. Free places go to the waiting accounts in turn, however many
// requests each of them has. Masters also have places of their own.
package fair

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Size is the number of places.
type Size struct {
	Places  int // for all accounts, at least 1
	Reserve int // more places, only for masters
	Each    int // places that one account has at a time, besides the reserve; 0 for no limit
	Share   int // places that one account holds or waits for; 0 for no limit

	Turn time.Duration    // Yield keeps a place for this time at least
	Now  func() time.Time // default time.Now
}

// Account is an account that takes places.
type Account struct {
	ID     string
	Master bool
}

// ErrShare means that the account holds or awaits as many places as its share.
var ErrShare = errors.New("the share of the account is used up")

// Queue hands out places. It is safe for concurrent use.
type Queue struct {
	size Size

	mu      sync.Mutex
	free    int
	reserve int
	lines   map[string]*line // accounts that hold or await places
	turns   []*line          // accounts that await places, in the order of their turns
	refused int64            // requests that got no place
}

// line holds what one account has and awaits.
type line struct {
	Account
	held    int // places, including those that are paused or awaited
	has     int // places now, besides the reserve
	owes    int // turns that others have first
	waiting []*Place
}

// Place is a place that an account holds. It belongs to one goroutine.
type Place struct {
	queue    *Queue
	line     *line
	granted  chan struct{} // closed when the place is given
	has      bool
	since    time.Time // when the place was given; zero without Size.Turn
	reserved bool      // it is one of the masters' own places
}

// New returns a queue whose places are free.
func New(size Size) *Queue {
	if size.Now == nil {
		size.Now = time.Now
	}
	return &Queue{size: size, free: size.Places, reserve: size.Reserve, lines: map[string]*line{}}
}

// Size returns the number of places.
func (q *Queue) Size() Size { return q.size }

// Enter waits for a place until ctx ends. It returns ErrShare at once if the account's
// share is used up, and the cause of ctx if no place became free before ctx ended.
func (q *Queue) Enter(ctx context.Context, who Account) (*Place, error) {
	q.mu.Lock()
	l := q.lines[who.ID]
	if l == nil {
		l = &line{Account: who}
		q.lines[who.ID] = l
	}
	if q.size.Share > 0 && l.held >= q.size.Share {
		q.refused++
		q.mu.Unlock()
		return nil, ErrShare
	}
	l.held++
	p := &Place{queue: q, line: l}
	q.mu.Unlock()
	if err := p.Resume(ctx); err != nil {
		p.Leave()
		q.mu.Lock()
		q.refused++
		q.mu.Unlock()
		return nil, err
	}
	return p, nil
}

// Count returns how many places are held, and how many requests wait for one.
func (q *Queue) Count() (held, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.turns {
		waiting += len(l.waiting)
	}
	return q.size.Places + q.size.Reserve - q.free - q.reserve, waiting
}

// Refused returns how many requests got no place: their account's share was used up, or
// they ended before a place was free.
func (q *Queue) Refused() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refused
}

// Left returns how many more places the account may take.
func (q *Queue) Left(id string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.lines[id]; l != nil {
		return max(0, q.size.Share-l.held)
	}
	return q.size.Share
}

// Pause gives the place to others until Resume. It still counts for the account's
// share.
func (p *Place) Pause() {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.giveBack()
}

// Resume waits for the place again until ctx ends, and then returns its cause.
func (p *Place) Resume(ctx context.Context) error {
	q := p.queue
	q.mu.Lock()
	if p.has || q.give(p) {
		q.mu.Unlock()
		return nil
	}
	p.granted = make(chan struct{})
	if len(p.line.waiting) == 0 {
		q.turns = append(q.turns, p.line)
	}
	p.line.waiting = append(p.line.waiting, p)
	q.mu.Unlock()
	select {
	case <-p.granted:
		return nil
	case <-ctx.Done():
		p.Pause()
		return context.Cause(ctx)
	}
}

// Due reports whether others wait for a place, and this one was held for Size.Turn.
func (p *Place) Due() bool {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	return p.due()
}

func (p *Place) due() bool {
	q := p.queue
	return len(q.turns) > 0 && (q.size.Turn == 0 || q.size.Now().Sub(p.since) >= q.size.Turn)
}

// Yield lets others have the place if it is due, and waits for it again.
func (p *Place) Yield(ctx context.Context) error {
	p.queue.mu.Lock()
	if !p.due() {
		p.queue.mu.Unlock()
		return nil
	}
	p.giveBack()
	p.queue.mu.Unlock()
	return p.Resume(ctx)
}

// Leave gives the place back for good. It may be called once.
func (p *Place) Leave() {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	p.giveBack()
	if p.line.held--; p.line.held == 0 {
		delete(q.lines, p.line.ID)
	}
}

// giveBack ends the holding of the place, or the wait for it.
func (p *Place) giveBack() {
	q, l := p.queue, p.line
	if i := slices.Index(l.waiting, p); i >= 0 {
		if l.waiting = slices.Delete(l.waiting, i, i+1); len(l.waiting) == 0 {
			q.turns = slices.Delete(q.turns, slices.Index(q.turns, l), slices.Index(q.turns, l)+1)
		}
		return
	}
	switch {
	case !p.has:
		return
	case p.reserved:
		q.reserve++
	default:
		q.free++
		l.has--
	}
	p.has, p.reserved = false, false
	q.handOut()
}

// give takes a free place for p, if there is one that p may have now. A master takes
// one of its own first.
func (q *Queue) give(p *Place) bool {
	switch {
	case !q.may(p.line):
		return false
	case p.line.Master && q.reserve > 0:
		q.reserve--
		p.reserved = true
	default:
		q.free--
		p.line.has++
	}
	if p.has = true; q.size.Turn > 0 {
		p.since = q.size.Now()
	}
	return true
}

// may reports whether there is a free place that the account may have now.
func (q *Queue) may(l *line) bool {
	return l.Master && q.reserve > 0 || q.free > 0 && (q.size.Each == 0 || l.has < q.size.Each)
}

// handOut gives the free places to the accounts that wait, in turn. An account that owes
// turns lets others go first.
func (q *Queue) handOut() {
	for {
		var next *line
		for _, l := range q.turns {
			if q.may(l) && (next == nil || l.owes < next.owes) {
				next = l
			}
		}
		if next == nil {
			return
		}
		p := next.waiting[0]
		q.give(p)
		close(p.granted)
		next.waiting = next.waiting[1:]
		i := slices.Index(q.turns, next)
		q.turns = slices.Delete(q.turns, i, i+1)
		for _, l := range q.turns {
			l.owes = max(0, l.owes-1)
		}
		if len(next.waiting) > 0 {
			q.turns = append(q.turns, next)
		}
	}
}

// Charge counts what was done in the place as so many turns: while others wait, the
// account lets them have as many turns but one before its next. The account must hold the
// place, and owes the turns until it has let them go or holds no place at all.
func (p *Place) Charge(turns int) {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.line.owes += max(0, turns-1)
}
