package store

import "database/sql"

// Stats returns the statistics of the connection pools, by pool: "read", and in
// SQLite "write", which has one connection.
func (s *Store) Stats() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{"read": s.db.Read.Stats()}
	if s.db.Write != s.db.Read {
		write := s.db.Write.Stats()
		write.WaitCount += s.turns.waits.Load()
		stats["write"] = write
	}
	return stats
}
