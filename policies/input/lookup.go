package input

import (
	"time"

	"resellerd/policies/predicate"
)

// Lookup returns the value that Document holds at a path, without building the
// document. It returns lists and objects uncopied, nulls included.
func (in *Input) Lookup(ref predicate.Ref) (any, bool) {
	if len(ref) < 2 {
		return nil, false
	}
	switch ref[0] {
	case "resource":
		return in.Resource.lookup(ref)
	case "subject":
		return in.Subject.lookup(ref)
	case "action":
		return in.Action.lookup(ref)
	case "context":
		return in.Context.lookup(ref)
	default:
		return nil, false
	}
}

func (r *Resource) lookup(ref predicate.Ref) (any, bool) {
	switch ref[1] {
	case "type":
		return leaf(r.Type, ref)
	case "properties":
		return Walk(r.Properties, ref[2:])
	case "id":
		if r.ID != "" {
			return leaf(r.ID, ref)
		}
	}
	v, ok := r.Row[ref[1]]
	return v, ok && v != nil && len(ref) == 2
}

func (s *Subject) lookup(ref predicate.Ref) (any, bool) {
	switch ref[1] {
	case "id":
		return leaf(s.ID, ref)
	case "type":
		return leaf(s.Type, ref)
	case "properties":
		return Walk(s.Properties, ref[2:])
	default:
		return s.Facts.lookup(ref)
	}
}

func (a *Action) lookup(ref predicate.Ref) (any, bool) {
	switch ref[1] {
	case "name":
		return leaf(a.Name, ref)
	case "properties":
		return a.property(ref[2:])
	default:
		return nil, false
	}
}

func (a *Action) property(path []string) (any, bool) {
	switch form := a.OwnForm(); {
	case len(path) == 0:
		return Walk(a.properties(), path)
	case path[0] == "form" && form != "":
		return form, len(path) == 1
	default:
		return Walk(a.Properties, path)
	}
}

func (c *Context) lookup(ref predicate.Ref) (any, bool) {
	switch ref[1] {
	case "client_ip":
		return leaf(c.ClientIP, ref)
	case "panel":
		return leaf(c.Panel, ref)
	case "time":
		if c.Time.IsZero() {
			return nil, false
		}
		return leaf(c.Time.UTC().Format(time.RFC3339Nano), ref)
	default:
		return Walk(c.Properties, ref[1:])
	}
}

func leaf(text string, ref predicate.Ref) (any, bool) {
	return text, text != "" && len(ref) == 2
}

// Walk follows a path through objects.
func Walk(object map[string]any, path []string) (any, bool) {
	if len(path) == 0 {
		return object, len(object) > 0
	}
	for i, key := range path {
		v, ok := object[key]
		if !ok || v == nil {
			return nil, false
		}
		if i == len(path)-1 {
			return v, true
		}
		if object, ok = v.(map[string]any); !ok {
			return nil, false
		}
	}
	return nil, false
}
