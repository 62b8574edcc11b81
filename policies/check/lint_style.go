package check

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// styleRules find code that is harder to read than necessary.
var styleRules = []lintRule{
	{"avoid-get-and-list-prefix", "name the rule after what it is", getPrefix},
	{"default-over-else", "give the value as the rule's default", defaultOverElse},
	{"detached-metadata", "drop the empty line between the annotation and what it describes", detached},
	{"double-negative", "name the rule after what holds, and negate that", doubleNegative},
	{"file-length", "split the file: a package may have several", fileLength},
	{"function-arg-return", "assign the result: x := f(y)", argReturn},
	{"line-length", "break the line", lineLength},
	{"messy-rule", "put the definitions of a rule beside each other", messyRule},
	{"no-whitespace-comment", "put a space after the #", tightComment},
	{"opa-fmt", "run `resellerd policy check --fix DIR`, or opa fmt -w", unformatted},
	{"pointless-reassignment", "use the variable that it is assigned from", reassignment},
	{"prefer-snake-case", "write names_like_this", snakeCase},
	{"prefer-some-in-iteration", "write \"some x in xs\"", someIn},
	{"rule-length", "give parts of the rule names of their own", ruleLength},
	{"rule-name-repeats-package", "drop the package's name from the rule's", repeatsPackage},
	{"todo-comment", "do it, or say elsewhere that it is to be done", unfinished},
	{"trailing-default-rule", "put the default above the other definitions", trailingDefault},
	{"unconditional-assignment", "give the value in the head: name := value", unconditional},
	{"unnecessary-some", "write \"value in xs\"", unnecessarySome},
	{"use-assignment-operator", "write := instead of =", assignmentOperator},
	{"yoda-condition", "put the constant on the right", yoda},
	{"with-outside-test-context", "give the value to a function: with is for tests", withOutside},
}

func getPrefix(f *file) {
	for rule := range f.rules() {
		if name := nameOf(rule); strings.HasPrefix(name, "get_") || strings.HasPrefix(name, "list_") {
			f.on(rule.Location, "%s says how, not what", name)
		}
	}
}

func defaultOverElse(f *file) {
	for rule := range f.rules() {
		if e := rule.Else; e != nil && e.Else == nil && len(rule.Head.Args) == 0 && bodyless(e) && constant(e.Head.Value) {
			f.on(e.Location, "the last else of %s is a default", nameOf(rule))
		}
	}
}

func detached(f *file) {
	for _, a := range f.module.Annotations {
		row := a.Location.Row
		for row <= len(f.lines) && strings.HasPrefix(strings.TrimSpace(f.lines[row-1]), "#") {
			row++
		}
		if row <= len(f.lines) && strings.TrimSpace(f.lines[row-1]) == "" {
			f.on(a.Location, "an empty line follows the annotation")
		}
	}
}

func doubleNegative(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		term := single(x)
		if term == nil || !x.Negated {
			return
		}
		name := term.String()
		for _, prefix := range []string{"not_", "no_", "non_", "cannot_"} {
			if strings.HasPrefix(name[strings.LastIndexByte(name, '.')+1:], prefix) {
				f.on(x.Location, "%s is negated twice", x)
			}
		}
	})
}

// Limits for the length of a line in characters, and of a file and a rule in
// lines.
const (
	maxLine       = 120
	maxFile       = 500
	maxRule       = 30
	maxRuleOfTest = 60
)

func fileLength(f *file) {
	if len(f.lines) > maxFile {
		f.at(1, "the file has %d lines, more than %d", len(f.lines), maxFile)
	}
}

func lineLength(f *file) {
	for i, line := range f.lines {
		if n := len([]rune(line)); n > maxLine {
			f.at(i+1, "the line has %d characters, more than %d", n, maxLine)
		}
	}
}

func ruleLength(f *file) {
	most := maxRule
	if f.test() {
		most = maxRuleOfTest
	}
	for _, rule := range f.module.Rules {
		if n := bytes.Count(rule.Location.Text, []byte("\n")) + 1; n > most {
			f.on(rule.Location, "%s has %d lines, more than %d", nameOf(rule), n, most)
		}
	}
}

func argReturn(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		name, args := called(x)
		if b := ast.BuiltinMap[name]; b != nil && b.Infix == "" && name != "print" && len(args) == b.Decl.Arity()+1 && name != "walk" {
			f.on(x.Location, "%s returns into its last argument", name)
		}
	})
}

func messyRule(f *file) {
	seen, last := map[string]bool{}, ""
	for _, rule := range f.module.Rules {
		name := nameOf(rule)
		if seen[name] && name != last {
			f.on(rule.Location, "%s is defined above, with other rules between", name)
		}
		seen[name], last = true, name
	}
}

func tightComment(f *file) {
	for _, comment := range f.module.Comments {
		if text := bytes.TrimLeft(comment.Text, "#"); len(text) > 0 && text[0] != ' ' && text[0] != '\t' {
			f.on(comment.Location, "a comment without a space after the #")
		}
	}
}

func unformatted(f *file) {
	formatted, err := f.formatted()
	if err != nil || bytes.Equal(formatted, f.text) {
		return
	}
	line := 1
	for i, want := range strings.Split(string(formatted), "\n") {
		if i >= len(f.lines) || f.lines[i] != want {
			line = i + 1
			break
		}
	}
	f.at(min(line, len(f.lines)), "the file is not formatted, from here on")
}

func reassignment(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		if !x.IsAssignment() || x.Negated {
			return
		}
		_, plain := x.Operand(0).Value.(ast.Var)
		if v, ok := x.Operand(1).Value.(ast.Var); ok && plain {
			f.on(x.Location, "%s is assigned to another variable", v)
		}
	})
}

var snake = regexp.MustCompile(`^_?[a-z0-9]*(_[a-z0-9]+)*$`)

func snakeCase(f *file) {
	for _, step := range f.module.Package.Path[1:] {
		if name, ok := step.Value.(ast.String); ok && !snake.MatchString(string(name)) {
			f.on(f.module.Package.Location, "the package name %s is not in snake case", name)
		}
	}
	for rule := range f.rules() {
		if name := nameOf(rule); name != "" && !snake.MatchString(name) {
			f.on(rule.Location, "the name %s is not in snake case", name)
		}
		declared(rule, func(v ast.Var, loc *ast.Location) {
			if !wildcard(v) && !v.IsGenerated() && !snake.MatchString(string(v)) {
				f.on(loc, "the name %s is not in snake case", v)
			}
		})
	}
}

func someIn(f *file) {
	f.exprs(func(rule *ast.Rule, x *ast.Expr) {
		if !x.IsAssignment() {
			return
		}
		if ref, ok := f.iterated(rule, x.Operand(1)); ok {
			if last, isVar := ref[len(ref)-1].Value.(ast.Var); isVar && wildcard(last) {
				f.on(x.Location, "an iteration over %s", ref[:len(ref)-1])
			}
		}
	})
}

func repeatsPackage(f *file) {
	steps := f.module.Package.Path
	last, _ := steps[len(steps)-1].Value.(ast.String)
	for rule := range f.rules() {
		if strings.HasPrefix(nameOf(rule), string(last)+"_") {
			f.on(rule.Location, "%s repeats the name of its package", nameOf(rule))
		}
	}
}

var unfinishedWork = regexp.MustCompile(`(?i)^\s*(tod[o]|fixm[e])\b`)

func unfinished(f *file) {
	for _, comment := range f.module.Comments {
		if unfinishedWork.Match(comment.Text) {
			f.on(comment.Location, "a comment speaks of work to be done")
		}
	}
}

func trailingDefault(f *file) {
	seen := map[string]bool{}
	for _, rule := range f.module.Rules {
		if rule.Default && seen[nameOf(rule)] {
			f.on(rule.Location, "the default of %s stands below another definition", nameOf(rule))
		}
		seen[nameOf(rule)] = true
	}
}

func unconditional(f *file) {
	for rule := range f.rules() {
		if bodyless(rule) || len(rule.Body) != 1 || rule.Head.Value == nil || !rule.Body[0].IsAssignment() || len(rule.Body[0].With) > 0 {
			continue
		}
		if v, ok := rule.Head.Value.Value.(ast.Var); ok && rule.Body[0].Operand(0).Equal(ast.NewTerm(v)) {
			f.on(rule.Location, "%s gets its value without a condition", nameOf(rule))
		}
	}
}

func unnecessarySome(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		decl, ok := x.Terms.(*ast.SomeDecl)
		if !ok {
			return
		}
		for _, symbol := range decl.Symbols {
			if call, ok := symbol.Value.(ast.Call); ok && len(call) == 3 && scalar(call[1]) {
				f.on(x.Location, "%s has no variable", x)
			}
		}
	})
}

func assignmentOperator(f *file) {
	for rule := range f.rules() {
		if !rule.Head.Assign && !valueless(rule) && rule.Head.Key == nil {
			f.on(rule.Location, "%s is given its value with =", nameOf(rule))
		}
	}
}

func yoda(f *file) {
	f.calls(func(_ *ast.Rule, loc *ast.Location, name string, args []*ast.Term) {
		if comparisons[name] && name != "eq" && len(args) == 2 && scalar(args[0]) && !scalar(args[1]) {
			f.on(loc, "the constant %s stands on the left", args[0])
		}
	})
}

func withOutside(f *file) {
	f.exprs(func(_ *ast.Rule, x *ast.Expr) {
		if len(x.With) > 0 && !f.test() {
			f.on(x.Location, "with in a rule that decides")
		}
	})
}
