package store_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/storetest"
)

// olderCommit is the last statement of a write in a release without marks.
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
		if err := asked(); !errors.Is(err, history.ErrRevisionLost) {
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

// A failed question counts as a loss only if the answer shows another database.
func TestAFailedQuestionIsNotALossByItself(t *testing.T) {
	const aside = "ALTER TABLE commit_marks RENAME TO put_aside"
	for about, c := range map[string]struct {
		change, back []string
		losses       int64
	}{
		"an error of the database": {
			change: []string{aside, "CREATE VIEW commit_marks AS SELECT slot, abs(n - n - 9223372036854775807 - 1) AS n, mark FROM put_aside"},
			back:   []string{"DROP VIEW commit_marks", "ALTER TABLE put_aside RENAME TO commit_marks"},
		},
		"the marks are gone":  {change: []string{aside}, losses: 1},
		"a column is gone":    {change: []string{"ALTER TABLE commit_marks RENAME COLUMN mark TO other"}, losses: 1},
		"there is no mark":    {change: []string{"DELETE FROM commit_marks"}, losses: 1},
		"a mark is too short": {change: []string{"UPDATE commit_marks SET mark = substr(mark, 1, 3)"}, losses: 1},
	} {
		t.Run(about, func(t *testing.T) {
			storetest.EachWith(t, store.Options{Poll: time.Hour}, func(t *testing.T, s *store.Store) {
				house(t, s)
				mustDo(rename(s, "known"))
				other := s.DataRevision()
				other.Mark[0]++ // the tracker must ask the database for it
				db := storetest.SQL(t, s)
				for _, text := range c.change {
					must(db.Exec(text))
				}
				if err := s.WaitRevision(ctx, other); !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("asked meanwhile: %v", err)
				}
				if losses := s.HistoryLost(); losses != c.losses {
					t.Errorf("%d losses, want %d", losses, c.losses)
				}
				if c.losses > 0 {
					return
				}
				for _, text := range c.back {
					must(db.Exec(text))
				}
				if err := s.WaitRevision(ctx, other); !errors.Is(err, history.ErrRevisionLost) || s.HistoryLost() != 0 {
					t.Errorf("asked afterwards: %v, %d losses", err, s.HistoryLost())
				}
			})
		})
	}
}
