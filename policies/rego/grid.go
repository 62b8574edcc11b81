package rego

import (
	"context"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/predicate"
)

// Grid evaluates one query on the inputs of a table. The inputs of a row differ
// only in one part of the input, and those of a column only in another part. The
// value of a rule is computed once for all inputs that cannot change it.
type Grid struct {
	query *Query
	rules *reads
}

// The parts of the input that a rule reads are bits of an index of layers.
const (
	readsRow    = 1 << iota // the rule reads what differs between rows
	readsColumn             // the rule reads what differs between columns
	readsBoth   = readsRow | readsColumn
)

// NewGrid returns a Grid. The inputs of two rows differ at most at the paths in
// rows, and those of two columns at most at the paths in columns.
func NewGrid(query *Query, rules *Rules, rows, columns []predicate.Ref) *Grid {
	return &Grid{query, newReads(rules, rules.reachedBy(query.body), rows, columns)}
}

// Run evaluates the query on the inputs of each row, and passes the results to
// answer. It ends with the first error. It cuts the evaluation off after timeout or
// when ctx ends.
func (g *Grid) Run(ctx context.Context, rows [][]ast.Value, timeout time.Duration, answer func(row, column int, r topdown.QueryResultSet) error) error {
	return g.query.Limited(ctx, timeout, func(t *topdown.Query) error {
		all, columns := topdown.NewVirtualCache(), []topdown.VirtualCache{}
		inRow, own := &fewValues{}, &fewValues{}
		values := &layers{reads: g.rules, own: own}
		t = t.WithVirtualCache(values)
		for i, row := range rows {
			for len(columns) < len(row) {
				columns = append(columns, topdown.NewVirtualCache())
			}
			inRow.reset()
			for j, input := range row {
				own.reset()
				values.depth = 0
				values.shared = [readsBoth]topdown.VirtualCache{0: all, readsRow: inRow, readsColumn: columns[j]}
				results, err := t.WithInput(ast.NewTerm(input)).Run(ctx)
				if err == nil {
					err = answer(i, j, results)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// layers keeps the values of rules during the evaluation of one input. It shares the
// values of rules that read no more than the inputs have in common.
type layers struct {
	reads  *reads
	shared [readsBoth]topdown.VirtualCache
	own    topdown.VirtualCache
	depth  int // number of frames for another input or other data, as the keyword with makes them
}

func (l *layers) at(ref ast.Ref) topdown.VirtualCache {
	if l.depth == 0 {
		if bits := l.reads.of(ref); bits != readsBoth {
			return l.shared[bits]
		}
	}
	return l.own
}

// Get, Put, Push, Pop and Keys implement topdown.VirtualCache.
func (l *layers) Get(ref ast.Ref) (*ast.Term, bool) { return l.at(ref).Get(ref) }

// Put keeps the value of a rule. No value means that the rule is undefined.
func (l *layers) Put(ref ast.Ref, value *ast.Term) { l.at(ref).Put(ref, value) }

// Push begins a frame whose values are not shared.
func (l *layers) Push() { l.depth++; l.own.Push() }

// Pop drops the last frame.
func (l *layers) Pop() { l.depth--; l.own.Pop() }

// Keys returns the references that are not shared.
func (l *layers) Keys() []ast.Ref { return l.own.Keys() }

// reads tells what rules read, directly or through other rules. It is a tree of the
// paths of rules.
type reads struct {
	rule     bool
	bits     int
	children map[ast.String]*reads
}

func newReads(rules *Rules, reached []*ast.Rule, rows, columns []predicate.Ref) *reads {
	bits, callees := map[*ast.Rule]int{}, map[*ast.Rule][]*ast.Rule{}
	for _, rule := range reached {
		mentions := NewMentions(nil, []*ast.Rule{rule})
		if slices.ContainsFunc(rows, mentions.Overlaps) {
			bits[rule] |= readsRow
		}
		if slices.ContainsFunc(columns, mentions.Overlaps) {
			bits[rule] |= readsColumn
		}
		callees[rule] = rules.Callees(rule)
	}
	for changed := true; changed; {
		changed = false
		for rule, called := range callees {
			was := bits[rule]
			for _, c := range called {
				bits[rule] |= bits[c]
			}
			changed = changed || bits[rule] != was
		}
	}
	root := &reads{}
	for _, rule := range reached {
		root.add(rule.Ref().ConstantPrefix(), bits[rule])
	}
	return root
}

// add adds the rules at a path below data.
func (r *reads) add(path ast.Ref, bits int) {
	at := r
	for _, part := range path[1:] {
		name := part.Value.(ast.String)
		next := at.children[name]
		if next == nil {
			next = &reads{}
			if at.children == nil {
				at.children = map[ast.String]*reads{}
			}
			at.children[name] = next
		}
		at = next
	}
	at.rule = true
	at.bits |= bits
}

// of returns what the rules at a reference read. It returns readsBoth for a
// reference to more than one rule. The reference to a call of a function is the
// function's path as one part, and the arguments.
func (r *reads) of(ref ast.Ref) int {
	if function, ok := ref[0].Value.(ast.Ref); ok {
		ref = function
	}
	bits, at := 0, r
	for _, part := range ref[1:] {
		name, ok := part.Value.(ast.String)
		next := at.children[name]
		if !ok || next == nil {
			break
		}
		at = next
		bits |= at.bits
	}
	if !at.rule || len(at.children) > 0 {
		return readsBoth
	}
	return bits
}
