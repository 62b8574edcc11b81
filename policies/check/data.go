package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"resellerd/policies"
	"resellerd/policies/rego"
)

func readSchema(name string) (any, error) {
	text, err := fs.ReadFile(policies.Schemas(), name)
	if err != nil {
		return nil, err
	}
	var schema any
	return schema, json.Unmarshal(text, &schema)
}

// dataFindings validates the parts of the data that resellerd reads against
// their schema. A tree may have other data, and it may leave out these parts.
func (p *parsed) dataFindings() []rego.Finding {
	schema, err := dataSchema()
	if err != nil {
		return []rego.Finding{{Code: "data-schema", Message: err.Error()}}
	}
	var refused *jsonschema.ValidationError
	if err := schema.Validate(p.known()); !errors.As(err, &refused) {
		return nil
	}
	var found []rego.Finding
	for _, leaf := range Leaves(refused) {
		file, line := p.locate(leaf.InstanceLocation)
		at := strings.Join(append([]string{"data"}, leaf.InstanceLocation...), ".")
		found = append(found, rego.Finding{Code: "data-schema", File: file, Line: line, Message: at + ": " + said(leaf)})
	}
	return found
}

// known returns the parts of the data that the schema describes.
func (p *parsed) known() map[string]any {
	known := map[string]any{}
	for _, name := range []string{"limits", "areas", "catalog", "gateway"} {
		if value, ok := p.data[name]; ok {
			known[name] = value
		}
	}
	return known
}

// dataSchema returns the schema of the data. It drops "required", because a
// tree may leave out each part.
func dataSchema() (*jsonschema.Schema, error) {
	document, err := readSchema("data/schema.json")
	if err != nil {
		return nil, err
	}
	if object, ok := document.(map[string]any); ok {
		delete(object, "required")
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("data.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("data.json")
}

// Leaves returns the violations of a schema that have no further cause.
func Leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, Leaves(cause)...)
	}
	return all
}

func said(e *jsonschema.ValidationError) string {
	if enum, ok := e.ErrorKind.(*kind.Enum); ok {
		return fmt.Sprintf("is %v, and has to be one of %v", enum.Got, enum.Want)
	}
	return e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
}

// locate returns the file and line of a value of the data.
func (p *parsed) locate(at []string) (file string, line int) {
	_ = fs.WalkDir(p.tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name)) {
			return nil //nolint:nilerr // the tree was read before: what cannot be read now is not the file
		}
		rest := at
		if dir := path.Dir(name); dir != "." {
			steps := strings.Split(dir, "/")
			if len(at) < len(steps) || !slices.Equal(at[:len(steps)], steps) {
				return nil
			}
			rest = at[len(steps):]
		}
		text, err := fs.ReadFile(p.tree, name)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if found := lineOf(text, rest); found > 0 {
			file, line = name, found
			return fs.SkipAll
		}
		return nil
	})
	return file, line
}

// lineOf returns the line of a value in a YAML or JSON document, or 0 if the
// value does not exist.
func lineOf(text []byte, at []string) int {
	var node yaml.Node
	if yaml.NewDecoder(bytes.NewReader(text)).Decode(&node) != nil || len(node.Content) == 0 {
		return 0
	}
	here := node.Content[0]
	line := here.Line
	for _, step := range at {
		next := child(here, step)
		if next == nil {
			return 0
		}
		here, line = next, next.Line
	}
	return line
}

func child(node *yaml.Node, step string) *yaml.Node {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i]
		}
	}
	return nil
}
