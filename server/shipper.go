package server

// WithShipper also passes every masked decision log entry to ship. ship must
// copy the entry and must not block. It returns false if it dropped the entry.
// Both results are counted.
func WithShipper(ship func(line []byte) bool) Option {
	return func(s *Server) {
		s.onEntry = append(s.onEntry, func(line []byte) {
			if ship(line) {
				s.metrics.shipped.WithLabelValues("handed_on").Inc()
			} else {
				s.metrics.shipped.WithLabelValues("dropped").Inc()
			}
		})
	}
}
