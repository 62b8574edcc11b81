package dialect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Nothing in a file tells it from its own older copy. So the place of the database is noted
// beside it, in a file of its own: a mark, and the last beat of the lease. The place is
// another one if the file has moved away from its note, and if it holds an earlier beat than
// the note. What was delivered after a beat is followed by another beat. A loss of power may
// take the last beat and leave its note: then the place is another one, too.

// placeSuffix is the suffix of the note.
const placeSuffix = "-place"

// note is what stands beside the file of a database.
type note struct {
	mark string
	beat int64
}

// place names the database. beat reads the beat of the lease from it. A database in memory is
// always the same.
func (f *dbFile) place(ctx context.Context, beat func(context.Context) (int64, error)) (string, error) {
	if f == nil {
		return "memory", nil
	}
	f.noting.Lock()
	defer f.noting.Unlock()
	path := f.realPath()
	f.swept.Do(func() { sweepNotes(path) })
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	n, err := readNote(path)
	if err != nil {
		return "", err
	}
	now, err := beat(ctx) // after the note: another process may be writing both
	if err != nil {
		return "", err
	}
	if n.mark == "" || now < n.beat {
		n = note{rand.Text(), now}
		if err := writeNote(path, n); err != nil {
			return "", err
		}
	}
	return "file " + fileNumber(info) + " " + n.mark, nil
}

// keepBeat notes the beat that the database holds by now. After a crash between the two, the
// database is ahead of its note, which is no other place. Another process may note a later beat
// at the same time, and this one may replace it. So it reads the beat again after it has noted
// one: what was committed later is noted later.
func (f *dbFile) keepBeat(ctx context.Context, beat func(context.Context) (int64, error)) error {
	if f == nil {
		return nil
	}
	f.noting.Lock()
	defer f.noting.Unlock()
	path := f.realPath()
	for noted := int64(-1); ; {
		now, err := beat(ctx)
		if err != nil || now == noted {
			return err
		}
		n, err := readNote(path)
		if err != nil || n.mark == "" {
			return err
		}
		if n.beat < now {
			n.beat = now
			if err := writeNote(path, n); err != nil {
				return err
			}
		}
		noted = now
	}
}

func (f *dbFile) realPath() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.real
}

// readNote returns the note, without a mark if there is none that is whole.
func readNote(path string) (n note, err error) {
	text, err := os.ReadFile(path + placeSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if _, err := fmt.Sscanf(string(text), "%s %d\n", &n.mark, &n.beat); err != nil {
		return note{}, nil //nolint:nilerr // a crash of the machine cut it: nobody knows the place
	}
	return n, nil
}

// sweepNotes deletes notes that a crash has left half written. What cannot be deleted harms
// nobody.
func sweepNotes(path string) {
	left, _ := filepath.Glob(path + placeSuffix + ".[0-9]*") // a path with such signs has none
	for _, name := range left {
		number := strings.TrimPrefix(name, path+placeSuffix+".")
		if strings.Trim(number, "0123456789") != "" {
			continue // somebody else's file
		}
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(name)
		}
	}
}

// writeNote replaces the note. Only the owner may read it, as for the database.
func writeNote(path string, n note) error {
	path += placeSuffix
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // another process may write one, too
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %d\n", n.mark, n.beat)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
