// Package replay repeats recorded decisions under another policy, and reports which
// of them differ.
package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/policies/bounded"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// entry holds the members of a decision log line that replay needs.
type entry struct {
	Event      string          `json:"event"` // set for a record, which is not a decision
	DecisionID string          `json:"decision_id"`
	Path       string          `json:"path"`
	Timestamp  time.Time       `json:"timestamp"` // zero if the entry does not say it
	Input      json.RawMessage `json:"input"`
	Result     *result         `json:"result"`
	Outcome    string          `json:"outcome"`
	Reasons    []string        `json:"reasons"`
	DecidedAs  string          `json:"decided_as"`
	Revision   string          `json:"policy_revision"`
	Erased     []string        `json:"erased"`
	Truncated  bool            `json:"truncated"`

	unknown []predicate.Ref // erased parts of the input
	hidden  []string        // erased parts of the result
}

// result is the recorded answer about one row, a list, or all areas.
type result struct {
	View    string   `json:"view"`
	Columns []string `json:"columns"`

	Filter *string                `json:"filter"`
	Views  []policies.ViewText    `json:"views"`
	Shown  []policies.ColumnsText `json:"shown"`
	Access map[string][]string    `json:"access"`

	Answer string `json:"answer"` // refers to the record that has the other members
}

var errNoEntry = errors.New("no entry of a decision log")

// readEntry reads a line. A record, which is not a decision, has an Event.
func readEntry(line []byte) (*entry, error) {
	e := &entry{}
	if err := json.Unmarshal(line, e); err != nil {
		return nil, err
	}
	if e.Event != "" {
		return e, nil
	}
	if e.DecisionID == "" || e.Path == "" || e.Outcome == "" {
		return nil, errNoEntry
	}
	for _, path := range e.Erased {
		if err := e.erase(path); err != nil {
			return nil, err
		}
	}
	return e, nil
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// erase notes an erased path.
func (e *entry) erase(path string) error {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || parts[0] != "" {
		return fmt.Errorf("erased path %q", path)
	}
	for i := range parts {
		parts[i] = pointerEscapes.Replace(parts[i])
	}
	switch parts[1] {
	case "input":
		e.unknown = append(e.unknown, predicate.Ref(parts[2:]))
	case "result":
		e.hidden = append(e.hidden, strings.Join(parts[2:], "."))
	}
	return nil
}

// object is a JSON object.
type object map[string]any

func (o object) text(key string) string {
	text, _ := o[key].(string)
	return text
}

func (o object) object(key string) object {
	inner, _ := o[key].(map[string]any)
	return inner
}

// take removes the keys from o and returns the rest.
func (o object) take(keys ...string) map[string]any {
	for _, key := range keys {
		delete(o, key)
	}
	return o
}

// profiles are the records of a log that entries refer to, by their hashes.
type profiles struct {
	kept    *bounded.Cache[string, map[string]any]
	answers *bounded.Cache[string, *result]
}

// profileBytes bounds the profiles that are kept, and perProfileByte is the memory for
// a byte of a record. A log repeats the profiles in each file.
const (
	profileBytes   = 256 << 20
	perProfileByte = 8
)

func newProfiles() profiles {
	return profiles{bounded.New[string, map[string]any](profileBytes), bounded.New[string, *result](profileBytes)}
}

var (
	profileStart = []byte(`{"event":"profile"`)
	accessStart  = []byte(`{"event":"access"`)
	answerStart  = []byte(`{"event":"answer"`)
)

// note keeps the profile, access or answer that a line holds, if it holds one. A line that
// cannot be read is reported when its turn comes.
func (p profiles) note(line []byte) {
	if bytes.HasPrefix(line, answerStart) {
		var a struct {
			Hash string `json:"hash"`
			result
		}
		if json.Unmarshal(line, &a) == nil {
			p.answers.Add(a.Hash, &a.result, int64(perProfileByte*len(line)))
		}
		return
	}
	if !bytes.HasPrefix(line, profileStart) && !bytes.HasPrefix(line, accessStart) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var facts object
	if d.Decode(&facts) == nil {
		hash := facts.text("hash")
		p.kept.Add(hash, facts.take("event", "hash", "chain"), int64(perProfileByte*len(line)))
	}
}

// resolve puts the facts into a subject that refers to a profile. It returns false if
// the profile is not known.
func (p profiles) resolve(subject object) bool {
	hash, refers := subject["profile"].(string)
	if !refers {
		return true
	}
	facts, ok := p.kept.Get(hash)
	maps.Copy(subject, facts)
	return ok
}

// resolveChange puts the access into a change that refers to it. It returns false if the
// access is not known.
func (p profiles) resolveChange(change object) bool {
	for side, v := range change {
		hash, refers := v.(string)
		if !refers {
			continue
		}
		known, ok := p.kept.Get(hash)
		if !ok {
			return false
		}
		change[side] = known["access"]
	}
	return true
}

var (
	errNoProfile = errors.New("the profile of the subject is not in the log")
	errNoAccess  = errors.New("the access that the change gives or takes is not in the log")
)

// input rebuilds the question. subtree answers which accounts are below the
// subject's. It returns errNoProfile or errNoAccess if the entry refers to a record that
// is not known.
func (e *entry) input(schema input.Schema, known profiles, subtree *subtree) (*input.Input, error) {
	if len(e.Input) == 0 {
		return nil, errNoEntry
	}
	d := json.NewDecoder(bytes.NewReader(e.Input))
	d.UseNumber()
	var doc object
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	in := &input.Input{}
	var err error
	if in.Context, err = readContext(doc.object("context")); err != nil {
		return nil, err
	}
	action := doc.object("action")
	if !known.resolveChange(action.object("change")) {
		return nil, errNoAccess
	}
	readAction(&in.Action, action)
	readResource(&in.Resource, doc.object("resource"), schema, in.Action.Name)
	subject := doc.object("subject")
	if !known.resolve(subject) {
		return nil, errNoProfile
	}
	readSubject(&in.Subject, subject, subtree)
	if _, written := in.Action.Properties["form"]; !written && !subtree.counted {
		in.Action.Form = input.FormOne // entries leave it out
	}
	subtree.in = in
	return in, nil
}

func readContext(doc object) (input.Context, error) {
	c := input.Context{ClientIP: doc.text("client_ip"), Panel: doc.text("panel")}
	if at := doc.text("time"); at != "" {
		var err error
		if c.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return c, err
		}
	}
	c.Properties = doc.take("client_ip", "panel", "time")
	return c, nil
}

func readAction(a *input.Action, doc object) {
	a.Name, a.Properties = doc.text("name"), doc.object("properties")
	if change := doc.object("change"); change != nil {
		a.Change = &input.Change{
			Fields: texts(change["fields"]), Before: access(change["before"]), After: access(change["after"]),
			Held: access(change["held"]),
		}
	}
}

// readResource reads the columns of a row with the types that the store returns.
func readResource(r *input.Resource, doc object, schema input.Schema, action string) {
	r.Type, r.ID, r.Properties = doc.text("type"), doc.text("id"), doc.object("properties")
	columns := doc.take("type", "id", "properties")
	kinds, stored := schema[r.Type]
	if !stored {
		return
	}
	r.Row = map[string]any{}
	for name, v := range columns {
		r.Row[name] = column(kinds.Columns[name], v)
	}
	if action == "create" { // the sender proposed members that are not columns
		for _, name := range []string{"type", "properties"} {
			if v, ok := r.Properties[name]; ok {
				r.Row[name] = v
			}
		}
	}
}

func column(kind input.ColumnKind, v any) any {
	switch kind {
	case input.Set:
		if list, ok := v.([]any); ok && allTexts(list) {
			return texts(v)
		}
	case input.Integer:
		return number(v)
	}
	return v
}

func allTexts(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool {
		_, ok := v.(string)
		return !ok
	})
}

// number returns an integer as the store returns it, and any other value unchanged.
func number(v any) any {
	if n, ok := v.(json.Number); ok {
		if whole, err := n.Int64(); err == nil {
			return whole
		}
	}
	return v
}

// readSubject reads the subject. It adds facts if the store knew the subject.
func readSubject(s *input.Subject, doc object, subtree *subtree) {
	s.Type, s.ID, s.Properties = doc.text("type"), doc.text("id"), doc.object("properties")
	account := doc.object("account")
	if account == nil && doc["access"] == nil && doc["user"] == nil {
		return
	}
	subtree.known = texts(doc["below"])
	_, listed := doc["groups"].([]any)
	subtree.counted = !listed
	user := doc.object("user")
	typed := make(map[string]any, len(user)) // user may belong to a profile, which is shared
	for key, v := range user {
		typed[key] = number(v)
	}
	s.Facts = input.NewFacts(input.Facts{
		User: typed, Access: access(doc["access"]), Groups: input.RecordedGroups(doc["groups"]), Below: subtree.below,
		Account: input.AccountFacts{
			ID: account.text("id"), ParentID: account.text("parent_id"), TenantID: account.text("tenant_id"),
			Kind: account.text("kind"), Status: account.text("status"), Depth: whole(account["depth"]),
			ListedAreas: account["listed_areas"] == true,
		},
	})
}

func whole(v any) int {
	n, _ := number(v).(int64)
	return int(n)
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func access(v any) map[string][]string {
	doc, _ := v.(map[string]any)
	out := make(map[string][]string, len(doc))
	for area, letters := range doc {
		out[area] = texts(letters)
	}
	return out
}

// subtree says which accounts are below the subject's own account, as far as the
// entry records it. The entry covers only the accounts that its request names, unless
// the same policy made it.
type subtree struct {
	known   []string
	in      *input.Input
	all     bool // the entry covers every account that this policy can ask for
	counted bool // an earlier release recorded only the number of the subject's groups
	asked   bool // the policy asked for an account that the entry does not cover
}

func (s *subtree) below(account string) bool {
	if slices.Contains(s.known, account) {
		return true
	}
	if s.in == nil || !s.all && !s.in.Names(account) {
		s.asked = true
	}
	return false
}
