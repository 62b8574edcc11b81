package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"resellerd/server/insight"
)

// policyGateCommand asks everything about a change of a policy, for a merge request.
type policyGateCommand struct {
	Old      string   `arg:"" help:"Directory or bundle of the policy in force." placeholder:"OLD"`
	New      string   `arg:"" help:"Directory or bundle of the candidate." placeholder:"NEW"`
	Log      []string `help:"Files of a decision log to replay." placeholder:"FILE"`
	Database string   `help:"Store whose users are compared, as sqlite:FILE or postgres://…; without it, only rules and data are." placeholder:"URL"`
	Format   string   `help:"Output format: text, markdown, junit or sarif." enum:"text,markdown,junit,sarif" default:"text"`
}

// gateStep is one part of the gate, with what it printed.
type gateStep struct {
	name string
	text string
	err  error
}

// Run runs every step, also after one that fails. It fails with the exit code of the worst
// step: exitUsage, then exitPolicy, exitTests, exitDecide and exitError.
func (c *policyGateCommand) Run(ctx context.Context, t terminal) error {
	tree := treeArgument{Dir: c.New}
	steps := []struct {
		name string
		run  func(t terminal) error
	}{
		{"check", func(t terminal) error { return (&policyCheckCommand{treeArgument: tree, Format: "text"}).Run(ctx, t) }},
		{"test", func(t terminal) error { return c.tests(tree, false).Run(ctx, t) }},
		{"mutation", func(t terminal) error { return c.tests(tree, true).Run(ctx, t) }},
		{"preview", func(t terminal) error { return c.preview(ctx, t) }},
		{"replay", func(t terminal) error { return c.replay(ctx, t) }},
	}
	var done []gateStep
	var failed []error
	for _, step := range steps {
		if step.name == "replay" && len(c.Log) == 0 || step.name == "mutation" && exitCode(errors.Join(failed...)) == exitTests && len(failed) > 0 {
			continue
		}
		var out bytes.Buffer
		err := step.run(terminal{out: &out, err: t.err})
		if step.name == "check" && exitCode(err) == exitUsage && err != nil {
			return err
		}
		done = append(done, gateStep{step.name, out.String(), err})
		if err != nil {
			failed = append(failed, err)
		}
		if err != nil && exitCode(err) == exitPolicy {
			break // no other step can use such a tree
		}
	}
	if err := c.print(t.out, done); err != nil {
		return err
	}
	return worst(failed)
}

func (c *policyGateCommand) tests(tree treeArgument, mutate bool) *policyTestCommand {
	test := &policyTestCommand{treeArgument: tree, Coverage: 100, MinScore: 95, Sample: 1, Format: "text"}
	if mutate {
		test.Mutate, test.Since = true, c.Old
	}
	return test
}

// preview compares the policies for all users of the store.
func (c *policyGateCommand) preview(ctx context.Context, t terminal) (err error) {
	before, err := fastEngine(ctx, c.Old)
	if err != nil {
		return err
	}
	after, err := fastEngine(ctx, c.New)
	if err != nil {
		return err
	}
	changes := insight.CompareTrees(before, after)
	if c.Database != "" {
		st, err := (&lookSettings{Database: c.Database}).open(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, st.Close()) }()
		if changes, err = insight.NewInspector(st, before).ComparePolicies(ctx, insight.PolicyQuestion{Policies: after}); err != nil {
			return err
		}
	}
	if changes.Looked == 0 && len(changes.Rules)+len(changes.Data) > 0 {
		changes.Unproved = append(changes.Unproved, "no user is known, so nobody's rows and actions were compared: give --database")
	}
	if err := printChanges(t.out, changes, false); err != nil {
		return err
	}
	switch {
	case changes.More():
		return decideError{errors.New("the policy lets somebody see or do more: a person has to decide")}
	case len(changes.Unproved) > 0:
		return decideError{errors.New("not proved that nobody sees or may do more: " + strings.Join(changes.Unproved, "; "))}
	}
	return nil
}

// replay repeats the log. It fails if the log says nothing about the change, or not all.
func (c *policyGateCommand) replay(ctx context.Context, t terminal) error {
	command := &policyReplayCommand{Policies: c.New, Was: c.Old, Log: c.Log, FailOn: []string{"any"}, Format: "text"}
	report, err := command.replay(ctx, t)
	if err != nil {
		return err
	}
	printReplay(t.out, report)
	if err := command.verdict(report); err != nil {
		return err
	}
	switch {
	case provesNothing(report):
		return decideError{errors.New("not proved: no decision of the log reaches what differs")}
	case report.Open() > 0 && len(report.Changed)+report.Data > 0:
		return decideError{fmt.Errorf("not proved: %s cannot be repeated", count(report.Open(), "decision"))}
	}
	return nil
}

// worst returns the error with the most serious exit code.
func worst(failed []error) error {
	for _, code := range []int{exitUsage, exitPolicy, exitTests, exitDecide} {
		for _, err := range failed {
			if exitCode(err) == code {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

func (c *policyGateCommand) print(w io.Writer, steps []gateStep) error {
	var err error
	switch c.Format {
	case "junit":
		err = printJUnit(w, steps)
	case "sarif":
		err = printSARIF(w, c.New, steps)
	case "markdown":
		_, err = io.WriteString(w, gateMarkdown(steps))
	default:
		for _, s := range steps {
			if _, err = fmt.Fprintf(w, "== %s: %s\n%s\n", s.name, s.result(), strings.TrimRight(s.text, "\n")); err != nil {
				return err
			}
		}
	}
	return err
}

func (s gateStep) result() string {
	switch {
	case s.err == nil:
		return "passed"
	case exitCode(s.err) == exitDecide:
		return "a person has to decide"
	default:
		return "failed: " + s.err.Error()
	}
}

func gateMarkdown(steps []gateStep) string {
	var b strings.Builder
	b.WriteString("### Policy gate\n\n| Step | Result |\n|---|---|\n")
	for _, s := range steps {
		first, _, _ := strings.Cut(s.result(), "\n")
		b.WriteString("| " + s.name + " | " + strings.ReplaceAll(first, "|", "\\|") + " |\n")
	}
	for _, s := range steps {
		b.WriteString("\n<details><summary>" + s.name + "</summary>\n\n~~~text\n" +
			strings.ReplaceAll(strings.TrimSpace(s.text), "~~~", "~ ~ ~") + "\n~~~\n\n</details>\n")
	}
	return b.String()
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
}

func printJUnit(w io.Writer, steps []gateStep) error {
	suite := struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}{Name: "resellerd policy gate", Tests: len(steps)}
	for _, s := range steps {
		one := junitCase{Name: s.name, Output: s.text}
		if s.err != nil {
			suite.Failures++
			one.Failure = &junitFailure{s.result()}
		}
		suite.Cases = append(suite.Cases, one)
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	}
	return err
}

// placed is a line of a step that begins with a place in a file.
var placed = regexp.MustCompile(`(?m)^([^\s:]+):(\d+): (.+)$`)

// printSARIF prints the findings of each step that did not pass, as SARIF 2.1.0 defines
// it. A step without places has one finding, about the tree.
func printSARIF(w io.Writer, tree string, steps []gateStep) error {
	results := []any{}
	add := func(step, text, file string, line int) {
		place := map[string]any{"artifactLocation": map[string]any{"uri": filepath.ToSlash(file)}}
		if line > 0 {
			place["region"] = map[string]any{"startLine": line}
		}
		results = append(results, map[string]any{"ruleId": step, "level": "error", "message": map[string]any{"text": text},
			"locations": []any{map[string]any{"physicalLocation": place}}})
	}
	for _, s := range steps {
		if s.err == nil {
			continue
		}
		lines := placed.FindAllStringSubmatch(s.text, -1)
		for _, at := range lines {
			line, _ := strconv.Atoi(at[2])
			add(s.name, at[3], at[1], line)
		}
		if len(lines) == 0 {
			add(s.name, s.result()+"\n"+s.text, tree, 0)
		}
	}
	driver := map[string]any{"driver": map[string]any{"name": "resellerd policy gate"}}
	return printJSON(w, map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{"tool": driver, "results": results}},
	})
}
