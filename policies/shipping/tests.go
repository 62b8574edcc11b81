package shipping

import (
	"context"
	"fmt"
	"io/fs"

	"resellerd/policies/rego"
	"resellerd/policies/regotest"
)

// runTests runs a tree's own Rego tests. Each failing test is a finding.
// Skipped tests are a finding too, and so is a tree without tests.
func runTests(ctx context.Context, tree fs.FS) error {
	report, err := regotest.Run(ctx, tree, "")
	if err != nil {
		return err
	}
	var findings []rego.Finding
	for _, f := range report.Failures {
		finding := rego.Finding{Code: "test", File: f.File, Line: f.Line, Message: f.Name + " fails"}
		if f.Message != "" {
			finding.Message += ": " + f.Message
		}
		findings = append(findings, finding)
	}
	if report.Skipped > 0 {
		findings = append(findings, rego.Finding{Code: "test", Message: fmt.Sprintf("tests are skipped: %d", report.Skipped)})
	}
	if report.Tests == 0 {
		findings = append(findings, rego.Finding{Code: "test", Message: "the tree has no tests"})
	}
	if len(findings) > 0 {
		return &rego.LoadError{Findings: findings}
	}
	return nil
}
