package session

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"resellerd/store/query"
	"resellerd/store/schema"
)

// changeText is the change as an audit entry stores it: each changed column before
// and after, and the policy columns of the row. Those decide what a later reader sees
// of the change. Readers are shown Columns only.
type changeText struct {
	Columns map[string]Changed `json:"columns"`
	Row     map[string]any     `json:"row,omitempty"`
}

// Changed is a column's value before and after a write.
type Changed struct {
	Before any `json:"before"`
	After  any `json:"after"`
}

// AuditChange returns the difference of two representations of a row, in the form
// that an audit entry stores. Row holds the policy columns of the row after the
// write, or before a deletion. Of values that identify a person, it says only that they
// were there.
func AuditChange(typ string, row, before, after map[string]any) (json.RawMessage, error) {
	text := changeText{Columns: map[string]Changed{}, Row: map[string]any{}}
	for _, name := range Differing(before, after) {
		text.Columns[name] = Changed{before[name], after[name]}
	}
	for _, c := range schema.Info(typ).Columns {
		if change, ok := text.Columns[c.Name]; ok && c.Personal {
			text.Columns[c.Name] = Changed{withheld(change.Before), withheld(change.After)}
		}
	}
	for _, c := range schema.Info(typ).Columns {
		if value, ok := row[c.Name]; ok && !c.Opaque && !c.Personal {
			text.Row[c.Name] = value
		}
	}
	return json.Marshal(text)
}

// withheld returns what stands for a personal value. An empty list is nobody's.
func withheld(value any) any {
	if list, is := value.([]any); value == nil || is && len(list) == 0 {
		return value
	}
	return schema.Withheld
}

// Differing lists the columns in which two representations of a row differ, sorted.
// It ignores created_at and updated_at.
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

// NewestFirst orders q, a query of the plan, newest first like the audit trail. It
// changes nothing if the plan does not show the time.
func (p ReadPlan) NewestFirst(q query.Query) query.Query {
	if p.Sees("at") {
		q.Sort, q.Desc = "at", true
	}
	return q
}

var changeField = []byte(`"change":`)

// AppendEntry appends an audit entry as JSON. It reduces the change to the columns
// that the reader may see. The change is the last column. JSON escapes quotes, so no
// text before it can contain the bytes of changeField.
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

// entryHead is the part of an entry that names the changed resource. The reader's
// view of that resource decides what the reader sees of the change.
type entryHead struct {
	Resource struct{ Type, ID string } `json:"resource"`
}

// shownChange reduces a change to the columns that the reader sees of such a row. If
// the reader would not see the row, the change is empty.
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
		if kind, is := profileKind(name); is {
			if !r.seesProfiles(head.Resource.ID, kind) {
				continue
			}
			value = Changed{r.profileShown(value.Before), r.profileShown(value.After)}
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

// importMembers are the members of an import's change that do not describe a
// revision.
var importMembers = []string{"mode", "base", "imported"}

// countMembers are the counts that compare an import with the rates before it.
var countMembers = []string{"created", "up", "down", "changed", "removed", "unchanged"}

// revisionShown reduces the description of one or several revisions in a change to
// the columns that the reader sees of a revision. It shows counts only to a reader
// who may see all rates.
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

// profilePrefix begins the columns of profiles in the changes of their account.
const profilePrefix = "import_profile:"

// ProfileColumn returns the column under which a change of a profile stands among those of its account. kind is the
// kind of its cards.
func ProfileColumn(kind, name string) string { return profilePrefix + kind + ":" + name }

func profileKind(column string) (kind string, is bool) {
	rest, is := strings.CutPrefix(column, profilePrefix)
	kind, _, _ = strings.Cut(rest, ":")
	return kind, is
}

// CardArea is the area of the cards of a kind.
func CardArea(kind string) string { return "card/" + kind }

// seesProfiles reports whether the reader may read the profiles of an account for cards of a kind: those of its own
// account, with access to the area of the cards.
func (r *Session) seesProfiles(account, kind string) bool {
	return r.Subject.Account.ID == account && r.Engine.Decide(r.Ctx, r.Input("read", "area", CardArea(kind))).Allow && r.ViewerReads(CardArea(kind))
}

// profileShown leaves the prices of a file out of a profile, unless the reader sees all rates of the cards that it sees.
func (r *Session) profileShown(profile any) any {
	rules, is := profile.(map[string]any)
	if is && !r.CostsShown().Rates {
		delete(rules, "typical")
	}
	return profile
}

// columnOf returns the column that decides whether a changed column is shown. The
// customers of a card are shown if assigned_to is. The number of users that somebody looked
// at, how somebody reviewed them, the reason for which somebody created a user, and the profiles of an account are
// shown if the row is.
func columnOf(name string) string {
	_, profile := profileKind(name)
	switch {
	case name == "customers":
		return "assigned_to"
	case name == "users", strings.HasPrefix(name, "reviewed_"), name == "reason", profile:
		return "id"
	}
	return name
}
