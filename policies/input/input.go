package input

import (
	"maps"
	"time"
)

// Input is one question: may this subject do this to that resource? A decision
// only reads it and keeps nothing of it.
type Input struct {
	Subject  Subject
	Action   Action
	Resource Resource
	Context  Context
}

// Subject is the user who acts. Properties come from the request. Facts come from
// the store and are nil for a user that the store does not know.
type Subject struct {
	Type, ID   string
	Properties map[string]any
	Facts      *Facts
}

// Action is the action in question. Change is set for a write that grants access;
// such a decision is always a full evaluation. Form is the form of the request; policies
// read it as properties.form, unless the request sent such a property. It may be empty.
type Action struct {
	Name       string
	Form       string
	Properties map[string]any
	Change     *Change
}

// The forms of requests: about one object, a page of a list, a page with the number of
// all rows, a file of all rows, and a look-up of the prices of calls.
const (
	FormOne    = "one"
	FormPage   = "page"
	FormCount  = "count"
	FormExport = "export"
	FormLookup = "lookup"
)

// properties returns the properties with the form of the request.
func (a *Action) properties() map[string]any {
	if _, sent := a.Properties["form"]; sent || a.Form == "" {
		return a.Properties
	}
	out := make(map[string]any, len(a.Properties)+1)
	maps.Copy(out, a.Properties)
	out["form"] = a.Form
	return out
}

// OwnForm returns the form of the request, or "" if the request sent a property of that
// name.
func (a *Action) OwnForm() string {
	if _, sent := a.Properties["form"]; sent {
		return ""
	}
	return a.Form
}

// Change is what a write changes: the names of its fields, and access per area
// as groups write it, without ceilings. Before and After are the access of a group
// or user before and after the write. For an account, After is the access that the
// write newly allows its users. Held is the access of the acting user.
type Change struct {
	Fields              []string
	Before, After, Held map[string][]string
}

// Resource is the object of the action. Properties come from the request. Row
// holds the stored row's policy columns by name (string, bool, int64, or []string
// for a set; opaque columns may hold any JSON value). Row is nil for types that
// the store does not keep. The row takes precedence over the properties, and a nil
// value counts as absent.
type Resource struct {
	Type, ID   string
	Properties map[string]any
	Row        map[string]any
}

// Context describes the circumstances of the request. ClientIP and Panel may be
// empty. Properties come from the request; the other fields take precedence.
type Context struct {
	ClientIP   string
	Time       time.Time
	Panel      string
	Properties map[string]any
}
