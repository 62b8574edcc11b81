// Package gateway maps the requests of gateways and proxies to questions about areas and
// rows. The mapping is policy data: data.gateway for gateways that name the template of a
// route, data.areas for proxies that name a path.
//
// A request that could be read in two ways is not mapped, and the caller denies what is
// not mapped. A path is never changed to make it fit. A Map is immutable.
package gateway

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"resellerd/policies/areas"
	"resellerd/policies/input"
)

// Asked is one question that a request must pass.
type Asked struct{ Action, Type, ID string }

// Map maps requests to questions.
type Map struct {
	identities map[string]bool
	routes     map[string]*route
	paths      []*pathRule
}

// route is a template with its rights by method.
type route struct {
	steps  []string
	rights map[string][]right
}

// right is what a request needs. A row is named by the parameter param.
type right struct{ action, typ, param, area string }

var method = regexp.MustCompile(`^[A-Z]+$`)

// Read reads data.gateway and data.areas. Its error names every fault.
func Read(data map[string]any) (*Map, error) {
	m := &Map{identities: map[string]bool{}, routes: map[string]*route{}}
	faults := &faults{}
	given, _ := data["gateway"].(map[string]any)
	for _, name := range faults.texts("data.gateway.identities", given["identities"]) {
		m.identities[name] = true
	}
	templates, _ := given["routes"].(map[string]any)
	for _, template := range slices.Sorted(maps.Keys(templates)) {
		m.routes[template] = readRoute(faults, template, templates[template])
	}
	patterns, _ := data["areas"].(map[string]any)
	for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
		m.addPattern(faults, pattern, patterns[pattern])
	}
	return m, errors.Join(faults.all...)
}

// Identity reports whether subjects of a type are users of the store.
func (m *Map) Identity(typ string) bool { return m.identities[typ] }

// RouteType is the type of resource by which gateways name the template of a route.
const RouteType = "route"

// Routes reports whether the data maps routes.
func (m *Map) Routes() bool { return len(m.routes) > 0 }

// Templates returns the templates of the routes, sorted.
func (m *Map) Templates() []string { return slices.Sorted(maps.Keys(m.routes)) }

// Methods returns the methods of a template, sorted.
func (m *Map) Methods(template string) []string {
	if rt := m.routes[template]; rt != nil {
		return slices.Sorted(maps.Keys(rt.rights))
	}
	return nil
}

// Areas returns the areas that the mapping names.
func (m *Map) Areas() (names []string) {
	for _, rt := range m.routes {
		for _, rights := range rt.rights {
			for _, r := range rights {
				if r.area != "" {
					names = append(names, r.area)
				}
			}
		}
	}
	for _, p := range m.paths {
		for _, c := range p.choices {
			names = append(names, c.area)
		}
	}
	return names
}

// Route returns the questions that a gateway's request must pass. The properties are
// those that the gateway sent about the route. It returns false if the template or the
// method has no mapping, if the path does not fit the template, or if a row is asked for
// that nothing names.
func (m *Map) Route(template, method string, properties map[string]any) ([]Asked, bool) {
	rt := m.routes[template]
	if rt == nil || len(rt.rights[method]) == 0 {
		return nil, false
	}
	params, ok := rt.params(properties)
	if !ok {
		return nil, false
	}
	var all []Asked
	for _, r := range rt.rights[method] {
		id, named := params[r.param]
		switch {
		case r.typ != "" && named:
			all = append(all, Asked{r.action, r.typ, id})
		case r.area != "" && (r.typ == "" || len(params) == 0):
			all = append(all, Asked{r.action, input.AreaType, r.area})
		default:
			return nil, false
		}
	}
	return all, true
}

// params returns the parameters of a request. Those of the path and those that the
// gateway read must be the same.
func (rt *route) params(properties map[string]any) (map[string]string, bool) {
	params := map[string]string{}
	sent, named := properties["params"]
	if named {
		object, ok := sent.(map[string]any)
		if !ok {
			return nil, false
		}
		for name, value := range object {
			text, ok := value.(string)
			if !ok || text == "" {
				return nil, false
			}
			params[name] = text
		}
	}
	path, there := properties["path"]
	if !there {
		return params, true
	}
	text, ok := path.(string)
	if !ok {
		return nil, false
	}
	read, ok := rt.read(text)
	return read, ok && (!named || maps.Equal(read, params))
}

// read returns the parameters in a path.
func (rt *route) read(target string) (map[string]string, bool) {
	path, _, _ := strings.Cut(target, "?")
	steps, ok := Steps(path)
	if !ok || len(steps) != len(rt.steps) {
		return nil, false
	}
	params := map[string]string{}
	for i, step := range rt.steps {
		name, isParam := paramOf(step)
		switch {
		case isParam && steps[i] != "":
			params[name] = steps[i]
		case isParam || step != steps[i]:
			return nil, false
		}
	}
	return params, true
}

func paramOf(step string) (name string, ok bool) {
	if len(step) > 2 && step[0] == '{' && step[len(step)-1] == '}' {
		return step[1 : len(step)-1], true
	}
	return "", false
}

func readRoute(f *faults, template string, given any) *route {
	at := fmt.Sprintf("data.gateway.routes[%q]", template)
	rt := &route{rights: map[string][]right{}}
	params := map[string]bool{}
	var ok bool
	if rt.steps, ok = patternSteps(template); !ok || strings.Contains(template, "*") {
		f.add("%s: the template must be a path such as /customers/{id}", at)
	}
	for _, step := range rt.steps {
		if name, is := paramOf(step); is {
			params[name] = true
		}
	}
	methods, _ := given.(map[string]any)
	if len(methods) == 0 {
		f.add("%s: name at least one method", at)
	}
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		if !method.MatchString(name) {
			f.add("%s: %q is no method in capitals", at, name)
		}
		list, _ := methods[name].([]any)
		if len(list) == 0 {
			f.add("%s.%s: list at least one right", at, name)
		}
		for _, one := range list {
			rt.rights[name] = append(rt.rights[name], readRight(f, at+"."+name, one, params))
		}
	}
	return rt
}

func readRight(f *faults, at string, given any, params map[string]bool) right {
	var r right
	object, _ := given.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, ok := object[key].(string)
		into := map[string]*string{"action": &r.action, "type": &r.typ, "id": &r.param, "area": &r.area}[key]
		if !ok || text == "" || into == nil {
			f.add("%s: %q must be one of action, type, id and area, with a text", at, key)
			continue
		}
		*into = text
	}
	if name, ok := paramOf(r.param); r.param != "" && (!ok || !params[name]) {
		f.add("%s: the id %q is no parameter of the template", at, r.param)
	} else {
		r.param = name
	}
	switch {
	case r.action == "":
		f.add("%s: a right needs an action", at)
	case (r.typ == "") != (r.param == ""):
		f.add("%s: a row needs a type and an id", at)
	case r.typ == "" && r.area == "":
		f.add("%s: a right needs an area, or a type and an id", at)
	}
	if r.area != "" && !areas.Valid(r.area) {
		f.add("%s: %q is no area", at, r.area)
	}
	return r
}

type faults struct{ all []error }

func (f *faults) add(format string, args ...any) { f.all = append(f.all, fmt.Errorf(format, args...)) }

func (f *faults) texts(at string, given any) (texts []string) {
	if given == nil {
		return nil
	}
	list, ok := given.([]any)
	if !ok {
		f.add("%s: must be a list of texts", at)
	}
	for _, one := range list {
		text, ok := one.(string)
		if !ok || text == "" {
			f.add("%s: must be a list of texts", at)
			continue
		}
		texts = append(texts, text)
	}
	return texts
}
