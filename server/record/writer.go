package record

import (
	"encoding/json"
	"slices"
	"strconv"

	"resellerd/server/decisionlog"
	"resellerd/store/query"
)

// AppendStrings appends a JSON array of strings.
func AppendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = query.AppendString(dst, s)
	}
	return append(dst, ']')
}

// Writer appends JSON objects. It leaves out the members that a mask erases, and
// notes their paths.
type Writer struct {
	Dst      []byte
	erased   []string
	spans    []span               // what the log can hold apart from the entry
	short    []byte               // scratch for referring
	answer   *decisionlog.Profile // the last one
	answered []byte               // its text
	below    []string             // scratch
}

// NewWriter returns a writer. It is for one goroutine and can be reused.
func NewWriter() *Writer { return &Writer{Dst: make([]byte, 0, 2048)} }

// Open begins an object in the writer's own memory.
func (w *Writer) Open() {
	w.Dst, w.erased, w.spans = append(w.Dst[:0], '{'), w.erased[:0], w.spans[:0]
}

// Close ends the object and returns it. The object is valid until the writer's next
// use.
func (w *Writer) Close() []byte { return append(w.Dst, '}') }

// name starts a member and reports whether it may be written. m is the mask of the
// object, and inner is the mask of the member.
func (w *Writer) name(m *Mask, name string) (inner *Mask, ok bool) {
	if m != nil {
		inner = m.below[name]
		if inner != nil && inner.path != "" {
			w.erased = append(w.erased, inner.path)
			return nil, false
		}
	}
	if last := w.Dst[len(w.Dst)-1]; last != '{' {
		w.Dst = append(w.Dst, ',')
	}
	w.Dst = append(query.AppendString(w.Dst, name), ':')
	return inner, true
}

// Text appends a member with a string, unless m erases it.
func (w *Writer) Text(m *Mask, name, value string) {
	if _, ok := w.name(m, name); ok {
		w.Dst = query.AppendString(w.Dst, value)
	}
}

func (w *Writer) number(m *Mask, name string, value int64) {
	if _, ok := w.name(m, name); ok {
		w.Dst = strconv.AppendInt(w.Dst, value, 10)
	}
}

// Any appends a member with a value of a policy input, unless m erases it.
func (w *Writer) Any(m *Mask, name string, value any) {
	if inner, ok := w.name(m, name); ok {
		w.value(inner, value)
	}
}

func (w *Writer) value(m *Mask, v any) {
	switch v := v.(type) {
	case nil:
		w.Dst = append(w.Dst, "null"...)
	case string:
		w.Dst = query.AppendString(w.Dst, v)
	case bool:
		w.Dst = strconv.AppendBool(w.Dst, v)
	case int:
		w.Dst = strconv.AppendInt(w.Dst, int64(v), 10)
	case int64:
		w.Dst = strconv.AppendInt(w.Dst, v, 10)
	case json.Number:
		w.Dst = append(w.Dst, v...)
	case []string:
		w.Dst = AppendStrings(w.Dst, v)
	case []any:
		w.list(m, v)
	case map[string]any:
		w.object(m, v)
	default:
		w.other(v)
	}
}

func (w *Writer) list(m *Mask, list []any) {
	w.Dst = append(w.Dst, '[')
	for i, v := range list {
		if i > 0 {
			w.Dst = append(w.Dst, ',')
		}
		var inner *Mask
		if m != nil {
			inner = m.below[strconv.Itoa(i)]
		}
		if inner != nil && inner.path != "" {
			w.erased = append(w.erased, inner.path)
			w.Dst = append(w.Dst, "null"...)
			continue
		}
		w.value(inner, v)
	}
	w.Dst = append(w.Dst, ']')
}

func (w *Writer) object(m *Mask, object map[string]any) {
	w.Dst = append(w.Dst, '{')
	w.members(m, object, nil)
	w.Dst = append(w.Dst, '}')
}

// members writes an object's members sorted by name. It omits the names in taken and
// the members that are nil.
func (w *Writer) members(m *Mask, object map[string]any, taken map[string]bool) {
	var space [24]string
	names := space[:0]
	for name := range object {
		if !taken[name] && object[name] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w.Any(m, name, object[name])
	}
}

// other writes a value of a type that policy inputs rarely contain.
func (w *Writer) other(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("null")
	}
	w.Dst = append(w.Dst, text...)
}

func sortedNames[V any](object map[string]V) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
