package policies

import "sync/atomic"

// Holder holds the engine in force. The zero value holds none. It is safe for
// concurrent use: a request takes Current once and stays with that revision.
type Holder struct{ engine atomic.Pointer[Engine] }

// Current returns the engine in force, nil before the first Swap.
func (h *Holder) Current() *Engine { return h.engine.Load() }

// Swap puts an engine in force and returns the one before, nil if none.
func (h *Holder) Swap(e *Engine) *Engine { return h.engine.Swap(e) }
