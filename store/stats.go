package store

import "database/sql"

// Stats is what the connection pools are doing, by pool: "read", and in SQLite
// "write", which has a connection of its own.
func (s *Store) Stats() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{"read": s.read.Stats()}
	if s.write != s.read {
		stats["write"] = s.write.Stats()
	}
	return stats
}
