package fair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// enter takes a place that must be free.
func enter(t *testing.T, q *Queue, id string) *Place {
	t.Helper()
	p, err := q.Enter(gone(), account(id))
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return p
}

func account(id string) Account { return Account{ID: id, Master: strings.HasPrefix(id, "m")} }

var errGone = errors.New("gone")

// gone is a context that has ended: a place is free, or there is none.
func gone() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errGone)
	return ctx
}

// await begins to wait for a place. The place is sent to got with the account's name.
func await(t *testing.T, q *Queue, id string, got chan<- taken) {
	t.Helper()
	_, before := q.Count()
	go func() {
		p, err := q.Enter(context.Background(), account(id))
		if err != nil {
			t.Error(err)
		}
		got <- taken{id, p}
	}()
	for waiting := before; waiting == before; _, waiting = q.Count() {
	}
}

type taken struct {
	id    string
	place *Place
}

// empty fails unless all places are free.
func (q *Queue) empty(t *testing.T) {
	t.Helper()
	if q.free != q.size.Places || q.reserve != q.size.Reserve || len(q.lines) != 0 || len(q.turns) != 0 {
		t.Errorf("left: %+v", q)
	}
}

func TestAnAccountIsRefusedOnlyForItsOwnShare(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 4, Share: 2})
	var all []*Place
	for _, id := range []string{"a", "a", "b", "b"} {
		all = append(all, enter(t, q, id))
	}
	if _, err := q.Enter(context.Background(), account("a")); !errors.Is(err, ErrShare) {
		t.Errorf("a third place of one account: %v", err)
	}
	if _, err := q.Enter(gone(), account("c")); !errors.Is(err, errGone) {
		t.Errorf("all places are taken: %v", err)
	}
	if n := q.Refused(); n != 2 {
		t.Errorf("%d refused", n)
	}
	if q.Left("a") != 0 || q.Left("c") != 2 {
		t.Errorf("left: %d, %d", q.Left("a"), q.Left("c"))
	}
	for _, p := range all {
		p.Leave()
	}
	q.empty(t)
}

// One account cannot take all places: its other requests wait, and another account
// finds a place at once.
func TestAnAccountHasOnlySomePlacesAtATime(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 4, Each: 2})
	first, second := enter(t, q, "a"), enter(t, q, "a")
	got := make(chan taken, 1)
	await(t, q, "a", got)
	other := enter(t, q, "b")
	other.Leave() // frees a place that the waiting request may not have
	if _, waiting := q.Count(); waiting != 1 {
		t.Error("an account has three places")
	}
	first.Leave()
	third := <-got
	third.place.Leave()
	second.Leave()
	q.empty(t)
}

// An account with many requests does not delay the one request of another.
func TestWaitingAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 1})
	held := enter(t, q, "a")
	got := make(chan taken, 10)
	for _, id := range []string{"a", "a", "a", "b", "b", "c"} {
		await(t, q, id, got)
	}
	var order []string
	for range 6 {
		held.Leave()
		next := <-got
		held, order = next.place, append(order, next.id)
	}
	held.Leave()
	if want := []string{"a", "b", "c", "a", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	q.empty(t)
}

func TestAMasterHasPlacesOfItsOwn(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 1, Reserve: 1})
	reseller, master := enter(t, q, "a"), enter(t, q, "m")
	for _, id := range []string{"b", "m"} {
		if _, err := q.Enter(gone(), account(id)); !errors.Is(err, errGone) {
			t.Errorf("%s: %v", id, err)
		}
	}
	got := make(chan taken, 1)
	await(t, q, "b", got)
	master.Leave()
	select {
	case <-got:
		t.Error("a reseller got the place of the masters")
	default:
	}
	enter(t, q, "m").Leave()
	reseller.Leave()
	(<-got).place.Leave()
	q.empty(t)
}

func TestWhoYieldsOrPausesLetsOthersWork(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 1, Share: 1})
	long := enter(t, q, "a")
	if err := long.Yield(gone()); err != nil {
		t.Errorf("nobody waits: %v", err)
	}
	got := make(chan taken, 1)
	await(t, q, "b", got)
	if err := long.Yield(gone()); !errors.Is(err, errGone) {
		t.Errorf("another has the place: %v", err)
	}
	other := (<-got).place
	if _, err := q.Enter(context.Background(), account("a")); !errors.Is(err, ErrShare) {
		t.Errorf("a place without its turn is no longer counted: %v", err)
	}
	other.Pause()
	if err := errors.Join(long.Resume(gone()), long.Resume(gone())); err != nil {
		t.Errorf("the other has paused: %v", err)
	}
	if err := other.Resume(gone()); !errors.Is(err, errGone) {
		t.Errorf("it was resumed: %v", err)
	}
	long.Leave()
	other.Leave()
	q.empty(t)
}

// Short turns would starve work of many small parts.
func TestATurnHasALeastTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	q := New(Size{Places: 1, Turn: 20 * time.Millisecond, Now: func() time.Time { return now }})
	long := enter(t, q, "a")
	now = now.Add(time.Hour)
	if long.Due() {
		t.Error("nobody waits, but the turn is due")
	}
	got := make(chan taken, 1)
	await(t, q, "b", got)
	if err := long.Yield(gone()); !errors.Is(err, errGone) {
		t.Errorf("a long turn ends with %v", err)
	}
	other := (<-got).place
	await(t, q, "c", got)
	now = now.Add(19 * time.Millisecond)
	if err := other.Yield(gone()); err != nil || other.Due() {
		t.Errorf("a turn ends early: %v", err)
	}
	now = now.Add(time.Millisecond)
	if err := other.Yield(gone()); !errors.Is(err, errGone) {
		t.Errorf("a turn does not end: %v", err)
	}
	for _, p := range []*Place{long, other, (<-got).place} {
		p.Leave()
	}
	q.empty(t)
}

// However requests come and go, no place is lost or given twice.
func TestNoPlaceIsLost(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 2, Reserve: 1, Share: 3})
	done := make(chan struct{})
	for n := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			who := account(fmt.Sprint([]string{"a", "b", "m"}[n%3]))
			for i := range 300 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%3 == 0 {
					go cancel()
				}
				if p, err := q.Enter(ctx, who); err == nil {
					_ = p.Yield(ctx)
					p.Pause()
					_ = p.Resume(ctx)
					p.Leave()
				}
				cancel()
			}
		}()
	}
	for range 8 {
		<-done
	}
	q.empty(t)
}

// Work that counts as several turns lets others have as many before its next.
func TestAChargedPlaceLetsOthersGoFirst(t *testing.T) {
	t.Parallel()
	q := New(Size{Places: 1, Each: 1})
	bulk := enter(t, q, "a")
	bulk.Charge(3)
	got := make(chan taken, 8)
	for range 3 {
		await(t, q, "b", got)
	}
	bulk.Pause()
	again := make(chan error, 1)
	_, before := q.Count()
	go func() { again <- bulk.Resume(context.Background()) }()
	for waiting := before; waiting == before; _, waiting = q.Count() {
	}
	for n := range 2 {
		one := <-got
		if one.id != "b" {
			t.Fatalf("turn %d is for %s", n, one.id)
		}
		select {
		case <-again:
			t.Fatalf("the charged account has turn %d", n)
		default:
		}
		one.place.Leave()
	}
	last := make(chan taken, 1)
	go func() { last <- <-got }()
	select {
	case one := <-last:
		one.place.Leave()
		if err := <-again; err != nil {
			t.Fatal(err)
		}
	case err := <-again:
		if err != nil {
			t.Fatal(err)
		}
		bulk.Pause()
		(<-last).place.Leave()
	}
	bulk.Leave()
	q.empty(t)
	alone := enter(t, q, "a")
	alone.Charge(100)
	alone.Pause()
	if err := alone.Resume(gone()); err != nil {
		t.Errorf("nobody else waits: %v", err)
	}
	alone.Leave()
	q.empty(t)
}
