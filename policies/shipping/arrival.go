package shipping

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// Arrival is a complete policy tree in memory, as it arrived.
type Arrival struct {
	Tree   fs.FS
	Source string // "embedded", "directory", "bundle" or "opa"
	// Revisions are the revisions that the authors of the bundles set, by
	// bundle name. A single bundle file has the name "". Empty for a
	// directory.
	Revisions map[string]string

	digest string // of all its files, including tests
}

// files holds the files of a tree by path.
type files map[string][]byte

// Embedded returns the built-in tree.
func Embedded() Arrival {
	return Arrival{Tree: policies.Embedded(), Source: "embedded", digest: "embedded"}
}

// arrival turns the files into an Arrival.
func (f files) arrival(source string, revisions map[string]string) (Arrival, error) {
	archive := &txtar.Archive{}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: f[name]})
	}
	tree, err := txtar.FS(archive)
	if err != nil {
		return Arrival{}, fmt.Errorf("policy tree: %w", err)
	}
	digest := f.digest()
	for _, name := range slices.Sorted(maps.Keys(revisions)) {
		digest += fmt.Sprintf(" %q=%q", name, revisions[name])
	}
	return Arrival{Tree: tree, Source: source, Revisions: revisions, digest: digest}, nil
}

func (f files) digest() string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(hash, "%d:%s%d:", len(name), name, len(f[name]))
		hash.Write(f[name])
	}
	return string(hash.Sum(nil))
}

// bundled returns the files of a bundle: its modules as written, and its data
// in one file. It refuses a module that a tree would ignore, because that
// module may be the one that denies.
func bundled(modules map[string][]byte, data map[string]any) (files, error) {
	out := files{}
	for name, content := range modules {
		clean := strings.TrimPrefix(path.Clean("/"+name), "/")
		if err := counted(clean); err != nil {
			return nil, err
		}
		if _, twice := out[clean]; twice {
			return nil, refusal(clean, "is in the bundle twice")
		}
		out[clean] = content
	}
	if len(data) == 0 {
		return out, nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("bundle data: %w", err)
	}
	out["data.json"] = text
	return out, nil
}

func counted(name string) error {
	if path.Ext(name) != ".rego" {
		return refusal(name, "a module's name ends in .rego")
	}
	for i, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") || part == "testdata" || i == 0 && part == "schemas" {
			return refusal(name, "hidden files, testdata and schemas are no part of a policy tree")
		}
	}
	return nil
}

// refusal returns an error with one finding about a file, or about the whole
// arrival if file is empty.
func refusal(file, message string) error {
	return &rego.LoadError{Findings: []rego.Finding{{Code: "shipping", File: file, Message: message}}}
}
