package rego

import (
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// capabilities limits what a policy may use. It has every built-in of OPA
// except those whose result depends on more than their arguments, and no
// network access.
var capabilities = deterministic()

// unavailable holds the names of the built-ins that capabilities leaves out.
var unavailable = map[string]bool{}

func deterministic() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.AllowNet = []string{}
	kept := make([]*ast.Builtin, 0, len(c.Builtins))
	for _, b := range c.Builtins {
		if b.Nondeterministic {
			unavailable[b.Name] = true
			continue
		}
		kept = append(kept, b)
	}
	c.Builtins = kept
	return c
}

// Untyped is capabilities with built-ins that accept arguments of any type.
// Partial evaluation drops a call that the type checker refuses, as if the
// call were undefined. Under a negation, the residual would then allow more
// than the full evaluation, which ends with an error. With Untyped, the
// residual keeps the call.
var Untyped = withoutTypes(capabilities)

func withoutTypes(c *ast.Capabilities) *ast.Capabilities {
	out := *c
	out.Builtins = make([]*ast.Builtin, len(c.Builtins))
	for i, b := range c.Builtins {
		loose := *b
		args := b.Decl.FuncArgs()
		anything := make([]types.Type, len(args.Args))
		for j := range anything {
			anything[j] = types.A
		}
		if args.Variadic != nil {
			loose.Decl = types.NewVariadicFunction(anything, types.A, b.Decl.Result())
		} else {
			loose.Decl = types.NewFunction(anything, b.Decl.Result())
		}
		out.Builtins[i] = &loose
	}
	return &out
}

// ParserOptions returns the options for parsing every policy file.
func ParserOptions() ast.ParserOptions {
	return ast.ParserOptions{
		RegoVersion: ast.RegoV1, ProcessAnnotation: true, Capabilities: capabilities,
	}
}

var presenceStage = ast.CompilerStageDefinition{
	Name: "KeepPresence", MetricName: "compile_stage_keep_presence", Stage: keepPresence,
}

// CompileModules checks a tree strictly and compiles it. data holds the tree's
// data files; a rule must not use a path that they define.
func CompileModules(modules map[string]*ast.Module, data map[string]any) (*ast.Compiler, []Finding) {
	if findings := unavailableCalls(modules); len(findings) > 0 {
		return nil, findings
	}
	strict := NewCompiler(capabilities).WithStrict(true).WithPathConflictsCheck(taken(data))
	if strict.Compile(modules); strict.Failed() {
		return nil, FindingsOf("compile", "", strict.Errors)
	}
	c := NewCompiler(Untyped)
	if c.Compile(withoutGets(modules)); c.Failed() {
		return nil, FindingsOf("compile", "", c.Errors)
	}
	return c, nil
}

// NewCompiler returns a compiler that adds presence conditions, so that
// partial evaluation does not allow more than the full evaluation.
func NewCompiler(c *ast.Capabilities) *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(c).WithDefaultRegoVersion(ast.RegoV1).
		WithStageAfterID(ast.StageCheckDeprecatedBuiltins, presenceStage)
}

func taken(data map[string]any) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		var at any = data
		for _, key := range path {
			object, ok := at.(map[string]any)
			if !ok {
				return false, nil
			}
			if at, ok = object[key]; !ok {
				return false, nil
			}
		}
		return true, nil
	}
}

// unavailableCalls finds calls of built-ins that policies may not use.
func unavailableCalls(modules map[string]*ast.Module) []Finding {
	var findings []Finding
	for _, module := range modules {
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			name := ref.String()
			if !unavailable[name] || len(ref) == 0 || ref[0].Location == nil {
				return false
			}
			message := name + " is not available to policies"
			if name == "time.now_ns" {
				message += ": use input.context.time"
			}
			findings = append(findings, FindingAt(ref[0].Location, "builtin", message))
			return false
		})
	}
	return findings
}

// FindingAt returns a finding at a place in a file. loc may be nil.
func FindingAt(loc *ast.Location, code, message string) Finding {
	f := Finding{Code: code, Message: message}
	if loc != nil {
		f.File, f.Line = loc.File, loc.Row
	}
	return f
}

// FindingsOf returns the findings of an error of OPA's parser or compiler, one
// for each problem. file is the file name if the error has no list of places.
func FindingsOf(code, file string, err error) []Finding {
	var list ast.Errors
	if !errors.As(err, &list) {
		return []Finding{{Code: code, File: file, Message: err.Error()}}
	}
	findings := make([]Finding, 0, len(list))
	for _, e := range list {
		findings = append(findings, FindingAt(e.Location, code, strings.TrimSpace(e.Message)))
	}
	return findings
}
