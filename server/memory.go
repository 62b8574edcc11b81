package server

import (
	"strconv"
	"strings"
	"sync"

	"resellerd/policies/input"
)

// maxRemembered bounds what is kept of one decision, in bytes. A longer entry
// is not remembered.
const maxRemembered = 8 << 10

// decisionMemory holds the last decisions as the log holds them: masked. The
// oldest makes room for the newest; buffers are used again. Nil holds nothing.
// Safe for concurrent use.
type decisionMemory struct {
	mu    sync.Mutex
	slots []remembrance
	next  int
	byID  map[string]int
}

// remembrance is one decision: the line of the log, and who it is of.
type remembrance struct {
	id       string
	user     string // whose rights were decided by
	acting   string // who acted, when that was another
	revision string
	list     bool
	line     []byte
}

// newDecisionMemory holds n decisions, none when n is not positive.
func newDecisionMemory(n int) *decisionMemory {
	if n <= 0 {
		return nil
	}
	return &decisionMemory{slots: make([]remembrance, n), byID: make(map[string]int, n)}
}

// keep remembers a decision; line is copied.
func (m *decisionMemory) keep(about remembrance, line []byte) {
	if m == nil || len(line) > maxRemembered {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := &m.slots[m.next]
	if slot.id != "" && m.byID[slot.id] == m.next {
		delete(m.byID, slot.id)
	}
	kept := slot.line[:0]
	kept = append(kept, line...)
	*slot = about
	slot.line = kept
	m.byID[about.id] = m.next
	m.next = (m.next + 1) % len(m.slots)
}

// find returns a copy of the decision of this id.
func (m *decisionMemory) find(id string) (remembrance, bool) {
	if m == nil {
		return remembrance{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.byID[id]
	if !ok {
		return remembrance{}, false
	}
	found := m.slots[i]
	found.line = append([]byte(nil), found.line...)
	return found, true
}

// remember keeps a decision of a user that the store knows. Who was refused at
// the server has not decided anything: why, the log alone says.
func (r *session) remember(in *input.Input, l *listed, line []byte) {
	if r.s.memory == nil || in.Subject.Facts == nil {
		return
	}
	about := remembrance{id: r.numbered(r.decisions), revision: r.engine.Revision(), list: l != nil}
	about.user, _ = in.Subject.Facts.User["id"].(string)
	if r.viewer != nil {
		about.acting = r.viewer.User.ID
	}
	r.s.memory.keep(about, line)
}

// numbered names the n-th decision of a request.
func (r *session) numbered(n int) string { return numberedAfter(r.decisionID, n) }

func numberedAfter(request string, n int) string {
	if n == 1 {
		return request
	}
	return request + "-" + strconv.Itoa(n)
}

// isNumbered reports whether an id names a later decision of its request.
func isNumbered(id string) bool {
	_, n, ok := strings.Cut(id, "-")
	number, err := strconv.Atoi(n)
	return ok && err == nil && number > 1
}
