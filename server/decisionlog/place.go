package decisionlog

import (
	"bytes"
	"fmt"
	"slices"
)

// keep notes a line, and whether it is intact.
func (f *follower) keep(seq uint64, mac string, good bool) {
	f.recent[seq%window] = kept{seq, mac, good}
	if !good {
		return
	}
	if n := len(f.spans); n > 0 && f.spans[n-1].Last+1 == seq {
		f.spans[n-1].Last = seq
		return
	}
	f.spans = append(f.spans, Span{Chain: f.id, First: seq, Last: seq})
}

// place decides how the next line of the chain fits, and reports whether it is the
// line that was written.
func (f *follower) place(v *Verifier, s *sealed) bool {
	v.marked(f, s)
	if f.held != nil && f.release(v, s) {
		return true
	}
	f.bringEarly(v, s.seq)
	switch {
	case s.seq == f.seq+1 && s.follows(f.h, f.mac):
		f.link = s.link
		f.keep(s.seq, s.mac, true)
		return true
	case s.seq > f.seq:
		f.suspect(v, s)
		return false
	}
	return f.again(v, s)
}

// suspect holds a line that does not follow, and continues the chain from it.
func (f *follower) suspect(v *Verifier, s *sealed) {
	held := &suspect{sealed: *s, before: f.link}
	held.signed = bytes.Clone(s.signed)
	kind, detail := Changed, "the line is not what was written"
	if missing := s.seq - f.seq - 1; missing > 0 {
		kind = Removed
		detail = fmt.Sprintf("before this line %d are missing, seq %s; it cannot be checked itself", missing, run(f.seq+1, s.seq-1))
	}
	held.finding = Finding{File: v.file, Line: v.line, Kind: kind, Chain: s.id, Seq: s.seq, Detail: detail}
	f.held, f.link = held, s.link
	f.keep(s.seq, s.mac, false)
}

func run(first, last uint64) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// release decides about the held line with the help of the next line. It reports
// whether the next line follows the line before the held one.
func (f *follower) release(v *Verifier, s *sealed) bool {
	held := f.held
	f.held = nil
	if s.seq != held.before.seq+1 || !s.follows(f.h, held.before.mac) {
		f.settle(v, held)
		return false
	}
	if held.seq == s.seq {
		held.finding.Kind, held.finding.Detail = Inserted, "the line was never written here"
		v.add(held.finding)
	} else {
		f.early = append(f.early, *held)
	}
	f.link = s.link
	f.keep(s.seq, s.mac, true)
	return true
}

// settle reports a held line as what it first seemed to be.
func (f *follower) settle(v *Verifier, held *suspect) {
	if held.finding.Kind == Removed {
		f.gaps = append(f.gaps, gap{held.before.seq + 1, held.seq - 1, held.finding})
		return
	}
	v.add(held.finding)
}

// bringEarly moves a line that came too early to its place, if the line is missing
// there.
func (f *follower) bringEarly(v *Verifier, next uint64) {
	for i := 0; i < len(f.early) && next > f.seq+1; i++ {
		s := &f.early[i]
		if s.seq != f.seq+1 || !s.follows(f.h, f.mac) {
			continue
		}
		s.finding.Kind = Reordered
		s.finding.Detail = "the line stands before others that were written earlier"
		v.add(s.finding)
		if !bytes.HasPrefix(s.signed, recordStart) {
			v.report.Entries++
		}
		f.link = s.link
		f.keep(s.seq, s.mac, true)
		f.early = slices.Delete(f.early, i, i+1)
		i = -1
	}
}

// again handles a line whose position in the chain was already passed.
func (f *follower) again(v *Verifier, s *sealed) bool {
	old, before := f.recent[s.seq%window], f.recent[(s.seq-1)%window]
	fits := before.seq == s.seq-1 && s.follows(f.h, before.mac) || s.seq == 1 && s.follows(f.h, "")
	switch {
	case f.fill(v, s, fits):
		return fits
	case fits && old.seq == s.seq && !old.good && s.seq == f.seq:
		f.link = s.link // the line that was there was inserted
		f.keep(s.seq, s.mac, true)
		return true
	case old.seq == s.seq && old.mac == s.mac:
		v.find(Duplicated, s, "the line is there already")
	default:
		v.find(Inserted, s, "the chain is further here: written twice, moved, or put in")
	}
	return false
}

// fill puts a line that came too late into the gap that it left.
func (f *follower) fill(v *Verifier, s *sealed, fits bool) bool {
	for i, g := range f.gaps {
		if s.seq < g.first || s.seq > g.last {
			continue
		}
		f.gaps = slices.Delete(f.gaps, i, i+1)
		if s.seq > g.first {
			f.gaps = append(f.gaps, gap{g.first, s.seq - 1, g.finding})
		}
		if s.seq < g.last {
			f.gaps = append(f.gaps, gap{s.seq + 1, g.last, g.finding})
		}
		v.find(Reordered, s, "the line stands behind others that were written later")
		if fits {
			f.keep(s.seq, s.mac, true)
		}
		return true
	}
	return false
}
