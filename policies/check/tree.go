package check

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// parsed is a tree as its author wrote it, before compilation.
type parsed struct {
	tree     fs.FS
	files    []*file // sorted by name
	data     map[string]any
	modules  map[string]*ast.Module
	packages map[string]*packageOf // by path
}

// file is one file of Rego.
type file struct {
	*parsed
	name    string
	text    []byte
	lines   []string
	module  *ast.Module
	imports map[ast.Var]ast.Ref // by the name that this file uses
	found   []rego.Finding
	code    string // code of the lint rule that is running
}

// packageOf holds the rules that the files of one package define.
type packageOf struct {
	rules map[string][]*ast.Rule // by name
	tests bool
}

func readTree(tree fs.FS) (*parsed, error) {
	modules, data, err := policies.Sources(tree)
	if err != nil {
		return nil, err
	}
	p := &parsed{tree: tree, data: data, modules: modules, packages: map[string]*packageOf{}}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, fmt.Errorf("policy tree: %w", err)
		}
		f := &file{parsed: p, name: name, text: text, lines: strings.Split(string(text), "\n"), module: modules[name]}
		f.imports = importsOf(f.module)
		p.files = append(p.files, f)
		p.addPackage(f)
	}
	return p, nil
}

func (p *parsed) addPackage(f *file) {
	path := f.module.Package.Path.String()
	if p.packages[path] == nil {
		p.packages[path] = &packageOf{rules: map[string][]*ast.Rule{}, tests: f.test()}
	}
	for _, rule := range f.module.Rules {
		name := nameOf(rule)
		p.packages[path].rules[name] = append(p.packages[path].rules[name], rule)
	}
}

// findings returns all findings that need no evaluation of the tree.
func (p *parsed) findings() []rego.Finding {
	found := slices.Concat(p.types(), p.dataFindings(), p.missingData(), p.givenTwice(), p.unreachable(), p.annotations(), p.whole())
	for _, f := range p.files {
		for _, rule := range lintRules {
			f.code = rule.code
			rule.look(f)
		}
		found = append(found, f.found...)
	}
	return slices.DeleteFunc(found, p.ignored)
}

// ignored reports whether a comment suppresses a finding, on its line or the
// line above: # regal ignore:code,code
func (p *parsed) ignored(finding rego.Finding) bool {
	i := slices.IndexFunc(p.files, func(f *file) bool { return f.name == finding.File })
	if i < 0 {
		return false
	}
	for _, line := range []int{finding.Line, finding.Line - 1} {
		if line < 1 || line > len(p.files[i].lines) {
			continue
		}
		_, codes, ok := strings.Cut(p.files[i].lines[line-1], "# regal ignore:")
		if ok && slices.Contains(strings.Split(strings.TrimSpace(codes), ","), finding.Code) {
			return true
		}
	}
	return false
}

func (f *file) test() bool { return strings.HasSuffix(f.name, "_test.rego") }

func (f *file) pkg() *packageOf { return f.packages[f.module.Package.Path.String()] }

// at adds a finding at a line.
func (f *file) at(line int, format string, args ...any) {
	f.found = append(f.found, rego.Finding{Code: f.code, File: f.name, Line: line, Message: fmt.Sprintf(format, args...)})
}

// on adds a finding at a place.
func (f *file) on(loc *ast.Location, format string, args ...any) { f.at(loc.Row, format, args...) }

func importsOf(module *ast.Module) map[ast.Var]ast.Ref {
	imports := map[ast.Var]ast.Ref{}
	for _, imported := range module.Imports {
		if ref, ok := imported.Path.Value.(ast.Ref); ok {
			imports[imported.Name()] = ref
		}
	}
	return imports
}

// resolve returns the path below data that a reference refers to, or nil if it
// refers to something else.
func (f *file) resolve(ref ast.Ref) ast.Ref {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return nil
	}
	if ref[0].Equal(ast.DefaultRootDocument) {
		return ref
	}
	if path, ok := f.imports[head]; ok && path.HasPrefix(ast.DefaultRootRef) {
		return path.Concat(ref[1:])
	}
	if _, ok := f.pkg().rules[string(head)]; ok {
		return f.module.Package.Path.Append(ast.InternedTerm(string(head))).Concat(ref[1:])
	}
	return nil
}

// rulesAt returns the rules that a path below data names, and the path of their
// package. If no package of the tree contains the path, it returns no rules and
// "".
func (p *parsed) rulesAt(path ast.Ref) (rules []*ast.Rule, within string) {
	for n := len(path); n > 1; n-- {
		pkg, ok := p.packages[path[:n].String()]
		if !ok {
			continue
		}
		within = path[:n].String()
		if n < len(path) {
			if name, ok := path[n].Value.(ast.String); ok {
				rules = pkg.rules[string(name)]
			}
		}
		return rules, within
	}
	return nil, ""
}

// nameOf returns the first part of a rule's name: reasons for reasons[x].
func nameOf(rule *ast.Rule) string {
	name, _ := rule.Head.Ref()[0].Value.(ast.Var)
	return string(name)
}

// pathOf returns the path of the document that a rule defines.
func (f *file) pathOf(rule *ast.Rule) string {
	return f.module.Package.Path.String() + "." + nameOf(rule)
}
