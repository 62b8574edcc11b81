package store

import "database/sql"

// Stats is what the connection pools are doing, by pool: "read", and in SQLite
// "write", which has a connection of its own.
func (s *Store) Stats() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{"read": s.db.Read.Stats()}
	if s.db.Write != s.db.Read {
		stats["write"] = s.db.Write.Stats()
	}
	return stats
}
