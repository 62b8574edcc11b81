package server

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// parameters lists the parameters of an operation: those of its path, of its query,
// and its headers.
func (d *document) parameters(rt *route) (all []object) {
	_, names := openPath(rt.path)
	for _, name := range names {
		all = append(all, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"},
			"description": pathParameters[name]})
	}
	typ := listed(rt.doc.response)
	expands := typ
	if rt.doc.response != nil {
		expands = cmp.Or(typ, rowTypes[reflect.TypeOf(rt.doc.response)])
	}
	if rt.doc.query != nil {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(rt.doc.query)) {
			if p := d.queryParameter(f, typ, expands); p != nil {
				all = append(all, p)
			}
		}
	}
	if rt.scope == identity.ScopeWrite && !rt.doc.dry {
		all = append(all, object{"name": "dry_run", "in": "query", "schema": object{"type": "boolean", "enum": []any{false}},
			"description": "this request has no dry run"})
	}
	if rt.doc.lists && typ != "" {
		all = append(all, filters(typ)...)
	}
	for _, name := range headersOf(rt) {
		all = append(all, object{"$ref": "#/components/parameters/" + headerName(name)})
	}
	return all
}

// pathParameters describes the parameters of paths.
var pathParameters = map[string]string{
	"id":          "the id of the row",
	"revision":    "the id of the revision",
	"account_id":  "the id of the account",
	"customer_id": "the id of the customer",
	"name":        "the name of the profile",
	"page":        "the name of the page, such as server.md",
	"user":        "the id or the external id of the user",
	"external_id": "the external id of the row, with escapes of URLs",
	"letter":      "the id of the message",
}

// listed returns the type of the rows that an answer lists, "" for none.
func listed(response any) string {
	if response == nil {
		return ""
	}
	t := reflect.TypeOf(response)
	if !strings.HasPrefix(t.Name(), "page[") {
		return ""
	}
	return rowTypes[t.Field(0).Type.Elem()]
}

// lacking says what a list lacks that lists usually have, "" for nothing.
func lacking(rt *route) string {
	if rt.method != fiber.MethodGet || rt.doc.query == nil || rt.doc.response == nil || reflect.TypeOf(rt.doc.response).Kind() != reflect.Struct {
		return ""
	}
	answer := reflect.TypeOf(rt.doc.response)
	if _, paged := answer.FieldByName("Next"); !paged {
		return ""
	}
	typ := listed(rt.doc.response)
	if typ == "" {
		missing := []string{"no filters"}
		for _, name := range []string{"Count", "Sort", "Expand"} {
			if _, there := reflect.TypeOf(rt.doc.query).FieldByName(name); !there {
				missing = append(missing, "no `"+strings.ToLower(name)+"`")
			}
		}
		missing = append(missing, "no `prev`")
		if _, there := answer.FieldByName("Total"); !there {
			missing = append(missing, "no `total`")
		}
		if !slices.Contains(rt.doc.headers, fiber.HeaderIfNoneMatch) {
			missing = append(missing, "no `If-None-Match`")
		}
		text := "This list has " + strings.Join(missing, ", ")
		if items, _ := answer.FieldByName("Items"); !slices.ContainsFunc(jsonProperties(items.Type.Elem()), func(p property) bool { return p.name == memberTag }) {
			text += ", and its rows have no `etag`"
		}
		return text + "."
	}
	var unfiltered, unsorted []string
	for _, c := range schema.Info(typ).Columns {
		if c.Show && !c.Search {
			unfiltered = append(unfiltered, "`"+c.Name+"`")
		}
		if c.Show && !c.Sort {
			unsorted = append(unsorted, "`"+c.Name+"`")
		}
	}
	var all []string
	if len(unfiltered) > 0 {
		all = append(all, "Rows cannot be selected by "+enumerated(unfiltered)+".")
	}
	if len(unsorted) > 0 {
		all = append(all, "Rows cannot be sorted by "+enumerated(unsorted)+".")
	}
	if len(references(typ)) == 0 {
		all = append(all, "Rows refer to no others, so there is no `expand`.")
	}
	if untagged[typ] {
		all = append(all, "Rows have no `etag`.")
	}
	return strings.Join(all, " ")
}

// enumerated joins words: "a, b or c".
func enumerated(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// queryParameter describes the parameter of a field with the tag query. typ is the type of
// the rows that the answer lists, and expands that of the rows that it has. It returns nil
// for a field without the tag, and for parameters that these rows do not have.
func (d *document) queryParameter(f reflect.StructField, typ, expands string) object {
	name := f.Tag.Get("query")
	if name == "" {
		return nil
	}
	of := d.shapes.of(f.Type)
	if d.shapes.describe(of, f); of["type"] == "string" && of["enum"] == nil {
		of["minLength"] = 1
	}
	p := object{"name": name, "in": "query", "schema": of}
	if text, described := of["description"]; described {
		p["description"] = text
		delete(of, "description")
	}
	if f.Tag.Get("required") == "true" {
		p["required"] = true
	}
	if text := f.Tag.Get("example"); text != "" {
		p["example"] = text
	}
	switch {
	case name == "sort" && typ != "":
		if of["enum"] = sorts(typ); len(sorts(typ)) == 0 {
			return nil
		}
	case name == "expand" && expands != "":
		names := references(expands)
		if len(names) == 0 {
			return nil
		}
		p["schema"] = object{"type": "array", "items": object{"type": "string", "enum": names}}
		p["style"], p["explode"] = "form", false
	}
	return p
}

// sorts lists the values of the parameter sort.
func sorts(typ string) (values []any) {
	for _, c := range schema.Info(typ).Columns {
		if c.Show && c.Sort {
			values = append(values, c.Name, "-"+c.Name)
		}
	}
	return values
}

// references lists the values of the parameter expand.
func references(typ string) (names []any) {
	for _, c := range schema.Info(typ).Columns {
		if c.Show && c.Refers != "" {
			names = append(names, c.Reference())
		}
	}
	return names
}

// filters lists the parameters that select rows of a type, by column.
func filters(typ string) (all []object) {
	for _, c := range schema.Info(typ).Columns {
		for _, o := range operators {
			if c.Show && o.takes(c) {
				all = append(all, filter(c, o))
			}
		}
	}
	return all
}

// filter describes a filter. One that takes several values is an array: ids, words and
// truth values are separated by commas, other values by repeating the parameter.
func filter(c schema.ColumnInfo, o operator) object {
	value := ofKind(c.Kind)
	if o.null {
		value = object{"type": "boolean"}
	}
	switch {
	case !o.many:
	case c.Words != nil:
		value["enum"] = c.Words
	case c.Prefix != "":
		value["pattern"] = "^" + c.Prefix + "[a-z2-7]{26}$"
	case c.Name == "currency":
		value["pattern"] = "^[A-Z]{3}$"
	}
	if value["type"] == "string" && value["enum"] == nil && value["format"] == nil && value["pattern"] == nil {
		value["minLength"] = 1
	}
	delete(value, "examples")
	means := o.means
	if o.op == query.Contains {
		if !c.Folds {
			means = "contains this text, without regard to the case of A to Z"
		}
		means += "; several columns, separated by commas, are searched by one parameter, such as name,email_contains"
	}
	p := object{"name": c.Name + o.suffix, "in": "query", "description": c.Name + " " + means, "x-column": c.Name}
	if o.many {
		value = object{"type": "array", "items": value, "maxItems": query.MaxValues}
		p["style"], p["explode"] = "form", !c.Commas()
	}
	p["schema"] = value
	return p
}

// headersOf lists the headers that a route reads.
func headersOf(rt *route) []string {
	headers := slices.Clone(rt.doc.headers)
	switch rt.open {
	case asUser:
		headers = append(headers, headerClientIP, headerAtLeast)
		if rt.method == fiber.MethodGet {
			headers = append(headers, headerAs)
		}
		headers = append(headers, headerRequestID)
	case subjectInBody:
		headers = append(headers, headerAtLeast, headerRequestID)
	}
	return headers
}

// headerName names the component of a header: "ResellerdAtLeast".
func headerName(header string) string { return strings.ReplaceAll(header, "-", "") }

// requestHeaders describes the headers that callers may send besides those of the
// security schemes.
var requestHeaders = map[string]object{
	headerClientIP: {"description": "The address of the user's client. Users with ip_allow are denied without it. Only for panel tokens.",
		"schema": object{"type": "string"}},
	headerAs: {"description": "Shows what this user would see: the id or the external id of the user. Needs the area preview. Only for panel tokens.",
		"schema": object{"type": "string"}},
	headerAtLeast: {"description": "The Resellerd-Revision of an earlier answer. The answer comes from data at least that new, or is 503. Only for panel tokens.",
		"schema": object{"type": "string"}},
	headerReasons: {"description": "true: a denial has its reasons.", "schema": object{"type": "string", "enum": []string{"true", "false"}}},
	headerRequestID: {"description": "The caller's own name for the request. The answer repeats it. Another name replaces one with other characters.",
		"schema": object{"type": "string"}},
	headerIdempotency: {"description": "The caller's own name for this write. A repetition within 24 hours does not write again, and gets 422 if its path or body differs.",
		"schema": object{"type": "string", "maxLength": identity.MaxName}},
	fiber.HeaderIfMatch: {"description": "The ETag of the row that the caller has read. If the row has changed since then, the answer is 412.",
		"schema": object{"type": "string"}},
	fiber.HeaderIfNoneMatch: {"description": "The ETag of an earlier answer. If it still holds, the answer is 304 without a body.",
		"schema": object{"type": "string"}},
}
