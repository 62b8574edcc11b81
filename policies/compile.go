package policies

import (
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
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

func parserOptions() ast.ParserOptions {
	return ast.ParserOptions{
		RegoVersion: ast.RegoV1, ProcessAnnotation: true, Capabilities: capabilities,
	}
}

// compileModules compiles a tree strictly. data tells which paths the data
// files take, so that no rule stands on one of them.
func compileModules(modules map[string]*ast.Module, data map[string]any) (*ast.Compiler, []Finding) {
	if findings := unavailableCalls(modules); len(findings) > 0 {
		return nil, findings
	}
	c := ast.NewCompiler().WithCapabilities(capabilities).WithStrict(true).
		WithDefaultRegoVersion(ast.RegoV1).WithPathConflictsCheck(taken(data))
	c.Compile(modules)
	if c.Failed() {
		return nil, astFindings("compile", "", c.Errors)
	}
	return c, nil
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
			findings = append(findings, at(ref[0].Location, "builtin", message))
			return false
		})
	}
	return findings
}

func at(loc *ast.Location, code, message string) Finding {
	f := Finding{Code: code, Message: message}
	if loc != nil {
		f.File, f.Line = loc.File, loc.Row
	}
	return f
}

func astFindings(code, file string, err error) []Finding {
	var list ast.Errors
	if !errors.As(err, &list) {
		return []Finding{{Code: code, File: file, Message: err.Error()}}
	}
	findings := make([]Finding, 0, len(list))
	for _, e := range list {
		findings = append(findings, at(e.Location, code, strings.TrimSpace(e.Message)))
	}
	return findings
}
