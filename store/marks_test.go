package store_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// olderCommit is how a release without marks makes the last step of a write.
const olderCommit = "UPDATE data_revision SET n = n + 1 RETURNING n"

func TestEveryCommitHasAMarkWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{Poll: time.Hour}, func(t *testing.T, s *store.Store) {
		house(t, s)
		db := storetest.SQL(t, s)
		mustDo(rename(s, "ours"))
		ours := s.DataRevision()
		for range 3 {
			mustDo(db.QueryRow(olderCommit).Scan(new(int64)))
		}
		mustDo(s.WaitRevision(ctx, ours))
		mustDo(rename(s, "ours again"))
		now := s.DataRevision()
		if now.N != ours.N+4 || now.Mark == ours.Mark {
			t.Errorf("%v after %v", now, ours)
		}
		if marks := count(t, s, "SELECT count(DISTINCT mark) FROM commit_marks"); marks != now.N {
			t.Errorf("%d marks of %d commits", marks, now.N)
		}
		if lost := s.HistoryLost(); lost != 0 {
			t.Errorf("%d losses where nothing was lost", lost)
		}
	})
}

func TestALaterCommitTakesThePlaceOfAnOldMark(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{Poll: time.Hour}, func(t *testing.T, s *store.Store) {
		house(t, s)
		mustDo(rename(s, "first"))
		first := s.DataRevision()
		mustDo(rename(s, "second"))
		asked := func() error {
			return storetest.Open(t, storetest.URL(t, s), store.Options{Poll: time.Hour}).WaitRevision(ctx, first)
		}
		mustDo(asked())
		db := storetest.SQL(t, s)
		must(db.Exec("UPDATE commit_marks SET n = n + 65536 WHERE n = $1", first.N))
		if err := asked(); !errors.Is(err, store.ErrRevisionLost) {
			t.Errorf("older than the marks that are kept: %v", err)
		}
		next := first.N + 2
		must(db.Exec("INSERT INTO commit_marks (slot, n, mark) SELECT $1, $2, mark FROM commit_marks WHERE n = $3", next, next+65536, first.N+1))
		mustDo(rename(s, "third"))
		if marks := count(t, s, "SELECT count(*) FROM commit_marks WHERE n = "+strconv.FormatInt(next, 10)); marks != 1 {
			t.Errorf("the new commit has %d marks", marks)
		}
	})
}
