package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

type policyBenchCommand struct {
	treeArgument
	Against string `help:"Another tree to compare with: a directory, or embedded." placeholder:"DIR"`
	Format  string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// benched is how long one kind of work takes with a policy tree. Times are medians.
type benched struct {
	What    string        `json:"what"`
	Time    time.Duration `json:"nanoseconds"`
	Against time.Duration `json:"against_nanoseconds,omitempty"`
}

// Run measures the tree, and alternates with the other tree if there is one.
func (c *policyBenchCommand) Run(ctx context.Context, t terminal) error {
	trees := []treeArgument{c.treeArgument}
	if c.Against != "" {
		other := treeArgument{Dir: c.Against}
		if c.Against == "embedded" {
			other.Dir = ""
		}
		trees = append(trees, other)
	}
	bar := t.progress("bench", benchRounds*len(trees))
	defer bar.done()
	took := make([]map[string][]time.Duration, len(trees))
	for range benchRounds {
		for i, tree := range trees {
			if took[i] == nil {
				took[i] = map[string][]time.Duration{}
			}
			if err := measure(ctx, tree, took[i]); err != nil {
				return err
			}
			bar.add(1)
		}
	}
	return c.print(t.out, summary(took))
}

// benchRounds is odd, so that the median is one of the values.
const benchRounds = 5

var benchOrder = []string{"load", "first decision of a profile", "warm check", "full evaluation", "first filter of a profile", "warm filter"}

func summary(took []map[string][]time.Duration) []benched {
	var list []benched
	for _, what := range benchOrder {
		b := benched{What: what, Time: median(took[0][what])}
		if len(took) > 1 {
			b.Against = median(took[1][what])
		}
		list = append(list, b)
	}
	return list
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func (c *policyBenchCommand) print(w io.Writer, list []benched) error {
	if c.Format == "json" {
		return printJSON(w, list)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, b := range list {
		fmt.Fprintf(table, "%s\t%s\t", b.What, short(b.Time))
		if c.Against != "" {
			fmt.Fprintf(table, "%s\t%.2f\t", short(b.Against), float64(b.Time)/float64(max(b.Against, 1)))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// short rounds to three significant digits.
func short(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// measure loads a tree anew and measures one round.
func measure(ctx context.Context, tree treeArgument, took map[string][]time.Duration) error {
	files, source, err := tree.tree(ctx)
	if err != nil {
		return err
	}
	note := func(what string, times int, do func()) {
		start := time.Now()
		do()
		took[what] = append(took[what], time.Since(start)/time.Duration(times))
	}
	var e *policies.Engine
	note("load", 1, func() {
		e, err = policies.Load(ctx, files, policies.Options{Schema: resource.Schema(), Source: source})
	})
	if err != nil {
		return err
	}
	questions := benchQuestions()
	n := len(questions)
	each := func(ask func(in *input.Input)) func() {
		return func() {
			for i := range questions {
				ask(&questions[i])
			}
		}
	}
	repeated := func(times int, do func()) func() {
		return func() {
			for range times {
				do()
			}
		}
	}
	decide := each(func(in *input.Input) { e.Decide(ctx, in) })
	plan := each(func(in *input.Input) { e.Plan(ctx, in) })
	note("first decision of a profile", n, decide)
	note("warm check", n*warmTimes, repeated(warmTimes, decide))
	note("full evaluation", n*fullTimes, repeated(fullTimes, each(func(in *input.Input) { e.Evaluate(ctx, in) })))
	if e, err = policies.Load(ctx, files, policies.Options{Schema: resource.Schema(), Source: source}); err != nil {
		return err // its files have changed meanwhile
	}
	note("first filter of a profile", n, plan)
	note("warm filter", n*warmTimes, repeated(warmTimes, plan))
	return nil
}

const (
	warmTimes = 200
	fullTimes = 3
)

// benchQuestions are questions of a master's user and of a reseller's user: to read
// and to update an area and a row of every type.
func benchQuestions() []input.Input {
	all := []string{"create", "read", "update", "delete"}
	subject := func(account input.AccountFacts) input.Subject {
		account.Status = "active"
		user := map[string]any{"id": "usr_bench", "account_id": account.ID, "status": "active"}
		return input.Subject{Type: "user", ID: "usr_bench", Facts: input.NewFacts(input.Facts{
			User: user, Account: account, Access: map[string][]string{"*": all}, Groups: []input.Group{{ID: "grp_1"}}, Leaf: account.ParentID != "",
			Below: func(string) bool { return account.ParentID == "" }})}
	}
	subjects := []input.Subject{
		subject(input.AccountFacts{ID: "acc_master", TenantID: "acc_master", Kind: "master"}),
		subject(input.AccountFacts{ID: "acc_reseller", ParentID: "acc_master", TenantID: "acc_master", Kind: "reseller", Depth: 1}),
	}
	schema := resource.Schema()
	var list []input.Input
	for _, s := range subjects {
		for _, action := range []string{"read", "update"} {
			in := input.Input{Subject: s, Action: input.Action{Name: action}, Context: input.Context{Time: time.Now()}}
			in.Resource = input.Resource{Type: "area", ID: "cdr"}
			list = append(list, in)
			for _, typ := range slices.Sorted(maps.Keys(schema)) {
				in.Resource = input.Resource{Type: typ, ID: "row_bench", Row: benchRow(schema[typ])}
				list = append(list, in)
			}
		}
	}
	return list
}

// benchRow returns a row of the reseller.
func benchRow(columns input.TypeSchema) map[string]any {
	row := map[string]any{}
	for name, kind := range columns.Columns {
		switch kind {
		case input.Text:
			row[name] = "text"
		case input.Integer:
			row[name] = int64(1)
		case input.Boolean:
			row[name] = true
		case input.Set:
			row[name] = []string{"acc_reseller"}
		}
	}
	maps.DeleteFunc(row, func(name string, _ any) bool { return name == "id" })
	for name, value := range map[string]string{"account_id": "acc_reseller", "tenant_id": "acc_master", "kind": "customer"} {
		if _, ok := row[name]; ok {
			row[name] = value
		}
	}
	return row
}
