package schema

import (
	"slices"
	"strconv"
	"strings"

	"resellerd/store/dialect"
)

// ArgKind is the source of a bound argument when a statement runs.
type ArgKind uint8

// The sources of arguments.
const (
	ArgConst  ArgKind = iota // a constant of the policy
	ArgParam                 // value Index of Source
	ArgNow                   // the current time, microseconds since 1970
	ArgID                    // Query.ID
	ArgParent                // Query.Parent, or the row that it stands for
	ArgRevision
	ArgAt     // Query.At
	ArgViewer // Query.Viewer
	ArgWhere  // the value of condition Index
	ArgKey    // Query.After
	ArgAfter  // Query.After.ID
	ArgCustomer
)

// Argument is a bound argument and the source of its value.
type Argument struct {
	Kind   ArgKind
	Source int
	Index  int
	Value  any
}

// Builder collects the arguments of a statement while its text is written.
// Placeholders are numbered, so parts may be written in any order and more
// than once.
type Builder struct {
	Dialect dialect.Dialect
	args    []Argument
}

// NewBuilder returns a Builder for a new statement.
func NewBuilder(d dialect.Dialect) *Builder { return &Builder{Dialect: d} }

// Bind returns the placeholder of an argument. An argument that is not a
// constant is bound only once.
func (b *Builder) Bind(a Argument) string {
	if a.Kind != ArgConst {
		if i := slices.Index(b.args, a); i >= 0 {
			return b.Dialect.Placeholder(i + 1)
		}
	}
	b.args = append(b.args, a)
	return b.Dialect.Placeholder(len(b.args))
}

// Finish renumbers the arguments that text uses and returns them in the new
// order. It drops unused ones, because the server derives an argument's type
// from its use.
func (b *Builder) Finish(text string) (string, []Argument) {
	var out strings.Builder
	var used []Argument
	numbers := map[int]int{}
	for i := 0; i < len(text); i++ {
		out.WriteByte(text[i])
		if text[i] != b.Dialect.Mark {
			continue
		}
		n, digits := 0, 0
		for ; i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9'; i++ {
			n, digits = 10*n+int(text[i+1]-'0'), digits+1
		}
		if digits == 0 {
			continue
		}
		if numbers[n] == 0 {
			used = append(used, b.args[n-1])
			numbers[n] = len(used)
		}
		out.WriteString(strconv.Itoa(numbers[n]))
	}
	return out.String(), used
}

// Integer returns the placeholder of an int64.
func (b *Builder) Integer(a Argument) string { return b.Bind(a) + b.Dialect.Bigint }

// Typed returns the placeholder of an argument that is compared with a
// column.
func (b *Builder) Typed(a Argument, kind Kind) string {
	switch kind {
	case Integer, Money, Time:
		return b.Integer(a)
	}
	return b.Bind(a)
}

// Collated returns an expression that compares bytewise if it is text,
// whatever the database's collation.
func (b *Builder) Collated(expr string, kind Kind) string {
	if kind == Text {
		return expr + b.Dialect.Collate
	}
	return expr
}

// And joins conditions that must all hold. Without conditions it returns
// TRUE.
func And(conditions ...string) string {
	kept := conditions[:0:0]
	for _, c := range conditions {
		if c != "" && c != "TRUE" {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return "TRUE"
	}
	return strings.Join(kept, " AND ")
}
