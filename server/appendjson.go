package server

import (
	"encoding/json"
	"slices"
	"strconv"

	"resellerd/store"
)

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = store.AppendString(dst, s)
	}
	return append(dst, ']')
}

// fieldWriter appends the members of a JSON object, leaving out what a mask
// erases and noting the path of what it left out.
type fieldWriter struct {
	dst    []byte
	erased []string
	below  []string // scratch
}

// name starts a member, and reports whether it may be written; m is the mask
// at the object, inner the mask at the member.
func (w *fieldWriter) name(m *mask, name string) (inner *mask, ok bool) {
	if m != nil {
		inner = m.below[name]
		if inner != nil && inner.path != "" {
			w.erased = append(w.erased, inner.path)
			return nil, false
		}
	}
	if last := w.dst[len(w.dst)-1]; last != '{' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(store.AppendString(w.dst, name), ':')
	return inner, true
}

func (w *fieldWriter) text(m *mask, name, value string) {
	if _, ok := w.name(m, name); ok {
		w.dst = store.AppendString(w.dst, value)
	}
}

func (w *fieldWriter) number(m *mask, name string, value int64) {
	if _, ok := w.name(m, name); ok {
		w.dst = strconv.AppendInt(w.dst, value, 10)
	}
}

func (w *fieldWriter) any(m *mask, name string, value any) {
	if inner, ok := w.name(m, name); ok {
		w.value(inner, value)
	}
}

func (w *fieldWriter) value(m *mask, v any) {
	switch v := v.(type) {
	case nil:
		w.dst = append(w.dst, "null"...)
	case string:
		w.dst = store.AppendString(w.dst, v)
	case bool:
		w.dst = strconv.AppendBool(w.dst, v)
	case int:
		w.dst = strconv.AppendInt(w.dst, int64(v), 10)
	case int64:
		w.dst = strconv.AppendInt(w.dst, v, 10)
	case json.Number:
		w.dst = append(w.dst, v...)
	case []string:
		w.dst = appendStrings(w.dst, v)
	case []any:
		w.list(m, v)
	case map[string]any:
		w.object(m, v)
	default:
		w.other(v)
	}
}

func (w *fieldWriter) list(m *mask, list []any) {
	w.dst = append(w.dst, '[')
	for i, v := range list {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		var inner *mask
		if m != nil {
			inner = m.below[strconv.Itoa(i)]
		}
		if inner != nil && inner.path != "" {
			w.erased = append(w.erased, inner.path)
			w.dst = append(w.dst, "null"...)
			continue
		}
		w.value(inner, v)
	}
	w.dst = append(w.dst, ']')
}

func (w *fieldWriter) object(m *mask, object map[string]any) {
	w.dst = append(w.dst, '{')
	w.members(m, object, nil)
	w.dst = append(w.dst, '}')
}

// members writes an object's members in order of name, but those in taken and
// those that are absent.
func (w *fieldWriter) members(m *mask, object map[string]any, taken map[string]bool) {
	var space [24]string
	names := space[:0]
	for name := range object {
		if !taken[name] && object[name] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w.any(m, name, object[name])
	}
}

// other writes what the policy's input does not usually hold.
func (w *fieldWriter) other(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("null")
	}
	w.dst = append(w.dst, text...)
}

func sortedNames[V any](object map[string]V) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
