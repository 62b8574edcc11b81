package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) with(part string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// losingFiles are ways to remove or replace the files of an open SQLite database.
var losingFiles = map[string]func(path string) error{
	"the file is deleted":  os.Remove,
	"its log is deleted":   func(path string) error { return os.Remove(path + "-wal") },
	"its index is deleted": func(path string) error { return os.Remove(path + "-shm") },
	"the file is replaced by a copy": func(path string) error {
		return errors.Join(copyFile(path, path+".copy"), os.Rename(path+".copy", path))
	},
	"the log is replaced by a copy": func(path string) error {
		return errors.Join(copyFile(path+"-wal", path+".copy"), os.Rename(path+".copy", path+"-wal"))
	},
	"a link takes the place of the file": func(path string) error {
		return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
	},
	"the directory is swapped": func(path string) error {
		dir := filepath.Dir(path)
		return errors.Join(os.CopyFS(dir+".copy", os.DirFS(dir)), os.Rename(dir, dir+".gone"), os.Rename(dir+".copy", dir))
	},
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, text, 0o600))
}

func TestAFileThatIsGoneTakesNoWritesAndServesNothing(t *testing.T) {
	t.Parallel()
	for about, lose := range losingFiles {
		for _, linked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, linked %t", about, linked), func(t *testing.T) { losesTheFile(t, lose, linked) })
		}
	}
}

func losesTheFile(t *testing.T, lose func(path string) error, linked bool) {
	at, log := storetest.SQLite(t), &lines{}
	path := strings.TrimPrefix(at, "sqlite:")
	if linked {
		link := filepath.Join(t.TempDir(), "link.db")
		mustDo(os.Symlink(path, link))
		at = "sqlite:" + link
	}
	s := storetest.Open(t, at, store.Options{Poll: 10 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil))})
	house(t, s)
	must(s.PolicyRow(ctx, "card", "crd_m"))
	mustDo(lose(path))
	refused(t, rename(s, "after"), fault.ErrUnavailable, "")
	refused(t, s.Ping(ctx), fault.ErrUnavailable, "")
	for since := time.Now(); ; {
		if _, err := s.PolicyRow(ctx, "card", "crd_m"); errors.Is(err, fault.ErrUnavailable) {
			break
		}
		if time.Since(since) > time.Minute {
			t.Fatal("a cached row is served a minute later")
		}
	}
	if n := log.with("deleted or replaced"); n != 1 {
		t.Errorf("%d lines in the log, want 1", n)
	}
}

// If the file disappears during a write, the write is not acknowledged.
func TestAWriteDuringWhichTheFileGoesIsRefused(t *testing.T) {
	t.Parallel()
	at := storetest.SQLite(t)
	s := storetest.Open(t, at, store.Options{Poll: time.Hour})
	house(t, s)
	err := s.Write(ctx, "acc_m", func(tx *store.Tx) error {
		name := "during"
		if _, err := tx.UpdateAccount(ctx, "acc_r", store.AccountPatch{Name: &name}); err != nil {
			return err
		}
		return os.Remove(strings.TrimPrefix(at, "sqlite:"))
	})
	refused(t, err, fault.ErrUnavailable, "")
}

func TestAFileThatIsMovedBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	at, log := storetest.SQLite(t), &lines{}
	s := storetest.Open(t, at, store.Options{Poll: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil))})
	house(t, s)
	path := strings.TrimPrefix(at, "sqlite:")
	mustDo(os.Rename(path, path+".away"))
	refused(t, rename(s, "away"), fault.ErrUnavailable, "")
	mustDo(os.Rename(path+".away", path))
	mustDo(rename(s, "back"))
	if n := log.with("is back"); n != 1 {
		t.Errorf("%d lines in the log, want 1", n)
	}
}

func rename(s *store.Store, name string) error {
	return s.Write(ctx, "acc_m", func(tx *store.Tx) error {
		_, err := tx.UpdateAccount(ctx, "acc_r", store.AccountPatch{Name: &name})
		return err
	})
}

// The file holds everything that the policies hide.
func TestANewDatabaseFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	s := storetest.Open(t, "sqlite:"+path, store.Options{})
	mustDo(s.Migrate(ctx))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if mode := must(os.Stat(path + suffix)).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path)+suffix, mode)
		}
	}
	mustDo(s.Close())
	mustDo(os.Chmod(path, 0o640))
	storetest.Open(t, "sqlite:"+path, store.Options{})
	if mode := must(os.Stat(path)).Mode().Perm(); mode != 0o640 {
		t.Errorf("the mode of an operator became %o", mode)
	}
}

// A write names what it waits for, also if another process has locked the file.
func TestAWriteNamesAnotherProcessThatHoldsTheFile(t *testing.T) {
	t.Parallel()
	at := storetest.SQLite(t)
	s := storetest.Open(t, at, store.Options{})
	house(t, s)
	other := must(sql.Open("sqlite", "file:"+strings.TrimPrefix(at, "sqlite:")+"?_txlock=immediate"))
	defer other.Close()
	lock := must(other.BeginTx(ctx, nil))
	defer func() { mustDo(lock.Rollback()) }()
	err := rename(s, "locked out")
	var waited *fault.WaitError
	if !errors.As(err, &waited) || !strings.HasSuffix(err.Error(), " s for another process that holds the lock") {
		t.Errorf("a write to a file that is locked: %v", err)
	}
}
