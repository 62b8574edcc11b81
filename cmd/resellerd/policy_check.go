package main

import (
	"context"
	"fmt"

	"resellerd/policies"
	"resellerd/server"
)

type policyCheckCommand struct {
	treeArgument
	Format string `help:"How to print: text or json." enum:"text,json" default:"text"`
}

// Run loads the tree as `serve` does and reports what keeps it from loading.
func (c *policyCheckCommand) Run(ctx context.Context, t terminal) error {
	tree, source, err := c.tree()
	if err != nil {
		return err
	}
	engine, err := policies.Load(ctx, tree, policies.Options{Schema: server.Schema(), Source: source})
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, map[string]any{"revision": engine.Revision(), "findings": []any{}})
	}
	_, err = fmt.Fprintf(t.out, "policy %s: nothing to find\n", engine.Revision())
	return err
}
