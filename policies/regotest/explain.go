package regotest

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// explained is the number of failures that are traced.
const explained = 20

// explain runs tests again in which a condition did not hold. It notes that condition and
// its values.
func (s *Suite) explain(ctx context.Context, failures []Failure) error {
	traced := map[string]*Failure{}
	var names []string
	for i := range failures {
		if f := &failures[i]; f.Message == "" && len(names) < explained {
			traced[f.Name] = f
			names = append(names, regexp.QuoteMeta(f.Name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	runner := s.runner(s.modules).Filter("^(" + strings.Join(names, "|") + ")$").EnableTracing(true)
	return s.run(ctx, runner, func(result *tester.Result) bool {
		if f := traced[result.Package+"."+result.Name]; f != nil {
			f.At, f.Condition = unmet(result.Trace, result.Location)
		}
		return true
	})
}

// unmet returns the condition of a test that did not hold: the last one within the test,
// and in `every` the one within.
func unmet(trace []*topdown.Event, test *ast.Location) (*Line, string) {
	for _, event := range slices.Backward(trace) {
		expr, ok := event.Node.(*ast.Expr)
		if !ok || event.Op != topdown.FailOp || event.QueryID == 0 || !within(event.Location, test) {
			continue
		}
		if _, every := expr.Terms.(*ast.Every); every {
			continue
		}
		var text strings.Builder
		if topdown.PrettyEvent(&text, event, topdown.PrettyEventOpts{PrettyVars: true}) != nil {
			return nil, ""
		}
		return &Line{event.Location.File, event.Location.Row}, strings.TrimRight(text.String(), "\n")
	}
	return nil, ""
}

func within(at, around *ast.Location) bool {
	return at != nil && at.File == around.File && at.Offset >= around.Offset && at.Offset < around.Offset+len(around.Text)
}
