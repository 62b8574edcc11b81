package record

import (
	"sync/atomic"

	"resellerd/policies"
)

// Known holds the parts of a policy that every log entry needs. It is immutable.
type Known struct {
	Mask    *Mask // of the decision log, if it is static
	Static  bool  // the mask does not depend on the entry
	Err     error // from the mask; if set, nothing can be logged
	Reasons map[string]policies.Reason
}

// Policies caches the Known of the policy in use. The zero value is ready to use. It
// is safe for concurrent use.
type Policies struct {
	held atomic.Pointer[heldPolicy]
}

type heldPolicy struct {
	engine *policies.Engine
	Known
}

// Of returns the Known of a policy and caches it.
func (c *Policies) Of(e *policies.Engine) *Known {
	if held := c.held.Load(); held != nil && held.engine == e {
		return &held.Known
	}
	held := &heldPolicy{engine: e}
	held.Reasons = e.Reasons()
	paths, static := e.Masks()
	held.Static = static
	held.Mask, held.Err = NewMask(paths)
	c.held.Store(held)
	return &held.Known
}
