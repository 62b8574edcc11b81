package policies

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"resellerd/policies/filter"
	"resellerd/policies/gateway"
	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Load reads, checks and compiles a tree of Rego and data files, and tries it
// with typical subjects. If the tree has problems, it returns a *LoadError
// that lists them all with file and line. If the tree cannot be read, it
// returns another error.
func Load(ctx context.Context, tree fs.FS, o Options) (*Engine, error) {
	began := time.Now()
	s, err := readSource(tree)
	if err != nil {
		return nil, err
	}
	if len(s.findings) > 0 {
		return nil, refused(s.findings)
	}
	e := &Engine{options: o.withDefaults(), revision: s.revision}
	if findings := checkSchema(e.options.Schema); len(findings) > 0 {
		return nil, refused(findings)
	}
	if findings := e.compile(ctx, s); len(findings) > 0 {
		return nil, refused(findings)
	}
	findings := e.rehearse(ctx)
	e.slowness = slices.DeleteFunc(slices.Clone(findings), func(f rego.Finding) bool { return f.Code != slowCode })
	if len(findings) > len(e.slowness) {
		return nil, refused(findings)
	}
	e.compiled.tree = time.Since(began)
	e.compiled.plans.Store(0) // those of the trial
	e.compiled.nanos.Store(0)
	e.compiled.partial.Store(0)
	return e, nil
}

// Slow lists the questions that took too long when the tree was tried at load.
func (e *Engine) Slow() []rego.Finding { return slices.Clone(e.slowness) }

// Fast returns a *LoadError if the tree took too long at load. It is for
// callers that will ask the tree many questions.
func (e *Engine) Fast() error {
	if len(e.slowness) == 0 {
		return nil
	}
	return refused(e.Slow())
}

// Refused returns a *LoadError with the problems that OPA's parser, compiler
// or bundle reader found in a tree.
func Refused(code string, err error) error { return refused(rego.FindingsOf(code, "", err)) }

func refused(findings []rego.Finding) error {
	slices.SortStableFunc(findings, func(a, b rego.Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
	return &rego.LoadError{Findings: slices.Compact(findings)}
}

func checkSchema(schema input.Schema) []rego.Finding {
	var findings []rego.Finding
	for typ, columns := range schema {
		for name, kind := range columns.Columns {
			if name == "type" || name == "properties" || kind < input.Text || kind > input.Opaque {
				findings = append(findings, rego.Finding{Code: "schema", Message: fmt.Sprintf("schema: %s cannot have a column %q", typ, name)})
			}
		}
	}
	return findings
}

// compile builds all parts of the engine from the tree.
func (e *Engine) compile(ctx context.Context, s *source) []rego.Finding {
	compiler, findings := rego.CompileModules(s.modules, s.data)
	if len(findings) > 0 {
		return findings
	}
	rules := rego.NewRules(compiler)
	if e.parts, findings = readParts(s.modules, rules); len(findings) > 0 {
		return findings
	}
	columns := e.options.Schema
	if e.rowless = showsNoRows(s.modules); e.rowless {
		columns = nil
	} else if findings = e.parts.ignored(rules); len(columns) > 0 && len(findings) > 0 {
		return findings
	}
	e.tree, findings = filter.NewTree(filter.Tree{
		Compiler: compiler, Store: rego.DataStore(s.data), Modules: s.modules, Rules: rules, Schema: columns, Data: s.data,
		Timeout: e.options.Timeout, MaxDisjuncts: e.options.MaxDisjuncts, Catalogued: e.catalogued,
	}, rules.Reachable(decisionRef), rules.Reachable(allowRef))
	if len(findings) > 0 {
		return findings
	}
	if e.asked, findings = e.tree.WithLookups(decisionRef); len(findings) > 0 {
		return findings
	}
	e.reasons = readReasons(s.modules)
	e.catalog, _ = s.data["catalog"].(map[string]any)
	for _, step := range []func() error{
		func() (err error) {
			e.gateway, err = gateway.Read(s.data)
			e.areas = namedAreas(s.data, e.gateway)
			return err
		},
		func() (err error) { e.limits, err = readLimits(s.data); return err },
		func() (err error) {
			e.decision, err = rego.NewQuery(decisionQuery(), compiler, e.tree.Store)
			return err
		},
		func() (err error) { e.access, err = e.newAccessGrid(); return err },
		func() (err error) { e.queries, err = e.newPartialQueries(); return err },
		func() (err error) { e.conflicts, err = e.findConflicts(); return err },
		func() error { e.plans = newPlanCache(e, e.options.CacheBytes); return nil },
		func() error {
			_, err := e.patiently(ctx, e.loadMasks)
			return err
		},
	} {
		if err := step(); err != nil {
			findings = append(findings, rego.Finding{Code: "data", Message: err.Error()})
		}
	}
	return findings
}

// rehearsalTime limits the whole trial at load.
const rehearsalTime = 30 * time.Second
