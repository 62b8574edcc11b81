package record

import (
	"fmt"
	"strings"
)

// Mask is a tree of the paths that a policy erases from the decision log, such as
// "/input/resource/notes". A node with a path is erased as a whole. A Mask is
// immutable.
type Mask struct {
	path  string
	below map[string]*Mask
}

// NewMask builds the tree from JSON pointers (RFC 6901). Like OPA, it refuses paths
// outside /input and /result.
func NewMask(paths []string) (*Mask, error) {
	root := &Mask{}
	for _, path := range paths {
		parts := strings.Split(path, "/")
		if len(parts) < 2 || parts[0] != "" || parts[1] != "input" && parts[1] != "result" {
			return nil, fmt.Errorf("mask %q: want a path under /input or /result", path)
		}
		root.add(path, parts[1:])
	}
	return root, nil
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

func (m *Mask) add(path string, parts []string) {
	for _, part := range parts {
		part = pointerEscapes.Replace(part)
		if m.below == nil {
			m.below = map[string]*Mask{}
		}
		if m.below[part] == nil {
			m.below[part] = &Mask{}
		}
		m = m.below[part]
	}
	m.path = path
}

// At returns the mask for the member name. Nil erases nothing.
func (m *Mask) At(name string) *Mask {
	if m == nil {
		return nil
	}
	return m.below[name]
}

// Erases reports whether the node itself is erased.
func (m *Mask) Erases() bool { return m != nil && m.path != "" }
