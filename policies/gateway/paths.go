package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"resellerd/policies/areas"
	"resellerd/policies/input"
)

// pathRule is a pattern of paths. Its choices differ in the query.
type pathRule struct {
	pattern  string
	steps    []string
	choices  []choice
	selected map[string]bool // the names of query values that tell the choices apart
}

// choice is an area with the values of the query that lead to it.
type choice struct {
	values  map[string]string
	area    string
	actions map[string][]string // by method
}

// methodActions are the actions that a method needs, unless data says otherwise. A form
// can say in its body that it deletes, so POST needs them all.
var methodActions = map[string][]string{
	"GET": {"read"}, "HEAD": {"read"}, "POST": {"create", "update", "delete"},
	"PUT": {"update"}, "PATCH": {"update"}, "DELETE": {"delete"},
}

// Path returns the questions that a request for a path with its query must pass. It
// returns false if nothing maps them, or if another reader could understand them as
// something else: see Steps.
func (m *Map) Path(method, target string) ([]Asked, bool) {
	path, query, _ := strings.Cut(target, "?")
	steps, ok := Steps(path)
	if !ok {
		return nil, false
	}
	rule := m.rule(steps, strings.Compare)
	if rule == nil || rule != m.rule(steps, compareFolded) {
		return nil, false // in other letters, the path would belong to another rule
	}
	c := rule.choose(query)
	if c == nil || len(c.actions[method]) == 0 {
		return nil, false
	}
	var all []Asked
	for _, action := range c.actions[method] {
		all = append(all, Asked{action, input.AreaType, c.area})
	}
	return all, true
}

func compareFolded(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// rule returns the most specific rule for a path: from the left, a fixed step comes
// before a parameter, and a parameter before *.
func (m *Map) rule(steps []string, compare func(a, b string) int) *pathRule {
	for _, p := range m.paths {
		if p.fits(steps, compare) {
			return p
		}
	}
	return nil
}

func (p *pathRule) fits(steps []string, compare func(a, b string) int) bool {
	for i, step := range p.steps {
		if step == "*" {
			return i < len(steps)
		}
		if i >= len(steps) {
			return false
		}
		if _, param := paramOf(step); param && steps[i] != "" || !param && compare(step, steps[i]) == 0 {
			continue
		}
		return false
	}
	return len(steps) == len(p.steps)
}

// choose returns the choice that a query leads to. A value that tells choices apart must
// stand in the query as data writes it, and once.
func (p *pathRule) choose(query string) *choice {
	if strings.ContainsAny(query, ";\\#") {
		return nil
	}
	values := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		loose, ok := looseName(name)
		if !ok {
			return nil
		}
		for selected := range p.selected {
			if loose != strings.ToLower(selected) {
				continue
			}
			if _, again := values[name]; again || name != selected {
				return nil
			}
			values[name] = value
		}
	}
	for i := range p.choices {
		if maps.Equal(p.choices[i].values, values) {
			return &p.choices[i]
		}
	}
	return nil
}

// looseName returns how a careless reader could understand the name of a query value.
// PHP drops blanks at the start, reads "." and " " as "_", and cuts at "[".
func looseName(name string) (string, bool) {
	text, ok := unescape(name)
	if !ok {
		return "", false
	}
	text = strings.TrimLeft(strings.ReplaceAll(text, "+", " "), " ")
	text, _, _ = strings.Cut(text, "[")
	return strings.ToLower(strings.NewReplacer(".", "_", " ", "_").Replace(text)), true
}

// unescape decodes percent escapes once. It returns false for a broken escape, and for
// an escaped control character or percent sign.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		hi, lo := hex(text[i+1]), hex(text[i+2])
		c := byte(hi<<4 | lo)
		if hi < 0 || lo < 0 || c < ' ' || c == 0x7f || c == '%' {
			return "", false
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), true
}

// hex returns the value of a digit, -1 for another character.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// plain are the characters that stand in a canonical path as themselves.
const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@"

// Steps returns the decoded steps of a path. It returns false for a path that is not in
// canonical form, because another reader could take it for another path. The canonical
// form begins with one slash. It has no empty step but the last, and no step that ends
// with a dot or a blank. It escapes a character only if it must, in capitals, and neither
// a slash, backslash, percent sign, semicolon nor control character.
func Steps(path string) (steps []string, ok bool) {
	if path == "" || path[0] != '/' {
		return nil, false
	}
	raw := strings.Split(path[1:], "/")
	for i, step := range raw {
		text, ok := canonicalStep(step)
		if !ok || text == "" && i < len(raw)-1 || strings.HasSuffix(text, ".") || strings.Trim(text, " ") != text {
			return nil, false
		}
		steps = append(steps, text)
	}
	return steps, true
}

func canonicalStep(step string) (string, bool) {
	for i := 0; i < len(step); i++ {
		if step[i] != '%' {
			if strings.IndexByte(plain, step[i]) < 0 {
				return "", false
			}
			continue
		}
		if i+2 >= len(step) {
			return "", false
		}
		hi, lo := hex(step[i+1]), hex(step[i+2])
		c := byte(hi<<4 | lo)
		if hi < 0 || lo < 0 || step[i+1:i+3] != strings.ToUpper(step[i+1:i+3]) || strings.IndexByte(plain+`/\%;`, c) >= 0 || c < ' ' || c == 0x7f {
			return "", false
		}
		i += 2
	}
	text, ok := unescape(step)
	return text, ok && utf8.ValidString(text)
}

// patternSteps returns the steps of a pattern: fixed ones, {parameters}, and * at the end.
func patternSteps(pattern string) ([]string, bool) {
	if pattern == "" || pattern[0] != '/' {
		return nil, false
	}
	steps := strings.Split(pattern[1:], "/")
	for i, step := range steps {
		_, param := paramOf(step)
		if param || step == "*" && i == len(steps)-1 {
			continue
		}
		if fixed, ok := Steps("/" + step); !ok || strings.Contains(step, "*") || step == "" && i < len(steps)-1 || fixed[0] != step && strings.ContainsAny(step, "{}") {
			return nil, false
		}
		steps[i], _ = unescape(step)
	}
	return steps, true
}

// addPattern adds a key of data.areas with its area.
func (m *Map) addPattern(f *faults, pattern string, given any) {
	at := fmt.Sprintf("data.areas[%q]", pattern)
	path, query, queried := strings.Cut(pattern, "?")
	steps, ok := patternSteps(path)
	if !ok {
		f.add("%s: the key must be a path in canonical form, such as /customers/{id} or /cdr/*", at)
		return
	}
	c := choice{values: map[string]string{}, actions: maps.Clone(methodActions)}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		loose, _ := looseName(name)
		if _, again := c.values[name]; queried && (again || name == "" || value == "" || !strings.EqualFold(loose, name) || strings.ContainsAny(pair, "%+;#\\")) {
			f.add("%s: the query must be name=value, joined by &, without escapes", at)
		}
		if queried {
			c.values[name] = value
		}
	}
	c.read(f, at, given)
	m.place(f, at, path, steps, c)
}

// read reads the area, and the actions of methods that differ from methodActions.
func (c *choice) read(f *faults, at string, given any) {
	switch v := given.(type) {
	case string:
		c.area = v
	case map[string]any:
		c.area, _ = v["area"].(string)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch {
			case name == "area":
			case !method.MatchString(name):
				f.add("%s: %q is neither area nor a method in capitals", at, name)
			default:
				c.actions[name] = f.texts(at+"."+name, v[name])
			}
		}
	}
	if !areas.Valid(c.area) {
		f.add("%s: %q is no area", at, c.area)
	}
}

// place adds a choice to its rule, and keeps the rules in the order of rule.
func (m *Map) place(f *faults, at, path string, steps []string, c choice) {
	shape := shapeOf(steps)
	i, found := slices.BinarySearchFunc(m.paths, shape, func(p *pathRule, s string) int { return strings.Compare(shapeOf(p.steps), s) })
	if !found {
		m.paths = slices.Insert(m.paths, i, &pathRule{pattern: path, steps: steps, selected: map[string]bool{}})
	}
	p := m.paths[i]
	if p.pattern != path || slices.ContainsFunc(p.choices, func(o choice) bool { return maps.Equal(o.values, c.values) }) {
		f.add("%s: stands for the same requests as %q", at, p.pattern)
	}
	p.choices = append(p.choices, c)
	for name := range c.values {
		p.selected[name] = true
	}
}

// shapeOf returns a text that sorts rules as rule tries them.
func shapeOf(steps []string) string {
	var b strings.Builder
	for _, step := range steps {
		_, param := paramOf(step)
		switch {
		case step == "*":
			b.WriteString("\x03")
		case param:
			b.WriteString("\x02")
		default:
			b.WriteString("\x01" + step)
		}
		b.WriteByte(0)
	}
	return b.String()
}
