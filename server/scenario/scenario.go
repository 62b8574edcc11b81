// Package scenario plays the scenario files of a policy tree. A scenario has a small
// world, and sentences about what its users see and may do. The package asks a real
// server over a store in memory, as a panel would. So a sentence holds if a panel
// would see the same.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"resellerd/policies"
	"resellerd/policies/check"
	"resellerd/policies/rego"
)

// Suffix ends the names of scenario files.
const Suffix = ".scenario.yaml"

// Scenario is one parsed file.
type Scenario struct {
	File   string
	Title  string
	at     time.Time
	world  world
	people []person
}

// person is a user and the sentences about the user.
type person struct {
	user, from string
	statements []statement
}

// Statements returns the number of sentences.
func (s *Scenario) Statements() int {
	n := 0
	for _, p := range s.people {
		n += len(p.statements)
	}
	return n
}

// document is the YAML form of a file.
type document struct {
	Scenario string    `yaml:"scenario"`
	At       string    `yaml:"at"`
	World    world     `yaml:"world"`
	Then     yaml.Node `yaml:"then"`
}

// Error lists the errors in scenario files, by file and line. Files with errors
// cannot be played.
type Error struct{ Findings []rego.Finding }

// Error returns the findings, one per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "scenarios: " + strings.Join(lines, "\n")
}

// Read reads every scenario of a tree, in the order of file names. It returns an
// *Error if any file has errors.
func Read(tree fs.FS) ([]*Scenario, error) {
	var all []*Scenario
	var findings []rego.Finding
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, Suffix) {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		s, found := read(name, text)
		all, findings = append(all, s), append(findings, found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("policy tree: %w", err)
	}
	if len(findings) > 0 {
		return nil, &Error{findings}
	}
	return all, nil
}

// reader reads one file and notes its errors.
type reader struct {
	file     string
	root     *yaml.Node
	findings []rego.Finding
}

func (r *reader) wrong(line int, format string, args ...any) {
	r.findings = append(r.findings, rego.Finding{Code: "scenario", File: r.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

func read(file string, text []byte) (*Scenario, []rego.Finding) {
	r := &reader{file: file, root: &yaml.Node{}}
	s := &Scenario{File: file}
	if err := yaml.Unmarshal(text, r.root); err != nil {
		r.wrong(0, "%v", err)
		return s, r.findings
	}
	timesAsText(r.root)
	if r.follows(); len(r.findings) > 0 {
		return s, r.findings
	}
	var d document
	if err := r.root.Decode(&d); err != nil {
		r.wrong(0, "%v", err)
		return s, r.findings
	}
	s.Title, s.world = d.Scenario, d.World
	s.at = time.Date(2026, time.March, 4, 10, 0, 0, 0, time.UTC)
	if d.At != "" {
		var err error
		if s.at, err = time.Parse(time.RFC3339, d.At); err != nil {
			r.wrong(lineAt(r.root, []string{"at"}), "at: %q is no time: write it as 2026-03-04T18:30:00Z", d.At)
		}
	}
	r.checkWorld(&s.world)
	r.people(s, &d.Then)
	return s, r.findings
}

// timesAsText makes YAML keep times as text.
func timesAsText(node *yaml.Node) {
	if node.Tag == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, below := range node.Content {
		timesAsText(below)
	}
}

// follows checks a file against the schema.
func (r *reader) follows() {
	schema, err := schemaOf()
	if err != nil {
		r.wrong(0, "%v", err)
		return
	}
	var value any
	if err := r.root.Decode(&value); err != nil {
		r.wrong(0, "%v", err)
		return
	}
	var refused *jsonschema.ValidationError
	if err := schema.Validate(value); errors.As(err, &refused) {
		for _, leaf := range check.Leaves(refused) {
			at := strings.Join(leaf.InstanceLocation, ".")
			if at == "" {
				at = "the file"
			}
			r.wrong(lineAt(r.root, leaf.InstanceLocation), "%s: %s", at, leaf.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
	}
}

func schemaOf() (*jsonschema.Schema, error) {
	text, err := fs.ReadFile(policies.Schemas(), "scenario/schema.json")
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("scenario.json", value); err != nil {
		return nil, err
	}
	return compiler.Compile("scenario.json")
}

// people reads the sentences.
func (r *reader) people(s *Scenario, then *yaml.Node) {
	for i := 0; i+1 < len(then.Content); i += 2 {
		key, list := then.Content[i], then.Content[i+1]
		user, from, _ := strings.Cut(key.Value, " from ")
		p := person{user: strings.TrimSpace(user), from: strings.TrimSpace(from)}
		if _, ok := s.world.Users[p.user]; !ok {
			r.wrong(key.Line, "there is no user %q in this world", p.user)
		}
		for _, node := range list.Content {
			st, err := parse(node.Value, &s.world)
			if err != nil {
				r.wrong(node.Line, "%q: %v", node.Value, err)
				continue
			}
			st.line = node.Line
			p.statements = append(p.statements, st)
		}
		s.people = append(s.people, p)
	}
}

// lineAt returns the line of the value at a path. If the path does not exist, it
// returns the line of its deepest existing part.
func lineAt(node *yaml.Node, at []string) int {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	line := node.Line
	for _, step := range at {
		next, key := child(node, step)
		if next == nil {
			return line
		}
		node, line = next, key
	}
	return line
}

func child(node *yaml.Node, step string) (value *yaml.Node, line int) {
	switch node.Kind {
	case yaml.MappingNode:
		i := slices.IndexFunc(node.Content, func(n *yaml.Node) bool { return n.Value == step })
		if i >= 0 && i%2 == 0 && i+1 < len(node.Content) {
			return node.Content[i+1], node.Content[i].Line
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i].Line
		}
	}
	return nil, 0
}
