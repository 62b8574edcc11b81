package policies

import "sync/atomic"

// Holder holds the engine in force. The zero value holds none. It is safe for
// concurrent use. A request calls Current once and uses that revision to its
// end.
type Holder struct{ engine atomic.Pointer[Engine] }

// Current returns the engine in force, or nil before the first Swap.
func (h *Holder) Current() *Engine { return h.engine.Load() }

// Swap puts e in force and returns the previous engine, or nil if there was
// none.
func (h *Holder) Swap(e *Engine) *Engine { return h.engine.Swap(e) }
