package server

import (
	"sync/atomic"

	"resellerd/server/identity"
	"resellerd/store/history"
)

// revisionSeal caches the sealed text of the last revision for all requests
// that carry it. The zero value is ready; it is safe for concurrent use.
type revisionSeal struct {
	held atomic.Pointer[sealedRevision]
}

type sealedRevision struct {
	of   history.DataRevision
	text string
}

func (c *revisionSeal) of(k *identity.Sealer, r history.DataRevision) string {
	if held := c.held.Load(); held != nil && held.of == r {
		return held.text
	}
	held := &sealedRevision{of: r, text: k.SealRevision(r)}
	c.held.Store(held)
	return held.text
}
