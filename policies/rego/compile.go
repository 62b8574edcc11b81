package rego

import (
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// capabilities are what a policy may use: every built-in of OPA but those
// whose result depends on more than their arguments, and no network.
var capabilities = deterministic()

// unavailable names the built-ins that capabilities lack.
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

// Untyped are the capabilities with built-ins that take anything. Partial
// evaluation drops what cannot pass the type checker, a call with an argument
// of the wrong type, as if it merely failed: under a negation its residual is
// wider than the evaluation, which errs. Untyped, the call is kept.
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

// ParserOptions are the options that every policy file is parsed with.
func ParserOptions() ast.ParserOptions {
	return ast.ParserOptions{
		RegoVersion: ast.RegoV1, ProcessAnnotation: true, Capabilities: capabilities,
	}
}

var presenceStage = ast.CompilerStageDefinition{
	Name: "KeepPresence", MetricName: "compile_stage_keep_presence", Stage: keepPresence,
}

// CompileModules compiles a tree, after checking it strictly. data tells which
// paths the data files take, so that no rule stands on one of them.
func CompileModules(modules map[string]*ast.Module, data map[string]any) (*ast.Compiler, []Finding) {
	if findings := unavailableCalls(modules); len(findings) > 0 {
		return nil, findings
	}
	strict := NewCompiler(capabilities).WithStrict(true).WithPathConflictsCheck(taken(data))
	if strict.Compile(modules); strict.Failed() {
		return nil, FindingsOf("compile", "", strict.Errors)
	}
	c := NewCompiler(Untyped)
	if c.Compile(modules); c.Failed() {
		return nil, FindingsOf("compile", "", c.Errors)
	}
	return c, nil
}

// NewCompiler returns a compiler whose result partial evaluation does not
// widen.
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

// unavailableCalls finds calls of built-ins that policies must do without.
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

// FindingAt makes a finding at a place in a file. loc may be nil.
func FindingAt(loc *ast.Location, code, message string) Finding {
	f := Finding{Code: code, Message: message}
	if loc != nil {
		f.File, f.Line = loc.File, loc.Row
	}
	return f
}

// FindingsOf makes findings of an error of OPA's parser or compiler, one for
// each fault. file names the file where the error itself does not.
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
