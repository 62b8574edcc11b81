package server

import (
	"resellerd/policies"
)

// EngineHolder holds the policy in force. A new revision replaces the old one as
// a whole; a request keeps the engine that it started with. Without an engine,
// the server is not ready and refuses every request.
type EngineHolder = policies.Holder

// PolicyLoaded counts an attempt to put a policy in force; err is nil if it
// succeeded.
func (s *Server) PolicyLoaded(err error) {
	s.metrics.reloads.WithLabelValues(resultOf(err)).Inc()
	if err != nil {
		s.metrics.pinned.Set(1)
		return
	}
	if e := s.engines.Current(); e != nil { // an alert can tell the first denial from none
		for reason := range s.views.Of(e).Reasons {
			s.metrics.denials.WithLabelValues(reason)
		}
	}
	s.metrics.pinned.Set(0)
	s.metrics.lastSuccess.SetToCurrentTime()
}
