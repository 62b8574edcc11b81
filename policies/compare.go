package policies

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/areas"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// ChangedRule is a rule that two policies define differently. File and Line are its place
// in the later policy, or in the earlier one if it is removed.
type ChangedRule struct {
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Change string `json:"change"` // added, removed or changed
}

// ChangedRules lists the rules that differ between two policies, by name. The order of
// definitions, comments and layout do not count.
func ChangedRules(before, after *Engine) []ChangedRule {
	was, is := before.definitions(), after.definitions()
	names := maps.Clone(was)
	maps.Copy(names, is)
	var out []ChangedRule
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := was[name], is[name]
		change := ChangedRule{Rule: name, Change: "changed"}
		switch {
		case a == nil:
			change.Change = "added"
		case b == nil:
			change.Change = "removed"
		case slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))):
			continue
		}
		at := differing(b, a)
		if at == nil {
			at = differing(a, b)
		}
		if at != nil {
			change.File, change.Line = at.File, at.Row
		}
		out = append(out, change)
	}
	return out
}

// differing returns the place of a definition that others do not have.
func differing(of, others map[string]*ast.Location) *ast.Location {
	var first *ast.Location
	for text, at := range of {
		if _, same := others[text]; !same && at != nil && (first == nil || at.File < first.File || at.File == first.File && at.Row < first.Row) {
			first = at
		}
	}
	return first
}

// definitions returns the text of each definition of the tree's rules, by rule.
func (e *Engine) definitions() map[string]map[string]*ast.Location {
	out := map[string]map[string]*ast.Location{}
	for _, module := range e.tree.Modules {
		for _, imported := range module.Imports {
			name := "imports of " + module.Package.Path.String()
			if out[name] == nil {
				out[name] = map[string]*ast.Location{}
			}
			out[name][imported.String()] = imported.Loc()
		}
		for _, rule := range module.Rules {
			name := rego.RulePath(rule)
			if out[name] == nil {
				out[name] = map[string]*ast.Location{}
			}
			out[name][rule.String()] = rule.Loc()
		}
	}
	return out
}

// RuleRead is a path below input that a rule reads.
type RuleRead struct {
	Rule string
	File string
	Line int
	Path predicate.Ref
}

// ChangedReads lists what the definitions read in which two policies differ, on either
// side, each path of a rule once.
func ChangedReads(before, after *Engine) []RuleRead {
	var out []RuleRead
	for _, side := range [][2]*Engine{{after, before}, {before, after}} {
		others := side[1].definitions()
		for _, name := range slices.Sorted(maps.Keys(side[0].tree.Modules)) {
			for _, rule := range side[0].tree.Modules[name].Rules {
				path := rego.RulePath(rule)
				if _, same := others[path][rule.String()]; same {
					continue
				}
				reads := rego.ReadsOf(rule)
				for _, imported := range side[0].tree.Modules[name].Imports {
					if ref, ok := imported.Path.Value.(ast.Ref); ok && ref.HasPrefix(ast.InputRootRef) {
						reads = append(reads, rego.WrittenOut(ref))
					}
				}
				for _, at := range reads {
					if !slices.ContainsFunc(out, func(r RuleRead) bool { return r.Rule == path && slices.Equal(r.Path, at) }) {
						out = append(out, RuleRead{path, rule.Loc().File, rule.Loc().Row, at})
					}
				}
			}
		}
	}
	return out
}

// ReadersOfChanges lists the rules of two policies that read data in which the policies
// differ.
func ReadersOfChanges(before, after *Engine) []string {
	changed := changedPaths(nil, before.tree.Data, after.tree.Data)
	readers := map[string]bool{}
	for _, e := range []*Engine{before, after} {
		for _, module := range e.tree.Compiler.Modules {
			for _, rule := range module.Rules {
				ast.WalkRefs(rule, func(ref ast.Ref) bool {
					if ref.HasPrefix(ast.DefaultRootRef) && slices.ContainsFunc(changed, rego.WrittenOut(ref).Overlaps) {
						readers[rego.RulePath(rule)] = true
					}
					return false
				})
			}
		}
	}
	return slices.Sorted(maps.Keys(readers))
}

// changedPaths returns the paths at which data differs, at most three parts long.
func changedPaths(at predicate.Ref, was, is any) []predicate.Ref {
	if reflect.DeepEqual(was, is) {
		return nil
	}
	a, okA := was.(map[string]any)
	b, okB := is.(map[string]any)
	if !okA || !okB || len(at) == 3 {
		return []predicate.Ref{at}
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	var out []predicate.Ref
	for key := range names {
		out = append(out, changedPaths(append(at[:len(at):len(at)], key), valueAt(a, key), valueAt(b, key))...)
	}
	return out
}

// DataChange is a difference in the data of two policies, as what it gives or takes. More
// is true if somebody may do or see more, or if that is not known. A text above 200 bytes is
// cut around the first difference.
type DataChange struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
	More   bool   `json:"more"`
}

// DataChanges lists what differs in the data and in the log masks of two policies. Beyond
// 100 changes, it counts the other values in one more change.
func DataChanges(before, after *Engine) []DataChange {
	c := &dataChanges{before: before, after: after}
	c.ceiling()
	c.limits()
	c.actions()
	c.masks()
	c.rest()
	return c.list
}

type dataChanges struct {
	before, after *Engine
	list          []DataChange
}

// add notes a change if the whole texts differ. It cuts them only to be shown.
func (c *dataChanges) add(what, before, after string, more bool) {
	if before != after {
		from := max(0, differAt(before, after)-maxValueText/4)
		if max(len(before), len(after)) <= maxValueText {
			from = 0
		}
		c.list = append(c.list, DataChange{what, cut(before, from), cut(after, from), more})
	}
}

// differAt returns the first byte at which two texts differ.
func differAt(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// cut returns at most maxValueText bytes of a text from a place on, and marks what it
// leaves out.
func cut(text string, from int) string {
	before, after := "", ""
	if from > 0 {
		before = "…"
	}
	if text = text[from:]; len(text) > maxValueText {
		text, after = text[:maxValueText], "…"
	}
	return before + strings.ToValidUTF8(text, "") + after
}

// ceiling compares what resellers may have at most in each area.
func (c *dataChanges) ceiling() {
	named := map[string]bool{areas.Any: true}
	for _, e := range []*Engine{c.before, c.after} {
		for area := range e.limits.ResellerCeiling {
			named[area] = true
		}
		for _, area := range e.limits.ResellerAreas {
			named[area] = true
		}
		for _, area := range e.Catalogued("area") {
			named[area] = true
		}
	}
	for _, area := range slices.Sorted(maps.Keys(named)) {
		what := "resellers may have, in " + area
		if area == areas.Any {
			what = "resellers may have, in all other areas"
		}
		was, is := c.before.most(area), c.after.most(area)
		c.add(what, listed(was), listed(is), moreOf(was, is))
		if area != areas.Any {
			was, is := c.before.Lists(area), c.after.Lists(area)
			c.add("data names for resellers the area "+area, yes(was), yes(is), is)
		}
	}
}

// most returns the letters that the ceiling of resellers leaves in an area.
func (e *Engine) most(area string) []string {
	for at := area; ; {
		if letters, ok := e.limits.ResellerCeiling[at]; ok {
			return slices.Sorted(slices.Values(letters))
		}
		if at == areas.Any {
			return nil
		}
		if at = areas.Above(at); at == "" {
			at = areas.Any
		}
	}
}

func (c *dataChanges) limits() {
	was, is := c.before.limits.MaxDepth, c.after.limits.MaxDepth
	c.add("levels of accounts below a master, at most", fmt.Sprint(was), fmt.Sprint(is), is > was)
	for _, key := range []string{"activation_by_another"} {
		was, is := c.before.limit(key), c.after.limit(key)
		c.add("limits."+key, was, is, is != "true")
	}
}

func (e *Engine) limit(key string) string {
	limits, _ := e.tree.Data["limits"].(map[string]any)
	return jsonText(valueAt(limits, key))
}

// actions compares the actions that the catalog adds.
func (c *dataChanges) actions() {
	names := map[string]bool{}
	for _, e := range []*Engine{c.before, c.after} {
		for _, name := range e.Catalogued("action") {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := c.before.action(name), c.after.action(name)
		c.add("who may "+name, was, is, is != "nobody")
	}
}

func (e *Engine) action(name string) string {
	entity, ok := e.Catalog("action", name)
	letter, isText := entity["access"].(string)
	if !ok || !isText {
		return "nobody"
	}
	return "users with " + letter + " in the area"
}

// masks compares what the decision log leaves out.
func (c *dataChanges) masks() {
	was, wasStatic := c.before.Masks()
	is, isStatic := c.after.Masks()
	if !wasStatic || !isStatic {
		c.add("the log's mask is the same for every entry", yes(wasStatic), yes(isStatic), true)
		return
	}
	for _, path := range was {
		if !slices.Contains(is, path) {
			c.add("the decision log holds "+path, "no", "yes", true)
		}
	}
	for _, path := range is {
		if !slices.Contains(was, path) {
			c.add("the decision log holds "+path, "yes", "no", false)
		}
	}
}

// maxDataChanges limits the other values that are listed. The rest is counted.
const maxDataChanges = 100

// rest compares all other data by value.
func (c *dataChanges) rest() {
	was, is := other(c.before.tree.Data), other(c.after.tree.Data)
	if left := c.values("data", was, is); left > 0 {
		c.add("other data", "…", fmt.Sprintf("%d more values differ", left), true)
	}
}

// other returns the data without what the other comparisons cover.
func other(data map[string]any) map[string]any {
	out := maps.Clone(data)
	if limits, ok := data["limits"].(map[string]any); ok {
		limits = maps.Clone(limits)
		for _, key := range []string{"reseller_ceiling", "reseller_areas", "max_depth", "activation_by_another"} {
			delete(limits, key)
		}
		out["limits"] = limits
	}
	catalog, _ := data["catalog"].(map[string]any)
	if actions, ok := catalog["action"].(map[string]any); ok {
		catalog = maps.Clone(catalog)
		delete(catalog, "action")
		if left := withoutAccess(actions); len(left) > 0 {
			catalog["action"] = left
		}
		out["catalog"] = catalog
	}
	return out
}

// withoutAccess returns the actions of the catalog without their letters. It leaves out an
// action that has nothing else.
func withoutAccess(actions map[string]any) map[string]any {
	out := maps.Clone(actions)
	for name, v := range actions {
		entity, _ := v.(map[string]any)
		if _, isText := entity["access"].(string); !isText {
			continue
		}
		rest := maps.Clone(entity)
		delete(rest, "access")
		if out[name] = rest; len(rest) == 0 {
			delete(out, name)
		}
	}
	return out
}

// values lists the values that differ, and returns how many it does not list.
func (c *dataChanges) values(at string, was, is any) (left int) {
	if reflect.DeepEqual(was, is) {
		return 0
	}
	a, okA := was.(map[string]any)
	b, okB := is.(map[string]any)
	switch {
	case okA && okB:
	case len(c.list) >= maxDataChanges:
		return 1
	default:
		c.add(at, jsonText(was), jsonText(is), true)
		return 0
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, key := range slices.Sorted(maps.Keys(names)) {
		left += c.values(at+"."+key, valueAt(a, key), valueAt(b, key))
	}
	return left
}

// absent is the value of a key that an object does not have. It is not null.
type absent struct{}

func valueAt(object map[string]any, key string) any {
	if v, ok := object[key]; ok {
		return v
	}
	return absent{}
}

// maxValueText limits the text of a value that is shown, in bytes.
const maxValueText = 200

func jsonText(v any) string {
	if v == (absent{}) {
		return "nothing"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func listed(letters []string) string {
	if len(letters) == 0 {
		return "nothing"
	}
	return strings.Join(letters, ", ")
}

func moreOf(was, is []string) bool {
	return slices.ContainsFunc(is, func(letter string) bool { return !slices.Contains(was, letter) })
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Terms splits the text of a condition at its top level: the alternatives of an "or", or
// the conditions of an "and".
func Terms(condition string) []string {
	inner, opened := strings.CutPrefix(condition, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed {
		return []string{condition}
	}
	for _, join := range []string{" or ", " and "} {
		if parts := splitAt(inner, join); len(parts) > 1 {
			return parts
		}
	}
	return []string{condition}
}

// splitAt splits a text at a word outside of parentheses and of quoted texts.
func splitAt(text, word string) []string {
	var parts []string
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case quoted:
		case text[i] == '(':
			depth++
		case text[i] == ')':
			if depth--; depth < 0 {
				return nil
			}
		case depth == 0 && strings.HasPrefix(text[i:], word):
			parts = append(parts, text[from:i])
			from = i + len(word)
			i = from - 1
		}
	}
	return append(parts, text[from:])
}

// TermsOnlyIn returns the terms of a condition that another condition does not have.
func TermsOnlyIn(condition, other string) []string {
	others := Terms(other)
	var out []string
	for _, term := range Terms(condition) {
		if !slices.Contains(others, term) {
			out = append(out, term)
		}
	}
	return out
}
