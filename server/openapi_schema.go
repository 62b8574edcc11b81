package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/store"
	"resellerd/store/schema"
)

// object is a JSON object of the OpenAPI document.
type object = map[string]any

// shapes writes the JSON schemas of requests and answers. A schema comes from a Go
// type. The tags of a field describe its property: description, enum, format, pattern,
// minimum, maximum, minLength, maxLength, minItems, maxItems, uniqueItems, maxProperties,
// default, example, required, nullable ("answers": in answers alone). Of a list, enum names
// the values of its elements. An embedded struct may have the tags required, with names, and
// defaults, with pairs such as status=active. Patterns, lengths and defaults are only for
// requests.
//
// An answer always has the fields that JSON does not omit, except the columns of rows:
// the policy may hide each of them but the id. A request has the fields that are tagged
// as required. It may have no others than its schema, unless the type is open.
type shapes struct {
	named    object                  // the schemas, by name
	types    map[string]reflect.Type // of these names
	inputs   map[reflect.Type]string // names of the schemas of requests
	requests bool                    // write the schemas of requests
	err      error
}

func newShapes() shapes {
	return shapes{named: object{}, types: map[string]reflect.Type{}, inputs: map[reflect.Type]string{}}
}

// open marks the shape of a request that may have fields which nobody reads.
type open interface{ open() }

// of returns the schema of a type. Named structs are references.
func (s *shapes) of(t reflect.Type) object {
	if known, ok := s.known(t); ok {
		return known
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		if t.Name() == "" {
			return s.structure(t)
		}
		return s.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint32:
		return object{"type": "integer"}
	}
	return object{} // any value
}

// known returns the schemas of types whose JSON does not follow from their kind.
func (s *shapes) known(t reflect.Type) (object, bool) {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[schema.Micros]():
		return ofKind(schema.Time), true
	case reflect.TypeFor[schema.Strings]():
		return object{"type": "array", "items": object{"type": "string"}}, true
	case reflect.TypeFor[schema.Access](), reflect.TypeFor[map[string][]string]():
		rows := ofKind(schema.AccessRows)
		if s.requests {
			rows["propertyNames"] = object{"type": "string", "pattern": areaPattern, "maxLength": 200}
		}
		return rows, true
	case reflect.TypeFor[lentTo]():
		return object{"anyOf": []any{
			object{"type": "string", "enum": []any{store.LendNone, store.LendAll}},
			object{"type": "array", "items": object{"type": "string"}},
		}}, true
	case reflect.TypeFor[schema.Ends]():
		return ofKind(schema.Times), true
	case reflect.TypeFor[json.RawMessage]():
		return object{}, true
	case reflect.TypeFor[parentDoc]():
		parent := s.reference(t)
		if s.requests {
			parent = object{"anyOf": []any{object{"type": "string", "description": "the id of the card"}, parent}}
		}
		return parent, true
	case reflect.TypeFor[rateText]():
		rate := s.structure(reflect.TypeFor[rateBody]())
		delete(rate["properties"].(object), "prefix") // it stands beside the rate
		return rate, true
	}
	return nil, false
}

// ofKind returns the schema of the values of a column.
func ofKind(kind schema.Kind) object {
	actions := object{"type": "array", "uniqueItems": true, "items": object{"type": "string", "enum": []string{"create", "read", "update", "delete"}}}
	switch kind {
	case schema.Money:
		return object{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?$`, "examples": []string{"0.0123"}}
	case schema.Time:
		return object{"type": "string", "format": "date-time"}
	case schema.Times:
		return object{"type": "object", "additionalProperties": ofKind(schema.Time)}
	case schema.Integer:
		return object{"type": "integer"}
	case schema.Boolean:
		return object{"type": "boolean"}
	case schema.Letters:
		return actions
	case schema.AccessRows:
		return object{"type": "object", "additionalProperties": actions}
	}
	return object{"type": "string"}
}

// reference returns a reference to the schema of a named struct, and adds the schema
// if it is new.
func (s *shapes) reference(t reflect.Type) object {
	name := schemaName(t)
	if s.requests {
		name = s.inputName(t, name)
	}
	if was := s.types[name]; was == nil {
		s.types[name] = t
		schema := s.structure(t)
		s.named[name] = schema
	} else if was != t {
		s.fail("two schemas are called %s: of %v and %v", name, was, t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// inputName names the schema of a request. Of a type that answers have too, requests
// have a schema of their own, because they may leave fields out.
func (s *shapes) inputName(t reflect.Type, name string) string {
	if known, ok := s.inputs[t]; ok {
		return known
	}
	if s.types[name] != nil {
		name += "Input"
	}
	s.inputs[t] = name
	return name
}

func (s *shapes) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// structure returns the schema of a struct.
func (s *shapes) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	strict := t.PkgPath() == reflect.TypeFor[shapes]().PkgPath() && !t.Implements(reflect.TypeFor[open]())
	for _, f := range jsonProperties(t) {
		f.strict = strict
		p := s.property(f)
		if f.required(s.requests) {
			required = append(required, f.name)
		}
		properties[f.name] = p
	}
	schema := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		slices.Sort(required)
		schema["required"] = required
	}
	if typ, listed := rowTypes[t]; listed && !s.requests {
		s.extend(typ, properties)
	}
	if s.requests {
		schema["additionalProperties"] = t.Implements(reflect.TypeFor[open]())
	}
	return schema
}

// extend adds the members that a row has besides its columns.
func (s *shapes) extend(typ string, properties object) {
	if !untagged[typ] {
		properties["etag"] = object{"type": "string", "description": "in lists: the tag of the row, for If-Match"}
	}
	expanded := object{}
	for _, c := range schema.Info(typ).Columns {
		if !c.Show || c.Refers == "" {
			continue
		}
		one := []any{s.of(s.rowShape(c.Refers)), object{"type": "string", "description": "the id of a row that the user does not see"}}
		if c.Kind == schema.Set {
			expanded[c.Reference()] = object{"type": "array", "items": object{"anyOf": one}}
		} else {
			expanded[c.Reference()] = object{"anyOf": append(one, object{"type": "null"})}
		}
	}
	if len(expanded) > 0 {
		properties["expanded"] = object{"type": "object", "properties": expanded, "description": "with expand: the rows that this row refers to, as GET shows them"}
	}
}

// readOnly adds what a client may send back because an answer had it, and what the write
// does not change.
func (s *shapes) readOnly(body object, answer reflect.Type) {
	typ := rowTypes[answer]
	if typ == "" && answer.NumField() > 0 {
		typ = rowTypes[answer.Field(0).Type] // which it embeds
	}
	switch {
	case typ != "":
		answer = s.rowShape(typ)
	case answer != reflect.TypeFor[importProfileBody]():
		return
	}
	properties := body["properties"].(object)
	for name, of := range s.named[schemaName(answer)].(object)["properties"].(object) {
		if properties[name] == nil {
			of := maps.Clone(of.(object))
			if name == memberTag {
				of["description"] = "the tag of the row that the body was made from, as If-Match: if the row has changed since, the status is 412"
			} else {
				of["readOnly"] = true
			}
			properties[name] = of
		}
	}
}

// merging returns the schema of a merge patch with the fields of a body. It is the body's
// own if no field is merged.
func (s *shapes) merging(name string) object {
	body := maps.Clone(s.named[name].(object))
	properties, merged := maps.Clone(body["properties"].(object)), []string{}
	for field, of := range properties {
		of := maps.Clone(of.(object))
		if members, free := of["additionalProperties"].(object); free && of["readOnly"] == nil {
			of["additionalProperties"] = orNull(maps.Clone(members))
			delete(of, "maxProperties") // of the result
			properties[field] = of
			merged = append(merged, "`"+field+"`")
		}
	}
	if len(merged) > 0 {
		slices.Sort(merged)
		body["properties"] = properties
		body["description"] = "merged as RFC 7396 says: in " + enumerated(merged) + ", null removes a member"
		name += "MergePatch"
		s.named[name] = body
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// rowTypes are the types of rows, by the shape of their answers.
var rowTypes = map[reflect.Type]string{
	reflect.TypeFor[accountBody](): "account", reflect.TypeFor[groupBody](): "group", reflect.TypeFor[userBody](): "user",
	reflect.TypeFor[customerBody](): "customer", reflect.TypeFor[cardBody](): "card", reflect.TypeFor[rateBody](): "rate",
	reflect.TypeFor[revisionBody](): "revision", reflect.TypeFor[assignmentBody](): "assignment",
	reflect.TypeFor[cardCustomerBody](): "card_customer", reflect.TypeFor[auditBody](): "audit",
	reflect.TypeFor[webhookBody](): "webhook", reflect.TypeFor[deadLetterBody](): "dead_letter",
}

// rowShape returns the shape of a type of rows.
func (s *shapes) rowShape(typ string) reflect.Type {
	for shape, name := range rowTypes {
		if name == typ {
			return shape
		}
	}
	s.fail("no shape for rows of type %s", typ)
	return reflect.TypeFor[string]()
}

// property is a field of a struct, as JSON has it.
type property struct {
	reflect.StructField
	name      string
	omitted   bool   // JSON leaves it out if it is empty
	optional  bool   // it belongs to an embedded struct that may be absent
	needed    bool   // the struct that embeds it says that requests need it
	otherwise string // its default in a new row, which the struct that embeds it gives
	column    schema.Field
	hasColumn bool
	strict    bool // it is read as bound says
}

// jsonProperties lists the properties of a struct, with those of embedded structs.
func jsonProperties(t reflect.Type) (all []property) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		column, stored := schema.FieldOf(f)
		switch {
		case f.Tag.Get("inline") == "true": // a type parameter cannot be embedded
			all = append(all, embedded(t, f)...)
			continue
		case f.Type == reflect.TypeFor[bodyMark](), name == "-", stored && (column.Marked("hidden") || column.Marked("unlisted")):
			continue
		case f.Anonymous && name == "":
			all = append(all, embedded(t, f)...)
			continue
		case name == "" && stored:
			name = column.Name
		case name == "" || !f.IsExported():
			continue
		}
		all = append(all, property{StructField: f, name: name, omitted: strings.Contains(options, "omitempty"), column: column, hasColumn: stored})
	}
	return all
}

// embedded lists the properties that a struct has from an embedded struct.
func embedded(t reflect.Type, f reflect.StructField) (all []property) {
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	needed, defaults := strings.Split(f.Tag.Get("required"), ","), map[string]string{}
	for pair := range strings.SplitSeq(f.Tag.Get("defaults"), ",") {
		name, value, _ := strings.Cut(pair, "=")
		defaults[name] = value
	}
	for _, p := range jsonProperties(inner) {
		if inner.NumField() > 0 && p.hasColumn && !taken(t, p.Name) {
			continue
		}
		p.optional = p.optional || f.Type.Kind() == reflect.Pointer
		p.needed = p.needed || slices.Contains(needed, p.name)
		p.otherwise = cmp.Or(defaults[p.name], p.otherwise)
		all = append(all, p)
	}
	return all
}

func (p property) required(request bool) bool {
	switch {
	case request:
		return p.needed || p.Tag.Get("required") == "true"
	case p.optional:
		return false
	case p.hasColumn:
		return p.name == "id"
	}
	return !p.omitted
}

// cleared are the types of objects that null clears in requests.
var cleared = []reflect.Type{reflect.TypeFor[schema.Access](), reflect.TypeFor[map[string][]string](), reflect.TypeFor[schema.Ends]()}

// property returns the schema of a property.
func (s *shapes) property(p property) object {
	of := s.of(p.Type)
	null := p.Tag.Get("nullable") == "true" || p.Tag.Get("nullable") == "answers" && !s.requests || s.requests && slices.Contains(cleared, p.Type)
	if p.hasColumn {
		switch kind := p.column.Kind(); {
		case kind == schema.AccessRows && s.requests: // a ceiling, which may be one for any area
			of["propertyNames"].(object)["pattern"] = `^\*$|` + areaPattern
		case kind != schema.Text && kind != schema.JSON && kind != schema.AccessRows:
			of = ofKind(kind)
		}
		null = null || p.column.Null()
	} else if !s.requests {
		null = null || p.Type.Kind() == reflect.Pointer && !p.omitted
	}
	s.describe(of, p.StructField)
	if s.requests && p.strict {
		p.bound(of)
	}
	if p.otherwise != "" {
		of["default"] = s.value(p.StructField, p.otherwise)
	}
	if null {
		return orNull(of)
	}
	return of
}

// The patterns of texts in requests: a line, a line that is not blank, and the name of an
// area.
const (
	linePattern = `^[^\x00-\x1F\x7F]*$`
	fullPattern = `^[^\x00-\x1F\x7F]*[^\x00-\x20\x7F][^\x00-\x1F\x7F]*$`
	areaPattern = `^[a-z0-9_-]+(/[a-z0-9_-]+)*$`
)

// bound says of a text that it has no control characters, unless it is prose, and of one of
// a column that always has a value, that it is not blank.
func (p property) bound(of object) {
	if of["type"] != "string" || of["enum"] != nil || of["format"] != nil || of["pattern"] != nil || p.Tag.Get("text") == "prose" {
		return
	}
	if of["pattern"] = linePattern; p.hasColumn && !p.column.Null() {
		of["pattern"] = fullPattern
	}
}

// numeric are the keywords with a number, by their tags, and lengths those of them that are
// for requests alone.
var (
	numeric = []string{"minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "maxProperties"}
	lengths = numeric[2:]
)

// describe adds the keywords that the tags of a field give.
func (s *shapes) describe(to object, f reflect.StructField) {
	asked := s.requests || f.Tag.Get("query") != ""
	for _, name := range []string{"description", "format", "pattern"} {
		if text := f.Tag.Get(name); text != "" && (asked || name != "pattern") {
			to[name] = text
		}
	}
	if asked && f.Tag.Get("uniqueItems") != "" {
		to["uniqueItems"] = true
	}
	for _, name := range numeric {
		if text := f.Tag.Get(name); text != "" && (asked || !slices.Contains(lengths, name)) {
			n, err := strconv.Atoi(text)
			if err != nil {
				s.fail("%s: %s: %w", f.Name, name, err)
			}
			to[name] = n
		}
	}
	if words := f.Tag.Get("enum"); words != "" {
		values := to
		if items, list := to["items"].(object); list {
			values = maps.Clone(items)
			to["items"] = values
		}
		values["enum"] = wordsOf(words)
		if to["type"] == "boolean" { // a column that is kept as a word
			to["type"] = "string"
		}
	}
	if text := f.Tag.Get("default"); text != "" && asked {
		to["default"] = s.value(f, text)
	}
}

// wordsOf reads the tag enum: words separated by commas, or by | if a word is a comma.
func wordsOf(tag string) []any {
	separator := ","
	if strings.Contains(tag, "|") {
		separator = "|"
	}
	var words []any
	for word := range strings.SplitSeq(tag, separator) {
		words = append(words, word)
	}
	return words
}

// value reads the tag of a field as a value of its type.
func (s *shapes) value(f reflect.StructField, text string) any {
	kind := f.Type.Kind()
	if kind == reflect.Pointer {
		kind = f.Type.Elem().Kind()
	}
	if kind == reflect.String {
		return text
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		s.fail("%s: default: %w", f.Name, err)
	}
	return value
}

// orNull returns the schema of a value that may also be null.
func orNull(of object) object {
	if ref, refers := of["$ref"]; refers {
		or := object{"anyOf": []any{object{"$ref": ref}, object{"type": "null"}}}
		if text, described := of["description"]; described {
			or["description"] = text
		}
		return or
	}
	typ, one := of["type"].(string)
	if !one {
		return of // any value
	}
	of["type"] = []string{typ, "null"}
	if words, limited := of["enum"].([]any); limited {
		of["enum"] = append(slices.Clone(words), nil)
	}
	return of
}
