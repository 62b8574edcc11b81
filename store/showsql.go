package store

// Statement gives the SQL that counts the rows of q, in the store's own
// dialect and as it would be run, and the values bound in it: strings, int64
// and bools. It is for showing a filter, of types without a parent. Text is ""
// when no row can pass, so that the database would not be asked.
func (s *Store) Statement(q Query) (text string, args []any, err error) {
	def, err := q.check()
	if err != nil {
		return "", nil, err
	}
	run, err := s.prepare(&q, def, modeCount)
	if err != nil || run.empty {
		return "", nil, err
	}
	return run.text, run.args, nil
}
