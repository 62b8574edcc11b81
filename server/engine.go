package server

import (
	"sync/atomic"

	"resellerd/policies"
	"resellerd/server/record"
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

// engineView is what the server reads of an engine over and over.
type engineView struct {
	mask    *record.Mask // static paths
	static  bool
	err     error // of the mask: nothing can be logged
	reasons map[string]policies.Reason
}

// engineViews holds the view of the engine in force. The zero value is ready;
// safe for concurrent use.
type engineViews struct {
	held atomic.Pointer[heldView]
}

type heldView struct {
	engine *policies.Engine
	engineView
}

// of returns the view of e.
func (c *engineViews) of(e *policies.Engine) *engineView {
	if held := c.held.Load(); held != nil && held.engine == e {
		return &held.engineView
	}
	held := &heldView{engine: e}
	held.reasons = e.Reasons()
	paths, static := e.Masks()
	held.static = static
	held.mask, held.err = record.NewMask(paths)
	c.held.Store(held)
	return &held.engineView
}
