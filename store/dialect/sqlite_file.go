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

// errReplaced says that the file of the database is not the one that is open.
var errReplaced = fmt.Errorf("the file of the database was deleted or replaced while it was open, restart with the right one: %w", fault.ErrUnavailable)

// dbFile knows a SQLite database by its files: whatever is written after
// another file has taken the place of one of them is lost. Nil is always
// intact. Safe for concurrent use.
type dbFile struct {
	path   string // as it was given
	logger *slog.Logger

	mu   sync.Mutex
	real string                 // path without symbolic links; "" before the file was first there
	open map[string]os.FileInfo // by suffix, each from when it was first there

	gone atomic.Bool // as intact found last
}

// fileSuffixes are those of the files that SQLite keeps open.
var fileSuffixes = []string{"", "-wal", "-shm"}

// watchFile notes which files a database that has just been opened is in.
func watchFile(path string, logger *slog.Logger) *dbFile {
	f := &dbFile{path: path, logger: logger, open: map[string]os.FileInfo{}}
	_ = f.intact() // notes what is there
	return f
}

// intact returns errReplaced unless the database's files are those that are
// open. It logs once when they no longer are, and once when they are back.
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

// look finds the first file that is missing, and whether that is news. SQLite
// keeps its log and its index beside the file that a link leads to, and whoever
// opens path later looks beside the file that it leads to by then.
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

// missing reports whether intact last found a file missing or replaced. It never
// waits.
func (f *dbFile) missing() bool { return f != nil && f.gone.Load() }
