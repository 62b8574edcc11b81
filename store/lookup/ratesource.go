package lookup

import (
	"errors"
	"iter"
	"sync"

	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// rateSource answers for the rates of one revision from memory. Any number of
// goroutines may use it.
type rateSource interface {
	// find is the row of the longest prefix that the number begins with; false
	// if there is none.
	find(number rating.Prefix) (raterows.Row, bool, error)
	// rows are all rows, in the order of their prefixes; stop ends the reading.
	rows() (source rating.Source, stop func())
}

// heldRates are kept as they are: 16 bytes a row, and every distinct rate and
// name once.
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

// ownNames is what an account calls places.
type ownNames struct {
	table *rating.Table // of the places' prefixes
	texts []string
}

// of is the name of the longest place that holds the prefix, "" if none does.
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

// errEnough ends the working out of rates that nobody takes any more.
var errEnough = errors.New("enough rates")

// builtRates are not kept, but worked out from those of their parents by the
// recipe that the revision was built with.
type builtRates struct {
	build     rating.Build
	parents   []rateSource
	own       *ownNames
	scratches sync.Pool
}

// scratch is what working out one row takes. It is used again, since an answer of
// hundreds of cards would leave as many behind.
type scratch struct {
	builder *rating.Builder
	found   []raterows.Row // by each parent
	rows    []*rating.Row  // of found, nil where there is none
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

// name is what naming.of says.
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
