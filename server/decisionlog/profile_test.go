package decisionlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
)

func profile(n int) *Profile {
	hash := fmt.Sprintf("h%d", n)
	return &Profile{Hash: hash, Record: fmt.Appendf(nil, `{"event":"profile","hash":%q,"access":{}}`, hash)}
}

// referring returns an entry that refers to a profile. Every fourth refers to none.
func referring(i, of int) Entry {
	if i%4 == 3 {
		return Entry{Line: entry(i)}
	}
	p := profile(of)
	return Entry{Line: fmt.Appendf(nil, `{"decision_id":"D%d","profile":%q}`+"\n", i, p.Hash), Profiles: Profiles{p}}
}

var (
	profileOf  = regexp.MustCompile(`(?m)^\{"event":"profile","hash":"(\w+)"`)
	referredTo = regexp.MustCompile(`(?m)^\{"decision_id":"D\d+","profile":"(\w+)"`)
)

// resolved checks that each profile stands in a text before the first line that refers
// to it. It returns the number of profiles.
func resolved(t *testing.T, text string) int {
	t.Helper()
	first := map[string]int{}
	found := profileOf.FindAllStringSubmatchIndex(text, -1)
	for _, at := range found {
		if hash := text[at[2]:at[3]]; first[hash] == 0 {
			first[hash] = at[0] + 1
		}
	}
	for _, at := range referredTo.FindAllStringSubmatchIndex(text, -1) {
		if hash := text[at[2]:at[3]]; first[hash] == 0 || first[hash] > at[0]+1 {
			t.Fatalf("the profile %s is not before the line %s", hash, text[at[0]:at[1]])
		}
	}
	return len(found)
}

// Each file of a log can be read alone: after a start, a rotation, and a move by
// another program.
func TestAFileHasTheProfilesOfItsEntries(t *testing.T) {
	t.Parallel()
	path := logPath(t)
	var c tally
	for range 2 {
		l, err := Open(c.options(Options{Path: path, Key: testKey, RotateSize: 4000, Sync: true}))
		must(t, err)
		for i := range 100 {
			must(t, l.Add(referring(i, i%3)))
		}
		must(t, l.Close())
	}
	texts := files(t, path)
	if len(texts) < 5 {
		t.Fatalf("%d files", len(texts))
	}
	for i, text := range texts {
		if n := resolved(t, text); n > 6 { // three profiles, of two processes
			t.Errorf("file %d holds %d profiles", i, n)
		}
	}
	if r := verified(t, []Key{testKey}, texts...); !r.Sound() || r.Entries != 200 || c.written.Load() != 200 {
		t.Errorf("%d entries, %d written, %+v", r.Entries, c.written.Load(), r.Findings)
	}
}

// A disk that takes only a part of a write takes no entry without its profile.
func TestProfilesSurviveAFaultyDisk(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		d := &disk{room: 100_000}
		var c tally
		l, err := Open(c.options(Options{Out: d, Sync: seed%2 == 0, Key: testKey}))
		must(t, err)
		for i := range 100 {
			if random.IntN(3) == 0 {
				d.give(random.IntN(600))
			}
			_ = l.Add(referring(i, random.IntN(5))) // a refused entry is counted as dropped
		}
		d.give(-1)
		must(t, l.Close())
		resolved(t, d.String())
		checkFaults(t, d.String(), &c, 100, nil)
	}
}

// A reader that joins a stream late learns every profile within 10,000 entries.
func TestAStreamRepeatsItsProfiles(t *testing.T) {
	t.Parallel()
	d := &disk{room: -1}
	var c tally
	l, err := Open(c.options(Options{Out: d, Buffer: 1 << 30}))
	must(t, err)
	for i := range 25_000 {
		must(t, l.Add(referring(i, 1)))
	}
	must(t, l.Close())
	if n := resolved(t, d.String()); n < 3 || n > 10 {
		t.Errorf("%d profiles in 25,000 entries", n)
	}
}

// An account that fills the buffer leaves room for the entries of others.
func TestAnAccountHasItsOwnShareOfTheBuffer(t *testing.T) {
	t.Parallel()
	s := &stuck{disk: disk{room: -1}, hangs: make(chan struct{}), free: make(chan struct{})}
	var c tally
	l, err := Open(c.options(Options{Out: s, Buffer: 10_000, Refuse: true}))
	must(t, err)
	s.armed = true
	must(t, l.Add(Entry{Line: entry(0)}))
	<-s.hangs
	loud := 0
	for i := range 10_000 {
		if err := l.Add(Entry{Line: entry(i), Account: "loud"}); err == nil {
			loud++
		} else if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if err := l.Add(Entry{Line: entry(i), Account: fmt.Sprint("quiet", i)}); err != nil {
			t.Fatalf("after %d entries of another account, entry %d is refused: %v", loud, i, err)
		}
	}
	if loud < 50 {
		t.Errorf("one account alone could add only %d entries", loud)
	}
	close(s.free)
	must(t, l.Close())
	if l.pending != 0 || len(l.shares) != 0 {
		t.Errorf("%d bytes wait after the end, of %v", l.pending, l.shares)
	}
}
