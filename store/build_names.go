package store

import (
	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// naming finds the names of the rows of a built card. The owner's name of the
// destination comes first. Without one, the row has the name of the parent row with
// the longest prefix.
type naming struct {
	own     []Destination // in the order of their prefixes
	above   []place       // the entries of own whose prefix covers the present one
	parents []*raterows.Reader

	borrowed int64 // rows with a parent's name
}

// place is a destination with its parsed prefix.
type place struct {
	prefix rating.Prefix
	name   string
}

// of returns the name of a row; found are the parents' rows there. Call it in the
// order of prefixes. If several parents' rows have the longest prefix, the bytewise
// first name is used, so that the order of parents does not matter.
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
