package decisionlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// errNoChain says that a file has no chain that can be continued.
var errNoChain = errors.New("no chain to continue")

// lastLine is the end of a file's chain, and what a crash left after it.
type lastLine struct {
	link
	left debris
	born time.Time // when the file was started
}

// maxTail is the most bytes that are read back to find a file's last line.
const maxTail = 64 << 20

// lastOf finds the last line of a file's chain. For an empty file it returns the zero
// value. It returns errNoChain if the file was written with another key or has no
// chain.
func lastOf(f *os.File, k Key) (lastLine, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return lastLine{}, err
	}
	first, err := madeWith(f, k)
	if err != nil {
		return lastLine{}, err
	}
	for n := min(info.Size(), 64<<10); ; n = min(4*n, info.Size()) {
		tail := make([]byte, n)
		if _, err := f.ReadAt(tail, info.Size()-n); err != nil {
			return lastLine{}, err
		}
		if last, ok := readTail(tail, n == info.Size()); ok {
			last.born = first.Timestamp
			return last, nil
		}
		if n == info.Size() || n >= maxTail {
			return lastLine{}, fmt.Errorf("%w: no line of one at the end of %s", errNoChain, f.Name())
		}
	}
}

// readTail finds the last whole line in the end of a file. all says that tail is the
// whole file.
func readTail(tail []byte, all bool) (last lastLine, ok bool) {
	lines := bytes.Split(tail, []byte("\n"))
	last.left.open = len(lines[len(lines)-1]) > 0
	if !last.left.open {
		lines = lines[:len(lines)-1]
	}
	if !all {
		lines = lines[1:] // the first line is incomplete
	}
	for len(lines) > 0 {
		n := len(lines) - 1
		if s, err := open(lines[n]); err == nil {
			last.link = s.link
			return last, true
		}
		last.left.pieces = append([]piece{newPiece(lines[n])}, last.left.pieces...)
		lines = lines[:n]
	}
	return last, false
}

// madeWith returns a file's first record. It returns errNoChain if that names another
// key.
func madeWith(f *os.File, k Key) (record, error) {
	head := make([]byte, 64<<10)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return record{}, err
	}
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	r, ok := readRecord(line)
	switch {
	case !ok:
		err = fmt.Errorf("%w: %s does not begin with a record", errNoChain, f.Name())
	case r.Key != k.ID():
		err = fmt.Errorf("%w: %s was written with the key %s, not %s", errNoChain, f.Name(), r.Key, k.ID())
	default:
		err = nil
	}
	return r, err
}

// lastBefore finds the end of the chain in the newest rotated file.
func lastBefore(path string, k Key) (lastLine, error) {
	old, err := rotated(path)
	if err != nil || len(old) == 0 {
		return lastLine{}, errors.Join(errNoChain, err)
	}
	f, err := os.Open(old[len(old)-1].path)
	if err != nil {
		return lastLine{}, err
	}
	defer f.Close()
	last, err := lastOf(f, k)
	if err == nil && last.id == "" {
		return last, errNoChain
	}
	return last, err
}
