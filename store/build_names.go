package store

import (
	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// naming finds what the rows of a built card are called: what the owner calls
// the place, else as the parent has it whose row is the longest.
type naming struct {
	own     []Destination // in the order of their prefixes
	above   []place       // of own, those that the walk stands at or below
	parents []*raterows.Reader

	borrowed int64 // rows that are called as a parent has it
}

// place is a destination with its prefix read.
type place struct {
	prefix rating.Prefix
	name   string
}

// of is the name of a row; found are the parents' rows there. Rows come in
// the order of their prefixes. Of several parents' rows of one length the
// first name counts, in bytewise order, so that their order does not matter.
func (n *naming) of(p rating.Prefix, found []*rating.Row) string {
	n.reach(p)
	if len(n.above) > 0 {
		return n.above[len(n.above)-1].name
	}
	n.borrowed++
	longest, name := 0, ""
	for i, row := range found {
		if row == nil || row.Prefix.Len() < longest {
			continue
		}
		called := n.parents[i].NameOf(row.Prefix)
		if row.Prefix.Len() > longest || called < name {
			longest, name = row.Prefix.Len(), called
		}
	}
	return name
}

func (n *naming) reach(p rating.Prefix) {
	for len(n.own) > 0 {
		at, _ := rating.ParsePrefix(n.own[0].Prefix) // checked when it was stored
		if at > p {
			break
		}
		n.drop(at)
		n.above = append(n.above, place{at, n.own[0].Name})
		n.own = n.own[1:]
	}
	n.drop(p)
}

func (n *naming) drop(p rating.Prefix) {
	for len(n.above) > 0 && !n.above[len(n.above)-1].prefix.Covers(p) {
		n.above = n.above[:len(n.above)-1]
	}
}
