package policies_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/rego"
)

const plainDecision = "package reseller.main\n\ndefault allow := false\n\ndecision := {\"allow\": allow, \"reasons\": []}\n\n"

func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

func load(t *testing.T, files map[string]string) *policies.Engine {
	t.Helper()
	engine, err := policies.Load(context.Background(), tree(files),
		policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func main(rules string) map[string]string {
	return map[string]string{"reseller/main/main.rego": plainDecision + rules}
}

func TestLoadRefusesTreesThatCannotDecide(t *testing.T) {
	mainOf := func(text string) map[string]string {
		return map[string]string{"reseller/main/main.rego": "package reseller.main\n\n" + text}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no entrypoint":                  {map[string]string{"other.rego": "package other\n\nx := 1"}, "data.reseller.main.decision is not defined"},
		"no allow":                       {mainOf(`decision := {"allow": true, "reasons": []}`), "data.reseller.main.allow is not defined"},
		"a decision without allow":       {mainOf("default allow := false\n\ndecision := {\"reasons\": []}"), "data.reseller.main.decision names no allow"},
		"an allow that is not the rule":  {mainOf("default allow := false\n\ndecision := {\"allow\": true, \"reasons\": []}"), "main.rego:5: decision: allow is true instead of data.reseller.main.allow"},
		"a misspelt key":                 {mainOf("default allow := false\n\ndecision := {\"allow\": allow, \"reason\": []}"), `policy decision: unexpected key "reason"`},
		"a missing key":                  {mainOf("default allow := false\n\ndecision := {\"allow\": allow}"), "policy decision: reasons is missing"},
		"reasons that are no texts":      {mainOf("default allow := false\n\ndecision := {\"allow\": allow, \"reasons\": [1]}"), "policy decision: reasons is no set of texts"},
		"a decision that may be missing": {mainOf("allow if input.resource.kind == \"x\"\n\ndecision := {\"allow\": allow, \"reasons\": []}"), "policy decision is undefined"},
		"rego that does not parse":       {mainOf("allow if {"), "main.rego:3: unexpected eof token"},
		"rego that does not compile":     {main("allow if nothing"), "main.rego:7: var nothing is unsafe"},
		"rego that is not strict":        {main("allow if {\n\tx := 1\n}"), "main.rego:8: assigned var x unused"},
		"data given twice":               {with(main(""), "data.json", `{"x": 1}`, "data.yaml", "x: 2"), "data.x is given twice"},
		"data that is no object":         {with(main(""), "a/data.json", `[1]`), "a/data.json: data: the top level of a data file is an object"},
		"data on the path of a rule":     {with(main(""), "data.json", `{"reseller": {"main": {"allow": true}}}`), "conflicting rule for data path reseller/main/allow"},
		"limits of a wrong type":         {with(main(""), "data.json", `{"limits": {"max_depth": "deep"}}`), "data.limits: json"},
		"a ceiling of a look-alike":      {with(main(""), "data.json", `{"limits": {"reseller_ceiling": {"carrier": [], "Carrier": []}}}`), `data.limits.reseller_ceiling: "Carrier" is no area`},
		"a ceiling of an area and blank": {with(main(""), "data.json", `{"limits": {"reseller_ceiling": {"carrier ": []}}}`), `"carrier " is no area`},
		"limits below zero":              {with(main(""), "data.json", `{"limits": {"max_depth": -1}}`), "data.limits.max_depth: -1 is negative"},
		"a mask that changes an entry": {
			with(main(""), "system/log.rego", "package system.log\n\nmask contains {\"op\": \"upsert\", \"path\": \"/input\", \"value\": 1}"),
			`log mask: operation "upsert" is not supported, only remove is`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policies.Load(context.Background(), tree(c.files), policies.Options{Schema: policiestest.Schema()})
			var refused *rego.LoadError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("loaded with %v, want %s", err, c.want)
			}
		})
	}
}

func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

func TestLoadReadsWhatIsPolicy(t *testing.T) {
	files := with(main("allow if input.action.name == data.words.verb"),
		"words/data.yaml", "verb: read", "reseller/main/main_test.rego", "package broken {",
		"x.scenario.yaml", "broken: 1", "a/b/x.scenario.yaml", "b: 1", "mutants.yaml", "[]", "schemas/input.json", "[]",
		"testdata/x.rego", "broken", ".hidden/x.rego", "broken", ".x.json", "broken", "README.md", "broken")
	engine := load(t, files)
	in := policiestest.WithRow(&input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "card"}}, nil)
	if d := engine.Evaluate(context.Background(), in); !d.Allow {
		t.Errorf("decided %+v", d)
	}
}

func TestRevisionIsTheContent(t *testing.T) {
	one, same := load(t, main("")), load(t, with(main(""), "README.md", "text", "x_test.rego", "package x"))
	if one.Revision() == "" || one.Revision() != same.Revision() {
		t.Errorf("revisions %q and %q of one policy", one.Revision(), same.Revision())
	}
	for name, other := range map[string]map[string]string{
		"rego": main("allow if input.action.name == \"x\""), "data": with(main(""), "data.json", `{"x": 1}`),
	} {
		if load(t, other).Revision() == one.Revision() {
			t.Errorf("the revision does not depend on the %s", name)
		}
	}
}

func TestLimitsCatalogReasonsAndMasks(t *testing.T) {
	engine := load(t, with(main(`# METADATA
# title: Not yours
# description: It belongs to somebody else.
# custom:
#   code: not_yours
reasons contains "not_yours" if not allow
`), "data.json", `{
		"limits": {"max_depth": 3, "reseller_ceiling": {"customer": ["read"]}},
		"catalog": {"switch": {"s1": {"account_id": "acc_r1"}}}
	}`, "system/log.rego", "package system.log\n\nmask contains \"/input/resource/notes\"\n\nmask contains {\"op\": \"remove\", \"path\": \"/result\"}"))
	if l := engine.Limits(); l.MaxDepth != 3 || len(l.ResellerCeiling["customer"]) != 1 {
		t.Errorf("limits %+v", l)
	}
	if l := load(t, main("")).Limits(); l.MaxDepth != 1 {
		t.Errorf("default limits %+v", l)
	}
	if entity, ok := engine.Catalog("switch", "s1"); !ok || entity["account_id"] != "acc_r1" {
		t.Errorf("catalog %v, %v", entity, ok)
	}
	if _, ok := engine.Catalog("switch", "s2"); ok {
		t.Error("the catalog knows what it does not hold")
	}
	reason := engine.Reasons()["not_yours"]
	if reason.Title != "Not yours" || reason.File != "reseller/main/main.rego" || reason.Line == 0 {
		t.Errorf("reason %+v", reason)
	}
	paths, static := engine.Masks()
	if !static || strings.Join(paths, " ") != "/input/resource/notes /result" {
		t.Errorf("masks %v, static %v", paths, static)
	}
}

func TestMaskThatDependsOnTheEntry(t *testing.T) {
	engine := load(t, with(main(""), "system/log.rego",
		"package system.log\n\nmask contains \"/input/secret\" if input.input.secret\n\nmask contains \"/x\""))
	if _, static := engine.Masks(); static {
		t.Error("the mask is called static")
	}
	for want, entry := range map[string]map[string]any{
		"/input/secret /x": {"input": map[string]any{"secret": "s"}}, "/x": {"input": map[string]any{}},
	} {
		got, err := engine.Mask(context.Background(), entry)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("mask of %v: %v, %v", entry, got, err)
		}
	}
}

func TestUnavailableBuiltinsAreNamed(t *testing.T) {
	for _, call := range []string{
		"http.send({\"url\": \"x\"})", "net.lookup_ip_addr(\"x\")", "rand.intn(\"x\", 2)", "uuid.rfc4122(\"x\")", "opa.runtime()", "time.now_ns()",
	} {
		_, err := policies.Load(context.Background(), tree(main("allow if "+call)), policies.Options{})
		name, _, _ := strings.Cut(call, "(")
		if err == nil || !strings.Contains(err.Error(), "main.rego:7: "+name+" is not available to policies") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaIsChecked(t *testing.T) {
	for _, column := range []string{"type", "properties"} {
		schema := input.Schema{"card": {Columns: map[string]input.ColumnKind{column: input.Text}}}
		if _, err := policies.Load(context.Background(), tree(main("")), policies.Options{Schema: schema}); err == nil {
			t.Errorf("a column named %s was taken", column)
		}
	}
}
