package shipping

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"resellerd/policies"
)

// testTime bounds one test of a tree.
const testTime = time.Minute

// runTests runs a tree's own Rego tests. Every one that fails is a finding, and
// so is it when there are none.
func runTests(ctx context.Context, tree fs.FS) error {
	modules, data, err := policies.Sources(tree)
	if err != nil {
		return err
	}
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("policy tests: %w", err)
	}
	defer store.Abort(ctx, txn)
	results, err := tester.NewRunner().SetStore(store).SetModules(modules).SetTimeout(testTime).
		CapturePrintOutput(true).RaiseBuiltinErrors(true).RunTests(ctx, txn)
	if err != nil {
		return policies.Refused("test", err)
	}
	var findings []policies.Finding
	ran := 0
	for r := range results {
		ran++
		if !r.Pass() {
			findings = append(findings, failed(r))
		}
	}
	if ran == 0 {
		findings = []policies.Finding{{Code: "test", Message: "the tree has no tests"}}
	}
	if len(findings) > 0 {
		return &policies.LoadError{Findings: findings}
	}
	return nil
}

func failed(r *tester.Result) policies.Finding {
	f := policies.Finding{Code: "test", Message: r.Name + " fails"}
	if r.Skip {
		f.Message = r.Name + " is skipped"
	}
	if r.Error != nil {
		f.Message += ": " + r.Error.Error()
	}
	if r.Location != nil {
		f.File, f.Line = r.Location.File, r.Location.Row
	}
	return f
}
