package server

// WithShipper hands every masked decision log entry to ship as well, which must
// copy it and never wait; false means that it was dropped. Both are counted.
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
