// Package spill sorts more records than should be in memory. It keeps sorted parts of
// them in a temporary file.
package spill

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"resellerd/store/fault"
)

// partBytes is the size of the part that is in memory.
const partBytes = 8 << 20

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
type record struct{ start, value, end int }

// Add adds a record. It returns ErrUnavailable if the disk does not take a part.
func (s *Sorter) Add(key, value []byte) error {
	if len(s.part)+len(key)+len(value) > partBytes && len(s.records) > 0 {
		if err := s.write(); err != nil {
			return unavailable(err)
		}
	}
	start := len(s.part)
	s.part = append(append(s.part, key...), value...)
	s.records = append(s.records, record{start, start + len(key), len(s.part)})
	return nil
}

func unavailable(err error) error {
	return errors.Join(fault.ErrUnavailable, fmt.Errorf("sort: %w", err))
}

func (s *Sorter) sort() {
	slices.SortStableFunc(s.records, func(a, b record) int {
		return bytes.Compare(s.part[a.start:a.value], s.part[b.start:b.value])
	})
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
		sizes = binary.AppendUvarint(binary.AppendUvarint(sizes[:0], uint64(r.value-r.start)), uint64(r.end-r.value)) //nolint:gosec // no record ends before it starts
		_, _ = out.Write(sizes)                                                                                       // Flush reports its error
		_, _ = out.Write(s.part[r.start:r.end])
		end += int64(len(sizes) + r.end - r.start)
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
	sources := make([]*source, 0, len(s.parts)+1)
	from := int64(0)
	for _, end := range s.parts {
		in := bufio.NewReaderSize(io.NewSectionReader(s.file, from, end-from), 64<<10)
		sources, from = append(sources, &source{next: func(r *source) error { return r.read(in) }}), end
	}
	at := 0
	sources = append(sources, &source{next: func(r *source) error {
		if at == len(s.records) {
			return io.EOF
		}
		one := s.records[at]
		r.key, r.value = s.part[one.start:one.value], s.part[one.value:one.end]
		at++
		return nil
	}})
	var taken *source
	return func() (key, value []byte, err error) {
		waiting := sources
		if taken != nil {
			waiting = []*source{taken}
		}
		for _, r := range slices.Clone(waiting) {
			if err := r.next(r); errors.Is(err, io.EOF) {
				sources = slices.DeleteFunc(sources, func(one *source) bool { return one == r })
			} else if err != nil {
				return nil, nil, unavailable(err)
			}
		}
		if taken = least(sources); taken == nil {
			sources = nil
			return nil, nil, nil
		}
		return taken.key, taken.value, nil
	}
}

// source is a sorted part with its next record.
type source struct {
	key, value []byte
	next       func(*source) error // reads the next record, or returns io.EOF
	record     []byte
}

// least returns the first source with the least key, or nil for none.
func least(sources []*source) (first *source) {
	for _, r := range sources {
		if first == nil || bytes.Compare(r.key, first.key) < 0 {
			first = r
		}
	}
	return first
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
	r.record = slices.Grow(r.record[:0], int(key+value))[:key+value] //nolint:gosec // both were written from lengths
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
