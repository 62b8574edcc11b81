package server

import (
	"errors"
	"strings"

	"resellerd/store/fault"
)

// maxFaults is the greatest number of faults that one answer reports.
const maxFaults = 100

// bodyFault is one fault of a body.
type bodyFault struct {
	pointer string // JSON pointer (RFC 6901) to the field
	field   string // the field as a detail names it: "user.login"
	text    string // continues the name of the field
	stored  bool   // found by the store: the body may lack such a field
}

// faults collects the faults of a body in the order in which they are found, one for
// each field. The zero value is ready for use.
type faults struct{ list []bodyFault }

func (all *faults) add(one bodyFault) {
	if len(all.list) == maxFaults {
		return
	}
	for _, had := range all.list {
		if had.pointer == one.pointer {
			return
		}
	}
	all.list = append(all.list, one)
}

// err returns the faults as one error, or nil if there are none.
func (all *faults) err() error {
	if len(all.list) == 0 {
		return nil
	}
	return &problem{kind: kindInvalid, errors: all.list}
}

// and returns the answer to a write whose body has faults, and that err refuses as well.
// A missing permission comes before the faults, and the faults come before a conflict.
// Faults of the form and of the values are one answer.
func (f *fields) and(err error) error {
	faults := f.err()
	if faults == nil || err == nil {
		return errors.Join(faults, err)
	}
	p := problemOf(err)
	switch p.kind {
	case kindForbidden, kindNotFound:
		return err
	case kindInvalid:
		for _, more := range p.errors {
			f.faults.add(more)
		}
		all := problemOf(f.err())
		all.reasons = p.reasons
		return all
	}
	return faults
}

// pointerTo is a step of a JSON pointer.
func pointerTo(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// storedFaults returns the faults of fields that an error of the store names.
func storedFaults(err error) []bodyFault {
	var all faults
	for _, bad := range fault.Fields(err) {
		if bad.Field != "" {
			all.add(bodyFault{pointer: pointerOf(bad.Field), field: bad.Field, text: bad.Text, stored: true})
		}
	}
	return all.list
}

// pointerOf is the JSON pointer to a field that the store names: "profit_rules[2].value".
func pointerOf(field string) string {
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(field)
}

// details are the faults as sentences.
func details(all []bodyFault) string {
	sentences := make([]string, len(all))
	for i, one := range all {
		sentences[i] = fault.Sentence(one.field, one.text)
	}
	return strings.Join(sentences, " ")
}

// pointers are the faults of fields that the body has or may have. takes are the names
// of the fields that it may have.
func pointers(all []bodyFault, takes map[string]bool) (errs []problemError) {
	for _, one := range all {
		first, _, _ := strings.Cut(one.pointer[1:], "/")
		if !one.stored || takes[first] {
			errs = append(errs, problemError{one.pointer, fault.Sentence(one.field, one.text)})
		}
	}
	return errs
}
