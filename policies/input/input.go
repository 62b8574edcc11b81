package input

import (
	"time"
)

// Input is one question: may this subject do this to that resource? It is
// read only while a decision is made; nothing of it is kept.
type Input struct {
	Subject  Subject
	Action   Action
	Resource Resource
	Context  Context
}

// Subject is who acts. Properties are what the request says about it; Facts
// are what the store knows, nil for a user that the store does not know.
type Subject struct {
	Type, ID   string
	Properties map[string]any
	Facts      *Facts
}

// Action is what is done. Change is set when access is given away; it always
// makes the decision a full evaluation.
type Action struct {
	Name       string
	Properties map[string]any
	Change     *Change
}

// Change is what a write changes: the names of its fields, and access per area
// as groups write it, without ceilings. Before and After are the access of a group
// or user before and after the write. For an account, After is the access that the
// write newly allows its users. Held is the access of the acting user.
type Change struct {
	Fields              []string
	Before, After, Held map[string][]string
}

// Resource is what is acted upon. Properties are what the request says about
// it. Row holds the stored row's policy columns by name (string, bool, int64,
// or []string for a set; opaque columns may hold any JSON value); it is nil
// for types that the store does not keep. The row wins over the properties,
// and a nil value counts as absent.
type Resource struct {
	Type, ID   string
	Properties map[string]any
	Row        map[string]any
}

// Context is the circumstances. ClientIP and Panel may be empty; Properties
// are what the request sent, of which the set fields win.
type Context struct {
	ClientIP   string
	Time       time.Time
	Panel      string
	Properties map[string]any
}
