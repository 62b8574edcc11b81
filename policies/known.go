package policies

import (
	"encoding/json"
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
func (e *Engine) newFrame(in *Input, pins []predicate.Ref) *frame {
	schema, stored := e.options.Schema[in.Resource.Type]
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

func pinned(ref predicate.Ref, pins []predicate.Ref) bool {
	return slices.ContainsFunc(pins, func(p predicate.Ref) bool { return slices.Equal(p, ref) })
}

// lateRefs returns the request's open values but the user's.
func (in *Input) lateRefs(stored bool) []predicate.Ref {
	late := []predicate.Ref{
		{"context"}, {"subject", "id"}, {"subject", "properties"},
		{"action", "properties"}, {"resource", "properties"},
	}
	if !stored && in.Resource.Type != areaType {
		late = append(late, predicate.Ref{"resource", "id"})
	}
	if in.Subject.Facts != nil {
		late = append(late, predicate.Below)
		for _, key := range lateAccountKeys {
			late = append(late, predicate.Ref{"subject", "account", key})
		}
	}
	return late
}

// areaType is the resource type whose ids are areas. They are known when a
// plan is made.
const areaType = "area"

// knownDocument returns the input without the row and without late values.
func (in *Input) knownDocument() map[string]any {
	subject := map[string]any{}
	putText(subject, "type", in.Subject.Type)
	if f := in.Subject.Facts; f != nil {
		maps.Copy(subject, f.document())
		for _, key := range lateAccountKeys {
			delete(subject["account"].(map[string]any), key)
		}
		user := subject["user"].(map[string]any)
		maps.DeleteFunc(user, func(key string, v any) bool { return lateUserKind(key, v) != 0 })
	}
	action, resource := map[string]any{}, map[string]any{}
	putText(action, "name", in.Action.Name)
	putText(resource, "type", in.Resource.Type)
	if in.Resource.Type == areaType {
		putText(resource, "id", in.Resource.ID)
	}
	return map[string]any{"subject": subject, "action": action, "resource": resource}
}

// pinValue returns the value of a late root as the document holds it.
func (in *Input) pinValue(root predicate.Ref) (any, bool) {
	if len(root) == 1 && root[0] == "context" {
		doc := in.contextDocument()
		return doc, len(doc) > 0
	}
	v, ok := in.lookup(root)
	return plainValue(v), ok
}

// pinKey returns the text that tells plans with the same pins apart.
func (in *Input) pinKey(pins []predicate.Ref) (string, error) {
	values := make([]any, 0, 2*len(pins))
	for _, pin := range pins {
		v, ok := in.pinValue(pin)
		values = append(values, pin, ok, v)
	}
	text, err := json.Marshal(values)
	return string(text), err
}

func put(doc map[string]any, path []string, v any) {
	for _, key := range path[:len(path)-1] {
		next, ok := doc[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			doc[key] = next
		}
		doc = next
	}
	doc[path[len(path)-1]] = v
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
