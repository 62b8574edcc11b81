package lookup

import (
	"errors"
	"iter"
	"sync"

	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// rateSource gives the rates of one revision from memory. It is safe for
// concurrent use.
type rateSource interface {
	// find returns the row of the longest prefix that the number begins with, and
	// false if there is none.
	find(number rating.Prefix) (raterows.Row, bool, error)
	// rows returns all rows in the order of their prefixes. Call stop at the end.
	rows() (source rating.Source, stop func())
}

// heldRates holds the rates themselves: 16 bytes per row, and each distinct rate
// and name once.
type heldRates struct {
	table *rating.Table
	names []uint32
	texts []string
}

func (h *heldRates) find(number rating.Prefix) (raterows.Row, bool, error) {
	i := h.table.Place(number)
	if i < 0 {
		return raterows.Row{}, false, nil
	}
	return raterows.Row{Row: h.table.At(i), Name: h.texts[h.names[i]]}, true, nil
}

func (h *heldRates) rows() (rating.Source, func()) { return h.table.Rows(), func() {} }

const bytesPerText = 16

func (h *heldRates) bytes() int64 {
	return int64(h.table.Bytes()+4*cap(h.names)) + textBytes(h.texts)
}

// ownNames holds an account's own names for places.
type ownNames struct {
	table *rating.Table // the prefixes of the places
	texts []string
}

// of returns the name of the longest place that contains the prefix, or "".
func (n *ownNames) of(p rating.Prefix) string {
	if i := n.table.Place(p); i >= 0 {
		return n.texts[i]
	}
	return ""
}

func (n *ownNames) bytes() int64 { return int64(n.table.Bytes()) + textBytes(n.texts) }

func textBytes(texts []string) int64 {
	total := int64(bytesPerText * cap(texts))
	for _, text := range texts {
		total += int64(len(text))
	}
	return total
}

// errEnough stops the computation of rows when the reader stops early.
var errEnough = errors.New("enough rates")

// builtRates computes rows from those of the parents, with the rules that the
// revision was built with.
type builtRates struct {
	build     rating.Build
	parents   []rateSource
	own       *ownNames
	scratches sync.Pool
}

// scratch is the working memory for one row. It is pooled, because an answer with
// hundreds of cards needs it hundreds of times.
type scratch struct {
	builder *rating.Builder
	found   []raterows.Row // by parent
	rows    []*rating.Row  // of found; nil if the parent has no row
}

func (b *builtRates) takeScratch() (*scratch, error) {
	if ready, ok := b.scratches.Get().(*scratch); ok {
		return ready, nil
	}
	builder, err := rating.NewBuilder(b.build)
	n := len(b.parents)
	return &scratch{builder, make([]raterows.Row, n), make([]*rating.Row, n)}, err
}

func (b *builtRates) find(number rating.Prefix) (raterows.Row, bool, error) {
	d, err := b.takeScratch()
	if err != nil {
		return raterows.Row{}, false, err
	}
	defer b.scratches.Put(d)
	for i, parent := range b.parents {
		var ok bool
		if d.found[i], ok, err = parent.find(number); err != nil {
			return raterows.Row{}, false, err
		}
		d.rows[i] = nil
		if ok {
			d.rows[i] = &d.found[i].Row
		}
	}
	row, ok, err := d.builder.At(number, d.rows)
	if err != nil || !ok {
		return raterows.Row{}, false, err
	}
	return raterows.Row{Row: row, Name: b.name(row.Prefix, d.found)}, true, nil
}

// name returns the same name as naming.of.
func (b *builtRates) name(p rating.Prefix, found []raterows.Row) string {
	if own := b.own.of(p); own != "" {
		return own
	}
	longest := &found[0]
	for i := range found[1:] {
		one := &found[i+1]
		if one.Prefix.Len() > longest.Prefix.Len() || one.Prefix.Len() == longest.Prefix.Len() && one.Name < longest.Name {
			longest = one
		}
	}
	return longest.Name
}

func (b *builtRates) rows() (rating.Source, func()) {
	sources := make([]rating.Source, len(b.parents))
	var stops []func()
	for i, parent := range b.parents {
		source, stop := parent.rows()
		sources[i], stops = source, append(stops, stop)
	}
	next, end := iter.Pull2(func(yield func(rating.Row, error) bool) {
		builder, err := rating.NewBuilder(b.build)
		if err == nil {
			err = builder.Run(sources, func(row rating.Row) error {
				if !yield(row, nil) {
					return errEnough
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(rating.Row{}, err)
		}
	})
	source := func() (rating.Row, bool, error) { row, err, more := next(); return row, more && err == nil, err }
	return source, func() {
		end()
		for _, stop := range stops {
			stop()
		}
	}
}
