package predicate

import (
	"slices"
	"strings"
)

// SortedText returns the text of a filter with its parts sorted. Filters with
// equal texts let the same rows pass. Filters with different texts may do so too.
func (f Filter) SortedText() string {
	if f.Kind != Where || f.Where == nil {
		return f.String()
	}
	return sortedText(f.Where)
}

func sortedText(e Expr) string {
	join := func(word string, parts []Expr) string {
		texts := make([]string, len(parts))
		for i, part := range parts {
			texts[i] = sortedText(part)
		}
		slices.Sort(texts)
		return word + "(" + strings.Join(slices.Compact(texts), "; ") + ")"
	}
	switch e := e.(type) {
	case And:
		return join("and", e)
	case Or:
		return join("or", e)
	case Not:
		return "not " + sortedText(e.X)
	default:
		return Text(e)
	}
}
