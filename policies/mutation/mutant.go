// Package mutation tests the tests of a policy. It makes one small change at a
// time, as a typing mistake could, and reports whether a test notices it.
package mutation

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// Mutant is one change in one file.
type Mutant struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Rule   string `json:"rule"`   // the changed rule
	Change string `json:"change"` // the change, in words

	module *ast.Module // the original module
	n      int         // index among the sites of the module
	back   *ast.Rule   // a rule to put back, instead of a site
	data   *dataPath   // a change of the data to undo, instead of a module
}

// String returns the place and the change.
func (m Mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.File, m.Line, m.Rule, m.Change)
}

// mutants returns every mutant of the policies, by file and line.
func mutants(modules map[string]*ast.Module) []Mutant {
	var all []Mutant
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		module := modules[file]
		for n, s := range sitesOf(module.Copy()) {
			all = append(all, Mutant{
				File: file, Line: s.line, Rule: ruleName(s.rule), Change: s.change, module: module, n: n,
			})
		}
	}
	return all
}

func ruleName(rule *ast.Rule) string { return rule.Head.Ref().GroundPrefix().String() }

// text returns the file with the mutant's change. It leaves out imports that
// become unused, because the compiler would refuse them.
func (m Mutant) text() ([]byte, error) {
	module := m.module.Copy()
	if m.back != nil {
		module.Rules = append(module.Rules, m.back.Copy())
	} else {
		sitesOf(module)[m.n].apply()
	}
	dropUnusedImports(module)
	text, err := format.Ast(module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m, err)
	}
	return text, nil
}

// parse parses the result of text.
func (m Mutant) parse(text []byte) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(m.File, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
}

func dropUnusedImports(module *ast.Module) {
	used := map[ast.Var]bool{}
	for _, rule := range module.Rules {
		ast.WalkVars(rule, func(v ast.Var) bool { used[v] = true; return false })
	}
	module.Imports = slices.DeleteFunc(module.Imports, func(i *ast.Import) bool {
		return strings.HasPrefix(i.Path.String(), "data.") && !used[i.Name()]
	})
}

// changed is a tree in which one file has another content.
type changed struct {
	fs.FS
	name string
	text []byte
}

// ReadFile implements fs.ReadFileFS.
func (c changed) ReadFile(name string) ([]byte, error) {
	if name == c.name {
		return bytes.Clone(c.text), nil
	}
	return fs.ReadFile(c.FS, name)
}
