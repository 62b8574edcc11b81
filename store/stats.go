package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"resellerd/store/dialect"
)

// Stats returns the statistics of the connection pools, by pool: "read", in
// SQLite "write", which has one connection, and "replica" if there is one.
func (s *Store) Stats() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{"read": s.db.Read.Stats()}
	if s.db.Write != s.db.Read {
		write := s.db.Write.Stats()
		write.WaitCount += s.turns.waits.Load()
		stats["write"] = write
	}
	if s.replica != nil {
		stats["replica"] = s.replica.db.Read.Stats()
	}
	return stats
}

// Confirmed returns how long ago the database confirmed the data revision, negative
// for never, and whether that is within Options.MaxStale.
func (s *Store) Confirmed() (ago time.Duration, fresh bool) {
	at, fresh := s.tracker.Confirmed()
	if at.IsZero() {
		return -1, false
	}
	return time.Since(at), fresh
}

// Swept returns how many revisions without a card this process has deleted: drafts of
// work that ended early, and revisions that users deleted.
func (s *Store) Swept() int64 { return s.swept.Load() }

// Counts are numbers of rows of all tenants.
type Counts struct {
	Scheduled int            // revisions that become active later
	Late      int            // scheduled revisions whose time has come
	Held      map[string]int // revisions that a schedule could not activate, by reason
	Stale     map[string]int // cards that should be built again, by reason
	AtLoss    int            // active revisions whose losses somebody accepted
	Emergency int            // active users who were created for an emergency and still are in a group
}

// countsText takes the present time twice as its argument. It reads every revision.
const countsText = `SELECT status AS kind, COALESCE(held_reason, '') AS reason, CASE WHEN live_at <= ? THEN 1 ELSE 0 END AS late, count(*) AS n
		FROM revisions WHERE status IN ('scheduled', 'held') GROUP BY 1, 2, 3
	UNION ALL SELECT 'at_loss', '', 0, count(*) FROM revisions WHERE status = 'active' AND losses_accepted
	UNION ALL SELECT 'emergency', '', 0, count(*) FROM break_glass b JOIN users u ON u.id = b.user_id WHERE u.status = 'active'
		AND EXISTS (SELECT 1 FROM user_groups m WHERE m.user_id = b.user_id AND (m.valid_to IS NULL OR m.valid_to > ?))
	UNION ALL SELECT 'stale', stale, 0, count(*) FROM cards WHERE stale IS NOT NULL GROUP BY stale`

// Count counts the rows that need attention. It is for a look once a minute.
func (s *Store) Count(ctx context.Context) (Counts, error) {
	type row struct {
		Kind, Reason string
		Late, N      int
	}
	rows, err := dialect.SelectAll[row](ctx, s.dialect, s.pool, countsText, s.micros(), s.micros())
	if err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	c := Counts{Held: map[string]int{}, Stale: map[string]int{}}
	for _, r := range rows {
		switch {
		case r.Kind == RevisionHeld:
			c.Held[r.Reason] += r.N
		case r.Kind == "stale":
			c.Stale[r.Reason] += r.N
		case r.Kind == "at_loss":
			c.AtLoss = r.N
		case r.Kind == "emergency":
			c.Emergency = r.N
		case r.Late == 1:
			c.Late += r.N
		default:
			c.Scheduled += r.N
		}
	}
	return c, nil
}
