package input

import (
	"encoding/json"
	"maps"
	"slices"

	"resellerd/policies/predicate"
)

// Pinned reports whether ref is one of pins.
func Pinned(ref predicate.Ref, pins []predicate.Ref) bool {
	return slices.ContainsFunc(pins, func(p predicate.Ref) bool { return slices.Equal(p, ref) })
}

// LateRefs returns the open values of the request, except those below
// subject.user.
func (in *Input) LateRefs(stored bool) []predicate.Ref {
	late := []predicate.Ref{
		{"context"}, {"subject", "id"}, {"subject", "properties"},
		{"action", "properties"}, {"resource", "properties"},
	}
	if !stored && in.Resource.Type != AreaType {
		late = append(late, predicate.Ref{"resource", "id"})
	}
	if in.Subject.Facts != nil {
		late = append(late, predicate.Below, GroupsRef)
		for _, key := range lateAccountKeys {
			late = append(late, predicate.Ref{"subject", "account", key})
		}
	}
	return late
}

// GroupsRef is the path of the subject's groups.
var GroupsRef = predicate.Ref{"subject", "groups"}

// AreaType is the resource type whose ids are areas. A plan is compiled with the
// id of such a resource.
const AreaType = "area"

// KnownDocument returns the input without the row and without late values.
func (in *Input) KnownDocument() map[string]any {
	subject := map[string]any{}
	putText(subject, "type", in.Subject.Type)
	if f := in.Subject.Facts; f != nil {
		maps.Copy(subject, f.document())
		delete(subject, "groups")
		for _, key := range lateAccountKeys {
			delete(subject["account"].(map[string]any), key)
		}
		user := subject["user"].(map[string]any)
		maps.DeleteFunc(user, func(key string, v any) bool { return LateUserKind(key, v) != 0 })
	}
	action, resource := map[string]any{}, map[string]any{}
	putText(action, "name", in.Action.Name)
	putText(resource, "type", in.Resource.Type)
	if in.Resource.Type == AreaType {
		putText(resource, "id", in.Resource.ID)
	}
	return map[string]any{"subject": subject, "action": action, "resource": resource}
}

// PinValue returns the value of a late root as Document holds it.
func (in *Input) PinValue(root predicate.Ref) (any, bool) {
	if len(root) == 1 && root[0] == "context" {
		doc := in.contextDocument()
		return doc, len(doc) > 0
	}
	v, ok := in.Lookup(root)
	return PlainValue(v), ok || in.Subject.Facts != nil && slices.Equal(root, GroupsRef)
}

// PinKey returns a text that identifies the values at pins, as part of a cache
// key.
func (in *Input) PinKey(pins []predicate.Ref) (string, error) {
	values := make([]any, 0, 2*len(pins))
	for _, pin := range pins {
		v, ok := in.PinValue(pin)
		values = append(values, pin, ok, v)
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// PutAt sets the value at a path of a document. It creates missing objects on
// the path.
func PutAt(doc map[string]any, path []string, v any) {
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
