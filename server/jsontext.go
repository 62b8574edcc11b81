package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads one JSON text (RFC 8259) into map[string]any, []any, string,
// json.Number, bool and nil. It is stricter than encoding/json, because two
// readers of one request must not see two requests: names are matched exactly,
// a name given twice is refused, and so are invalid UTF-8, lone surrogates and
// NUL. Nothing it returns points into data.
func parseJSON(data []byte) (any, error) {
	p := jsonParser{data: data}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(data) {
		return nil, p.fault("text after the value")
	}
	return v, nil
}

// maxJSONDepth bounds nesting.
const maxJSONDepth = 64

type jsonParser struct {
	data []byte
	pos  int
}

func (p *jsonParser) fault(what string) error {
	return fmt.Errorf("json at byte %d: %s", p.pos, what)
}

func (p *jsonParser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// next skips space and returns the byte that follows, 0 at the end.
func (p *jsonParser) next() byte {
	p.space()
	if p.pos == len(p.data) {
		return 0
	}
	return p.data[p.pos]
}

func (p *jsonParser) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, p.fault("nested too deep")
	}
	switch b := p.next(); {
	case b == '{':
		return p.object(depth)
	case b == '[':
		return p.array(depth)
	case b == '"':
		return p.text()
	case b == '-' || '0' <= b && b <= '9':
		return p.number()
	case b == 't':
		return true, p.word("true")
	case b == 'f':
		return false, p.word("false")
	case b == 'n':
		return nil, p.word("null")
	}
	return nil, p.fault("want a value")
}

func (p *jsonParser) word(w string) error {
	if len(p.data)-p.pos < len(w) || string(p.data[p.pos:p.pos+len(w)]) != w {
		return p.fault("want " + w)
	}
	p.pos += len(w)
	return nil
}

func (p *jsonParser) object(depth int) (any, error) {
	p.pos++
	object := make(map[string]any, 4)
	if p.next() == '}' {
		p.pos++
		return object, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.fault("want a name")
		}
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, p.fault("name given twice: " + strconv.Quote(name))
		}
		if p.next() != ':' {
			return nil, p.fault("want a colon")
		}
		p.pos++
		if object[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if more, err := p.more('}'); err != nil || !more {
			return object, err
		}
	}
}

// name reads a member's name; the usual ones need no copy.
func (p *jsonParser) name() (string, error) {
	for _, usual := range usualNames {
		end := p.pos + 1 + len(usual)
		if end < len(p.data) && p.data[end] == '"' && string(p.data[p.pos+1:end]) == usual {
			p.pos = end + 1
			return usual, nil
		}
	}
	return p.text()
}

var usualNames = []string{"type", "id", "name", "subject", "action", "resource", "properties", "context", "account_id"}

func (p *jsonParser) array(depth int) (any, error) {
	p.pos++
	list := []any{}
	if p.next() == ']' {
		p.pos++
		return list, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := p.more(']'); err != nil || !more {
			return list, err
		}
	}
}

// more reads the comma before another member, or the closing byte.
func (p *jsonParser) more(closing byte) (bool, error) {
	switch p.next() {
	case ',':
		p.pos++
		return true, nil
	case closing:
		p.pos++
		return false, nil
	}
	return false, p.fault("want a comma or the end")
}

func (p *jsonParser) number() (any, error) {
	start := p.pos
	p.skip('-')
	switch {
	case p.skip('0'):
	case p.digits() == 0:
		return nil, p.fault("want a digit")
	}
	if p.skip('.') && p.digits() == 0 {
		return nil, p.fault("want a digit")
	}
	if p.skip('e') || p.skip('E') {
		if !p.skip('+') {
			p.skip('-')
		}
		if p.digits() == 0 {
			return nil, p.fault("want a digit")
		}
	}
	return json.Number(p.data[start:p.pos]), nil
}

func (p *jsonParser) skip(b byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == b {
		p.pos++
		return true
	}
	return false
}

func (p *jsonParser) digits() (n int) {
	for p.pos < len(p.data) && '0' <= p.data[p.pos] && p.data[p.pos] <= '9' {
		p.pos++
		n++
	}
	return n
}

// text reads a string; most hold no escape and are copied at once.
func (p *jsonParser) text() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.data) {
		switch b := p.data[p.pos]; {
		case b == '"':
			raw := p.data[start:p.pos]
			if !utf8.Valid(raw) {
				return "", p.fault("invalid utf-8")
			}
			p.pos++
			return string(raw), nil
		case b == '\\':
			return p.escapedText(start)
		case b < ' ':
			return "", p.fault("control character in a string")
		}
		p.pos++
	}
	return "", p.fault("string without an end")
}

func (p *jsonParser) escapedText(start int) (string, error) {
	out := slices.Clone(p.data[start:p.pos])
	for p.pos < len(p.data) {
		b := p.data[p.pos]
		switch {
		case b == '"':
			if !utf8.Valid(out) {
				return "", p.fault("invalid utf-8")
			}
			p.pos++
			return string(out), nil
		case b < ' ':
			return "", p.fault("control character in a string")
		case b != '\\':
			out = append(out, b)
			p.pos++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.fault("string without an end")
}

func (p *jsonParser) escape() (rune, error) {
	p.pos++
	if p.pos == len(p.data) {
		return 0, p.fault("string without an end")
	}
	b := p.data[p.pos]
	p.pos++
	switch b {
	case '"', '\\', '/':
		return rune(b), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.unicode()
	}
	return 0, p.fault("unknown escape")
}

func (p *jsonParser) unicode() (rune, error) {
	r, err := p.hex4()
	switch {
	case err != nil:
		return 0, err
	case r == 0:
		return 0, p.fault("nul character")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	if !p.skip('\\') || !p.skip('u') {
		return 0, p.fault("lone surrogate")
	}
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.fault("lone surrogate")
	}
	return r, nil
}

func (p *jsonParser) hex4() (rune, error) {
	if len(p.data)-p.pos < 4 {
		return 0, p.fault("want four hex digits")
	}
	n, err := strconv.ParseUint(string(p.data[p.pos:p.pos+4]), 16, 16)
	if err != nil {
		return 0, p.fault("want four hex digits")
	}
	p.pos += 4
	return rune(n), nil
}
