package query

import (
	"encoding/json"
	"strings"

	"resellerd/store/schema"
)

// appendObjects writes a JSON array of arrays as an array of objects. It writes
// null for a malformed document.
func appendObjects(dst []byte, text string, fields []schema.ObjectField) []byte {
	var rows [][]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&rows) != nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i, row := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		for j, f := range fields {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, f.Name), ':')
			if j >= len(row) || row[j] == nil {
				dst = append(dst, "null"...)
				continue
			}
			dst = appendField(dst, f.Kind, row[j])
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendField(dst []byte, kind schema.Kind, value any) []byte {
	switch v := value.(type) {
	case json.Number:
		if kind == schema.Money || kind == schema.Time {
			n, _ := v.Int64() // the database made it from an int64
			return AppendValue(dst, kind, n)
		}
		return append(dst, v...)
	case string:
		if kind == schema.Set {
			return appendNames(dst, v)
		}
		return AppendString(dst, v)
	}
	return append(dst, "null"...)
}

// appendNames writes a comma-separated text as a list.
func appendNames(dst []byte, text string) []byte {
	dst = append(dst, '[')
	for i, name := range strings.Split(text, ",") {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, name)
	}
	return append(dst, ']')
}
