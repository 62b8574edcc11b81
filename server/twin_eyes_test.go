package server

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// The accounts of both worlds, and what each lies below.
//
//	M ── A ── S ── T
//	  ├─ B
//	  └─ C
//	N ── R
var (
	twinAccounts = []string{"M", "A", "S", "T", "B", "C", "N", "R"}
	twinParents  = map[string]string{"A": "M", "S": "A", "T": "S", "B": "M", "C": "M", "R": "N"}
)

// eyes define what a viewer may see: rows of some types, of the accounts in its
// own subtree. This repeats the policy's rules independently, in the terms that
// the worlds are filled with.
type eyes struct {
	own   string   // the viewer's account
	reads []string // types of rows
	sells bool     // provider cards are hidden, even those of the own account
}

// twinViewer is a user whose answers must be the same in both worlds.
type twinViewer struct {
	name     string // of the user
	maxDepth int
	eyes     eyes
}

var everyType = []string{"account", "group", "user", "customer", "card", "audit"}

var twinViewers = []twinViewer{
	{"A.user", 1, eyes{own: "A", reads: everyType}},
	{"A.user", 3, eyes{own: "A", reads: everyType}},
	{"B.user", 1, eyes{own: "B", reads: everyType}},
	{"A.clerk", 1, eyes{own: "A", reads: []string{"customer"}}},
	{"A.staff", 1, eyes{own: "A", reads: []string{"user", "customer"}}},
	{"A.maker", 3, eyes{own: "A", reads: []string{"group", "card"}}},
	{"S.user", 3, eyes{own: "S", reads: everyType}},
	{"N.user", 1, eyes{own: "N", reads: everyType}},
	{"M.seller", 1, eyes{own: "M", reads: []string{"card", "customer", "account"}, sells: true}},
}

// within reports whether the account lies in the viewer's subtree.
func (e eyes) within(account string) bool {
	for at := account; at != ""; at = twinParents[at] {
		if at == e.own {
			return true
		}
	}
	return false
}

// above reports whether the viewer's account is this account or lies below it.
func (e eyes) above(account string) bool {
	for at := e.own; at != ""; at = twinParents[at] {
		if at == account {
			return true
		}
	}
	return false
}

func (e eyes) read(typ string) bool { return slices.Contains(e.reads, typ) }

// see reports whether the viewer sees rows of this type and owner in full.
func (e eyes) see(typ, account string) bool { return e.read(typ) && e.within(account) }

// parent reports whether this is the account whose public name the viewer may
// know.
func (e eyes) parent(account string) bool { return account == twinParents[e.own] }

// isMaster reports whether an account is the root of a tenant.
func isMaster(account string) bool { return twinParents[account] == "" }

func childrenOf(account string) (children []string) {
	for _, one := range twinAccounts {
		if twinParents[one] == account {
			children = append(children, one)
		}
	}
	return children
}

// draws are the two random sources for the fields of one thing. They depend only
// on its name, so that a draw for one thing does not change another.
type draws struct {
	shared, private *rand.Rand
}

func (w *twin) draws(name string) draws {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails to write
	return draws{
		shared:  rand.New(rand.NewPCG(w.seed, h.Sum64())),
		private: rand.New(rand.NewPCG(w.seed+w.side<<32, h.Sum64()+1)),
	}
}

// of returns the source of a field: the shared one if the viewer sees the field,
// or else the private one.
func (d draws) of(seen bool) *rand.Rand {
	if seen {
		return d.shared
	}
	return d.private
}

// There are only a few texts, so that requests also name texts that only one
// world holds.
var (
	twinTexts    = []string{"alder", "Birch", "cedar 100%", "do_gwood", "élan", "fir'; --", "ginkgo \"x\"", "hazel\\", "İlex", "juniper"}
	twinNames    = []string{"n0", "n1", "n2", "n3", "n4", "n5"}
	twinLogins   = []string{"one@x.example", "two@x.example", "three@x.example", "four@x.example", "five@x.example"}
	twinPrefixes = []string{"1", "44", "441", "49", "4930", "7", "77", "86", "90", "998"}
)

func drawn[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// maybe draws a text, or none.
func maybe(r *rand.Rand, of []string) string {
	if text := drawn(r, of); r.IntN(3) > 0 {
		return text
	}
	return ""
}

// before draws a time before the requests begin.
func before(r *rand.Rand) time.Time {
	return twinStart.Add(-time.Duration(1+r.IntN(1000)) * time.Hour)
}
