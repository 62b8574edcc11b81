package server

import (
	"resellerd/server/strictjson"
)

// question is an AuthZEN evaluation request (Authorization API 1.0, 5.1).
type question struct {
	subject, resource entity
	action            string
	actionProperties  map[string]any
	context           map[string]any
}

type entity struct {
	typ, id    string
	properties map[string]any
}

// parseQuestion reads a request's body with as few allocations as possible. Each
// fault is a 400 that names the fault. Members that the standard does not define
// are ignored.
func parseQuestion(body []byte) (question, error) {
	var q question
	var have members
	r := questionReader{Parser: strictjson.Parser{Data: body}}
	if err := r.whole("the body", func(name string) (*bool, func() error) { return r.part(&q, &have, name) }); err != nil {
		return q, err
	}
	return q, have.complete()
}

// members marks the parts of a question that are present: subject, action, resource
// and context.
type members [4]bool

// complete returns a 400 that names a missing part. A question needs no context.
func (have members) complete() error {
	for i, name := range []string{"subject", "action", "resource"} {
		if !have[i] {
			return malformed(name, "is missing")
		}
	}
	return nil
}

// part returns how to read a member of a question.
func (r *questionReader) part(q *question, have *members, name string) (there *bool, read func() error) {
	switch name {
	case "subject":
		return &have[0], func() error { return r.entity("subject", &q.subject) }
	case "action":
		if r.searched == name {
			return nil, nil
		}
		return &have[1], func() error { return r.action(q) }
	case "resource":
		return &have[2], func() error { return r.entity("resource", &q.resource) }
	case "context":
		return &have[3], func() error { return r.properties("context", &q.context) }
	}
	return nil, nil
}

// whole reads an object that nothing follows.
func (r *questionReader) whole(what string, member func(name string) (*bool, func() error)) error {
	if err := r.object(what, 0, member); err != nil {
		return err
	}
	if r.Space(); r.Pos < len(r.Data) {
		return badRequest(r.Fault("there is text after the value").Error())
	}
	return nil
}

// questionReader reads the members that it knows and skips the others.
type questionReader struct {
	strictjson.Parser
	searched string // the part that a search asks for; it needs no id
}

// object reads an object. For each name, member returns where to mark the member
// as present, and how to read it. It returns nil for a member to skip.
func (r *questionReader) object(what string, depth int, member func(name string) (*bool, func() error)) error {
	if r.Next() != '{' {
		if _, err := r.Value(depth); err != nil {
			return badRequest(err.Error())
		}
		return malformed(what, "must be an object")
	}
	r.Pos++
	if r.Next() == '}' {
		r.Pos++
		return nil
	}
	for {
		if err := r.member(depth, member); err != nil {
			return err
		}
		more, err := r.More('}')
		if err != nil {
			return badRequest(err.Error())
		}
		if !more {
			return nil
		}
	}
}

func (r *questionReader) member(depth int, member func(name string) (*bool, func() error)) error {
	if r.Next() != '"' {
		return badRequest(r.Fault("a name is expected").Error())
	}
	name, err := r.Name()
	if err != nil {
		return badRequest(err.Error())
	}
	if r.Next() != ':' {
		return badRequest(r.Fault("a colon is expected").Error())
	}
	r.Pos++
	there, read := member(name)
	switch {
	case there == nil:
		if _, err := r.Value(depth + 1); err != nil {
			return badRequest(err.Error())
		}
		return nil
	case *there:
		return malformed(name, "is given more than once")
	}
	*there = true
	return read()
}

func (r *questionReader) entity(what string, e *entity) error {
	var have [3]bool
	err := r.object(what, 1, func(name string) (*bool, func() error) {
		switch name {
		case "type":
			return &have[0], func() error { return r.textInto(what+".type", &e.typ) }
		case "id":
			if r.searched == what {
				return nil, nil
			}
			return &have[1], func() error { return r.textInto(what+".id", &e.id) }
		case "properties":
			return &have[2], func() error { return r.properties(what+".properties", &e.properties) }
		}
		return nil, nil
	})
	switch {
	case err != nil:
		return err
	case !have[0]:
		return malformed(what+".type", "is missing")
	case !have[1] && r.searched != what:
		return malformed(what+".id", "is missing")
	}
	return nil
}

func (r *questionReader) action(q *question) error {
	var have [2]bool
	err := r.object("action", 1, func(name string) (*bool, func() error) {
		switch name {
		case "name":
			return &have[0], func() error { return r.textInto("action.name", &q.action) }
		case "properties":
			return &have[1], func() error { return r.properties("action.properties", &q.actionProperties) }
		}
		return nil, nil
	})
	if err == nil && !have[0] {
		return malformed("action.name", "is missing")
	}
	return err
}

// textInto reads a string that is not empty.
func (r *questionReader) textInto(what string, into *string) error {
	if r.Next() != '"' {
		if _, err := r.Value(2); err != nil {
			return badRequest(err.Error())
		}
		return malformed(what, "must be a string")
	}
	text, err := r.Text()
	switch {
	case err != nil:
		return badRequest(err.Error())
	case text == "":
		return malformed(what, "is empty")
	}
	*into = text
	return nil
}

func (r *questionReader) properties(what string, into *map[string]any) error {
	v, err := r.Value(2)
	if err != nil {
		return badRequest(err.Error())
	}
	object, ok := v.(map[string]any)
	if !ok {
		return malformed(what, "must be an object")
	}
	*into = object
	return nil
}
