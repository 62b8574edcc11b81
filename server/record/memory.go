package record

import (
	"strconv"
	"strings"
	"sync"
)

// maxRemembered is the most bytes of one remembered entry. Longer entries are not
// remembered.
const maxRemembered = 8 << 10

// Memory holds the latest decisions as masked log lines. A new decision replaces the
// oldest and reuses its buffer. A nil Memory holds nothing. Memory is safe for
// concurrent use.
type Memory struct {
	mu    sync.Mutex
	slots []Remembered
	next  int
	byID  map[string]int
}

// Remembered is one decision: its log line and the users that it concerns.
type Remembered struct {
	ID       string
	User     string // the user whose rights decided
	Acting   string // the user who acted, if another
	Revision string
	List     bool
	line     []byte
}

// NewMemory returns a memory for n decisions, or nil if n is not positive.
func NewMemory(n int) *Memory {
	if n <= 0 {
		return nil
	}
	return &Memory{slots: make([]Remembered, n), byID: make(map[string]int, n)}
}

// Keep stores a decision. It copies line.
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

// Find returns a copy of the decision with this id.
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

// Numbered returns the id of the n-th decision of a request. n starts at 1.
func Numbered(request string, n int) string {
	if n == 1 {
		return request
	}
	return request + "-" + strconv.Itoa(n)
}

// IsNumbered reports whether an id names the second or a later decision of a request.
func IsNumbered(id string) bool {
	_, n, ok := strings.Cut(id, "-")
	number, err := strconv.Atoi(n)
	return ok && err == nil && number > 1
}
