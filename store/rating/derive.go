package rating

import "slices"

// At returns the row by which the built card rates a number. parents holds the
// row that each parent rates the number by, in the order of Exchange; nil if
// it has none. The result equals the row from Run for the longest prefix that
// the number begins with; false if there is none. Errors are those of Row.
func (b *Builder) At(number Prefix, parents []*Row) (Row, bool, error) {
	p, known := b.build.Rules.longest(number), false
	for _, row := range parents {
		if row == nil {
			continue
		}
		known = true
		if row.Prefix.Len() > p.Len() {
			p = row.Prefix
		}
	}
	if !known {
		return Row{}, false, nil
	}
	rate, err := b.Row(p, parents)
	return Row{Prefix: p, Rate: rate}, err == nil, err
}

// longest returns the longest prefix of a ^ match that the number begins with,
// or 0 if there is none.
func (rs *Rules) longest(number Prefix) Prefix {
	if len(rs.below) == 0 {
		return 0
	}
	for n := number.Len(); n > 0; n-- {
		if !rs.lengths[n] {
			continue
		}
		if _, found := slices.BinarySearch(rs.below, number.cut(n)); found {
			return number.cut(n)
		}
	}
	return 0
}
