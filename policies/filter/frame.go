package filter

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// Frame holds the known part of the input of one compilation and lists the
// open parts.
type Frame struct {
	typ     string
	Columns map[string]input.ColumnKind // of the row; nil for types outside the schema
	Known   map[string]any              // the input without its open parts
	late    []predicate.Ref             // values of the request that are bound late
	user    map[string]input.ColumnKind // kinds of the user's late values
	trial   bool                        // for every subject; see NewTrialFrame
}

// NewFrame divides in into known and open parts. Values at pins are known. The
// cache key of a plan contains the pins that it was compiled with.
func (t *Tree) NewFrame(in *input.Input, pins []predicate.Ref) *Frame {
	schema, stored := t.Schema[in.Resource.Type]
	f := &Frame{typ: in.Resource.Type, user: map[string]input.ColumnKind{}}
	if stored {
		f.Columns = maps.Clone(schema.Columns)
		if f.Columns == nil {
			f.Columns = map[string]input.ColumnKind{}
		}
		if _, ok := f.Columns["id"]; !ok {
			f.Columns["id"] = input.Text
		}
	}
	f.late = in.LateRefs(stored)
	if facts := in.Subject.Facts; facts != nil {
		for key, v := range facts.User {
			if kind := input.LateUserKind(key, v); kind != 0 {
				f.user[key] = kind
				f.late = append(f.late, predicate.Ref{"subject", "user", key})
			}
		}
	}
	f.late = slices.DeleteFunc(f.late, func(r predicate.Ref) bool { return input.Pinned(r, pins) })
	f.Known = in.KnownDocument()
	if looked := t.Lookups.Values(in); looked != nil {
		f.Known[lookedKey] = looked
	}
	for _, pin := range pins {
		if v, ok := in.PinValue(pin); ok {
			input.PutAt(f.Known, pin, v)
		}
	}
	return f
}

// NewTrialFrame returns a frame for all subjects and actions. Everything about the
// subject and the action is open; only the resource type is known.
func (t *Tree) NewTrialFrame(typ string) *Frame {
	in := &input.Input{Resource: input.Resource{Type: typ}}
	f := t.NewFrame(in, nil)
	f.trial = true
	f.late = append(in.LateRefs(true), predicate.Below, predicate.Ref{"action"}, predicate.Ref{lookedKey})
	delete(f.Known, lookedKey)
	for _, key := range []string{"type", "user", "account", "access", "groups"} {
		f.late = append(f.late, predicate.Ref{"subject", key})
	}
	return f
}

// isScalarOfUser reports whether a path is a value of the user that no plan knows.
func isScalarOfUser(ref predicate.Ref) bool {
	return len(ref) == 3 && ref[0] == "subject" && ref[1] == "user" &&
		(ref[2] == "id" || ref[2] == "account_id" || ref[2] == "external_id")
}

// openedRefs are the parts of the input that only a trial frame opens.
var openedRefs = append(slices.Clone(KnownRefs), ast.MustParseRef("input.subject.user"), ast.MustParseRef("input."+lookedKey))

// readsOpened reports whether a body reads a value that only a trial frame opens.
func (t *Translator) readsOpened(body ast.Body) bool {
	found := false
	ast.WalkRefs(body, func(ref ast.Ref) bool {
		path, _ := refPathOf(ref.ConstantPrefix())
		found = found || !isScalarOfUser(path) && slices.ContainsFunc(openedRefs, func(opened ast.Ref) bool {
			return ref.HasPrefix(opened) || opened.HasPrefix(ref) && ref.HasPrefix(ast.InputRootRef)
		})
		return found
	})
	return found
}

// lateRoot returns the open part of the input that contains a path.
func (f *Frame) lateRoot(ref predicate.Ref) (predicate.Ref, bool) {
	for _, root := range f.late {
		if len(ref) >= len(root) && slices.Equal(ref[:len(root)], root) {
			return root, true
		}
	}
	return nil, false
}

// holdsLate reports whether an open part lies below a path.
func (f *Frame) holdsLate(ref predicate.Ref) bool {
	for _, root := range f.late {
		if len(root) > len(ref) && slices.Equal(root[:len(ref)], ref) {
			return true
		}
	}
	return false
}

// lateKind returns the type of a late value, or 0 if it differs between
// requests.
func (f *Frame) lateKind(ref predicate.Ref) input.ColumnKind {
	switch {
	case len(ref) == 2 && ref[1] == "id" && ref[0] != "action":
		return input.Text
	case len(ref) == 2 && ref[0] == "context" && input.ContextKey(ref[1]):
		return input.Text
	case f.trial && isScalarOfUser(ref):
		return input.Text
	case f.trial && len(ref) == 3 && ref[1] == "account" && ref[2] == "depth":
		return input.Integer
	case len(ref) == 3 && ref[0] == "subject" && ref[1] == "account":
		return input.Text
	case len(ref) == 3 && ref[0] == "subject" && ref[1] == "user":
		return f.user[ref[2]]
	default:
		return 0
	}
}

// column returns the kind of a row's column.
func (f *Frame) column(ref predicate.Ref) (input.ColumnKind, bool) {
	name, ok := ref.Column()
	if !ok || f.Columns == nil {
		return 0, false
	}
	kind, ok := f.Columns[name]
	return kind, ok
}
