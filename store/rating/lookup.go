package rating

import (
	"fmt"
	"math"
	"sort"
	"unsafe"
)

// stride is the number of prefixes per mark of a Table.
const stride = 64

// Table holds a card in memory for look-ups. It stores the sorted prefixes, the
// number of the rate of each, and every distinct rate once. It needs 12.2 bytes
// per prefix and 64 per distinct rate (see BenchmarkTable). A Table is
// immutable and safe for concurrent use.
type Table struct {
	prefixes []Prefix
	numbers  []uint32
	rates    []Rate
	marks    []Prefix // every stride-th prefix; a search reads them first
}

// NewTable reads a card. size is the expected number of rows, 0 if unknown. It
// returns the source's error, ErrOrder, or an error of Rate.Validate.
func NewTable(card Source, size int) (*Table, error) {
	t := &Table{prefixes: make([]Prefix, 0, size), numbers: make([]uint32, 0, size)}
	known := map[Rate]uint32{}
	c := cursor{next: card}
	for {
		if err := c.advance(); err != nil {
			return nil, err
		}
		if !c.more {
			break
		}
		number, ok := known[c.head.Rate]
		if !ok {
			number = uint32(len(t.rates))
			known[c.head.Rate] = number
			t.rates = append(t.rates, c.head.Rate)
		}
		if len(t.prefixes) == math.MaxUint32 {
			return nil, fmt.Errorf("%w: too many rows", ErrInvalid)
		}
		if len(t.prefixes)%stride == 0 {
			t.marks = append(t.marks, c.head.Prefix)
		}
		t.prefixes = append(t.prefixes, c.head.Prefix)
		t.numbers = append(t.numbers, number)
	}
	t.rates = append(make([]Rate, 0, len(t.rates)), t.rates...)
	return t, nil
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.prefixes) }

// Bytes returns the size of the table in memory.
func (t *Table) Bytes() int {
	return 8*cap(t.prefixes) + 4*cap(t.numbers) + 8*cap(t.marks) +
		int(unsafe.Sizeof(Rate{}))*cap(t.rates) + int(unsafe.Sizeof(*t))
}

// Rows returns a Source of the table's rows.
func (t *Table) Rows() Source {
	i := 0
	return func() (Row, bool, error) {
		if i == len(t.prefixes) {
			return Row{}, false, nil
		}
		i++
		return t.At(i - 1), true, nil
	}
}

// Find returns the row of the longest prefix that the number begins with, and
// false if there is none. A blocked row is a result too: Find does not continue
// with a shorter prefix.
func (t *Table) Find(number Prefix) (Row, bool) {
	i := t.Place(number)
	if i < 0 {
		return Row{}, false
	}
	return t.At(i), true
}

// At returns row i in the order of prefixes, counted from 0.
func (t *Table) At(i int) Row {
	return Row{Prefix: t.prefixes[i], Rate: t.rates[t.numbers[i]]}
}

// Place returns the index of the row that Find returns, or -1 if there is none.
func (t *Table) Place(number Prefix) int {
	for number != 0 {
		i := t.last(number)
		if i < 0 {
			return -1
		}
		at := t.prefixes[i]
		same := at.common(number)
		if same == at.Len() {
			return i
		}
		// Other prefixes of the number come before this one. None is longer
		// than the common part of the two.
		if same == 0 {
			return -1
		}
		number = number.cut(same)
	}
	return -1
}

// last returns the index of the greatest prefix that is not greater than p, or
// -1 if there is none.
func (t *Table) last(p Prefix) int {
	mark := sort.Search(len(t.marks), func(i int) bool { return t.marks[i] > p }) - 1
	if mark < 0 {
		return -1
	}
	from := mark * stride
	part := t.prefixes[from:min(from+stride, len(t.prefixes))]
	return from + sort.Search(len(part), func(i int) bool { return part[i] > p }) - 1
}
