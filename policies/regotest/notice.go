package regotest

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"resellerd/policies"
)

// Modules returns the policies of the tree, without tests, by file.
func (s *Suite) Modules() map[string]*ast.Module {
	modules := maps.Clone(s.modules)
	for file := range modules {
		if isTest(file) {
			delete(modules, file)
		}
	}
	return modules
}

// Data returns the data of the tree. The caller must not change it.
func (s *Suite) Data() map[string]any { return s.data }

// Choose keeps only the tests whose full names match.
func (s *Suite) Choose(names *regexp.Regexp) {
	s.tests = slices.DeleteFunc(s.tests, func(t test) bool { return !names.MatchString(t.path.String()) })
}

// TestsBeside reports whether the suite has tests of a package in its folder.
func (s *Suite) TestsBeside(pkg string) bool {
	own, _ := s.reaching(pkg)
	return len(own) > 0
}

// NoticesData reports whether a test fails if the tree has other data.
func (s *Suite) NoticesData(ctx context.Context, data map[string]any) (bool, error) {
	with := *s
	with.store = inmem.NewFromObject(data)
	return with.fails(ctx, s.tests, s.modules)
}

// Notices reports whether a test fails if one file of the tree is changed. It
// runs the tests of the file's own package first, then all other tests that can
// reach that package, and no others. It returns a *rego.LoadError if the
// changed tree does not compile.
func (s *Suite) Notices(ctx context.Context, file string, changed *ast.Module) (bool, error) {
	own, others := s.reaching(changed.Package.Path.String())
	if len(own) > 0 {
		if noticed, err := s.fails(ctx, own, s.with(file, changed, own)); noticed || err != nil {
			return noticed, err
		}
	}
	if len(others) > 0 {
		return s.fails(ctx, others, s.with(file, changed, others))
	}
	if len(own) > 0 {
		return false, nil
	}
	compiler := s.compiler() // no test reaches the package, but the change must still compile
	if compiler.Compile(s.with(file, changed, nil)); compiler.Failed() {
		return false, policies.Refused("compile", compiler.Errors)
	}
	return false, nil
}

// reaching returns the tests that can reach a package. own are the tests beside
// the package.
func (s *Suite) reaching(pkg string) (own, others []test) {
	for _, t := range s.tests {
		switch {
		case t.pkg == pkg || t.pkg == pkg+"_test":
			own = append(own, t)
		case t.reaches[pkg]:
			others = append(others, t)
		}
	}
	return own, others
}

// with returns the modules that tests need: all policies, with one file
// changed, and the test files that these tests can reach.
func (s *Suite) with(file string, changed *ast.Module, tests []test) map[string]*ast.Module {
	needed := map[string]bool{}
	for _, t := range tests {
		maps.Copy(needed, t.reaches)
	}
	modules := maps.Clone(s.modules)
	for name, module := range modules {
		if isTest(name) && !needed[module.Package.Path.String()] {
			delete(modules, name)
		}
	}
	modules[file] = changed
	return modules
}

// fails reports whether any of the tests fails. It stops at the first failure.
func (s *Suite) fails(ctx context.Context, tests []test, modules map[string]*ast.Module) (failed bool, err error) {
	paths := make([]ast.Ref, len(tests))
	for i, t := range tests {
		paths[i] = t.path
	}
	runner := s.runner(modules).SetParallel(1).SetPrefixMatchers(paths...)
	err = s.run(ctx, runner, func(result *tester.Result) bool {
		failed = failed || !result.Pass() && !result.Skip
		return !failed
	})
	if failed {
		return true, nil
	}
	return false, err
}
