package store

// Besides is how many of the connections for reading beside a transaction are
// taken.
func (s *Store) Besides() int { return len(s.besides) }

// ShutBeside has no connection be had for reading beside a transaction.
func (s *Store) ShutBeside() error { return s.bulk.Close() }
