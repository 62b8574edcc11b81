package server

import (
	"resellerd/policies"
)

// EngineHolder holds the policy in force. A new revision replaces the old one
// whole; a request keeps the engine it started with. While it holds none, the
// server is not ready and refuses every request.
type EngineHolder = policies.Holder

// PolicyLoaded counts an attempt to put a policy in force; err is nil when it
// was.
func (s *Server) PolicyLoaded(err error) {
	if err != nil {
		s.metrics.reloads.WithLabelValues("failure").Inc()
		return
	}
	s.metrics.reloads.WithLabelValues("success").Inc()
	s.metrics.lastSuccess.SetToCurrentTime()
}
