package check

import (
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// testRules find tests that are not run, or not understood.
var testRules = []lintRule{
	{"file-missing-test-suffix", "move the test to a file named …_test.rego", testElsewhere},
	{"identically-named-tests", "give each test a name of its own", sameName},
	{"metasyntactic-variable", "name it after what it stands for", metasyntactic},
	{"print-or-trace-call", "drop it: a policy prints nothing", prints},
	{"test-name", "name it test_<who>_<can|cannot>_<what>", testName},
	{"test-outside-test-package", "let the package's name end in _test", testPackage},
	{"todo-test", "mend the test, or drop it: it is not run", skippedTest},
}

func isTest(rule *ast.Rule) bool { return strings.HasPrefix(nameOf(rule), "test_") }

func testElsewhere(f *file) {
	for _, rule := range f.module.Rules {
		if isTest(rule) && !f.test() {
			f.on(rule.Location, "%s stands in a file of policies", nameOf(rule))
		}
	}
}

func sameName(f *file) {
	seen := map[string]bool{}
	for _, rule := range f.module.Rules {
		if isTest(rule) && seen[nameOf(rule)] {
			f.on(rule.Location, "another test is called %s, too", nameOf(rule))
		}
		seen[nameOf(rule)] = true
	}
}

var metasyntax = regexp.MustCompile(`^(foobar|foo|bar|baz|qux|quux|corge|grault|garply|waldo|fred|plugh|xyzzy|thud)$`)

func metasyntactic(f *file) {
	for rule := range f.rules() {
		if metasyntax.MatchString(nameOf(rule)) {
			f.on(rule.Location, "%s says nothing", nameOf(rule))
		}
		declared(rule, func(v ast.Var, loc *ast.Location) {
			if metasyntax.MatchString(string(v)) {
				f.on(loc, "%s says nothing", v)
			}
		})
	}
}

func prints(f *file) {
	f.calls(func(_ *ast.Rule, loc *ast.Location, name string, _ []*ast.Term) {
		if (name == "print" || name == "trace") && !f.test() {
			f.on(loc, "%s in a policy", name)
		}
	})
}

var testNames = regexp.MustCompile(`^test_[a-z0-9]+(_[a-z0-9]+)*_(can|cannot)_[a-z0-9]+(_[a-z0-9]+)*$`)

func testName(f *file) {
	for _, rule := range f.module.Rules {
		if isTest(rule) && !testNames.MatchString(nameOf(rule)) {
			f.on(rule.Location, "%s does not say who can, or cannot, do what", nameOf(rule))
		}
	}
}

func testPackage(f *file) {
	if f.test() && !strings.HasSuffix(f.module.Package.Path.String(), "_test") {
		for _, rule := range f.module.Rules {
			if isTest(rule) {
				f.on(rule.Location, "a test inside of the package that it tests")
				return
			}
		}
	}
}

func skippedTest(f *file) {
	for _, rule := range f.module.Rules {
		if strings.HasPrefix(nameOf(rule), "todo_test_") {
			f.on(rule.Location, "%s is skipped", nameOf(rule))
		}
	}
}
