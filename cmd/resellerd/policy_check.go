package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"resellerd/policies"
	"resellerd/policies/check"
	"resellerd/policies/rego"
	"resellerd/server"
	"resellerd/server/replay"
	"resellerd/server/resource"
)

type policyCheckCommand struct {
	treeArgument
	Log     []string `help:"Files of a decision log: name the areas that resellers asked for and that policy data does not name." placeholder:"FILE"`
	Fix     bool     `help:"Format the Rego files of the tree first."`
	Schemas string   `help:"Only write the JSON Schemas of input and data to this directory, for editors." placeholder:"DIR"`
	Format  string   `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// checked is what `resellerd policy check --format json` prints.
type checked struct {
	Revision string          `json:"revision,omitempty"` // absent if the tree does not load
	Loads    bool            `json:"loads"`
	Findings []check.Finding `json:"findings"`
	LookUps  []check.Finding `json:"look_ups,omitempty"` // places that look up the acting user in data; plans are made with the value found
}

// Run reports everything that is wrong with the tree. It fails with exitPolicy if
// `serve` would refuse the tree, and with exitError for all other findings.
func (c *policyCheckCommand) Run(ctx context.Context, t terminal) error {
	if c.Schemas != "" {
		return c.writeSchemas(t.out)
	}
	if c.Fix {
		if err := c.fix(t.err); err != nil {
			return err
		}
	}
	tree, source, err := c.tree(ctx)
	if err != nil {
		return c.unread(t, err)
	}
	report, err := check.Tree(ctx, tree, policies.Options{Schema: resource.Schema(), Source: source}, server.PolicyNames())
	if err != nil {
		return err
	}
	if report.Engine != nil && !report.Has("slow") { // every filter would be just as slow
		report.Add(server.FiltersAsSQL(ctx, report.Engine)...)
	}
	if err := c.unlisted(ctx, t, report); err != nil {
		return err
	}
	if err := c.print(t.out, report); err != nil {
		return err
	}
	return verdict(report)
}

// unread reports the files that keep a tree from being read.
func (c *policyCheckCommand) unread(t terminal, err error) error {
	var load *rego.LoadError
	if !errors.As(err, &load) {
		return err
	}
	report := &check.Report{}
	report.Add(load.Findings...)
	if err := c.print(t.out, report); err != nil {
		return err
	}
	return verdict(report)
}

// unlisted reports the areas of --log that policy data does not name.
func (c *policyCheckCommand) unlisted(ctx context.Context, t terminal, report *check.Report) error {
	if len(c.Log) == 0 || report.Engine == nil {
		return nil
	}
	asked := map[string]int{}
	err := t.openLogs(c.Log, "check", func(files []replay.Source) (err error) {
		asked, err = replay.Unlisted(ctx, report.Engine, files)
		return err
	})
	for _, area := range slices.Sorted(maps.Keys(asked)) {
		report.Add(rego.Finding{Code: "unlisted-area", File: "data.json",
			Message: fmt.Sprintf("resellers asked for the area %q, which policy data does not name: %s", area, count(asked[area], "decision"))})
	}
	return err
}

// verdict returns the error that determines the exit code.
func verdict(report *check.Report) error {
	n := len(report.Findings)
	switch {
	case report.Engine == nil:
		return policyError{fmt.Errorf("policy tree refused: %s", count(n, "finding"))}
	case n > 0:
		return fmt.Errorf("policy tree: %s", count(n, "finding"))
	}
	return nil
}

func (c *policyCheckCommand) print(w io.Writer, report *check.Report) error {
	for i := range report.Findings {
		report.Findings[i].File = c.path(report.Findings[i].File)
	}
	out := checked{Findings: report.Findings, Loads: report.Engine != nil}
	if out.Loads {
		out.Revision = report.Engine.Revision()
		for _, f := range report.Engine.LookUps() {
			out.LookUps = append(out.LookUps, check.Finding{Code: f.Code, File: c.path(f.File), Line: f.Line, Message: f.Message})
		}
	}
	if c.Format == "json" {
		if out.Findings == nil {
			out.Findings = []check.Finding{}
		}
		return printJSON(w, out)
	}
	for _, f := range report.Findings {
		printFinding(w, f)
	}
	for _, f := range out.LookUps {
		fmt.Fprintf(w, "note: %s\n", rego.Finding{File: f.File, Line: f.Line, Message: f.Message})
	}
	if len(report.Findings) == 0 {
		fmt.Fprintf(w, "policy %s: no findings\n", out.Revision)
	}
	return nil
}

// printFinding prints the place, the finding, and what to do about it.
func printFinding(w io.Writer, f check.Finding) {
	at := rego.Finding{File: f.File, Line: f.Line, Message: f.Message}
	fmt.Fprintf(w, "%s [%s]\n", at, f.Code)
	if f.Hint != "" {
		fmt.Fprintf(w, "    %s\n", f.Hint)
	}
}

// fix formats the tree's files in place and prints the names of the changed files.
func (c *policyCheckCommand) fix(w io.Writer) error {
	if c.Dir == "" {
		return usagef("--fix needs a directory: the embedded tree cannot be changed")
	}
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		return usagef("--fix needs a directory: %s is none", c.Dir)
	}
	formatted, err := check.Format(os.DirFS(c.Dir))
	if err != nil {
		return err
	}
	for name, text := range formatted {
		path := filepath.Join(c.Dir, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, info.Mode().Perm()); err != nil {
			return err
		}
		fmt.Fprintln(w, "formatted", path)
	}
	return nil
}

// writeSchemas writes the schemas to a directory and prints how an editor can use
// them.
func (c *policyCheckCommand) writeSchemas(w io.Writer) error {
	err := fs.WalkDir(policies.Schemas(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(policies.Schemas(), name)
		if err != nil {
			return err
		}
		path := filepath.Join(c.Schemas, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // to be read by any editor
			return err
		}
		fmt.Fprintln(w, path)
		return os.WriteFile(path, bytes.TrimLeft(text, "\n"), 0o644) //nolint:gosec // as above
	})
	if err == nil {
		fmt.Fprintf(w, editorHelp, c.Schemas)
	}
	return err
}

const editorHelp = `
With OPA at hand, an editor or a script type-checks the tree by
  opa check --strict --schema %s DIR
and a single package by these lines in its annotation:
  # schemas:
  #   - input: schema.input
  #   - data.limits: schema.data.limits
Visual Studio Code's OPA extension finds them by "opa.schema" in its settings;
its YAML extension checks scenarios by "yaml.schemas".
`
