package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/server/strictjson"
	"resellerd/store"
	"resellerd/store/schema"
)

// maxList is the greatest number of elements in a list.
const maxList = 1000

// fields reads the JSON object of a write, strictly. A field is unknown if the
// write does not take it, or if it names a column that the writer is not shown.
// All faults are kept; the read methods may be called after one.
type fields struct {
	sent   map[string]any
	shown  func(name string) bool
	path   string // of a nested object: "user."
	at     string // the JSON pointer of a nested object: "/user"
	known  map[string]bool
	faults *faults   // of the whole body
	inner  []*fields // nested objects that were read
}

// mediaMergePatch is the media type of a patch that RFC 7396 defines.
const mediaMergePatch = "application/merge-patch+json"

// fields reads the body as one object. An absent body is read as an empty
// object. Errors: 400 for invalid JSON (also for a repeated name, invalid UTF-8
// or NUL), 415, 413, and 422 for JSON that is not an object. A row of a bulk request has its own
// fault.
func (q *sent) fields(shown func(string) bool) (*fields, error) {
	f := emptyFields()
	f.shown = shown
	if q.object != nil {
		f.sent = q.object
		return f, q.fault
	}
	raw, err := unpacked(q.raw, q.encoding, q.limit)
	if err != nil || len(raw) == 0 {
		return f, err
	}
	if !q.is(fiber.MIMEApplicationJSON) && !q.merges() {
		return nil, &problem{kind: kindMediaType, detail: "The content type must be application/json, or for PATCH also " + mediaMergePatch + "."}
	}
	value, err := strictjson.Parse(raw)
	if err != nil {
		return nil, badRequest(err.Error())
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, invalid("", "the body must be an object")
	}
	f.sent = object
	return f, nil
}

// names lists the sent fields that the writer is shown, sorted.
func (f *fields) names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.sent)) {
		if f.shown(name) {
			names = append(names, name)
		}
	}
	return names
}

// err returns all faults as one error. Unknown fields come first, in order of their
// names; then come the fields that hold a wrong value.
func (f *fields) err() error {
	var all faults
	f.unknown(&all)
	for _, fault := range f.faults.list {
		all.add(fault)
	}
	return all.err()
}

// unknown finds the fields of the object, and of those inside, that are not known.
func (f *fields) unknown(all *faults) {
	for _, name := range slices.Sorted(maps.Keys(f.sent)) {
		if !f.known[name] || !f.shown(name) {
			all.add(f.fault(name, "is not a known field"))
		}
	}
	for _, inner := range f.inner {
		inner.unknown(all)
	}
}

func (f *fields) refuse(name, text string) { f.faults.add(f.fault(name, text)) }

// fault is a fault of a field of this object.
func (f *fields) fault(name, text string) bodyFault {
	return bodyFault{pointer: f.at + pointerTo(name), field: f.path + name, text: text}
}

// inside is an object in this one. The writer may set every field of it.
func (f *fields) inside(object map[string]any, path, at string) *fields {
	inner := &fields{sent: object, shown: anyField, path: f.path + path + ".", at: f.at + at, known: map[string]bool{}, faults: f.faults}
	f.inner = append(f.inner, inner)
	return inner
}

// value returns the value that was sent for a field, and marks the field as
// known to the write.
func (f *fields) value(name string) (value any, sent bool) {
	f.known[name] = true
	value, sent = f.sent[name]
	return value, sent && f.shown(name)
}

// line reads a text without control characters; null clears the field. It
// returns nil if the field was not sent. The store checks the length, and
// whether the text may be empty.
func (f *fields) line(name string) *string {
	text := f.prose(name)
	if text != nil && hasControl(*text) {
		f.refuse(name, "must be a text without control characters")
	}
	return text
}

// prose is line for a text that may have control characters, such as line
// breaks.
func (f *fields) prose(name string) *string {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	text, ok := value.(string)
	if !ok && value != nil {
		f.refuse(name, "must be a text")
	}
	return &text
}

// integer reads a whole number. It returns nil if the field was not sent.
func (f *fields) integer(name string) *int {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	number, _ := value.(json.Number)
	n, err := strconv.Atoi(string(number))
	if err != nil {
		f.refuse(name, "must be a whole number")
	}
	return &n
}

// moment reads a time in the format of RFC 3339. It returns 0 for null and for a
// field that was not sent.
func (f *fields) moment(name string) schema.Micros {
	value, sent := f.value(name)
	if !sent || value == nil {
		return 0
	}
	text, _ := value.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		f.refuse(name, "must be a time in the format of RFC 3339")
	}
	return schema.MicrosOf(t)
}

// texts reads a list of texts. It returns nil if the field was not sent.
func (f *fields) texts(name string) *[]string {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	list, ok := textList(value)
	if !ok {
		f.refuse(name, "must be a list of texts")
	}
	return &list
}

func textList(value any) ([]string, bool) {
	items, ok := value.([]any)
	if !ok || len(items) > maxList {
		return nil, false
	}
	list := make([]string, len(items))
	for i, item := range items {
		if list[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return list, true
}

const wantActions = "must be a list with some of create, read, update and delete"

// letters reads a list of action names, each at most once. It returns their
// first letters, or nil if the field was not sent.
func (f *fields) letters(name string) *string {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	letters, ok := lettersOf(value)
	if !ok {
		f.refuse(name, wantActions)
	}
	return &letters
}

func lettersOf(value any) (string, bool) {
	names, ok := textList(value)
	if !ok {
		return "", false
	}
	letters := ""
	for _, name := range names {
		if !slices.Contains(session.AccessActions, name) || strings.Contains(letters, name[:1]) {
			return "", false
		}
		letters += name[:1]
	}
	return letters, true
}

// access reads an object from area to a list of action names; null clears the
// field. It returns nil if the field was not sent.
func (f *fields) access(name string) *store.Access {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	var access store.Access
	object, ok := value.(map[string]any)
	if !ok {
		if value != nil {
			f.refuse(name, "must be an object with an access list for each area")
		}
		return &access
	}
	access = store.Access{}
	for _, area := range slices.Sorted(maps.Keys(object)) {
		if access[area], ok = lettersOf(object[area]); !ok {
			fault := f.fault(name, wantActions+" for each area")
			fault.pointer += pointerTo(area)
			f.faults.add(fault)
		}
	}
	return &access
}

// ends reads an object from a name to a time; null clears the field, and a name with null
// has no end. It returns nil if the field was not sent.
func (f *fields) ends(name string) *schema.Ends {
	value, sent := f.value(name)
	if !sent {
		return nil
	}
	ends := schema.Ends{}
	object, ok := value.(map[string]any)
	if !ok && value != nil || len(object) > maxList {
		f.refuse(name, "must be an object with a time for each group")
	}
	for _, of := range slices.Sorted(maps.Keys(object)) {
		if object[of] == nil {
			continue
		}
		text, _ := object[of].(string)
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			fault := f.fault(name, "must have a time in the format of RFC 3339 for each group")
			fault.pointer += pointerTo(of)
			f.faults.add(fault)
		}
		ends[of] = schema.MicrosOf(t)
	}
	return &ends
}

// object reads a nested object. The writer may set every field of it. It reports
// false if the object is absent or null.
func (f *fields) object(name string) (*fields, bool) {
	value, sent := f.value(name)
	if !sent || value == nil {
		return nil, false
	}
	object, ok := value.(map[string]any)
	if !ok {
		f.refuse(name, "must be an object")
		return nil, false
	}
	return f.inside(object, name, pointerTo(name)), true
}

// fieldsOf reads an object whose every field the writer may set.
func fieldsOf(object map[string]any) *fields {
	return &fields{sent: object, shown: anyField, known: map[string]bool{}, faults: &faults{}}
}

func emptyFields() *fields {
	return fieldsOf(map[string]any{})
}

func anyField(string) bool { return true }

// or returns the value that was sent, or else the given default.
func or[T any](sent *T, otherwise T) T {
	if sent == nil {
		return otherwise
	}
	return *sent
}

func hasControl(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7F {
			return true
		}
	}
	return false
}

// word reads a field that can hold only one word.
func (f *fields) word(name, want string) {
	if text := f.line(name); text != nil && *text != want {
		f.refuse(name, "must be "+want)
	}
}
