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

// output is the destination of lines: a regular file that is rotated, or a stream.
type output struct {
	o       Options
	w       io.Writer
	file    atomic.Pointer[os.File] // nil if w is Options.Out
	regular bool
	size    int64
	born    time.Time
	look    atomic.Bool // the writer must check whether the file is still at its path
}

// openOutput opens the destination and finds the current position of its chain.
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

// resume opens the file and continues its chain. If the file is empty, it continues
// the chain of the newest rotated file. It rotates a file whose chain cannot be
// continued, and starts a new chain.
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
// current file if that is the one at the path, because a process that locks a file
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

// is reports whether the current file is the one that info describes.
func (w *output) is(info fs.FileInfo) bool {
	f := w.file.Load()
	if f == nil {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

// moved reports whether the file was moved or removed from its path. Only the writer
// may call it: during the writer's own rotation, there is no file at the path for a
// moment.
func (w *output) moved() bool {
	there, err := os.Stat(w.o.Path)
	return err != nil || !w.is(there)
}

// leave makes the current file durable and closes it.
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
	if errors.Is(err, os.ErrClosed) { // leave has fsynced and closed it meanwhile
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

// ready reopens or rotates the file if necessary, and reports whether the file is a
// new one. It does nothing unless settled is set: a record must first report the
// broken lines in the current file.
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
	w.look.Store(err != nil) // after an error, check again
	return w.file.Load() != before, err
}

func (w *output) due(now time.Time) bool {
	return w.o.RotateSize > 0 && w.size >= w.o.RotateSize || w.o.RotateAge > 0 && now.Sub(w.born) >= w.o.RotateAge
}

// rotate renames the file with the next number and begins a new one.
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no file: another program has moved it
		return err
	}
	if err := w.openFile(); err != nil {
		return err
	}
	w.prune()
	return nil
}

// prune removes the oldest rotated files, so that Keep remain.
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

// numbered is a rotated file.
type numbered struct {
	path   string
	number int
}

// rotated lists the rotated files, oldest first.
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

// syncFolder makes a file's name as durable as its content. It ignores file systems
// that cannot fsync a folder.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// notSyncable reports whether the error says that a file of this kind, such as a pipe
// or a terminal, cannot be fsynced.
func notSyncable(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
