package decisionlog

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// marks are checkpoints by chain and position.
type marks struct {
	bySeq map[string]map[uint64]string
	last  map[string]checkpoint
}

// Checkpoints reads checkpoints that must match the log. Call it before Read.
func (v *Verifier) Checkpoints(name string, r io.Reader) error {
	m := &marks{bySeq: map[string]map[uint64]string{}, last: map[string]checkpoint{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		var c checkpoint
		if json.Unmarshal(lines.Bytes(), &c) != nil || c.Seq == 0 {
			v.add(Finding{File: name, Line: n, Kind: Changed, Detail: "the line is no checkpoint"})
			continue
		}
		if m.bySeq[c.Chain] == nil {
			m.bySeq[c.Chain] = map[uint64]string{}
		}
		m.bySeq[c.Chain][c.Seq] = c.Mac
		if c.Seq > m.last[c.Chain].Seq {
			m.last[c.Chain] = c
		}
	}
	v.marks = m
	return lines.Err()
}

// marked compares a line with its checkpoint, if there is one.
func (v *Verifier) marked(f *follower, s *sealed) {
	mac, ok := v.marks.bySeq[f.id][s.seq]
	switch {
	case !ok:
	case mac != s.mac:
		v.find(Changed, s, "the line is not the one that the checkpoint names")
	default:
		v.report.Checked++
	}
}

// Finish ends the check.
func (v *Verifier) Finish() *Report {
	for _, f := range v.chains {
		if f.held != nil {
			f.settle(v, f.held)
		}
		for _, s := range f.early {
			s.finding.Kind, s.finding.Detail = Inserted, "the line was never written here"
			v.add(s.finding)
		}
		for _, g := range f.gaps {
			g.finding.Detail = fmt.Sprintf("lines before this one are missing, seq %s; it cannot be checked itself", run(g.first, g.last))
			v.add(g.finding)
		}
		v.report.Spans = append(v.report.Spans, joined(f.spans)...)
	}
	v.cutOff()
	for _, s := range v.report.Spans {
		v.report.Intact += int(s.Last - s.First + 1)
	}
	slices.SortFunc(v.report.Spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Chain, b.Chain), cmp.Compare(a.First, b.First))
	})
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Detail, b.Detail))
	})
	return &v.report
}

// cutOff finds lines that are missing at the end.
func (v *Verifier) cutOff() {
	if n := len(v.strays); n > 0 {
		last := v.strays[n-1]
		v.strays = v.strays[:n-1]
		v.strayed()
		v.add(Finding{File: last.file, Line: last.line, Kind: CutOff,
			Detail: "the last line is not whole: cut off, torn by a crash, or being written"})
	}
	for id, last := range v.marks.last {
		f := v.chains[id]
		var detail string
		switch {
		case f == nil:
			detail = fmt.Sprintf("at %s there was a chain that had reached seq %d, of which nothing is there", last.Time.Format(time.RFC3339), last.Seq)
		case last.Seq > f.seq:
			detail = fmt.Sprintf("at %s the log had reached seq %d, and it ends at %d", last.Time.Format(time.RFC3339), last.Seq, f.seq)
		default:
			continue
		}
		v.add(Finding{File: v.file, Line: v.line, Kind: CutOff, Chain: id, Seq: last.Seq, Detail: detail})
	}
}

// joined sorts spans and merges adjacent ones.
func joined(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.First, b.First) })
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && out[n-1].Last+1 >= s.First {
			out[n-1].Last = max(out[n-1].Last, s.Last)
			continue
		}
		out = append(out, s)
	}
	return out
}
