package policies

import (
	"maps"
	"slices"

	"resellerd/policies/predicate"
)

// frame is what one compilation knows of the input, and what it leaves open.
type frame struct {
	typ     string
	columns map[string]ColumnKind // of the row; nil for types outside the schema
	known   map[string]any        // the input without what is open
	late    []predicate.Ref       // values of the request that are bound late
	user    map[string]ColumnKind // kinds of the user's late values
}

// newFrame splits in into known and open. Values at pins are known; plans that
// were compiled with pins are keyed by them.
func (t *tree) newFrame(in *Input, pins []predicate.Ref) *frame {
	schema, stored := t.schema[in.Resource.Type]
	f := &frame{typ: in.Resource.Type, user: map[string]ColumnKind{}}
	if stored {
		f.columns = maps.Clone(schema.Columns)
		if f.columns == nil {
			f.columns = map[string]ColumnKind{}
		}
		if _, ok := f.columns["id"]; !ok {
			f.columns["id"] = Text
		}
	}
	f.late = in.lateRefs(stored)
	if facts := in.Subject.Facts; facts != nil {
		for key, v := range facts.User {
			if kind := lateUserKind(key, v); kind != 0 {
				f.user[key] = kind
				f.late = append(f.late, predicate.Ref{"subject", "user", key})
			}
		}
	}
	f.late = slices.DeleteFunc(f.late, func(r predicate.Ref) bool { return pinned(r, pins) })
	f.known = in.knownDocument()
	for _, pin := range pins {
		if v, ok := in.pinValue(pin); ok {
			put(f.known, pin, v)
		}
	}
	return f
}

// lateRoot returns the open part of the input that a path lies in.
func (f *frame) lateRoot(ref predicate.Ref) (predicate.Ref, bool) {
	for _, root := range f.late {
		if len(ref) >= len(root) && slices.Equal(ref[:len(root)], root) {
			return root, true
		}
	}
	return nil, false
}

// holdsLate tells whether an open part lies below a path.
func (f *frame) holdsLate(ref predicate.Ref) bool {
	for _, root := range f.late {
		if len(root) > len(ref) && slices.Equal(root[:len(ref)], ref) {
			return true
		}
	}
	return false
}

// lateKind returns the type of a late value, 0 when requests may differ in it.
func (f *frame) lateKind(ref predicate.Ref) ColumnKind {
	switch {
	case len(ref) == 2 && ref[1] == "id" && ref[0] != "action":
		return Text
	case len(ref) == 2 && ref[0] == "context" && contextKey(ref[1]):
		return Text
	case len(ref) == 3 && ref[0] == "subject" && ref[1] == "account":
		return Text
	case len(ref) == 3 && ref[0] == "subject" && ref[1] == "user":
		return f.user[ref[2]]
	default:
		return 0
	}
}

// column returns the kind of a row's column.
func (f *frame) column(ref predicate.Ref) (ColumnKind, bool) {
	name, ok := ref.Column()
	if !ok || f.columns == nil {
		return 0, false
	}
	kind, ok := f.columns[name]
	return kind, ok
}
