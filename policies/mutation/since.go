package mutation

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/policies/regotest"
)

// dataFile is the file in which a mutant's tree has all of its data.
const dataFile = "data.json"

// mostData is the number of changes of data that are undone, one at a time.
const mostData = 50

// since returns the mutants of what differs from another tree: changes in rules that
// differ, rules that are put back, and changes of the data that are undone.
func since(before fs.FS, modules map[string]*ast.Module, data map[string]any) ([]Mutant, error) {
	former, err := regotest.Read(before)
	if err != nil {
		return nil, err
	}
	old, now := definitions(former.Modules()), definitions(modules)
	var out []Mutant
	for _, m := range mutants(modules) {
		name := m.module.Package.Path.String() + "." + m.Rule
		if !slices.Equal(slices.Sorted(maps.Keys(old[name])), slices.Sorted(maps.Keys(now[name]))) {
			out = append(out, m)
		}
	}
	out = append(out, putBack(old, now, modules)...)
	return append(out, undone(former.Data(), data)...), nil
}

// definitions returns the definitions of the rules by their text, by the full name.
func definitions(modules map[string]*ast.Module) map[string]map[string]*ast.Rule {
	out := map[string]map[string]*ast.Rule{}
	for _, module := range modules {
		for _, rule := range module.Rules {
			name := module.Package.Path.String() + "." + ruleName(rule)
			if out[name] == nil {
				out[name] = map[string]*ast.Rule{}
			}
			out[name][rule.String()] = rule
		}
	}
	return out
}

// putBack returns a mutant for each definition that a rule lost while it got no other.
func putBack(old, now map[string]map[string]*ast.Rule, modules map[string]*ast.Module) []Mutant {
	var out []Mutant
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if slices.ContainsFunc(slices.Collect(maps.Keys(now[name])), func(text string) bool { return old[name][text] == nil }) {
			continue
		}
		for _, text := range slices.Sorted(maps.Keys(old[name])) {
			rule := old[name][text]
			if now[name][text] != nil {
				continue
			}
			if file := fileOf(modules, rule.Module.Package.Path); file != "" {
				out = append(out, Mutant{File: file, Line: 1, Rule: ruleName(rule), Change: "rule put back: " + source(nil, rule), module: modules[file], back: rule})
			}
		}
	}
	return out
}

// fileOf returns the first file of a package, "" if there is none.
func fileOf(modules map[string]*ast.Module, pkg ast.Ref) string {
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		if modules[file].Package.Path.Equal(pkg) {
			return file
		}
	}
	return ""
}

// dataPath is the place of a change in the data, with the former value.
type dataPath struct {
	keys  predicate.Ref
	value any
	given bool // the former data has a value there
}

// undone returns mutants that undo one change of the data each, mostData at most. They are
// spread over all changes.
func undone(was, is map[string]any) []Mutant {
	changes := differing(nil, was, is)
	step := max(1, (len(changes)+mostData-1)/mostData)
	var out []Mutant
	for i := 0; i < len(changes); i += step {
		at := changes[i]
		before := "nothing"
		if text, err := json.Marshal(at.value); at.given && err == nil {
			before = shortened(string(text))
		}
		out = append(out, Mutant{File: dataFile, Line: 1, Rule: "data." + at.keys.String(), Change: "is again " + before, data: &at})
	}
	return out
}

// differing returns the innermost places at which data differs.
func differing(at predicate.Ref, was, is map[string]any) []dataPath {
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var out []dataPath
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		place := append(slices.Clone(at), key)
		a, given := was[key]
		b, remains := is[key]
		inA, okA := a.(map[string]any)
		inB, okB := b.(map[string]any)
		switch {
		case okA && okB:
			out = append(out, differing(place, inA, inB)...)
		case given != remains || !reflect.DeepEqual(a, b):
			out = append(out, dataPath{place, a, given})
		}
	}
	return out
}

// undo returns the data with the former value at the place.
func (d dataPath) undo(data map[string]any) map[string]any {
	out := maps.Clone(data)
	if out == nil {
		out = map[string]any{}
	}
	key := d.keys[0]
	switch below, _ := out[key].(map[string]any); {
	case len(d.keys) > 1:
		out[key] = dataPath{d.keys[1:], d.value, d.given}.undo(below)
	case d.given:
		out[key] = d.value
	default:
		delete(out, key)
	}
	return out
}

// withData is a tree in which one file at the top has all data.
type withData struct {
	fs.FS
	text []byte
}

// ReadFile implements fs.ReadFileFS.
func (w withData) ReadFile(name string) ([]byte, error) {
	switch {
	case name == dataFile:
		return bytes.Clone(w.text), nil
	case policies.IsData(name):
		return []byte("{}"), nil
	default:
		return fs.ReadFile(w.FS, name)
	}
}

// ReadDir implements fs.ReadDirFS.
func (w withData) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	if name != "." || err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == dataFile }) {
		return entries, err
	}
	return append(entries, dataEntry{}), nil
}

// dataEntry is the entry of dataFile.
type dataEntry struct{}

// Name implements fs.DirEntry.
func (dataEntry) Name() string { return dataFile }

// IsDir implements fs.DirEntry.
func (dataEntry) IsDir() bool { return false }

// Type implements fs.DirEntry.
func (dataEntry) Type() fs.FileMode { return 0 }

// Info implements fs.DirEntry.
func (dataEntry) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }
