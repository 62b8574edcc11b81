package session

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"resellerd/store/query"
	"resellerd/store/schema"
)

// changeText is what an audit entry keeps: each column before and after, and
// the policy columns of the row, by which a later reader's view is found. Only
// the columns are ever shown.
type changeText struct {
	Columns map[string]Changed `json:"columns"`
	Row     map[string]any     `json:"row,omitempty"`
}

// Changed is a column's value before and after a write.
type Changed struct {
	Before any `json:"before"`
	After  any `json:"after"`
}

// AuditChange is the difference of two representations of a row, as an audit entry
// keeps it. Row holds the policy columns of the row after the write, or before a
// deletion.
func AuditChange(typ string, row, before, after map[string]any) (json.RawMessage, error) {
	text := changeText{Columns: map[string]Changed{}, Row: map[string]any{}}
	for _, name := range Differing(before, after) {
		text.Columns[name] = Changed{before[name], after[name]}
	}
	for _, c := range schema.Info(typ).Columns {
		if value, ok := row[c.Name]; ok && !c.Opaque {
			text.Row[c.Name] = value
		}
	}
	return json.Marshal(text)
}

// Differing lists the columns in which two representations of a row differ, sorted.
// The times of its creation and its last change are no change of their own.
func Differing(before, after map[string]any) []string {
	names := map[string]bool{}
	for _, side := range []map[string]any{before, after} {
		for name := range side {
			if name != "updated_at" && name != "created_at" && !reflect.DeepEqual(before[name], after[name]) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// NewestFirst orders q, a query of the plan, as the audit trail is listed: by time
// where the time is shown.
func (p ReadPlan) NewestFirst(q query.Query) query.Query {
	if p.Sees("at") {
		q.Sort, q.Desc = "at", true
	}
	return q
}

var changeField = []byte(`"change":`)

// AppendEntry appends an audit entry as JSON, with its change cut to the reader's
// view. The change is the last column, and no text before it can hold a bare quote.
func (r *Session) AppendEntry(row query.Row, dst []byte) []byte {
	start := len(dst)
	dst = row.AppendJSON(dst)
	at := bytes.Index(dst[start:], changeField)
	if at < 0 {
		return dst
	}
	at += start + len(changeField)
	shown := r.shownChange(dst[start:], slices.Clone(dst[at:len(dst)-1]))
	return append(append(dst[:at], shown...), '}')
}

// entryHead is what of an entry says whose view its change is cut to.
type entryHead struct {
	Resource struct{ Type, ID string } `json:"resource"`
}

// shownChange cuts a change to the columns that the reader is shown of such a
// row; of a row that the reader would not see, nothing is left.
func (r *Session) shownChange(entry, change []byte) []byte {
	var head entryHead
	var text changeText
	if json.Unmarshal(change, &text) != nil || text.Columns == nil {
		return []byte("null")
	}
	if json.Unmarshal(entry, &head) != nil {
		return []byte("null")
	}
	columns := r.ColumnsShown(head.Resource.Type, head.Resource.ID, text.Row)
	shown := map[string]Changed{}
	for name, value := range text.Columns {
		if !slices.Contains(columns, columnOf(name)) {
			continue
		}
		if name == "revision" {
			of := r.ColumnsShown("revision", head.Resource.ID, text.Row)
			value = Changed{r.revisionShown(of, value.Before), r.revisionShown(of, value.After)}
		}
		shown[name] = value
	}
	out, err := json.Marshal(shown)
	if err != nil {
		return []byte("null")
	}
	return out
}

// importMembers are what a change says of an import beside its revisions.
var importMembers = []string{"mode", "base", "imported"}

// countMembers are what it says of how an import compares with what was there.
var countMembers = []string{"created", "up", "down", "changed", "removed", "unchanged"}

// revisionShown cuts what a change says of a revision, or of those that were
// imported, to the columns of a revision that the reader is shown.
func (r *Session) revisionShown(columns []string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		shown := map[string]any{}
		for name, member := range value {
			if slices.Contains(columns, name) || slices.Contains(importMembers, name) ||
				slices.Contains(countMembers, name) && r.CostsShown().Rates {
				shown[name] = r.revisionShown(columns, member)
			}
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, member := range value {
			shown[i] = r.revisionShown(columns, member)
		}
		return shown
	}
	return value
}

// columnOf is the column that a change is shown with: customers on a card with
// the accounts that it is assigned to.
func columnOf(name string) string {
	if name == "customers" {
		return "assigned_to"
	}
	return name
}
