// Package spill sorts more records than should be in memory. It keeps sorted parts of
// them in a temporary file.
package spill

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"resellerd/store/fault"
)

// partBytes is the size of the part that is in memory. firstBytes is its size until
// that is too small.
const (
	partBytes  = 4 << 20
	firstBytes = 64 << 10
)

// Sorter sorts records by their keys. Records of equal keys stay in the order of Add.
// It is not safe for concurrent use. The zero value is ready.
type Sorter struct {
	part    []byte // each record is its key and its value
	records []record
	file    *os.File // nil while everything is in memory
	parts   []int64  // where each part in the file ends
}

// record is the place of a record in the part: the key from start to value, the value
// from there to end.
type record struct{ start, value, end uint32 }

// Add adds a record. It returns ErrUnavailable if the disk does not take a part.
func (s *Sorter) Add(key, value []byte) error {
	if len(s.part)+len(key)+len(value) > partBytes && len(s.records) > 0 {
		if err := s.write(); err != nil {
			return unavailable(err)
		}
	}
	s.grow(len(key) + len(value))
	start := len(s.part)
	s.part = append(append(s.part, key...), value...)
	s.records = append(s.records, record{uint32(start), uint32(start + len(key)), uint32(len(s.part))})
	return nil
}

// grow makes room for n bytes. A part that grows at all grows to its full size, because
// growing in steps would copy it many times.
func (s *Sorter) grow(n int) {
	size := max(firstBytes, n)
	switch {
	case len(s.part)+n <= cap(s.part):
		return
	case cap(s.part) > 0:
		size = max(partBytes, n)
	}
	s.part = append(make([]byte, 0, size), s.part...)
	if cap(s.records) == 0 {
		return
	}
	perPart := cap(s.part) / max(1, len(s.part)/len(s.records))
	s.records = append(make([]record, 0, perPart), s.records...)
}

func unavailable(err error) error {
	return errors.Join(fault.ErrUnavailable, fmt.Errorf("sort: %w", err))
}

func (s *Sorter) sort() {
	byKey := func(a, b record) int { return bytes.Compare(s.part[a.start:a.value], s.part[b.start:b.value]) }
	if !slices.IsSortedFunc(s.records, byKey) {
		slices.SortStableFunc(s.records, byKey)
	}
}

// write sorts the part in memory and moves it to the file.
func (s *Sorter) write() error {
	if s.file == nil {
		file, err := os.CreateTemp("", "resellerd-sort-*")
		if err != nil {
			return err
		}
		s.file = file
		if err := os.Remove(file.Name()); err != nil { // it disappears when it is closed
			return err
		}
	}
	s.sort()
	end := int64(0)
	if len(s.parts) > 0 {
		end = s.parts[len(s.parts)-1]
	}
	out := bufio.NewWriterSize(s.file, 256<<10)
	var sizes []byte
	for _, r := range s.records {
		sizes = binary.AppendUvarint(binary.AppendUvarint(sizes[:0], uint64(r.value-r.start)), uint64(r.end-r.value))
		_, _ = out.Write(sizes) // Flush reports its error
		_, _ = out.Write(s.part[r.start:r.end])
		end += int64(len(sizes)) + int64(r.end-r.start)
	}
	s.parts = append(s.parts, end)
	s.part, s.records = s.part[:0], s.records[:0]
	return out.Flush()
}

// Close frees the memory and the file. The zero value needs no Close.
func (s *Sorter) Close() error {
	s.part, s.records = nil, nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Sorted ends the adding. It returns a function that returns the records in order, and
// a nil key at the end. Key and value are valid until the next call.
func (s *Sorter) Sorted() func() (key, value []byte, err error) {
	s.sort()
	waiting := make(sources, 0, len(s.parts)+1)
	from := int64(0)
	for _, end := range s.parts {
		in := bufio.NewReaderSize(io.NewSectionReader(s.file, from, end-from), 64<<10)
		waiting, from = append(waiting, &source{order: len(waiting), next: func(r *source) error { return r.read(in) }}), end
	}
	at := 0
	waiting = append(waiting, &source{order: len(waiting), next: func(r *source) error {
		if at == len(s.records) {
			return io.EOF
		}
		one := s.records[at]
		r.key, r.value = s.part[one.start:one.value], s.part[one.value:one.end]
		at++
		return nil
	}})
	begun := false
	return func() (key, value []byte, err error) {
		switch {
		case !begun:
			begun = true
			err = waiting.begin()
		case len(waiting) > 0:
			err = waiting.advance()
		}
		if err != nil || len(waiting) == 0 {
			return nil, nil, err
		}
		return waiting[0].key, waiting[0].value, nil
	}
}

// source is a sorted part with its next record.
type source struct {
	key, value []byte
	order      int                 // of the part among the parts
	next       func(*source) error // reads the next record, or returns io.EOF
	record     []byte
}

// sources is a heap of the parts that have records left. The first has the next one.
type sources []*source

// Len is part of heap.Interface.
func (h sources) Len() int { return len(h) }

// Less is part of heap.Interface.
func (h sources) Less(i, j int) bool {
	return cmp.Or(bytes.Compare(h[i].key, h[j].key), h[i].order-h[j].order) < 0
}

// Swap is part of heap.Interface.
func (h sources) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is part of heap.Interface. Nothing calls it.
func (h *sources) Push(any) {}

// Pop is part of heap.Interface.
func (h *sources) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// begin reads the first record of each part.
func (h *sources) begin() error {
	some := (*h)[:0]
	for _, r := range *h {
		switch err := r.next(r); {
		case err == nil:
			some = append(some, r)
		case !errors.Is(err, io.EOF):
			return unavailable(err)
		}
	}
	*h = some
	heap.Init(h)
	return nil
}

// advance reads the next record of the first part.
func (h *sources) advance() error {
	switch err := (*h)[0].next((*h)[0]); {
	case errors.Is(err, io.EOF):
		heap.Pop(h)
	case err != nil:
		return unavailable(err)
	default:
		heap.Fix(h, 0)
	}
	return nil
}

func (r *source) read(in *bufio.Reader) error {
	key, err := binary.ReadUvarint(in)
	if err != nil {
		return err // io.EOF at the end of the part
	}
	value, err := binary.ReadUvarint(in)
	if err != nil {
		return noEOF(err)
	}
	r.record = slices.Grow(r.record[:0], int(key+value))[:key+value]
	_, err = io.ReadFull(in, r.record)
	r.key, r.value = r.record[:key], r.record[key:]
	return noEOF(err)
}

// noEOF keeps the end of the file within a record from looking like the end of the
// records.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
