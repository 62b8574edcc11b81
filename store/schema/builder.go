package schema

import (
	"slices"
	"strconv"
	"strings"

	"resellerd/store/dialect"
)

// ArgKind says where a bound argument comes from when a statement runs.
type ArgKind uint8

// The sources of arguments.
const (
	ArgConst  ArgKind = iota // the policy's own constant
	ArgParam                 // value index of source
	ArgNow                   // the clock, microseconds since 1970
	ArgID                    // Query.ID
	ArgParent                // Query.Parent, or what it stands for
	ArgRevision
	ArgAt     // Query.At
	ArgViewer // Query.Viewer
	ArgWhere  // the value of condition index
	ArgKey    // Query.After
	ArgAfter  // Query.After.ID
)

// Argument is a bound argument, and where its value comes from.
type Argument struct {
	Kind   ArgKind
	Source int
	Index  int
	Value  any
}

// Builder collects the arguments of a statement while its text is written.
// Placeholders are numbered, so parts may be written in any order and twice.
type Builder struct {
	Dialect dialect.Dialect
	args    []Argument
}

// NewBuilder begins a statement.
func NewBuilder(d dialect.Dialect) *Builder { return &Builder{Dialect: d} }

// Bind is the placeholder of an argument. All but constants are bound once.
func (b *Builder) Bind(a Argument) string {
	if a.Kind != ArgConst {
		if i := slices.Index(b.args, a); i >= 0 {
			return b.Dialect.Placeholder(i + 1)
		}
	}
	b.args = append(b.args, a)
	return b.Dialect.Placeholder(len(b.args))
}

// Finish numbers the arguments that text uses anew, and gives them in that
// order: the server must find a use, and by that a type, for each.
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

// Integer is the placeholder of an int64.
func (b *Builder) Integer(a Argument) string { return b.Bind(a) + b.Dialect.Bigint }

// Typed is the placeholder of an argument that is compared with a column.
func (b *Builder) Typed(a Argument, kind Kind) string {
	switch kind {
	case Integer, Money, Time:
		return b.Integer(a)
	}
	return b.Bind(a)
}

// Collated makes text compare bytewise, whatever the database's own order.
func (b *Builder) Collated(expr string, kind Kind) string {
	if kind == Text {
		return expr + b.Dialect.Collate
	}
	return expr
}

// And joins conditions that must all hold; none of them is TRUE.
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
