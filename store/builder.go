package store

import (
	"slices"
	"strconv"
	"strings"
)

// argKind says where a bound argument comes from when a statement runs.
type argKind uint8

// The sources of arguments.
const (
	argConst  argKind = iota // the policy's own constant
	argParam                 // value index of source
	argNow                   // the clock, microseconds since 1970
	argID                    // Query.ID
	argParent                // Query.Parent, or what it stands for
	argRevision
	argAt     // Query.At
	argViewer // Query.Viewer
	argWhere  // the value of condition index
	argKey    // Query.After
	argAfter  // Query.After.ID
)

// argument is a bound argument, and where its value comes from.
type argument struct {
	kind   argKind
	source int
	index  int
	value  any
}

// builder collects the arguments of a statement while its text is written.
// Placeholders are numbered, so parts may be written in any order and twice.
type builder struct {
	d    dialect
	args []argument
}

// newBuilder begins a statement.
func newBuilder(d dialect) *builder { return &builder{d: d} }

// bind is the placeholder of an argument. All but constants are bound once.
func (b *builder) bind(a argument) string {
	if a.kind != argConst {
		if i := slices.Index(b.args, a); i >= 0 {
			return b.d.placeholder(i + 1)
		}
	}
	b.args = append(b.args, a)
	return b.d.placeholder(len(b.args))
}

// finish numbers the arguments that text uses anew, and gives them in that
// order: the server must find a use, and by that a type, for each.
func (b *builder) finish(text string) (string, []argument) {
	var out strings.Builder
	var used []argument
	numbers := map[int]int{}
	for i := 0; i < len(text); i++ {
		out.WriteByte(text[i])
		if text[i] != b.d.mark {
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

// integer is the placeholder of an int64.
func (b *builder) integer(a argument) string { return b.bind(a) + b.d.bigint }

// typed is the placeholder of an argument that is compared with a column.
func (b *builder) typed(a argument, kind Kind) string {
	switch kind {
	case Integer, Money, Time:
		return b.integer(a)
	}
	return b.bind(a)
}

// collated makes text compare bytewise, whatever the database's own order.
func (b *builder) collated(expr string, kind Kind) string {
	if kind == Text {
		return expr + b.d.collate
	}
	return expr
}

// all joins conditions that must all hold; none of them is TRUE.
func all(conditions ...string) string {
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
