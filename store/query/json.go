package query

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"resellerd/store/schema"
)

// AppendJSON appends the row as a JSON object. It writes only the columns that the
// row shows, in the order of the type. An absent value is null.
func (r Row) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for _, c := range r.shape.columns {
		if !r.shows(c) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, c.Field...)
		dst = AppendValue(dst, c.Kind, r.values[c.at])
	}
	return append(dst, '}')
}

// AppendMembers appends members to an open JSON object: the named columns that the
// row shows.
func (r Row) AppendMembers(dst []byte, names ...string) []byte {
	for _, c := range r.shape.columns {
		if !r.shows(c) || !slices.Contains(names, c.Name) {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, c.Field...)
		dst = AppendValue(dst, c.Kind, r.values[c.at])
	}
	return dst
}

// AppendValue appends the value of a column as JSON. A nil value is null.
func AppendValue(dst []byte, kind schema.Kind, v any) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch kind {
	case schema.Integer:
		return strconv.AppendInt(dst, numberOf(v), 10)
	case schema.Boolean:
		return strconv.AppendBool(dst, truth(v))
	case schema.Money:
		dst = schema.AppendMoney(append(dst, '"'), numberOf(v))
		return append(dst, '"')
	case schema.Time:
		dst = appendTime(append(dst, '"'), numberOf(v))
		return append(dst, '"')
	case schema.Set, schema.JSON:
		return appendCompact(dst, textOf(v))
	case schema.Letters:
		return appendAccess(dst, textOf(v))
	case schema.AccessRows:
		return appendAccessRows(dst, textOf(v))
	case schema.Times:
		return appendTimes(dst, textOf(v))
	case schema.Reference:
		return appendReference(dst, textOf(v))
	case schema.RevisionHead:
		return appendRevision(dst, textOf(v))
	case schema.ParentCards:
		return appendObjects(dst, textOf(v), schema.ParentFields)
	case schema.RuleList:
		return appendObjects(dst, textOf(v), schema.RuleFields)
	}
	if b, ok := v.([]byte); ok {
		return appendQuoted(dst, b)
	}
	return appendQuoted(dst, textOf(v))
}

func appendText(dst []byte, kind schema.Kind, v any) []byte {
	switch {
	case v == nil:
		return dst
	case kind == schema.Text:
		if b, ok := v.([]byte); ok {
			return append(dst, b...)
		}
		return append(dst, textOf(v)...)
	case kind == schema.Money:
		return schema.AppendMoney(dst, numberOf(v))
	case kind == schema.Time:
		return appendTime(dst, numberOf(v))
	}
	return AppendValue(dst, kind, v)
}

func numberOf(v any) int64 {
	n, _ := v.(int64)
	return n
}

func appendTime(dst []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(dst, time.RFC3339Nano)
}

const hexDigits = "0123456789abcdef"

// AppendString appends a JSON string. Besides the characters that JSON requires, it
// escapes those that have a meaning in HTML and JavaScript.
func AppendString(dst []byte, text string) []byte { return appendQuoted(dst, text) }

func appendQuoted[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, text[start:i]...), `\ufffd`...)
				start = i + 1
			} else if r == '\u2028' || r == '\u2029' {
				dst = append(append(dst, text[start:i]...), `\u202`...)
				dst = append(dst, hexDigits[r&15])
				start = i + size
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			dst = appendEscaped(append(dst, text[start:i]...), c)
			start = i + 1
		}
		i++
	}
	return append(append(dst, text[start:]...), '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendCompact copies JSON without the blanks between tokens, because the
// databases insert different ones.
func appendCompact(dst []byte, text string) []byte {
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
			continue
		}
		dst = append(dst, c)
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			i++
			dst = append(dst, text[i])
		case c == '"':
			quoted = !quoted
		}
	}
	return dst
}

var accessNames = [...]struct {
	letter byte
	name   string
}{{'c', `"create"`}, {'r', `"read"`}, {'u', `"update"`}, {'d', `"delete"`}}

func appendAccess(dst []byte, letters string) []byte {
	dst = append(dst, '[')
	first := true
	for _, a := range accessNames {
		if strings.IndexByte(letters, a.letter) < 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, a.name...)
	}
	return append(dst, ']')
}

// appendAccessRows writes the areas in bytewise order, each with its list of
// rights. It writes null for a malformed document.
func appendAccessRows(dst []byte, text string) []byte {
	var rows map[string]string
	if json.Unmarshal([]byte(text), &rows) != nil {
		return append(dst, "null"...)
	}
	areas := make([]string, 0, len(rows))
	for area := range rows {
		areas = append(areas, area)
	}
	slices.Sort(areas)
	dst = append(dst, '{')
	for i, area := range areas {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, area), ':')
		dst = appendAccess(dst, rows[area])
	}
	return append(dst, '}')
}

// appendTimes writes the names in bytewise order, each with its time. It writes null
// for a malformed document.
func appendTimes(dst []byte, text string) []byte {
	var times map[string]int64
	if json.Unmarshal([]byte(text), &times) != nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(times)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, name), ':')
		dst = AppendValue(dst, schema.Time, times[name])
	}
	return append(dst, '}')
}

func appendReference(dst []byte, text string) []byte {
	typ, id, _ := strings.Cut(text, "/")
	dst = AppendString(append(dst, `{"type":`...), typ)
	dst = AppendString(append(dst, `,"id":`...), id)
	return append(dst, '}')
}

func appendRevision(dst []byte, text string) []byte {
	var parts [4]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&parts) != nil {
		return append(dst, "null"...)
	}
	id, _ := parts[0].(string)
	dst = AppendString(append(dst, `{"id":`...), id)
	if number, ok := parts[1].(json.Number); ok {
		dst = append(append(dst, `,"number":`...), number...)
	}
	dst = append(dst, `,"activated_at":`...)
	if at, ok := parts[2].(json.Number); ok {
		micros, _ := at.Int64()
		dst = AppendValue(dst, schema.Time, micros)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"rows":`...)
	if rows, ok := parts[3].(json.Number); ok {
		return append(append(dst, rows...), '}')
	}
	return append(dst, "null}"...)
}
