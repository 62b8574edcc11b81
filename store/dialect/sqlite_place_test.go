package dialect

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// beside returns a file of a database, and its place while it has a beat.
func beside(t *testing.T, beat int64) (*dbFile, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "carrier.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := &dbFile{real: path}
	return f, placeOf(t, f, beat)
}

func placeOf(t *testing.T, f *dbFile, beat int64) string {
	t.Helper()
	place, err := f.place(context.Background(), func(context.Context) (int64, error) { return beat, nil })
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// Two processes note beats at the same time, and the earlier one is written last. An older copy
// of the file is noticed all the same.
func TestTheLastBeatIsNoted(t *testing.T) {
	t.Parallel()
	f, place := beside(t, 4)
	beats := []int64{5, 6, 6} // while 5 is noted, another process commits and notes 6
	err := f.keepBeat(context.Background(), func(context.Context) (beat int64, err error) {
		beat, beats = beats[0], beats[1:]
		return beat, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if now := placeOf(t, f, 6); now != place {
		t.Errorf("the place was %q and is %q", place, now)
	}
	if copied := placeOf(t, f, 5); copied == place {
		t.Error("an older copy has the same place")
	}
}

// A note that cannot be written is an error: a restore would not be noticed.
func TestANoteThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	f, _ := beside(t, 4)
	if err := os.RemoveAll(filepath.Dir(f.real)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(f.real+placeSuffix, 0o700); err != nil { // a directory in the way
		t.Fatal(err)
	}
	if err := f.keepBeat(context.Background(), func(context.Context) (int64, error) { return 5, nil }); err == nil {
		t.Error("there is no error")
	}
}

// What a crash has left of a note does not stay, and what another process writes now does.
func TestHalfWrittenNotesAreDeleted(t *testing.T) {
	t.Parallel()
	f, _ := beside(t, 4)
	old, now := f.real+placeSuffix+".1", f.real+placeSuffix+".2"
	for _, name := range []string{old, now} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	placeOf(t, &dbFile{real: f.real}, 4)
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old one is still there: %v", err)
	}
	if _, err := os.Stat(now); err != nil {
		t.Error(err)
	}
}
