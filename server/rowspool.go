package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"resellerd/store/fault"
)

// rowSpool keeps records in a temporary file without a name, in the order of add. The zero
// value is ready.
type rowSpool struct {
	file *os.File
	out  *bufio.Writer
	size int64
}

func (s *rowSpool) add(record []byte) error {
	if s.file == nil {
		file, err := os.CreateTemp("", "resellerd-rows-*")
		if err == nil {
			s.file, s.out = file, bufio.NewWriterSize(file, 256<<10)
			err = os.Remove(file.Name()) // it disappears when it is closed
		}
		if err != nil {
			return errors.Join(fault.ErrUnavailable, err)
		}
	}
	head := binary.AppendUvarint(nil, uint64(len(record)))
	_, _ = s.out.Write(head) // the next write reports its error
	if _, err := s.out.Write(record); err != nil {
		return errors.Join(fault.ErrUnavailable, err)
	}
	s.size += int64(len(head) + len(record))
	return nil
}

// reader returns a function that returns the next record, and nil at the end. A record is
// valid until the next call.
func (s *rowSpool) reader() func() ([]byte, error) {
	if s.file == nil {
		return func() ([]byte, error) { return nil, nil }
	}
	if err := s.out.Flush(); err != nil {
		return func() ([]byte, error) { return nil, errors.Join(fault.ErrUnavailable, err) }
	}
	in := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 256<<10)
	var record []byte
	return func() ([]byte, error) {
		size, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err == nil {
			if uint64(cap(record)) < size {
				record = make([]byte, size)
			}
			record = record[:size]
			_, err = io.ReadFull(in, record)
		}
		if err != nil {
			return nil, errors.Join(fault.ErrUnavailable, err)
		}
		return record, nil
	}
}

// at returns the record that begins at a position: what size was before add.
func (s *rowSpool) at(position int64) ([]byte, error) {
	if err := s.out.Flush(); err != nil {
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	in := bufio.NewReader(io.NewSectionReader(s.file, position, s.size-position))
	size, err := binary.ReadUvarint(in)
	if err != nil || size > uint64(s.size-position) {
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	record := make([]byte, size)
	if _, err := io.ReadFull(in, record); err != nil {
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	return record, nil
}

// Close frees the file.
func (s *rowSpool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
