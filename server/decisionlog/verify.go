package decisionlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Kind says what is wrong with a line.
type Kind string

// What a Verifier can find.
const (
	Changed    Kind = "changed"    // the line is not what was written
	Removed    Kind = "removed"    // lines before this one are missing
	Reordered  Kind = "reordered"  // the line is not where it was written
	Inserted   Kind = "inserted"   // the line was never written here
	Duplicated Kind = "duplicated" // the line was written only once
	CutOff     Kind = "cut off"    // lines at the beginning or the end are missing
	Unkeyed    Kind = "unkeyed"    // the chain has no key, although the Verifier has keys
)

// Finding is one problem. Seq is the position in the chain, 0 if there is none.
type Finding struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Kind   Kind   `json:"kind"`
	Chain  string `json:"chain,omitempty"`
	Seq    uint64 `json:"seq,omitempty"`
	Detail string `json:"detail"`
}

// Span is a run of intact lines, by their positions in the chain.
type Span struct {
	Chain string `json:"chain"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Report is the result of a Verifier.
type Report struct {
	Lines       int       `json:"lines"`    // of all files
	Intact      int       `json:"intact"`   // lines that are what was written
	Entries     int       `json:"entries"`  // intact lines that are not records
	Torn        int       `json:"torn"`     // broken lines that records report
	Dropped     int       `json:"dropped"`  // entries that records report as never written
	Checked     int       `json:"checked"`  // checkpoints that match the log
	Stopped     bool      `json:"stopped"`  // the last line says that the log was stopped in order
	Spans       []Span    `json:"spans"`    // the intact lines
	Findings    []Finding `json:"findings"` // at most MaxFindings
	MoreFinding int       `json:"more_findings,omitempty"`
}

// Sound reports whether there are no findings.
func (r *Report) Sound() bool { return len(r.Findings) == 0 && r.MoreFinding == 0 }

// MaxFindings is how many findings a Report lists. Further ones are only counted.
const MaxFindings = 1000

// Verifier checks a log. It reads the files in the order in which they were written,
// and keeps only the hashes of a few thousand lines in memory. It is not safe for
// concurrent use.
type Verifier struct {
	keys   map[string]Key
	marks  *marks
	chains map[string]*follower
	at     *follower // chain of the previous line
	strays []stray
	report Report

	file string
	line int
}

// stray is a line outside any chain that no record has reported yet.
type stray struct {
	file  string
	line  int
	piece piece
	whole bool // a JSON object; a failed write never leaves a whole one
}

// NewVerifier returns a Verifier with the keys that the log may have been written
// with. A log without a key needs none.
func NewVerifier(keys ...Key) *Verifier {
	v := &Verifier{keys: map[string]Key{}, chains: map[string]*follower{}, marks: &marks{}}
	for _, k := range keys {
		v.keys[k.ID()] = k
	}
	return v
}

// Read checks the next file. It returns an error if the file cannot be read or if the
// key is missing. Then the file was not checked.
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
	profile := isRecord && slices.Contains(sharedEvents, r.Event) // it names neither key nor previous line
	isRecord = isRecord && !profile
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
	case ok && !profile:
		v.report.Entries++
	}
	v.strayed()
	return nil
}

var sharedEvents = []string{eventProfile, eventAccess, eventAnswer}

func object(line []byte) bool { return len(line) > 0 && line[0] == '{' && json.Valid(line) }

// told takes the content of a record into account.
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

// strayed reports the lines that no record has reported.
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

// begin follows a new chain from its first line here. It returns nil if the line
// cannot be the first: a chain begins at the top of a file. If a stream was appended
// to a file, the chain begins with its first record.
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

// keyOf returns the key of a chain. If no record names the key, keyOf tries the given
// keys.
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

// follower follows one chain.
type follower struct {
	link // the line before the next one
	h    hash.Hash

	recent []kept // by seq modulo window
	gaps   []gap
	early  []suspect // lines that came too early
	held   *suspect
	spans  []Span
}

// window is how many lines back a misplaced line is recognised.
const window = 4096

// kept is what the follower keeps about a line.
type kept struct {
	seq  uint64
	mac  string
	good bool
}

// gap is a run of missing lines.
type gap struct {
	first, last uint64
	finding     Finding
}

// suspect is a line that does not fit. The next line shows why.
type suspect struct {
	sealed
	before  link // the line that it should have followed
	finding Finding
}
