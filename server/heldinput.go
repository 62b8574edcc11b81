package server

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"sync"

	"resellerd/policies/input"
	"resellerd/store/fault"
)

// heldInputs keeps the large parts of inputs on disk until decisions about them are made. An
// import may have very many of them. The zero value is ready.
type heldInputs struct{ file rowSpool }

// heldSize is how many bytes an input that is on disk needs in memory, about.
const heldSize = 1 << 10

// heldInput is the large part of an input. Absent says which of Before, After, Held and Row are nil.
type heldInput struct {
	Change input.Change
	Row    map[string]any
	Absent [4]bool
}

var registerValues = sync.OnceFunc(func() {
	for _, value := range []any{map[string]any{}, []any{}, json.Number("")} {
		gob.Register(value) // policy rows have them beside the basic types
	}
})

// keep keeps an input that has a change. It returns nil for an input that it cannot keep: the
// caller must hold it in memory.
func (h *heldInputs) keep(in *input.Input) func() (*input.Input, error) {
	registerValues()
	c := in.Action.Change
	held := heldInput{*c, in.Resource.Row, [4]bool{c.Before == nil, c.After == nil, c.Held == nil, in.Resource.Row == nil}}
	var text bytes.Buffer
	if gob.NewEncoder(&text).Encode(held) != nil { // such as a nil in a list
		return nil
	}
	at := h.file.size
	if h.file.add(text.Bytes()) != nil {
		return nil
	}
	rest := *in
	rest.Action.Change, rest.Resource.Row = nil, nil
	return func() (*input.Input, error) {
		text, err := h.file.at(at)
		if err != nil {
			return nil, err
		}
		var held heldInput
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&held); err != nil {
			return nil, errors.Join(fault.ErrUnavailable, err)
		}
		for i, access := range []*map[string][]string{&held.Change.Before, &held.Change.After, &held.Change.Held} {
			if *access == nil && !held.Absent[i] {
				*access = map[string][]string{}
			}
		}
		if held.Row == nil && !held.Absent[3] {
			held.Row = map[string]any{}
		}
		whole := rest
		whole.Action.Change, whole.Resource.Row = &held.Change, held.Row
		return &whole, nil
	}
}
