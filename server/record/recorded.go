package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
)

// Line holds the members of a decision log line that explanations need.
type Line struct {
	Timestamp string
	Input     map[string]any
	Result    struct {
		View    string
		Columns []string
		Filter  *string
		Access  map[string][]string
	}
	Outcome policies.Outcome
	Reasons []string
	Erased  []string
}

// Read parses the line.
func (m Remembered) Read() (Line, error) {
	var line Line
	d := json.NewDecoder(bytes.NewReader(m.line))
	d.UseNumber()
	if err := d.Decode(&line); err != nil {
		return line, fmt.Errorf("decision %s: %w", m.ID, err)
	}
	return line, nil
}

// QuestionOf returns the question of a recorded input, without the resource's row.
func QuestionOf(doc map[string]any) *input.Input {
	subject, action, resource, context := part(doc, "subject"), part(doc, "action"), part(doc, "resource"), part(doc, "context")
	in := &input.Input{
		Subject:  input.Subject{Type: word(subject, "type"), ID: word(subject, "id"), Properties: part(subject, "properties")},
		Action:   input.Action{Name: word(action, "name"), Properties: part(action, "properties")},
		Resource: input.Resource{Type: word(resource, "type"), ID: word(resource, "id"), Properties: part(resource, "properties")},
		Context:  input.Context{ClientIP: word(context, "client_ip"), Panel: word(context, "panel"), Properties: context},
	}
	in.Context.Time, _ = time.Parse(time.RFC3339Nano, word(context, "time")) // zero if absent or invalid
	if account := part(subject, "account"); account != nil {
		in.Subject.Facts = factsOf(subject, account)
	}
	return in
}

// factsOf returns the facts about the subject that the policy read.
func factsOf(subject, account map[string]any) *input.Facts {
	below := words(subject["below"])
	return input.NewFacts(input.Facts{
		User: part(subject, "user"),
		Account: input.AccountFacts{
			ID: word(account, "id"), ParentID: word(account, "parent_id"), TenantID: word(account, "tenant_id"),
			Kind: word(account, "kind"), Status: word(account, "status"), Depth: number(account, "depth"),
			ListedAreas: account["listed_areas"] == true,
		},
		Access: recordedAccess(subject), Groups: input.RecordedGroups(subject["groups"]),
		Below: func(account string) bool { return slices.Contains(below, account) },
	})
}

func recordedAccess(subject map[string]any) map[string][]string {
	access := map[string][]string{}
	for area, names := range part(subject, "access") {
		access[area] = words(names)
	}
	return access
}

func part(doc map[string]any, key string) map[string]any {
	object, _ := doc[key].(map[string]any)
	return object
}

func word(doc map[string]any, key string) string {
	text, _ := doc[key].(string)
	return text
}

func number(doc map[string]any, key string) int {
	switch n := doc[key].(type) {
	case float64:
		return int(n)
	case json.Number:
		whole, _ := n.Int64() // 0 if it is not an integer
		return int(whole)
	}
	return 0
}

func words(value any) []string {
	items, _ := value.([]any)
	list := make([]string, 0, len(items))
	for _, item := range items {
		if text, ok := item.(string); ok {
			list = append(list, text)
		}
	}
	return list
}
