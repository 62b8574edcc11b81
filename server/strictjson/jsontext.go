package strictjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads one JSON text (RFC 8259) into map[string]any, []any, string,
// json.Number, bool and nil. It is stricter than encoding/json, so that two readers
// of one request cannot understand it differently: it matches names exactly, and
// refuses duplicate names, invalid UTF-8, lone surrogates and NUL. The result does
// not point into data.
func Parse(data []byte) (any, error) {
	p := Parser{Data: data}
	v, err := p.Value(0)
	if err != nil {
		return nil, err
	}
	if p.Space(); p.Pos < len(data) {
		return nil, p.Fault("there is text after the value")
	}
	return v, nil
}

// maxJSONDepth is the deepest nesting that is accepted.
const maxJSONDepth = 64

// Parser reads one JSON text from Data, which it never changes. Each method reads
// from the byte at Pos and moves Pos past what it has read.
type Parser struct {
	Data []byte
	Pos  int
}

// Fault returns an error that gives the current position.
func (p *Parser) Fault(what string) error {
	return fmt.Errorf("the JSON is malformed at byte %d: %s", p.Pos, what)
}

// Space skips white space.
func (p *Parser) Space() {
	for p.Pos < len(p.Data) {
		switch p.Data[p.Pos] {
		case ' ', '\t', '\r', '\n':
			p.Pos++
		default:
			return
		}
	}
}

// Next skips white space and returns the next byte without reading it, 0 at the end.
func (p *Parser) Next() byte {
	p.Space()
	if p.Pos == len(p.Data) {
		return 0
	}
	return p.Data[p.Pos]
}

// Value reads any value. depth is the number of objects and lists around it.
func (p *Parser) Value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, p.Fault("the nesting is too deep")
	}
	switch b := p.Next(); {
	case b == '{':
		return p.object(depth)
	case b == '[':
		return p.array(depth)
	case b == '"':
		return p.Text()
	case b == '-' || '0' <= b && b <= '9':
		return p.number()
	case b == 't':
		return true, p.word("true")
	case b == 'f':
		return false, p.word("false")
	case b == 'n':
		return nil, p.word("null")
	}
	return nil, p.Fault("a value is expected")
}

func (p *Parser) word(w string) error {
	if len(p.Data)-p.Pos < len(w) || string(p.Data[p.Pos:p.Pos+len(w)]) != w {
		return p.Fault(w + " is expected")
	}
	p.Pos += len(w)
	return nil
}

func (p *Parser) object(depth int) (any, error) {
	p.Pos++
	object := make(map[string]any, 4)
	if p.Next() == '}' {
		p.Pos++
		return object, nil
	}
	for {
		if p.Next() != '"' {
			return nil, p.Fault("a name is expected")
		}
		name, err := p.Name()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, p.Fault("the name " + strconv.Quote(name) + " is given twice")
		}
		if p.Next() != ':' {
			return nil, p.Fault("a colon is expected")
		}
		p.Pos++
		if object[name], err = p.Value(depth + 1); err != nil {
			return nil, err
		}
		if more, err := p.More('}'); err != nil || !more {
			return object, err
		}
	}
}

// Name reads a member's name. It does not allocate for usual names.
func (p *Parser) Name() (string, error) {
	for _, usual := range usualNames {
		end := p.Pos + 1 + len(usual)
		if end < len(p.Data) && p.Data[end] == '"' && string(p.Data[p.Pos+1:end]) == usual {
			p.Pos = end + 1
			return usual, nil
		}
	}
	return p.Text()
}

var usualNames = []string{"type", "id", "name", "subject", "action", "resource", "properties", "context", "account_id"}

func (p *Parser) array(depth int) (any, error) {
	p.Pos++
	list := []any{}
	if p.Next() == ']' {
		p.Pos++
		return list, nil
	}
	for {
		v, err := p.Value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := p.More(']'); err != nil || !more {
			return list, err
		}
	}
}

// More reads the comma before another member, or the closing byte.
func (p *Parser) More(closing byte) (bool, error) {
	switch p.Next() {
	case ',':
		p.Pos++
		return true, nil
	case closing:
		p.Pos++
		return false, nil
	}
	return false, p.Fault("a comma or the end is expected")
}

func (p *Parser) number() (any, error) {
	start := p.Pos
	p.skip('-')
	switch {
	case p.skip('0'):
	case p.digits() == 0:
		return nil, p.Fault("a digit is expected")
	}
	if p.skip('.') && p.digits() == 0 {
		return nil, p.Fault("a digit is expected")
	}
	if p.skip('e') || p.skip('E') {
		if !p.skip('+') {
			p.skip('-')
		}
		if p.digits() == 0 {
			return nil, p.Fault("a digit is expected")
		}
	}
	return json.Number(p.Data[start:p.Pos]), nil
}

func (p *Parser) skip(b byte) bool {
	if p.Pos < len(p.Data) && p.Data[p.Pos] == b {
		p.Pos++
		return true
	}
	return false
}

func (p *Parser) digits() (n int) {
	for p.Pos < len(p.Data) && '0' <= p.Data[p.Pos] && p.Data[p.Pos] <= '9' {
		p.Pos++
		n++
	}
	return n
}

// Text reads a string. A string without escapes, the usual case, is copied at once.
func (p *Parser) Text() (string, error) {
	p.Pos++
	start := p.Pos
	for p.Pos < len(p.Data) {
		switch b := p.Data[p.Pos]; {
		case b == '"':
			raw := p.Data[start:p.Pos]
			if !utf8.Valid(raw) {
				return "", p.Fault("the text is not valid UTF-8")
			}
			p.Pos++
			return string(raw), nil
		case b == '\\':
			return p.escapedText(start)
		case b < ' ':
			return "", p.Fault("a string has a control character")
		}
		p.Pos++
	}
	return "", p.Fault("a string does not end")
}

func (p *Parser) escapedText(start int) (string, error) {
	out := slices.Clone(p.Data[start:p.Pos])
	for p.Pos < len(p.Data) {
		b := p.Data[p.Pos]
		switch {
		case b == '"':
			if !utf8.Valid(out) {
				return "", p.Fault("the text is not valid UTF-8")
			}
			p.Pos++
			return string(out), nil
		case b < ' ':
			return "", p.Fault("a string has a control character")
		case b != '\\':
			out = append(out, b)
			p.Pos++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.Fault("a string does not end")
}

func (p *Parser) escape() (rune, error) {
	p.Pos++
	if p.Pos == len(p.Data) {
		return 0, p.Fault("a string does not end")
	}
	b := p.Data[p.Pos]
	p.Pos++
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
	return 0, p.Fault("the escape is unknown")
}

func (p *Parser) unicode() (rune, error) {
	r, err := p.hex4()
	switch {
	case err != nil:
		return 0, err
	case r == 0:
		return 0, p.Fault("a string has a NUL character")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	if !p.skip('\\') || !p.skip('u') {
		return 0, p.Fault("a surrogate stands alone")
	}
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.Fault("a surrogate stands alone")
	}
	return r, nil
}

func (p *Parser) hex4() (rune, error) {
	if len(p.Data)-p.Pos < 4 {
		return 0, p.Fault("four hexadecimal digits are expected")
	}
	n, err := strconv.ParseUint(string(p.Data[p.Pos:p.Pos+4]), 16, 16)
	if err != nil {
		return 0, p.Fault("four hexadecimal digits are expected")
	}
	p.Pos += 4
	return rune(n), nil
}

// CleanText reports whether s is valid UTF-8 without NUL.
func CleanText(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
