package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// misspelt finds names that look like a known area or column, but are none. declared are
// the areas that the data names.
func (p *parsed) misspelt(names Names, declared map[string]bool) []rego.Finding {
	known := p.catalogAreas()
	known[areas.Any] = true
	for _, area := range names.Areas {
		known[area] = true
	}
	var found []rego.Finding
	for _, name := range dataAreas(p.data) {
		if near := meantArea(name.text, known); near != "" {
			file, line := p.locate(name.at)
			found = append(found, rego.Finding{Code: "misspelt", File: file, Line: line, Message: meant("area", name.text, near)})
		}
	}
	maps.Copy(known, declared)
	for _, f := range p.files {
		if f.test() {
			continue
		}
		f.code, f.found = "misspelt", nil
		f.areaNames(func(term *ast.Term, text string) {
			if near := meantArea(text, known); near != "" {
				f.on(term.Location, "%s", meant("area", text, near))
			}
		})
		f.code = "unknown-column"
		f.shownColumns(names)
		found = append(found, f.found...)
	}
	return slices.DeleteFunc(found, p.ignored)
}

func meant(what, text, near string) string {
	if near == "" {
		return fmt.Sprintf("%q is no %s of this type", text, what)
	}
	return fmt.Sprintf("%q is no %s: did you mean %q?", text, what, near)
}

// named is a name in the data, and its path there.
type named struct {
	text string
	at   []string
}

// dataAreas lists the areas that data.limits names.
func dataAreas(data map[string]any) []named {
	limits, _ := data["limits"].(map[string]any)
	ceiling, _ := limits["reseller_ceiling"].(map[string]any)
	listed, _ := limits["reseller_areas"].([]any)
	var out []named
	for _, area := range slices.Sorted(maps.Keys(ceiling)) {
		out = append(out, named{area, []string{"limits", "reseller_ceiling", area}})
	}
	for i, area := range listed {
		if text, ok := area.(string); ok {
			out = append(out, named{text, []string{"limits", "reseller_areas", fmt.Sprint(i)}})
		}
	}
	return out
}

// catalogAreas returns the areas that data.catalog.area names.
func (p *parsed) catalogAreas() map[string]bool {
	catalog, _ := p.data["catalog"].(map[string]any)
	of, _ := catalog[input.AreaType].(map[string]any)
	named := map[string]bool{}
	for area := range of {
		named[area] = true
	}
	return named
}

// areaNames passes the constants to found that a file asks about as areas: arguments of
// the tree's own functions, keys of the user's access, and what resource.type is compared
// with.
func (f *file) areaNames(found func(term *ast.Term, text string)) {
	add := func(term *ast.Term) {
		if text, ok := term.Value.(ast.String); ok && areas.Valid(string(text)) {
			found(term, string(text))
		}
	}
	f.calls(func(_ *ast.Rule, _ *ast.Location, name string, args []*ast.Term) {
		switch {
		case ast.BuiltinMap[name] == nil:
			for _, arg := range args {
				add(arg)
			}
		case len(args) == 2:
			for i := range 2 {
				if ref, ok := args[i].Value.(ast.Ref); ok && ref.Equal(typeRef) {
					eachElement(args[1-i], add)
				}
			}
		}
	})
	for rule := range f.rules() {
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			if len(ref) > 3 && ref.HasPrefix(accessRef) {
				add(ref[3])
			}
			return false
		})
	}
}

var (
	typeRef   = ast.MustParseRef("input.resource.type")
	accessRef = ast.MustParseRef("input.subject.access")
)

// eachElement passes a constant, or the elements of a collection, to fn.
func eachElement(term *ast.Term, fn func(*ast.Term)) {
	switch v := term.Value.(type) {
	case *ast.Array:
		v.Foreach(fn)
	case ast.Set:
		v.Foreach(fn)
	default:
		fn(term)
	}
}

// shownColumns finds the columns of a type's rule columns that the type does not have.
func (f *file) shownColumns(names Names) {
	path := f.module.Package.Path
	last, _ := path[len(path)-1].Value.(ast.String)
	columns, ok := names.Columns[string(last)]
	if !ok {
		return
	}
	known := map[string]bool{areas.Any: true}
	for _, column := range columns {
		known[column] = true
	}
	add := func(term *ast.Term) {
		text, ok := term.Value.(ast.String)
		if ok && !known[string(text)] {
			f.on(term.Location, "%s", meant("column", string(text), nearest(string(text), known)))
		}
	}
	for rule := range f.rules() {
		if nameOf(rule) != "columns" {
			continue
		}
		if rule.Head.Key != nil {
			eachElement(rule.Head.Key, add)
		}
		for _, x := range rule.Body {
			if some, ok := x.Terms.(*ast.SomeDecl); ok && len(some.Symbols) == 1 {
				if call, ok := some.Symbols[0].Value.(ast.Call); ok {
					if _, isRef := call[len(call)-1].Value.(ast.Ref); !isRef {
						eachElement(call[len(call)-1], add)
					}
				}
			}
		}
	}
}

// meantArea returns the area that text probably means, as nearest does. A panel may have an
// area whose name differs from another one only in the last letter s.
func meantArea(text string, known map[string]bool) string {
	near := nearest(text, known)
	if strings.TrimSuffix(near, "s") == strings.TrimSuffix(text, "s") {
		return ""
	}
	return near
}

// nearest returns the known name that text probably means, or "" if text is known or
// resembles none.
func nearest(text string, known map[string]bool) string {
	if known[text] || len(text) < 4 {
		return ""
	}
	allowed := 1
	if len(text) > 6 {
		allowed = 2
	}
	best, least := "", allowed+1
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if d := distance(text, name, least); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance returns how many letters have to be added, removed, replaced or swapped with
// the next to turn a into b, or limit if it is not less.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := []int{}, make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return min(last[len(b)], limit)
}

// missingData finds references to data that neither a rule nor a data file defines.
func (p *parsed) missingData() []rego.Finding {
	packages := map[string]bool{}
	for path := range p.packages {
		packages[strings.Split(path, ".")[1]] = true
	}
	var found []rego.Finding
	for _, f := range p.files {
		if f.test() {
			continue
		}
		f.code = "missing-data"
		for rule := range f.rules() {
			ast.WalkTerms(rule, func(term *ast.Term) bool {
				ref, ok := term.Value.(ast.Ref)
				if !ok || len(ref) < 2 || !ref.HasPrefix(ast.DefaultRootRef) {
					return false
				}
				name, ok := ref[1].Value.(ast.String)
				if _, given := p.data[string(name)]; ok && !given && !packages[string(name)] {
					f.on(term.Location, "no data file has data.%s, so what reads it is undefined", string(name))
				}
				return false
			})
		}
		found = append(found, f.found...)
		f.found = nil
	}
	return found
}
