package cardfile

import (
	"encoding/json"
	"errors"
	"io"
)

// document reads JSON one token at a time.
type document struct {
	*json.Decoder
}

func (r *reader) document(f File) (document, error) {
	text, encoding, err := f.text(r.ctx, r.o)
	if err != nil {
		return document{}, err
	}
	if encoding == "windows-1252" {
		return document{}, ask("encoding", "the file is not valid UTF-8")
	}
	g := &guard{ctx: r.ctx, from: text, work: r.work}
	d := json.NewDecoder(g)
	d.UseNumber()
	g.parsed = d.InputOffset
	return document{d}, nil
}

// fault turns an error in the JSON into an ErrFile. It returns other errors,
// such as those of reading the file, unchanged.
func (d document) fault(err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("the JSON document is incomplete")
	case errors.As(err, &syntax), errors.As(err, &typ):
		return broken("the JSON document is malformed after %d bytes", d.InputOffset())
	}
	return err
}

// open reads the beginning of an object or array.
func (d document) open(what string, delim json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return d.fault(err)
	}
	if token != delim {
		return broken("%s is not as open rate card JSON defines it", what)
	}
	return nil
}

// object calls member for each name of an object. member reads the value and
// returns true, or returns false to skip it. A name for which it returns true
// must not occur twice.
func (d document) object(what string, member func(name string) (known bool, err error)) error {
	if err := d.open(what, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return d.fault(err)
		}
		name, _ := token.(string)
		switch {
		case seen[name]:
			return broken("%s has %q twice", what, excerpt(name))
		case len(seen) > 1000:
			return broken("%s has too many names", what)
		}
		known, err := member(name)
		if err != nil {
			return err
		}
		if !known {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		seen[name] = true
	}
	_, err := d.Token()
	return d.fault(err)
}

// skip skips one value of any size.
func (d document) skip() error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return d.fault(err)
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

func (d document) decode(into any) error { return d.fault(d.Decode(into)) }
