package record

import (
	"cmp"
	"container/heap"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxRemembered is the most bytes of one remembered entry. Longer entries are not
// remembered.
const maxRemembered = 8 << 10

// The part of a Memory that one branch may use, and the decisions of one account: an
// eighth, but at least minShare decisions.
const (
	shares   = 8
	minShare = 64
)

// Memory holds the latest decisions as masked log lines, by branch: an account directly
// below a master with all accounts below it. A new decision replaces the oldest of its
// account. If a branch, or all branches together, use too many bytes, the oldest decision
// of the largest account of the largest branch is dropped. So an account with few
// decisions keeps them, however many others make. A nil Memory holds nothing. Memory is
// safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	share    int // decisions of one account
	kept     uint64
	branches holders
	byID     map[string]*Remembered
	spare    *Remembered // dropped last
}

// holders are the branches of a Memory or the accounts of a branch.
type holders struct {
	limit int // bytes
	bytes int
	heap  largest
	byID  map[string]*holder
}

type holder struct {
	id       string
	at       int           // its place in the heap
	last     uint64        // the number of its newest decision
	size     int           // bytes
	accounts *holders      // of a branch
	lines    []*Remembered // of an account, the oldest first
}

// Remembered is one decision: its log line and the users that it concerns.
type Remembered struct {
	ID       string
	Account  string // of the user whose rights decided
	Branch   string // the account directly below the master that Account is or lies below; the master of its own users
	User     string // the user whose rights decided
	Acting   string // the user who acted, if another
	Revision string
	List     bool
	line     []byte
}

// slotBytes is the estimated size of a decision besides its line, and mostBytes is the
// largest size with it.
const (
	slotBytes = 512
	mostBytes = slotBytes + maxRemembered
)

// NewMemory returns a memory for n decisions of maxRemembered bytes, or nil if n is
// not positive.
func NewMemory(n int) *Memory {
	if n <= 0 {
		return nil
	}
	return &Memory{share: min(n, max(n/shares, minShare)), branches: newHolders(n * mostBytes), byID: map[string]*Remembered{}}
}

func newHolders(limit int) holders { return holders{limit: limit, byID: map[string]*holder{}} }

// Keep stores a decision. It copies line.
func (m *Memory) Keep(about Remembered, line []byte) {
	if m == nil || len(line) > maxRemembered {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.makeRoom(about.Branch, about.Account)
	slot := m.spare
	if m.spare = nil; slot == nil {
		slot = &Remembered{}
	}
	text := slot.line[:0]
	if cap(text) < len(line) {
		text = make([]byte, 0, len(line))
	}
	text = append(text, line...)
	*slot = about
	slot.line = text
	m.byID[about.ID] = slot
	m.kept++
	branch := m.branches.holder(about.Branch)
	if branch.accounts == nil {
		of := newHolders(m.share * mostBytes)
		branch.accounts = &of
	}
	account := branch.accounts.holder(about.Account)
	account.lines = append(account.lines, slot)
	account.last, branch.last = m.kept, m.kept
	branch.accounts.grow(account, slot.bytes())
	m.branches.grow(branch, slot.bytes())
}

// makeRoom drops decisions until a decision of mostBytes fits.
func (m *Memory) makeRoom(branch, account string) {
	if b := m.branches.byID[branch]; b != nil {
		if a := b.accounts.byID[account]; a != nil && len(a.lines) == m.share {
			m.drop(b, a)
		}
		for b.size > b.accounts.limit-mostBytes {
			m.drop(b, b.accounts.heap[0])
		}
	}
	for m.branches.bytes > m.branches.limit-mostBytes {
		b := m.branches.heap[0]
		m.drop(b, b.accounts.heap[0])
	}
}

// drop forgets the oldest decision of an account of a branch. It leaves a later decision
// with the same id.
func (m *Memory) drop(branch, account *holder) {
	slot := account.lines[0]
	account.lines[0] = nil
	account.lines = account.lines[1:]
	if m.byID[slot.ID] == slot {
		delete(m.byID, slot.ID)
	}
	branch.accounts.grow(account, -slot.bytes())
	m.branches.grow(branch, -slot.bytes())
	m.spare = slot
}

func (r *Remembered) bytes() int { return cap(r.line) + slotBytes }

// holder returns the holder with this id, a new one if there is none.
func (h *holders) holder(id string) *holder {
	found, ok := h.byID[id]
	if !ok {
		found = &holder{id: id}
		h.byID[id] = found
		heap.Push(&h.heap, found)
	}
	return found
}

// grow adds bytes to a holder. An empty holder goes.
func (h *holders) grow(one *holder, bytes int) {
	one.size += bytes
	h.bytes += bytes
	if one.size == 0 {
		heap.Remove(&h.heap, one.at)
		delete(h.byID, one.id)
		return
	}
	heap.Fix(&h.heap, one.at)
}

// largest is a heap of holders. The first one has the most bytes; of equally large ones, it is
// the one whose newest decision is the oldest.
type largest []*holder

func (l largest) Len() int { return len(l) }

func (l largest) Less(i, j int) bool {
	return l[i].size > l[j].size || l[i].size == l[j].size && l[i].last < l[j].last
}

func (l largest) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push is part of heap.Interface.
func (l *largest) Push(x any) {
	one := x.(*holder)
	one.at = len(*l)
	*l = append(*l, one)
}

// Pop is part of heap.Interface.
func (l *largest) Pop() any {
	last := len(*l) - 1
	one := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return one
}

// Bytes returns the estimated bytes of all remembered decisions.
func (m *Memory) Bytes() int64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(m.branches.bytes)
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
	var accounts []*holder
	for _, branch := range m.branches.heap {
		accounts = append(accounts, branch.accounts.heap...)
	}
	slices.SortFunc(accounts, func(a, b *holder) int { return cmp.Compare(b.last, a.last) })
	var lines [][]byte
	for age, more := 1, true; more; age++ {
		more = false
		for _, of := range accounts {
			if age > len(of.lines) {
				continue
			}
			if len(lines) == n {
				return lines
			}
			more = true
			lines = append(lines, slices.Clone(of.lines[len(of.lines)-age].line))
		}
	}
	return lines
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
