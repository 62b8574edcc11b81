package policies_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"resellerd/policies"
)

const (
	inputSchema = "schemas/input/schema.json"
	dataSchema  = "schemas/data/schema.json"
)

func TestRegoTestsPassAndCoverEveryRule(t *testing.T) {
	ctx := context.Background()
	modules := embeddedModules(t)
	store := inmem.NewFromObject(embeddedData(t))
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(ctx, txn)
	coverage := cover.New()
	results, err := tester.NewRunner().
		SetStore(store).
		SetModules(modules).
		SetTimeout(2*time.Minute).
		CapturePrintOutput(true).
		RaiseBuiltinErrors(true).
		SetCoverageQueryTracer(coverage).
		RunTests(ctx, txn)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for result := range results {
		ran++
		if !result.Pass() {
			t.Errorf("%s: %s failed (error: %v)\n%s", result.Location, result.Name, result.Error, result.Output)
		}
	}
	if ran == 0 {
		t.Fatal("the tree has no tests")
	}
	report := coverage.Report(modules)
	for file, covered := range report.Files {
		for _, gap := range covered.NotCovered {
			if !isRegoTest(file) {
				t.Errorf("%s:%d: no test reaches this line", file, gap.Start.Row)
			}
		}
	}
}

func TestRegoCompilesStrictlyAgainstTheInputSchema(t *testing.T) {
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, readJSON(t, inputSchema))
	compiler := ast.NewCompiler().WithStrict(true).WithSchemas(schemas)
	if compiler.Compile(embeddedModules(t)); compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
}

func TestInputSchemaRefusesAMisspeltColumn(t *testing.T) {
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, readJSON(t, inputSchema))
	compiler := ast.NewCompiler().WithStrict(true).WithSchemas(schemas)
	wrong := ast.MustParseModule("package wrong\n\nallow if input.resource.acount_id == input.subject.account.id")
	if compiler.Compile(map[string]*ast.Module{"wrong.rego": wrong}); !compiler.Failed() {
		t.Fatal("a misspelt column passed the schema check")
	}
}

func TestRegoIsFormatted(t *testing.T) {
	for file, source := range embeddedRego(t) {
		formatted, err := format.SourceWithOpts(file, source, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(formatted, source) {
			t.Errorf("%s: is not formatted (opa fmt -w)", file)
		}
	}
}

func TestRegoFoldersArePackages(t *testing.T) {
	for file, module := range embeddedModules(t) {
		want := "data." + strings.ReplaceAll(path.Dir(file), "/", ".")
		if got := strings.TrimSuffix(module.Package.Path.String(), "_test"); got != want {
			t.Errorf("%s: package %s does not follow its folder", file, got)
		}
	}
}

var regoTestName = regexp.MustCompile(`^test_[a-z0-9]+(_[a-z0-9]+)*_(can|cannot)_[a-z0-9]+(_[a-z0-9]+)*$`)

func TestRegoTestsSayWhoCanOrCannotDoWhat(t *testing.T) {
	for file, module := range embeddedModules(t) {
		for _, rule := range module.Rules {
			name := ruleName(rule)
			if strings.HasPrefix(name, "test") && !regoTestName.MatchString(name) {
				t.Errorf("%s: %s is not named test_<who>_<can|cannot>_<what>", rule.Location, name)
			}
			if strings.HasPrefix(name, "test_") && !isRegoTest(file) {
				t.Errorf("%s: %s is a test outside of a test file", rule.Location, name)
			}
		}
	}
}

func TestEveryPackageAndExposedRuleIsAnnotated(t *testing.T) {
	modules := policyModules(t)
	set, errs := ast.BuildAnnotationSet(slices.Collect(maps.Values(modules)))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	exposed := exposedRules(modules)
	for file, module := range modules {
		if a := set.GetPackageScope(module.Package); a == nil || a.Title == "" || a.Description == "" {
			t.Errorf("%s: package has no title and description", file)
		}
		for _, rule := range module.Rules {
			rulePath := module.Package.Path.String() + "." + ruleName(rule)
			if exposed[rulePath] && !titled(modules, rulePath) {
				t.Errorf("%s: %s is used by other packages and has no title", rule.Location, rulePath)
			}
		}
	}
}

func TestReasonCodesAreAnnotatedAndUnique(t *testing.T) {
	modules := policyModules(t)
	set, errs := ast.BuildAnnotationSet(slices.Collect(maps.Values(modules)))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	seen := map[string]*ast.Location{}
	for _, module := range modules {
		for _, rule := range module.Rules {
			if ruleName(rule) != "reasons" || passesOn(rule) {
				continue
			}
			code := reasonCode(t, set, rule)
			if first := seen[code]; first != nil {
				t.Errorf("%s: code %q is also that of %s", rule.Location, code, first)
			}
			seen[code] = rule.Location
		}
	}
	for _, code := range []string{
		"account_suspended", "area_denied", "card_not_customer", "card_not_own", "client_ip_denied",
		"client_ip_unknown", "column_not_writable", "customer_owner_immutable", "exceeds_delegation",
		"group_not_lent", "group_not_own", "max_depth", "no_group", "not_visible", "owner_unknown",
		"reserved_type", "target_disabled", "unknown_action", "unknown_user", "user_disabled",
	} {
		if seen[code] == nil {
			t.Errorf("no rule gives the reason %q", code)
		}
		delete(seen, code)
	}
	for code, at := range seen {
		t.Errorf("%s: reason %q is not listed here and in README.md", at, code)
	}
}

func TestReadmeListsEveryReason(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range policyModules(t) {
		for _, a := range module.Annotations {
			code, _ := a.Custom["code"].(string)
			if code != "" && !bytes.Contains(readme, []byte("| `"+code+"` |")) {
				t.Errorf("README.md does not list the reason %q (%s)", code, a.Location)
			}
		}
	}
}

func TestPolicyDataFollowsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(dataSchema)
	if err != nil {
		t.Fatal(err)
	}
	source, err := fs.ReadFile(policies.Embedded(), "data.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
}

func TestResellersNeverReachTheMastersAreas(t *testing.T) {
	data := embeddedData(t)
	ceiling := data["limits"].(map[string]any)["reseller_ceiling"].(map[string]any)
	for _, area := range []string{"breakout", "carrier", "log", "policy", "routing", "scriptforge"} {
		if letters, ok := ceiling[area].([]any); !ok || len(letters) > 0 {
			t.Errorf("the reseller ceiling of %q is %v", area, ceiling[area])
		}
	}
}

// reasonCode returns the annotated code of a reason rule.
func reasonCode(t *testing.T, set *ast.AnnotationSet, rule *ast.Rule) string {
	t.Helper()
	for _, a := range set.GetRuleScope(rule) {
		code, _ := a.Custom["code"].(string)
		if code != "" && a.Title != "" && a.Description != "" {
			return code
		}
	}
	t.Errorf("%s: a reason needs a title, a description and custom.code", rule.Location)
	return rule.Location.String()
}

// passesOn reports whether a rule only hands on the reasons of another
// package: its key is a variable that the body draws from a set.
func passesOn(rule *ast.Rule) bool {
	key := rule.Head.Key
	return key != nil && key.Equal(ast.VarTerm("code"))
}

// exposedRules are the rules that other packages or the house itself refer to.
func exposedRules(modules map[string]*ast.Module) map[string]bool {
	exposed := map[string]bool{"data.system.log.mask": true}
	for _, name := range []string{"allow", "reasons", "view", "columns", "decision"} {
		exposed["data.reseller.main."+name] = true
	}
	for _, module := range modules {
		for _, imported := range module.Imports {
			from := imported.Path.Value.(ast.Ref)
			local := string(imported.Name())
			ast.WalkRefs(module, func(ref ast.Ref) bool {
				if len(ref) > 1 && ref[0].Equal(ast.VarTerm(local)) {
					if name, ok := ref[1].Value.(ast.String); ok {
						exposed[from.String()+"."+string(name)] = true
					}
				}
				return false
			})
		}
	}
	return exposed
}

// titled reports whether an annotation of the rule at the path, or of one of
// its members, has a title.
func titled(modules map[string]*ast.Module, rulePath string) bool {
	want := ast.MustParseRef(rulePath)
	for _, module := range modules {
		for _, a := range module.Annotations {
			if a.Scope != "package" && a.Title != "" && a.GetTargetPath().HasPrefix(want) {
				return true
			}
		}
	}
	return false
}

func ruleName(rule *ast.Rule) string {
	return string(rule.Head.Ref()[0].Value.(ast.Var))
}

func isRegoTest(file string) bool { return strings.HasSuffix(file, "_test.rego") }

func policyModules(t *testing.T) map[string]*ast.Module {
	t.Helper()
	modules := embeddedModules(t)
	for file := range modules {
		if isRegoTest(file) {
			delete(modules, file)
		}
	}
	return modules
}

func embeddedModules(t *testing.T) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	for file, source := range embeddedRego(t) {
		options := ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1}
		module, err := ast.ParseModuleWithOpts(file, string(source), options)
		if err != nil {
			t.Fatal(err)
		}
		modules[file] = module
	}
	return modules
}

func embeddedRego(t *testing.T) map[string][]byte {
	t.Helper()
	sources := map[string][]byte{}
	err := fs.WalkDir(policies.Embedded(), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != ".rego" {
			return err
		}
		sources[file], err = fs.ReadFile(policies.Embedded(), file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func embeddedData(t *testing.T) map[string]any {
	t.Helper()
	source, err := fs.ReadFile(policies.Embedded(), "data.json")
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]any
	if err := json.Unmarshal(source, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func readJSON(t *testing.T, file string) any {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(source, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
