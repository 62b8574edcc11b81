package check

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"resellerd/policies/rego"
)

// givenTwice finds names that one object of a data file has twice. Only the last one would
// count.
func (p *parsed) givenTwice() []rego.Finding {
	var found []rego.Finding
	_ = fs.WalkDir(p.tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name)) {
			return nil //nolint:nilerr // the tree was read before: what cannot be read now is not the file
		}
		text, err := fs.ReadFile(p.tree, name)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		var document yaml.Node
		if yaml.NewDecoder(bytes.NewReader(text)).Decode(&document) != nil {
			return nil //nolint:nilerr // reported when the tree was loaded
		}
		repeated(&document, func(key *yaml.Node) {
			found = append(found, rego.Finding{Code: "twice", File: name, Line: key.Line, Message: fmt.Sprintf("%q is given twice in one object", key.Value)})
		})
		return nil
	})
	return found
}

func repeated(node *yaml.Node, found func(key *yaml.Node)) {
	seen := map[string]bool{}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if seen[child.Value] {
				found(child)
			}
			seen[child.Value] = true
		}
		repeated(child, found)
	}
}
