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
	if err != nil {
		s.metrics.reloads.WithLabelValues("failure").Inc()
		return
	}
	s.metrics.reloads.WithLabelValues("success").Inc()
	s.metrics.lastSuccess.SetToCurrentTime()
}
