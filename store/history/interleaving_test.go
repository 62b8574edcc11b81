package history

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// everyOrder runs a play with every possible order of the turns of its actors.
func everyOrder(play func(choose func(n int) int)) (orders int) {
	var path, widths []int
	for {
		depth := 0
		play(func(n int) int {
			if depth == len(path) {
				path, widths = append(path, 0), append(widths, n)
			}
			depth++
			return path[depth-1]
		})
		orders++
		for len(path) > 0 && path[len(path)-1]+1 == widths[len(path)-1] {
			path, widths = path[:len(path)-1], widths[:len(path)-1]
		}
		if len(path) == 0 {
			return orders
		}
		path[len(path)-1]++
	}
}

// actor takes turns with other actors.
type actor struct {
	name  string
	turn  chan struct{}
	ready func() bool // nil if the actor does not wait for a turn
}

// wait ends the turn. The next turn comes when ready returns true.
func (a *actor) wait(ready func() bool) {
	a.ready = ready
	<-a.turn
	a.ready = nil
}

func (a *actor) next() { a.wait(func() bool { return true }) }

type actorKey struct{}

// play is one process that uses a primary, which a standby can replace.
type play struct {
	tracker  *Tracker
	actors   []*actor
	primary  *server
	standby  *server
	commits  []DataRevision // all commits ever made
	met      []State        // all states ever known
	unwanted []string       // errors found during the play
	refused  int            // the number of writes that were not acknowledged
	order    []string
}

type server struct {
	history []DataRevision
	locked  bool // whether the row that each commit changes is locked
}

func (s *server) has(r DataRevision) bool { return slices.Contains(s.history, r) }

func (s *server) free() bool { return !s.locked }

func (p *play) commit(to *server, r DataRevision) {
	to.history, p.commits = append(to.history, r), append(p.commits, r)
}

// ask answers a question. Other actors may take turns before and after the answer.
func (p *play) ask(ctx context.Context, x *Observation) error {
	a, _ := ctx.Value(actorKey{}).(*actor)
	if a != nil {
		a.next()
	}
	p.answer(p.primary, x)
	if a != nil {
		a.next()
	}
	return nil
}

func (p *play) answer(from *server, x *Observation) {
	x.now, x.kept, x.has = from.history[len(from.history)-1], from.has(x.Known.DataRevision), from.has(x.wanted)
}

// script is what an actor does.
type script func(context.Context, *play, *actor)

// write is a write of this process.
func write(ctx context.Context, p *play, a *actor) {
	a.wait(func() bool { return p.primary.free() })
	on := p.primary
	on.locked = true
	x := Observation{Known: p.tracker.State(), At: time.Now()}
	p.answer(on, &x)
	x.now = made(x.now.N+1, a.name[0])
	if p.tracker.Holds(x) != nil {
		on.locked = false
		p.refused++
		return
	}
	a.next()
	p.commit(on, x.now)
	on.locked = false
	a.next()
	if p.tracker.Advance(ctx, x) != nil {
		p.refused++
		return
	}
	if known := p.tracker.State(); known.Losses == x.Known.Losses && (known.N < x.now.N || !p.tracker.remembers(x.now)) {
		p.unwanted = append(p.unwanted, "a write is acknowledged that its process does not read")
	}
}

// read is a read that is to be cached.
func read(_ context.Context, p *play, a *actor) {
	a.next()
	x := Observation{Known: p.tracker.State(), At: time.Now()}
	p.answer(p.primary, &x)
	a.next()
	if epoch, err := p.tracker.EpochOf(x); err == nil && epoch != 0 && p.tracker.State().DataRevision != x.now {
		p.unwanted = append(p.unwanted, "a read is cached as of another revision")
	}
}

func poll(ctx context.Context, p *play, _ *actor) {
	_, _, _ = p.tracker.refresh(ctx, DataRevision{}) // judge finds a loss in the end
}

// await is a request that has seen a write of this process.
func await(ctx context.Context, p *play, _ *actor) {
	_ = p.tracker.Wait(ctx, made(101, 'a')) // judge checks the result in the end
}

// elsewhere is another process's write.
func elsewhere(_ context.Context, p *play, a *actor) {
	a.wait(func() bool { return p.primary.free() })
	p.commit(p.primary, made(int64(len(p.primary.history))+1, a.name[0]))
}

// failover creates a standby that lags, and later promotes it. Other processes
// commit there at once.
func failover(commits int) script {
	return func(_ context.Context, p *play, a *actor) {
		a.next()
		p.standby = &server{history: slices.Clone(p.primary.history)}
		a.next()
		p.primary = p.standby
		for range commits {
			p.commit(p.primary, made(int64(len(p.primary.history))+1, a.name[0]))
		}
	}
}

// run lets the actors take turns until all are done.
func (p *play) run(cast map[string]script, names []string, choose func(n int) int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, name := range names {
		a := &actor{name: name, turn: make(chan struct{})}
		p.actors = append(p.actors, a)
		go cast[name](context.WithValue(ctx, actorKey{}, a), p, a)
	}
	for {
		synctest.Wait()
		if known := p.tracker.State(); len(p.met) == 0 || p.met[len(p.met)-1] != known {
			p.met = append(p.met, known)
		}
		var ready []*actor
		for _, a := range p.actors {
			if a.ready != nil && a.ready() {
				ready = append(ready, a)
			}
		}
		if len(ready) == 0 {
			break
		}
		next := ready[choose(len(ready))]
		p.order = append(p.order, next.name)
		time.Sleep(time.Nanosecond) // each turn has a different time
		next.turn <- struct{}{}
	}
	cancel()
	synctest.Wait()
}

// judge lists the errors of a play, after the process has asked for the last time.
func (p *play) judge(t *testing.T) []string {
	wrong := p.unwanted
	if _, _, err := p.tracker.refresh(t.Context(), DataRevision{}); err != nil {
		wrong = append(wrong, err.Error())
	}
	losses := p.tracker.State().Losses
	for _, known := range p.met {
		if known.Losses == losses && known.N != 0 && !p.primary.has(known.DataRevision) {
			wrong = append(wrong, "the loss of a known revision is not noticed")
		}
	}
	for _, r := range p.commits {
		if p.tracker.remembers(r) && !p.primary.has(r) {
			wrong = append(wrong, "a lost revision is remembered")
		}
	}
	if p.standby == nil && (losses > 0 || p.refused > 0) {
		wrong = append(wrong, "a loss is noticed where nothing was lost")
	}
	return wrong
}

// For every order of the turns of writers, readers, polling and a failover: the
// process trusts no lost commit in the end, and reads every acknowledged write.
func TestNoOrderOfTurnsHidesALoss(t *testing.T) {
	for about, cast := range map[string]map[string]script{
		"two writers and a failover":            {"a": write, "b": write, "failover": failover(1)},
		"two writers, a failover, no commit":    {"a": write, "b": write, "failover": failover(0)},
		"two writers, polling and a failover":   {"a": write, "b": write, "failover": failover(1), "poll": poll},
		"a writer, two readers and a failover":  {"a": write, "failover": failover(2), "read": read, "read again": read},
		"a writer, a wait for it, a failover":   {"a": write, "await": await, "failover": failover(2), "read": read},
		"a writer, a reader and two failovers":  {"a": write, "failover": failover(2), "second failover": failover(1), "read": read},
		"three writers and another process":     {"a": write, "b": write, "c": write, "elsewhere": elsewhere},
		"two writers, polling, another process": {"a": write, "b": write, "elsewhere": elsewhere, "poll": poll},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { inEveryOrder(t, cast) })
		})
	}
}

func inEveryOrder(t *testing.T, cast map[string]script) {
	var names []string
	for name := range cast {
		names = append(names, name)
	}
	slices.Sort(names)
	failed := 0
	orders := everyOrder(func(choose func(n int) int) {
		p := &play{primary: &server{}}
		for n := range int64(100) {
			p.commit(p.primary, made(n+1, 'z'))
		}
		p.tracker = NewTracker(Pace{}, p.ask)
		if _, _, err := p.tracker.refresh(t.Context(), DataRevision{}); err != nil {
			t.Fatal(err)
		}
		p.run(cast, names, choose)
		if wrong := p.judge(t); len(wrong) > 0 {
			if failed++; failed <= 3 {
				t.Errorf("%s: %s", strings.Join(p.order, ", "), strings.Join(wrong, "; "))
			}
		}
	})
	t.Logf("%d of %d orders fail", failed, orders)
}
