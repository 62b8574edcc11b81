package decisionlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Kind says what is wrong with a line.
type Kind string

// What a Verifier finds.
const (
	Changed    Kind = "changed"    // the line is not what was written
	Removed    Kind = "removed"    // lines before this one are missing
	Reordered  Kind = "reordered"  // the line stands elsewhere than it was written
	Inserted   Kind = "inserted"   // the line was never written, or not there
	Duplicated Kind = "duplicated" // the line was written once
	CutOff     Kind = "cut off"    // lines at the beginning or the end are missing
	Unkeyed    Kind = "unkeyed"    // the chain was made without a key, though keys were given
)

// Finding is one thing wrong. Seq is the place in the chain, 0 if there is none.
type Finding struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Kind   Kind   `json:"kind"`
	Chain  string `json:"chain,omitempty"`
	Seq    uint64 `json:"seq,omitempty"`
	Detail string `json:"detail"`
}

// Span is a run of lines that are what was written, by their place in the chain.
type Span struct {
	Chain string `json:"chain"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Report is what a Verifier found out.
type Report struct {
	Lines       int       `json:"lines"`    // of all files
	Intact      int       `json:"intact"`   // lines that are what was written
	Entries     int       `json:"entries"`  // of these, without records
	Torn        int       `json:"torn"`     // lines that a fault left, as a record tells
	Dropped     int       `json:"dropped"`  // entries that were never written, as records tell
	Checked     int       `json:"checked"`  // checkpoints that were found again
	Stopped     bool      `json:"stopped"`  // the last line says that the log was ended in order
	Spans       []Span    `json:"spans"`    // what is intact
	Findings    []Finding `json:"findings"` // at most MaxFindings
	MoreFinding int       `json:"more_findings,omitempty"`
}

// Sound tells whether nothing was found.
func (r *Report) Sound() bool { return len(r.Findings) == 0 && r.MoreFinding == 0 }

// MaxFindings is how many findings a Report holds; others are counted.
const MaxFindings = 1000

// Verifier checks a log, file by file in the order in which they were written.
// It holds no more of it than a few thousand lines' hashes. Not safe for
// concurrent use.
type Verifier struct {
	keys   map[string]Key
	marks  *marks
	chains map[string]*follower
	at     *follower // of the line before
	strays []stray
	report Report

	file string
	line int
}

// stray is a line that is none of a chain, until a record tells of it.
type stray struct {
	file  string
	line  int
	piece piece
	whole bool // a JSON object, which no fault leaves
}

// NewVerifier checks with the keys that the log may have been written with; none
// when it was written without.
func NewVerifier(keys ...Key) *Verifier {
	v := &Verifier{keys: map[string]Key{}, chains: map[string]*follower{}, marks: &marks{}}
	for _, k := range keys {
		v.keys[k.ID()] = k
	}
	return v
}

// Read checks the next file. An error means that it cannot be read, or that the
// key is missing: then nothing can be said about it.
func (v *Verifier) Read(name string, r io.Reader) error {
	v.file, v.line = name, 0
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			v.line++
			v.report.Lines++
			if err := v.take(line); err != nil {
				return fmt.Errorf("%s:%d: %w", v.file, v.line, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (v *Verifier) take(line []byte) error {
	if n := len(line); line[n-1] == '\n' {
		line = line[:n-1]
	}
	s, err := open(line)
	if err != nil {
		v.strays = append(v.strays, stray{v.file, v.line, newPiece(line), object(line)})
		return nil //nolint:nilerr // a finding, told in its place, and no failure
	}
	r, isRecord := readRecord(line)
	f := v.chains[s.id]
	if f == nil {
		f, err = v.begin(&s, r, isRecord)
	}
	if err != nil || f == nil {
		return err
	}
	v.at, v.report.Stopped = f, isRecord && r.Event == eventStopped
	switch ok := f.place(v, &s); {
	case ok && isRecord:
		v.told(r)
	case ok:
		v.report.Entries++
	}
	v.strayed()
	return nil
}

func object(line []byte) bool { return len(line) > 0 && line[0] == '{' && json.Valid(line) }

// told takes what a record tells.
func (v *Verifier) told(r record) {
	v.report.Dropped += r.Dropped
	left := v.strays[:0]
	told := r.Torn
	for n := len(v.strays) - 1; n >= 0; n-- {
		last := len(told) - 1
		if last < 0 || told[last] != v.strays[n].piece || v.strays[n].whole {
			left = v.strays[:n+1]
			break
		}
		told = told[:last]
		v.report.Torn++
	}
	v.strays = left
}

// strayed finds fault with the lines that no record tells of.
func (v *Verifier) strayed() {
	for _, s := range v.strays {
		detail := "the line is none of a chain"
		if s.whole {
			detail = "an object that is in no chain"
		}
		v.add(Finding{File: s.file, Line: s.line, Kind: Inserted, Detail: detail})
	}
	v.strays = v.strays[:0]
}

// begin follows a chain from its first line that is there. Nil when the line can
// be no beginning: a chain begins with a file, or, where a stream is appended to
// one, with its first record.
func (v *Verifier) begin(s *sealed, r record, isRecord bool) (*follower, error) {
	top := v.at == nil || v.line == 1
	if !top && (s.seq > 1 || !isRecord) {
		v.find(Inserted, s, "the line is of another chain")
		return nil, nil
	}
	k, err := v.keyOf(s, r, isRecord)
	if err != nil && !top {
		v.find(Inserted, s, "the line is of another chain, made with a key that is not given")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := newFollower(k, link{id: s.id, seq: s.seq - 1, mac: r.Prev})
	if !top && !s.follows(f.h, "") {
		v.find(Inserted, s, "the line is of another chain")
		return nil, nil
	}
	v.chains[s.id] = f
	if s.seq > 1 && !isRecord {
		v.find(CutOff, s, fmt.Sprintf("the beginning is missing: this line is seq %d, and cannot be checked itself", s.seq))
		f.link, v.at = s.link, f
		f.keep(s.seq, s.mac, false)
		return nil, nil
	}
	return f, nil
}

// keyOf is the key that a chain was made with. Without a record to say it, it is
// the one that was given.
func (v *Verifier) keyOf(s *sealed, r record, isRecord bool) (Key, error) {
	id := r.Key
	if !isRecord {
		for id = range v.keys {
			break
		}
	}
	k, ok := v.keys[id]
	switch {
	case ok || len(v.keys) == 0 && (id == "" || id == "none"):
		return k, nil
	case id == "none":
		v.find(Unkeyed, s, "the chain was made without a key: anybody may have made it")
		return Key{}, nil
	case len(v.keys) == 0:
		return k, fmt.Errorf("the chain was made with the key %s, and none is given", id)
	}
	return k, fmt.Errorf("the chain was made with the key %s, which is not given", id)
}

func (v *Verifier) find(kind Kind, s *sealed, detail string) {
	v.add(Finding{File: v.file, Line: v.line, Kind: kind, Chain: s.id, Seq: s.seq, Detail: detail})
}

func (v *Verifier) add(f Finding) {
	if len(v.report.Findings) == MaxFindings {
		v.report.MoreFinding++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}

func newFollower(k Key, at link) *follower {
	return &follower{h: k.hash(), link: at, recent: make([]kept, window)}
}

// follower goes along one chain.
type follower struct {
	link // the line that the next one must follow
	h    hash.Hash

	recent []kept // by seq modulo window
	gaps   []gap
	early  []suspect // lines that stand too early
	held   *suspect
	spans  []Span
}

// window is how far back a line out of place is recognised.
const window = 4096

// kept is what is remembered of a line.
type kept struct {
	seq  uint64
	mac  string
	good bool
}

// gap is a run of lines that were not there where they should be.
type gap struct {
	first, last uint64
	finding     Finding
}

// suspect is a line that does not fit; the next one tells why.
type suspect struct {
	sealed
	before  link // what it should have followed
	finding Finding
}
