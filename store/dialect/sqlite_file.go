package dialect

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"resellerd/store/fault"
)

// errReplaced says that the file at the path of the database is not the open one.
var errReplaced = fmt.Errorf("the file of the database was deleted or replaced while it was open, restart with the right one: %w", fault.ErrUnavailable)

// dbFile tracks the files of a SQLite database. If another file replaces one of
// them, later writes are lost. A nil dbFile is always intact. It is safe for
// concurrent use.
type dbFile struct {
	path   string // the path in the url
	logger *slog.Logger

	mu   sync.Mutex
	real string                 // path without symbolic links; "" until the file is first seen
	open map[string]os.FileInfo // by suffix, as first seen

	gone atomic.Bool // the last result of intact

	noting sync.Mutex // while the note of the place is read and written
	swept  sync.Once  // what crashes have left of notes
}

// fileSuffixes are the suffixes of the files that SQLite keeps open.
var fileSuffixes = []string{"", "-wal", "-shm"}

// makeFile makes an absent file of a database readable for its owner only. SQLite
// gives its log and index the same mode. An error is left to SQLite, which names it.
func makeFile(path string) {
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
		_ = f.Close()
	}
}

// watchFile records the files of a database that has just been opened.
func watchFile(path string, logger *slog.Logger) *dbFile {
	f := &dbFile{path: path, logger: logger, open: map[string]os.FileInfo{}}
	_ = f.intact() // records the files that exist
	return f
}

// intact returns errReplaced unless the database's files are the open ones. It logs
// once when they no longer are, and once when they are back.
func (f *dbFile) intact() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	missing, changed := f.look()
	f.mu.Unlock()
	switch {
	case changed && missing != "":
		f.logger.Error("the file of the database was deleted or replaced: no data is served and nothing is written until a restart", "file", missing)
	case changed:
		f.logger.Warn("the file of the database is back")
	}
	if missing != "" {
		return errReplaced
	}
	return nil
}

// look returns the first missing or replaced file, and whether the result has
// changed since the last call. SQLite keeps its log and its index beside the target
// of a symbolic link. A process that opens path later uses the target that the link
// has then.
func (f *dbFile) look() (missing string, changed bool) {
	real, err := filepath.EvalSymlinks(f.path)
	if f.real == "" {
		if err != nil {
			return "", false
		}
		f.real = real
	}
	if real != f.real {
		missing = f.path
	}
	for _, suffix := range fileSuffixes {
		path := f.real + suffix
		is, err := os.Stat(path)
		was, known := f.open[suffix]
		switch {
		case !known && err == nil:
			f.open[suffix] = is
		case known && (err != nil || !os.SameFile(was, is)) && missing == "":
			missing = path
		}
	}
	return missing, f.gone.Swap(missing != "") != (missing != "")
}

// missing reports whether the last intact found a file missing or replaced. It
// never blocks.
func (f *dbFile) missing() bool { return f != nil && f.gone.Load() }
