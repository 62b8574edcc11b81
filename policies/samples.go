package policies

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// sampledRows is how many rows Try makes up for each subject and type.
const sampledRows = 96

// Try decides about rows that it makes up from the values that the tree compares columns
// with. It returns rules whose values conflict, and reasons that tell a user about a row of
// the panel's that the user does not see. It finds no more than its rows show.
func (e *Engine) Try(ctx context.Context) []rego.Finding {
	s := &sampler{engine: e, constants: e.constants(), random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same rows each time
	for _, subject := range typicalSubjects()[:2] {
		for _, typ := range e.types() {
			for range sampledRows {
				in := typicalInput(subject, []string{"read", "read", "update"}[s.random.IntN(3)], typ)
				in.Resource.Row = s.row(typ, subject.Facts)
				in.Resource.ID, _ = in.Resource.Row["id"].(string)
				s.conflict(e.Evaluate(ctx, in).Err)
			}
		}
		s.panelRows(ctx, subject)
	}
	return s.findings
}

type sampler struct {
	engine    *Engine
	constants map[string][]any
	random    *rand.Rand
	findings  []rego.Finding
}

func (s *sampler) add(f rego.Finding) {
	if !slices.Contains(s.findings, f) {
		s.findings = append(s.findings, f)
	}
}

// conflict reports an error that says that one rule has two values.
func (s *sampler) conflict(err error) {
	var of *topdown.Error
	if errors.As(err, &of) && of.Code == topdown.ConflictErr {
		s.add(rego.FindingAt(of.Location, "conflict", "two definitions of the rule hold for one row, with different values: such a decision is an error"))
	}
}

// elsewhere is an account that no typical subject knows.
const elsewhere = "acc_elsewhere"

// row returns a row of a stored type.
func (s *sampler) row(typ string, f *input.Facts) map[string]any {
	row := map[string]any{"id": "row_1"}
	columns := s.engine.options.Schema[typ].Columns
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if v := s.value(typ, column, columns[column], f); v != nil {
			row[column] = v
		}
	}
	return row
}

func (s *sampler) value(typ, column string, kind input.ColumnKind, f *input.Facts) any {
	values := slices.Clone(s.constants["resource."+column])
	values = slices.DeleteFunc(values, func(v any) bool {
		_, text := v.(string)
		return text != (kind == input.Text)
	})
	switch {
	case kind == input.Set:
		return [][]string{{}, {f.Account.ID}, {elsewhere}, {f.Account.ID, elsewhere}}[s.random.IntN(4)]
	case kind == input.Boolean:
		values = []any{true, false}
	case kind == input.Integer:
		values = append(values, int64(0), int64(1))
	case column == "tenant_id":
		values = append(values, f.Account.TenantID, f.Account.TenantID, elsewhere)
	case input.AccountKey(typ, column):
		values = append(values, f.Account.ID, f.Account.ID, f.Account.ParentID, elsewhere)
	case kind == input.Opaque:
		return nil
	default:
		values = append(values, "x", nil)
	}
	return values[s.random.IntN(len(values))]
}

// panelRows asks about rows of the panel's of an account that is out of reach.
func (s *sampler) panelRows(ctx context.Context, subject input.Subject) {
	sent := []map[string]any{{}}
	for path, values := range s.constants {
		if name, ok := strings.CutPrefix(path, "resource.properties."); ok {
			for _, v := range values {
				sent = append(sent, map[string]any{name: v})
			}
		}
	}
	for _, properties := range sent {
		properties["account_id"] = elsewhere
		for _, action := range []string{"read", "update", "delete"} {
			in := typicalInput(subject, action, "cdr")
			in.Resource.ID, in.Resource.Properties = "1", properties
			d := s.engine.Evaluate(ctx, in)
			s.conflict(d.Err)
			if d.Allow || !slices.Contains(d.Reasons, ReasonNotVisible) {
				continue
			}
			for _, reason := range d.Reasons {
				if reason != ReasonNotVisible {
					s.add(s.told(reason, action))
				}
			}
		}
	}
}

func (s *sampler) told(reason, action string) rego.Finding {
	f := rego.Finding{Code: "told", Message: fmt.Sprintf("a user who would %s a row of the panel's that it does not see learns the reason %s", action, reason)}
	if r, ok := s.engine.reasons[reason]; ok {
		f.File, f.Line = r.File, r.Line
	}
	return f
}

// constants returns the constants that rules compare parts of the resource with, by the
// path below input.
func (e *Engine) constants() map[string][]any {
	found := map[string][]any{}
	for _, rule := range e.tree.Rules.Reachable(decisionRef) {
		names := map[ast.Var]ast.Ref{}
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if v := rego.BoundRef(x); v != nil {
				for i := range 2 {
					if ref, ok := x.Operand(i).Value.(ast.Ref); ok {
						names[v.Value.(ast.Var)] = ref
					}
				}
			}
			return false
		})
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if terms, ok := x.Terms.([]*ast.Term); ok && len(terms) >= 3 {
				compared(found, names, terms[1], terms[2])
				compared(found, names, terms[2], terms[1])
			}
			return false
		})
	}
	return found
}

func compared(found map[string][]any, names map[ast.Var]ast.Ref, a, b *ast.Term) {
	ref, ok := a.Value.(ast.Ref)
	if v, isVar := a.Value.(ast.Var); isVar {
		ref, ok = names[v]
	}
	if !ok || len(ref) < 3 || !ref.IsGround() || !ref.HasPrefix(resourceRef) {
		return
	}
	path := strings.TrimPrefix(ref.String(), "input.")
	add := func(term *ast.Term) {
		var v any
		switch c := term.Value.(type) {
		case ast.String:
			v = string(c)
		case ast.Boolean:
			v = bool(c)
		case ast.Number:
			n, whole := c.Int64()
			if !whole {
				return
			}
			v = n
		default:
			return
		}
		if !slices.Contains(found[path], v) {
			found[path] = append(found[path], v)
		}
	}
	switch c := b.Value.(type) {
	case ast.Set:
		c.Foreach(add)
	case *ast.Array:
		c.Foreach(add)
	default:
		add(b)
	}
}

// slowestRule names the rule in which a question that takes too long spends its time.
func (e *Engine) slowestRule(ctx context.Context, in *input.Input) (*ast.Location, string) {
	document, err := e.value(in)
	if err != nil {
		return nil, ""
	}
	at := e.decision.Slowest(context.WithoutCancel(ctx), document, e.options.Timeout)
	if at == nil {
		return nil, ""
	}
	var best *ast.Rule
	for _, rule := range e.tree.Rules.Reachable(decisionRef) {
		if loc := rule.Loc(); loc != nil && loc.File == at.File && loc.Row <= at.Row && (best == nil || loc.Row > best.Loc().Row) {
			best = rule
		}
	}
	if best == nil {
		return at, ""
	}
	return at, ", most of the time in rule " + rego.RulePath(best)
}
