package server

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"resellerd/policies/input"
	"resellerd/server/strictjson"
	"resellerd/store"
	"resellerd/store/query"
)

// A client may send back what it has read. Besides the columns of a row, an answer may
// have these two members, which no write changes.
const (
	memberTag      = "etag"
	memberExpanded = "expanded"
)

// update reads the body of an update of a row that the writer sees. If the body merges,
// the columns that it may change become those that replace the present ones.
func (q *sent) update(before seen, takes map[string]bool) (*fields, error) {
	f, err := q.fields(func(name string) bool {
		return before.shows(name) || name == memberTag || name == memberExpanded
	})
	if err == nil && q.merges() {
		for name, value := range f.sent {
			if !takes[name] {
				continue
			}
			f.sent[name] = mergePatch(before.object[name], value)
		}
	}
	return f, err
}

// mergePatch is the algorithm of RFC 7396 for one member of an object. Null in the place of
// a whole column clears it.
func mergePatch(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	members, _ := target.(map[string]any)
	result := maps.Clone(members)
	if result == nil {
		result = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(result, name)
			continue
		}
		result[name] = mergePatch(result[name], value)
	}
	return result
}

// readOnly returns the fields of the body that no update writes and whose value is not
// the shown one, sorted. It accepts the others. A body that was made from another
// version of the row than the present one has old values: they are accepted, and the
// write then ends with 412.
func (w *writing) readOnly(typ string, before seen, takes map[string]bool, f *fields) (names []string, err error) {
	tag, tagged := f.sent[memberTag].(string)
	if tagged {
		w.sent = w.sent.madeFrom(tag)
	}
	stale := w.sent.matches(w.r.s.etag(typ, before.json)) != nil
	for _, name := range f.names() {
		same := reflect.DeepEqual(f.sent[name], before.object[name])
		switch {
		case takes[name]:
			continue
		case name == memberTag:
			same = tagged
		case name == memberExpanded:
			if same, err = w.expandedSame(typ, before, f.sent[name]); err != nil {
				return nil, err
			}
		}
		if same || stale {
			delete(f.sent, name)
			continue
		}
		names = append(names, name)
	}
	return names, nil
}

// acceptShown drops the fields of a body that are shown and that the write does not take. It
// refuses them if they have another value, unless the body was made from another version of
// the row: then the write ends with 412. It takes the tag of the row as If-Match. current is
// the row, or nil if none of these fields can change.
func (w *writing) acceptShown(f *fields, typ string, current []byte, shown map[string]any, takes ...string) error {
	if tag, tagged := f.sent[memberTag].(string); tagged {
		w.sent = w.sent.madeFrom(tag)
		delete(f.sent, memberTag)
	}
	stale := current != nil && w.sent.matches(w.r.s.etag(typ, current)) != nil
	var names []string
	for name, value := range shown {
		switch sent, has := f.sent[name]; {
		case !has || slices.Contains(takes, name):
		case stale || reflect.DeepEqual(sent, value):
			delete(f.sent, name)
		default:
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		return notWritable(names)
	}
	return nil
}

// madeFrom is a request that also needs the row to have this tag.
func (q *sent) madeFrom(tag string) *sent {
	also := *q
	also.madeOf = tag
	return &also
}

// expandedSame reports whether the rows that a row refers to are those that the body
// has. It reads them outside of the transaction.
func (w *writing) expandedSame(typ string, before seen, value any) (bool, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return false, nil
	}
	p, err := w.r.ReadPlan(typ)
	if err != nil {
		return false, err
	}
	columns, err := readExpand(shownColumns(typ, p.Plan), strings.Join(slices.Sorted(maps.Keys(object)), ","))
	if err != nil {
		return false, nil //nolint:nilerr // it names no reference
	}
	e, err := store.Aside(w.r.Ctx, w.tx, "expansion "+before.row.ID(), string(before.json), func(context.Context) (*expansion, error) {
		return w.r.expand(columns, []query.Row{before.row})
	})
	if err != nil {
		return false, err
	}
	shown, err := strictjson.Parse(append(e.append([]byte("{\"\":0"), before.row), '}'))
	if err != nil {
		return false, err
	}
	return reflect.DeepEqual(shown.(map[string]any)[memberExpanded], value), nil
}

// reasonNotWritable is also the embedded policy's reason for columns that are fixed.
const reasonNotWritable = "column_not_writable"

// notWritable refuses a change of columns that no update writes.
func notWritable(names []string) error {
	return &problem{kind: kindForbidden, reasons: []string{reasonNotWritable}, errors: refusedFields(names)}
}

func refusedFields(names []string) []bodyFault {
	var all faults
	for _, name := range names {
		all.add(bodyFault{pointer: pointerTo(name), field: name, text: "cannot be changed"})
	}
	return all.list
}

// deniedChange is the denial of an update. Which fields it is about is found out after
// the transaction.
type deniedChange struct {
	error
	in       *input.Input // about no field
	fields   []string     // that the update changes
	readOnly []string
}

func (d *deniedChange) Unwrap() error { return d.error }

// blaming adds the names of the fields to the denial of an update.
func (w *writing) blaming(err error, typ, id string, change *input.Change, readOnly []string) error {
	if p := problemOf(err); p.kind != kindForbidden || p.reasons == nil || len(change.Fields) == 0 {
		return err
	}
	row, failed := w.tx.PolicyRow(w.r.Ctx, typ, id)
	if failed != nil {
		return failed
	}
	in := w.r.Input("update", typ, id)
	in.Resource.Row = row
	return &deniedChange{err, in, change.Fields, readOnly}
}

// blamed names the fields of a denied update: those that no update writes, and those
// that the policy denies by themselves, for a reason that it does not give without them.
func (r *inquiry) blamed(err error) error {
	var d *deniedChange
	if !errors.As(err, &d) {
		return err
	}
	reasons := func(fields ...string) []string {
		in := *d.in
		in.Action.Change = &input.Change{Fields: fields}
		return r.Judge(&in).Reasons
	}
	always, names := reasons(), slices.Clone(d.readOnly)
	for _, name := range d.fields {
		if slices.ContainsFunc(reasons(name), func(code string) bool { return !slices.Contains(always, code) }) {
			names = append(names, name)
		}
	}
	p := *problemOf(d.error)
	p.errors = refusedFields(names)
	return &p
}
