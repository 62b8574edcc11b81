package server

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// longDeck has more rates than fit on a small disk.
func longDeck() string {
	var deck strings.Builder
	deck.WriteString("prefix,name,cost,mcd,pulse\n")
	for i := range 40_000 {
		fmt.Fprintf(&deck, "%d,Destination %d,0.01,1,1\n", 10_000_000+i, i)
	}
	return deck.String()
}

// temporary sends the temporary files of the test's process to a new directory.
// The returned function lists that directory.
func temporary(t *testing.T) (left func() []os.DirEntry) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() []os.DirEntry {
		entries, err := os.ReadDir(dir)
		must(t, err)
		return entries
	}
}

func TestAnImportThatFillsTheDatabaseLeavesNothing(t *testing.T) {
	w := newWorld(t, storetest.SmallSQLite(t, 200), engineOf(t, 1), seedWorld)
	left := temporary(t)
	before := fmt.Sprint(w.draftsOf("retail"))
	for _, query := range []string{"mode=replace", "mode=replace&apply=true"} {
		got, _ := w.importInto("a", "retail", query, longDeck())
		if applied := strings.Contains(query, "apply"); !applied && got.status != 200 { // a preview writes nothing
			t.Errorf("%s: %d %.300s", query, got.status, got.body)
		} else if applied && (got.status != 503 || !strings.Contains(got.body, problemType+"unavailable") || strings.Contains(got.body, "full")) {
			t.Errorf("%s: %d %.300s", query, got.status, got.body)
		}
		if after := fmt.Sprint(w.draftsOf("retail")); after != before || len(left()) > 0 {
			t.Errorf("%s: %s revisions and rates, had %s; %v", query, after, before, left())
		}
	}
	must(t, w.store.Sweep(tctx))
	staged := 0
	must(t, storetest.SQL(t, w.store).QueryRow("SELECT count(*) FROM revisions WHERE card_id IS NULL").Scan(&staged))
	if staged != 0 {
		t.Errorf("%d staged drafts are left", staged)
	}
	if got, _ := w.importInto("a", "retail", "mode=replace&apply=true", deckOne); got.status != 200 {
		t.Errorf("a file that has room: %d %s", got.status, got.body)
	}
}

// Linux has a device that is always full.
func TestAFullDiskRefusesAFile(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("skipped: no disk is full here: %v", err)
	}
	defer full.Close()
	for name, c := range map[string]struct{ body, encoding string }{
		"plain":  {deckOne, ""},
		"packed": {string(gzipped(t, []byte(deckOne))), "gzip"},
	} {
		err := (&spool{File: full}).fill(context.Background(), strings.NewReader(c.body), c.encoding, 1<<20)
		if p := problemOf(err); p.kind != kindUnavailable || p.detail != "" {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestWithoutAPlaceForFilesAnImportIsRefused(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		t.Setenv("TMPDIR", t.TempDir()+"/nowhere")
		before := fmt.Sprint(w.draftsOf("retail"))
		got, _ := w.importInto("a", "retail", "mode=replace&apply=true", deckOne)
		if after := fmt.Sprint(w.draftsOf("retail")); got.status != 503 || strings.Contains(got.body, "nowhere") || after != before {
			t.Errorf("%d %s: %s revisions and rates, had %s", got.status, got.body, after, before)
		}
	})
}
