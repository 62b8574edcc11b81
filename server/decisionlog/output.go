package decisionlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// output is where lines go: a regular file that is rotated, or a stream.
type output struct {
	o       Options
	w       io.Writer
	file    atomic.Pointer[os.File] // nil when w is not ours
	regular bool
	size    int64
	born    time.Time
	look    atomic.Bool // the writer is to see whether the file is still at its path
}

// openOutput opens what the options name and finds where its chain stands.
func (l *Log) openOutput() (link, error) {
	l.out = &output{o: l.o, w: l.o.Out}
	if l.o.Out != nil {
		return newLink(), nil
	}
	info, err := os.Stat(l.o.Path)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(l.o.Path, os.O_APPEND|os.O_WRONLY, 0)
		l.out.w = f
		l.out.file.Store(f)
		return newLink(), err
	}
	l.out.regular = true
	return l.resume()
}

// resume opens the file and continues the chain in it, or in the one before when
// it is empty. What cannot be continued is put aside, and a chain begins.
func (l *Log) resume() (link, error) {
	if err := l.out.openFile(); err != nil {
		return link{}, err
	}
	f := l.out.file.Load()
	last, err := lastOf(f, l.o.Key)
	if err == nil && l.out.size == 0 {
		if last, err = lastBefore(l.o.Path, l.o.Key); err == nil {
			return last.link, nil
		}
		return newLink(), nil
	}
	if err == nil {
		l.left, l.out.born = last.left, last.born
		return last.link, nil
	}
	if !errors.Is(err, errNoChain) {
		return link{}, errors.Join(err, l.out.close())
	}
	l.o.Logger.Warn("the decision log cannot be continued: a new chain begins", "error", err)
	return newLink(), l.out.rotate()
}

// openFile opens the file at the path, or creates it, and locks it. It keeps the
// present file when that is the one at the path: a process that locks a file
// twice locks itself out.
func (w *output) openFile() error {
	f, err := os.OpenFile(w.o.Path, os.O_APPEND|os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && w.is(info) {
		return f.Close()
	}
	if err == nil {
		err = lock(f)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w.leave()
	w.size, w.born, w.w = info.Size(), w.o.Now(), f
	w.file.Store(f)
	return nil
}

// is reports whether the present file is the one that info describes.
func (w *output) is(info fs.FileInfo) bool {
	f := w.file.Load()
	if f == nil {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

// moved reports whether the file was moved or removed from its path. Only the
// writer may ask: between the two steps of its own rotation, nothing is there.
func (w *output) moved() bool {
	there, err := os.Stat(w.o.Path)
	return err != nil || !w.is(there)
}

// leave makes the file that was written so far durable and closes it.
func (w *output) leave() {
	old := w.file.Load()
	if old == nil {
		return
	}
	if err := errors.Join(old.Sync(), old.Close(), syncFolder(w.o.Path)); err != nil {
		w.o.Logger.Error("decision log cannot be made durable", "file", old.Name(), "error", err)
	}
}

// write writes as much of the text as it can.
func (w *output) write(text []byte) (int, error) {
	n, err := w.w.Write(text)
	n = min(max(n, 0), len(text))
	w.size += int64(n)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	return n, err
}

func (w *output) sync() error {
	if !w.regular {
		return nil
	}
	err := w.file.Load().Sync()
	if errors.Is(err, os.ErrClosed) { // it was left in between, and fsynced before
		return nil
	}
	return err
}

func (w *output) close() error {
	f := w.file.Load()
	if f == nil {
		return nil
	}
	return errors.Join(w.sync(), f.Close())
}

// ready sees to it that the file may be written, and reports whether it is a new
// one. It is not changed while something in it has to be told of.
func (w *output) ready(now time.Time, settled bool) (rotated bool, err error) {
	if !w.regular || !settled {
		return false, nil
	}
	due := w.size > 0 && w.due(now)
	if !due && !w.look.Load() {
		return false, nil
	}
	before := w.file.Load()
	switch moved := w.moved(); {
	case moved:
		err = w.openFile()
	case due:
		err = w.rotate()
	}
	w.look.Store(err != nil) // what went wrong is looked at again
	return w.file.Load() != before, err
}

func (w *output) due(now time.Time) bool {
	return w.o.RotateSize > 0 && w.size >= w.o.RotateSize || w.o.RotateAge > 0 && now.Sub(w.born) >= w.o.RotateAge
}

// rotate gives the file the next number and begins another.
func (w *output) rotate() error {
	old, err := rotated(w.o.Path)
	if err != nil {
		return err
	}
	next := 1
	if len(old) > 0 {
		next = old[len(old)-1].number + 1
	}
	err = os.Rename(w.o.Path, fmt.Sprintf("%s.%06d", w.o.Path, next))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // gone: somebody else has moved it
		return err
	}
	if err := w.openFile(); err != nil {
		return err
	}
	w.prune()
	return nil
}

// prune removes the oldest files beyond those to keep.
func (w *output) prune() {
	if w.o.Keep <= 0 {
		return
	}
	old, err := rotated(w.o.Path)
	if len(old) <= w.o.Keep {
		return
	}
	for _, f := range old[:len(old)-w.o.Keep] {
		err = errors.Join(err, os.Remove(f.path))
	}
	if err != nil {
		w.o.Logger.Warn("old decision logs are not removed", "error", err)
	}
}

// numbered is a file that was rotated.
type numbered struct {
	path   string
	number int
}

// rotated lists the files that were rotated, oldest first.
func rotated(path string) ([]numbered, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var list []numbered
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		n, err := strconv.Atoi(digits)
		if ok && err == nil && len(digits) >= 6 && n > 0 {
			list = append(list, numbered{filepath.Join(filepath.Dir(path), e.Name()), n})
		}
	}
	slices.SortFunc(list, func(a, b numbered) int { return a.number - b.number })
	return list, nil
}

// syncFolder makes a file's name as durable as its content. Some file systems
// cannot; then the name is as durable as they make it.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// notSyncable tells that a thing cannot be fsynced at all: a pipe, a terminal.
func notSyncable(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
