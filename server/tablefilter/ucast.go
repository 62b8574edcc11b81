package tablefilter

import (
	"encoding/json"

	"resellerd/policies/predicate"
)

// ucast is a condition as a tree. The fields are the panel's own names of columns.
type ucast struct {
	Type     string `json:"type"`
	Operator string `json:"operator"`
	Field    string `json:"field,omitempty"`
	Value    any    `json:"value"`
}

var ucastOps = map[predicate.Op]string{
	predicate.Eq: "eq", predicate.Lt: "lt", predicate.Le: "lte", predicate.Gt: "gt", predicate.Ge: "gte",
}

var ucastMatches = map[predicate.MatchOp]string{
	predicate.StartsWith: "startswith", predicate.EndsWith: "endswith", predicate.Contains: "contains",
}

// tree returns the ucast form of a node with the values of the request.
func (b *bound) tree(n node) any {
	switch n := n.(type) {
	case all:
		return ucast{"compound", "and", "", b.trees(n)}
	case anyOf:
		return ucast{"compound", "or", "", b.trees(n)}
	case not:
		return ucast{"compound", "not", "", []any{b.tree(n.x)}}
	case present:
		return b.field("exists", n.column, true)
	case compare:
		return b.field(ucastOps[n.op], n.column, b.ucastValue(n.column, n.value))
	case oneOf:
		values := make([]any, len(n.values))
		for i, s := range n.values {
			values[i] = b.ucastValue(n.column, s)
		}
		return b.field("in", n.column, values)
	case match:
		return b.field(ucastMatches[n.op], n.text.column, b.argument(n.part.value))
	}
	return nil
}

func (b *bound) trees(list []node) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = b.tree(x)
	}
	return out
}

func (b *bound) field(operator, column string, value any) ucast {
	return ucast{"field", operator, b.table.Columns[column].Name, value}
}

func (b *bound) ucastValue(column string, s source) any {
	text := b.argument(s)
	switch b.table.Columns[column].Type {
	case Integer:
		return json.Number(text)
	case Boolean:
		return text == "true"
	}
	return text
}

// plainTree reports whether ucast can hold a node: it compares columns with values
// only.
func plainTree(n node) bool {
	switch n := n.(type) {
	case all:
		return plainTrees(n)
	case anyOf:
		return plainTrees(n)
	case not:
		return plainTree(n.x)
	case columns:
		return false
	case match:
		return n.text.column != "" && n.part.column == ""
	}
	return true
}

func plainTrees(list []node) bool {
	for _, x := range list {
		if !plainTree(x) {
			return false
		}
	}
	return true
}
