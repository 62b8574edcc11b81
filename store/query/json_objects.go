package query

import (
	"encoding/json"
	"strings"

	"resellerd/store/schema"
)

// objectField is one value of a row that is kept as an array, and how it is
// shown.
type objectField struct {
	name   string
	append func(dst []byte, value any) []byte
}

func parentFields() []objectField {
	return []objectField{
		{"card_id", appendPlain}, {"name", appendPlain}, {"exchange", appendPlain}, {"exchange_at", appendMoment},
	}
}

func ruleFields() []objectField {
	return []objectField{
		{"match", appendPlain}, {"type", appendPlain}, {"value", appendMoney}, {"apply_to", appendNames}, {"status", appendPlain},
		{"mcd", appendPlain}, {"pulse", appendPlain}, {"connect", appendMoney}, {"precision", appendPlain}, {"rounding", appendPlain},
	}
}

// appendObjects writes a JSON array of arrays as one of objects. A document of
// another form is shown as null.
func appendObjects(dst []byte, text string, fields []objectField) []byte {
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
			dst = append(AppendString(dst, f.name), ':')
			if j >= len(row) || row[j] == nil {
				dst = append(dst, "null"...)
				continue
			}
			dst = f.append(dst, row[j])
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendPlain writes a text or a whole number.
func appendPlain(dst []byte, value any) []byte {
	switch v := value.(type) {
	case json.Number:
		return append(dst, v...)
	case string:
		return AppendString(dst, v)
	}
	return append(dst, "null"...)
}

func wholeNumber(value any) int64 {
	number, _ := value.(json.Number)
	n, _ := number.Int64() // made by the database from one
	return n
}

func appendMoney(dst []byte, value any) []byte {
	return appendValue(dst, schema.Money, wholeNumber(value))
}

func appendMoment(dst []byte, value any) []byte {
	return appendValue(dst, schema.Time, wholeNumber(value))
}

// appendNames writes a list that is kept joined by commas.
func appendNames(dst []byte, value any) []byte {
	text, _ := value.(string)
	dst = append(dst, '[')
	for i, name := range strings.Split(text, ",") {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, name)
	}
	return append(dst, ']')
}
