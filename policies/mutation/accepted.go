package mutation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"go.yaml.in/yaml/v3"
)

// AcceptedFile is the file of a tree that lists the accepted survivors. Each
// entry says why no test notices the change.
const AcceptedFile = "mutants.yaml"

// Entry accepts the survivors of one change in one rule. Count is the number
// of such survivors, 1 by default; it is greater if several definitions of the
// rule are alike.
type Entry struct {
	File   string `yaml:"file" json:"file"`
	Rule   string `yaml:"rule" json:"rule"`
	Change string `yaml:"change" json:"change"`
	Count  int    `yaml:"count" json:"count"`
	Reason string `yaml:"reason" json:"reason"`
	Line   int    `yaml:"-" json:"line"` // line of the entry in AcceptedFile
}

// readAccepted reads the list. It returns nil if the tree has none. A tree
// with a list must account for every survivor.
func readAccepted(tree fs.FS) ([]Entry, error) {
	text, err := fs.ReadFile(tree, AcceptedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var nodes []yaml.Node
	if err := yaml.Unmarshal(text, &nodes); err != nil {
		return nil, fmt.Errorf("%s: %w", AcceptedFile, err)
	}
	var entries []Entry
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", AcceptedFile, err)
	}
	for i := range entries {
		e := &entries[i]
		e.Line = nodes[i].Line
		if e.Count == 0 {
			e.Count = 1
		}
		if e.File == "" || e.Rule == "" || e.Change == "" || e.Reason == "" || e.Count < 0 {
			return nil, fmt.Errorf("%s:%d: an entry has a file, a rule, a change and a reason", AcceptedFile, e.Line)
		}
	}
	return entries, nil
}

// accept gives survivors the reasons of their entries. An entry is stale if it
// does not match exactly Count survivors. If some is true, only a part of the
// mutants was tried, and an entry is stale only if it matches more.
func (r *Report) accept(entries []Entry, some bool) {
	r.Stale = []Entry{}
	for _, e := range entries {
		var matched []*Survivor
		for i := range r.Survivors {
			s := &r.Survivors[i]
			if s.is(e) {
				matched = append(matched, s)
			}
		}
		if len(matched) > e.Count || len(matched) < e.Count && !some {
			r.Stale = append(r.Stale, e)
			continue
		}
		for _, s := range matched {
			s.Reason = e.Reason
		}
	}
}

// Unaccepted returns the survivors without an entry, except undone changes of data.
func (r *Report) Unaccepted() []Survivor {
	var left []Survivor
	for _, s := range r.Survivors {
		if s.Reason == "" && s.data == nil {
			left = append(left, s)
		}
	}
	return left
}

// is reports whether an entry is about the mutant.
func (m Mutant) is(e Entry) bool { return m.File == e.File && m.Rule == e.Rule && m.Change == e.Change }
