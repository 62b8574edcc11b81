package policies_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"resellerd/policies"
	"resellerd/policies/check"
)

const dataSchema = "schemas/data/schema.json"

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

func TestNothingIsFoundInTheEmbeddedTree(t *testing.T) {
	report, err := check.Tree(context.Background(), policies.Embedded(), policies.Options{}, check.Names{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		t.Errorf("%s:%d: %s [%s]", f.File, f.Line, f.Message, f.Code)
	}
}

// A type that types does not name would count as a type of the panel. The
// request, not the store, then says who owns its rows.
func TestEachFolderOfResourceHasANameInTypes(t *testing.T) {
	entries, err := fs.ReadDir(policies.Embedded(), "reseller/resource")
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{}
	for _, entry := range entries {
		if entry.Name() != "panel" {
			folders = append(folders, entry.Name())
		}
	}
	options := []func(*rego.Rego){rego.Query("x := data.reseller.types.own")}
	for _, module := range policyModules(t) {
		options = append(options, rego.ParsedModule(module))
	}
	results, err := rego.New(options...).Eval(context.Background())
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	if own := fmt.Sprint(results[0].Bindings["x"]); own != fmt.Sprint(folders) {
		t.Errorf("types names %s; the folders are %s", own, folders)
	}
}

func TestReasonsAreTheDocumentedOnes(t *testing.T) {
	engine, err := policies.Load(context.Background(), policies.Embedded(), policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := engine.Reasons()
	for _, code := range []string{
		"account_suspended", "area_denied", "card_not_customer", "card_not_own", "client_ip_denied",
		"client_ip_unknown", "column_not_writable", "customer_owner_immutable", "exceeds_delegation",
		"group_not_lent", "group_not_own", "max_depth", "no_group", "not_visible", "own_revision", "owner_unknown",
		"reserved_type", "target_disabled", "unknown_action", "unknown_area", "unknown_user", "user_disabled",
	} {
		if _, ok := seen[code]; !ok {
			t.Errorf("no rule gives the reason %q", code)
		}
		delete(seen, code)
	}
	for code, reason := range seen {
		t.Errorf("%s:%d: reason %q is not listed here and in README.md", reason.File, reason.Line, code)
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
