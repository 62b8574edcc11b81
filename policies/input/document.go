package input

import (
	"maps"
	"strings"
	"time"
)

// Document returns the document that a full evaluation reads and the decision
// log records. Absent values are absent keys, never null. subject.below holds
// only those accounts of the subject's subtree that the resource or a property
// of the request names, because policies may only test membership. Document
// does not use the catalog; Engine.Document does.
func (in *Input) Document() map[string]any { return in.document(nil) }

// completeSets adds the set columns that a row lacks. An empty set equals an
// absent one, so that a filter need not distinguish them.
func (s Schema) completeSets(typ string, resource map[string]any) {
	for column, kind := range s[typ].Columns {
		if _, ok := resource[column]; !ok && kind == Set {
			resource[column] = []any{}
		}
	}
}

// DocumentIn is Document for a resource of the schema, with two additions. It
// holds all set columns of the resource's type, empty where the row has none.
// The accounts in named are also looked up in the subject's subtree.
func (in *Input) DocumentIn(schema Schema, named []string) map[string]any {
	doc := in.document(named)
	schema.completeSets(in.Resource.Type, doc["resource"].(map[string]any))
	return doc
}

func (in *Input) document(named []string) map[string]any {
	subject := in.subjectDocument(named)
	if f := in.Subject.Facts; f != nil {
		maps.Copy(subject, f.document())
	}
	return map[string]any{
		"subject": subject, "action": in.actionDocument(),
		"resource": in.resourceDocument(), "context": in.contextDocument(),
	}
}

// subjectDocument returns the subject without the facts, which all requests of
// the subject share.
func (in *Input) subjectDocument(named []string) map[string]any {
	doc := map[string]any{}
	putText(doc, "type", in.Subject.Type)
	putText(doc, "id", in.Subject.ID)
	putObject(doc, "properties", in.Subject.Properties)
	if in.Subject.Facts != nil {
		doc["below"] = PlainValue(in.AppendBelow(nil, named))
	}
	return doc
}

func (in *Input) actionDocument() map[string]any {
	doc := map[string]any{}
	putText(doc, "name", in.Action.Name)
	putObject(doc, "properties", in.Action.properties())
	if c := in.Action.Change; c != nil {
		doc["change"] = map[string]any{
			"fields": PlainValue(c.Fields), "before": accessDocument(c.Before), "after": accessDocument(c.After),
			"held": accessDocument(c.Held),
		}
	}
	return doc
}

func accessDocument(access map[string][]string) map[string]any {
	doc := make(map[string]any, len(access))
	for area, letters := range access {
		doc[area] = PlainValue(letters)
	}
	return doc
}

func (in *Input) resourceDocument() map[string]any {
	doc := make(map[string]any, len(in.Resource.Row)+3)
	for column, v := range in.Resource.Row {
		if v != nil {
			doc[column] = PlainValue(v)
		}
	}
	delete(doc, "properties")
	putText(doc, "type", in.Resource.Type)
	putText(doc, "id", in.Resource.ID)
	putObject(doc, "properties", in.Resource.Properties)
	return doc
}

func (in *Input) contextDocument() map[string]any {
	doc := map[string]any{}
	for key, v := range in.Context.Properties {
		if v != nil && !ContextKey(key) {
			doc[key] = PlainValue(v)
		}
	}
	putText(doc, "client_ip", in.Context.ClientIP)
	putText(doc, "panel", in.Context.Panel)
	if !in.Context.Time.IsZero() {
		doc["time"] = in.Context.Time.UTC().Format(time.RFC3339Nano)
	}
	return doc
}

// ContextKey reports whether key is a context key that only resellerd sets.
func ContextKey(key string) bool {
	return key == "client_ip" || key == "time" || key == "panel"
}

func putText(doc map[string]any, key, value string) {
	if value != "" {
		doc[key] = value
	}
}

func putObject(doc map[string]any, key string, value map[string]any) {
	if len(value) > 0 {
		doc[key] = PlainValue(value)
	}
}

// PlainValue returns a JSON value without null members of objects. It copies
// objects and lists and returns other values as they are.
func PlainValue(v any) any {
	switch v := v.(type) {
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	case map[string]any:
		return plainObject(v)
	case []any:
		return plainList(v)
	default:
		return v
	}
}

func plainObject(object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, v := range object {
		if v != nil {
			out[key] = PlainValue(v)
		}
	}
	return out
}

func plainList(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = PlainValue(v)
	}
	return out
}

// AccountKey reports whether a column or property names an account.
func AccountKey(typ, key string) bool {
	switch key {
	case "account_id", "parent_id", "tenant_id", "owner", "owner_id":
		return true
	case "id":
		return typ == "account"
	default:
		return strings.HasSuffix(key, "_account_id")
	}
}
