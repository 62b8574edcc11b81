package record

import (
	"strconv"
	"strings"
	"sync"
)

// maxRemembered bounds what is kept of one decision, in bytes. A longer entry
// is not remembered.
const maxRemembered = 8 << 10

// Memory holds the last decisions as the log holds them: masked. The
// oldest makes room for the newest; buffers are used again. Nil holds nothing.
// Safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	slots []Remembered
	next  int
	byID  map[string]int
}

// Remembered is one decision: the line of the log, and the users it is about.
type Remembered struct {
	ID       string
	User     string // whose rights were decided by
	Acting   string // who acted, when that was another
	Revision string
	List     bool
	line     []byte
}

// NewMemory holds n decisions, none when n is not positive.
func NewMemory(n int) *Memory {
	if n <= 0 {
		return nil
	}
	return &Memory{slots: make([]Remembered, n), byID: make(map[string]int, n)}
}

// Keep remembers a decision; line is copied.
func (m *Memory) Keep(about Remembered, line []byte) {
	if m == nil || len(line) > maxRemembered {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := &m.slots[m.next]
	if slot.ID != "" && m.byID[slot.ID] == m.next {
		delete(m.byID, slot.ID)
	}
	kept := slot.line[:0]
	kept = append(kept, line...)
	*slot = about
	slot.line = kept
	m.byID[about.ID] = m.next
	m.next = (m.next + 1) % len(m.slots)
}

// Find returns a copy of the decision of this id.
func (m *Memory) Find(id string) (Remembered, bool) {
	if m == nil {
		return Remembered{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.byID[id]
	if !ok {
		return Remembered{}, false
	}
	found := m.slots[i]
	found.line = append([]byte(nil), found.line...)
	return found, true
}

// Numbered is the id of the n-th decision of a request, n from 1.
func Numbered(request string, n int) string {
	if n == 1 {
		return request
	}
	return request + "-" + strconv.Itoa(n)
}

// IsNumbered reports whether an id names a later decision of its request.
func IsNumbered(id string) bool {
	_, n, ok := strings.Cut(id, "-")
	number, err := strconv.Atoi(n)
	return ok && err == nil && number > 1
}
