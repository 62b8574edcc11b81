package record

import (
	"container/list"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxRemembered is the most bytes of one remembered entry. Longer entries are not
// remembered.
const maxRemembered = 8 << 10

// The part of a Memory that one account may use: an eighth, but at least minShare
// decisions.
const (
	shares   = 8
	minShare = 64
)

// Memory holds the latest decisions of each account as masked log lines. A new
// decision replaces the oldest of its account, never that of another account. If all
// accounts together use too many bytes, the decisions of the account that was
// remembered least recently are dropped. A nil Memory holds nothing. Memory is safe
// for concurrent use.
type Memory struct {
	mu        sync.Mutex
	share     int // decisions of one account
	limit     int // bytes of all accounts
	bytes     int
	recent    list.List // of *remembering, the most recent account first
	byAccount map[string]*list.Element
	byID      map[string]*Remembered
}

// remembering is the part of one account.
type remembering struct {
	account string
	slots   []*Remembered
	next    int // the oldest, if all slots are used
}

// Remembered is one decision: its log line and the users that it concerns.
type Remembered struct {
	ID       string
	Account  string // of the user whose rights decided
	User     string // the user whose rights decided
	Acting   string // the user who acted, if another
	Revision string
	List     bool
	line     []byte
}

// slotBytes is the estimated size of a decision besides its line.
const slotBytes = 512

// NewMemory returns a memory for n decisions of maxRemembered bytes, or nil if n is
// not positive.
func NewMemory(n int) *Memory {
	if n <= 0 {
		return nil
	}
	return &Memory{
		share: min(n, max(n/shares, minShare)), limit: n * maxRemembered,
		byAccount: map[string]*list.Element{}, byID: map[string]*Remembered{},
	}
}

// Keep stores a decision. It copies line.
func (m *Memory) Keep(about Remembered, line []byte) {
	if m == nil || len(line) > maxRemembered {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.of(about.Account)
	slot := of.slot(m.share)
	m.forget(slot)
	kept := slot.line[:0]
	*slot = about
	kept = append(kept, line...)
	slot.line = kept
	m.byID[about.ID] = slot
	m.bytes += slot.bytes()
	for m.bytes > m.limit {
		m.drop(m.recent.Back())
	}
}

// Bytes returns the estimated bytes of all remembered decisions.
func (m *Memory) Bytes() int64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(m.bytes)
}

// of returns the part of an account, as the most recent one.
func (m *Memory) of(account string) *remembering {
	at, ok := m.byAccount[account]
	if !ok {
		at = m.recent.PushFront(&remembering{account: account})
		m.byAccount[account] = at
	}
	m.recent.MoveToFront(at)
	return at.Value.(*remembering)
}

// slot returns the slot for the next decision: a new one, or the oldest.
func (r *remembering) slot(share int) *Remembered {
	if len(r.slots) < share {
		r.slots = append(r.slots, &Remembered{})
		return r.slots[len(r.slots)-1]
	}
	slot := r.slots[r.next]
	r.next = (r.next + 1) % share
	return slot
}

func (r *Remembered) bytes() int { return cap(r.line) + slotBytes }

// forget takes a decision out of the counts. It leaves a later decision with the same
// id.
func (m *Memory) forget(slot *Remembered) {
	if slot.ID == "" {
		return
	}
	m.bytes -= slot.bytes()
	if m.byID[slot.ID] == slot {
		delete(m.byID, slot.ID)
	}
}

// drop forgets all decisions of an account.
func (m *Memory) drop(at *list.Element) {
	of := at.Value.(*remembering)
	for _, slot := range of.slots {
		m.forget(slot)
	}
	m.recent.Remove(at)
	delete(m.byAccount, of.account)
}

// Find returns a copy of the decision with this id.
func (m *Memory) Find(id string) (Remembered, bool) {
	if m == nil {
		return Remembered{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.byID[id]
	if !ok {
		return Remembered{}, false
	}
	found := *kept
	found.line = append([]byte(nil), found.line...)
	return found, true
}

// Latest returns copies of at most n lines: the newest of each account, then the
// second of each, and so on.
func (m *Memory) Latest(n int) [][]byte {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines [][]byte
	for age, more := 0, true; more; age++ {
		more = false
		for at := m.recent.Front(); at != nil; at = at.Next() {
			of := at.Value.(*remembering)
			if age >= len(of.slots) {
				continue
			}
			if len(lines) == n {
				return lines
			}
			more = true
			lines = append(lines, slices.Clone(of.newest(age).line))
		}
	}
	return lines
}

// newest returns the decision before which age newer ones were made.
func (r *remembering) newest(age int) *Remembered {
	return r.slots[(r.next-1-age+2*len(r.slots))%len(r.slots)]
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
