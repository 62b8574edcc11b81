package lookup

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMemory is the default size of the cache in bytes.
const DefaultMemory = 256 << 20

const (
	// resting is how long an item must be unused before it may be evicted. Items in
	// use therefore never evict each other.
	resting = time.Minute
	// visiblePart limits the rates to all but one visiblePart-th of the budget.
	visiblePart = 8
	// maxWanted limits the revisions that wait to be read.
	maxWanted = 10_000
	// maxChain limits how many revisions are read one for another, when each is
	// built from the next.
	maxChain = 16
)

// rateMemory caches what look-ups read, in a budget of bytes: the rates of active
// revisions, which all viewers share, and the cards that each viewer sees. No
// look-up waits for it. A look-up reads missing revisions from the database itself,
// and the memory then loads them in the background, one at a time. It is safe for
// concurrent use.
type rateMemory struct {
	budget int64
	now    func() time.Time
	load   func(context.Context, wantedRates) error

	mu      sync.RWMutex
	held    int64
	kept    map[string]*memoryItem
	latest  map[string]string // by card, the key of its cached revision
	wanted  []wantedRates     // in the order in which they will be read
	waiting map[string]bool   // the wanted revisions and the one that is being read
	refused map[string]time.Time
	running bool
	idle    chan struct{} // closed when no revision is wanted
	losses  int64         // losses of the history so far; a loss drops everything cached before it

	loads, evictions, failures, fromMemory, fromDatabase atomic.Int64

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
}

// memoryItem is one cached item.
type memoryItem struct {
	key, card string
	bytes     int64
	value     any // rateSource, visibleCards or ownNames
	used      atomic.Int64
	on        []*memoryItem // items that it depends on
	losses    int64         // losses of the history when its reading began
}

// wantedRates is a revision to read.
type wantedRates struct {
	revision, card string
	key            string // ratesKey of the revision
	rows           int64
	depth          int   // length of the chain of built revisions that led to it
	losses         int64 // losses of the history when it was requested
}

// bytesPerRow is the estimated size of a row that is not read yet. Most rows need
// less.
const bytesPerRow = 24

func newRateMemory(budget int64, now func() time.Time, load func(context.Context, wantedRates) error) *rateMemory {
	m := &rateMemory{
		budget: budget, now: now, load: load, kept: map[string]*memoryItem{}, latest: map[string]string{},
		waiting: map[string]bool{}, refused: map[string]time.Time{}, idle: make(chan struct{}),
	}
	close(m.idle)
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// close stops the reading and waits for it.
func (m *rateMemory) close() {
	m.stop()
	m.done.Wait()
}

// get returns the value of a key, or nil.
func (m *rateMemory) get(key string) any {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if item := m.item(key, m.now().UnixNano()); item != nil {
		return item.value
	}
	return nil
}

// item is get for a caller that holds the lock. It records the use.
func (m *rateMemory) item(key string, now int64) *memoryItem {
	item := m.kept[key]
	if item != nil {
		item.touch(now)
	}
	return item
}

// touch records a use of the item. A precision of one second is enough. Otherwise
// many cores would write to the same memory for every card of an answer.
func (i *memoryItem) touch(now int64) {
	if used := i.used.Load(); now-used < int64(time.Second) && now >= used {
		return
	}
	i.used.Store(now)
	for _, below := range i.on {
		below.touch(now)
	}
}

// put stores an item and replaces one with the same key. It returns false if there
// is no room.
func (m *rateMemory) put(item *memoryItem) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if item.losses != m.losses {
		return false
	}
	if old := m.kept[item.key]; old != nil {
		m.drop(old)
	}
	for _, below := range item.on {
		if m.kept[below.key] != below {
			return false // evicted while the item was being made
		}
	}
	if !m.makeRoom(item.bytes, item.room(m.budget), item.on) {
		return false
	}
	item.touch(m.now().UnixNano())
	m.kept[item.key] = item
	m.held += item.bytes
	if item.card != "" {
		m.succeed(item)
	}
	return true
}

// forget drops everything, including what is being read. losses is how often the
// history has been lost so far.
func (m *rateMemory) forget(losses int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.losses, m.held, m.wanted = losses, 0, nil
	clear(m.kept)
	clear(m.latest)
	clear(m.waiting)
	clear(m.refused)
}

// room returns the part of the budget for an item of its kind. Rates leave a part
// of the budget to the viewers' cards.
func (i *memoryItem) room(budget int64) int64 {
	if i.card != "" {
		return budget - budget/visiblePart
	}
	return budget
}

// succeed drops the card's previously cached revision, unless another cached item
// depends on it.
func (m *rateMemory) succeed(item *memoryItem) {
	if old := m.kept[m.latest[item.card]]; old != nil && old != item && !m.needed(old) {
		m.drop(old)
	}
	m.latest[item.card] = item.key
}

func (m *rateMemory) needed(below *memoryItem) bool {
	for _, item := range m.kept {
		if slices.Contains(item.on, below) {
			return true
		}
	}
	return false
}

// makeRoom evicts resting items until the bytes fit, the least recently used first.
// It evicts nothing if that would not be enough, and never an item in spared.
func (m *rateMemory) makeRoom(bytes, budget int64, spared []*memoryItem) bool {
	if m.held+bytes <= budget {
		return true
	}
	at := slices.DeleteFunc(m.resting(), func(item *memoryItem) bool { return slices.Contains(spared, item) })
	free := budget - m.held
	for _, item := range at {
		free += item.bytes
	}
	if free < bytes {
		return false
	}
	slices.SortFunc(at, func(a, b *memoryItem) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, item := range at {
		if m.held+bytes <= budget {
			break
		}
		m.evictions.Add(m.drop(item))
	}
	return m.held+bytes <= budget
}

// drop removes an item and all items that depend on it. It returns their number.
func (m *rateMemory) drop(item *memoryItem) (dropped int64) {
	if m.kept[item.key] != item {
		return 0
	}
	delete(m.kept, item.key)
	m.held -= item.bytes
	if m.latest[item.card] == item.key {
		delete(m.latest, item.card)
	}
	dropped = 1
	for _, above := range m.kept {
		if slices.Contains(above.on, item) {
			dropped += m.drop(above)
		}
	}
	return dropped
}

// sources returns the cached rates of revisions, with nil for the others. It
// requests that the others be read.
func (m *rateMemory) sources(revisions []wantedRates) []rateSource {
	found := make([]rateSource, len(revisions))
	var missing []wantedRates
	now := m.now().UnixNano()
	m.mu.RLock()
	for i, r := range revisions {
		if r.revision == "" {
			continue
		}
		if item := m.item(r.key, now); item != nil {
			found[i], _ = item.value.(rateSource)
		} else {
			missing = append(missing, r)
		}
	}
	m.mu.RUnlock()
	m.fromMemory.Add(int64(len(revisions) - len(missing)))
	m.fromDatabase.Add(int64(len(missing)))
	if len(missing) > 0 && m.budget > 0 {
		m.want(missing)
	}
	return found
}

func ratesKey(revision string) string { return "rates\x00" + revision }

// fits reports whether there may be room for this many rows.
func (m *rateMemory) fits(rows int64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	free := m.budget - m.budget/visiblePart - m.held
	for _, item := range m.resting() {
		free += item.bytes
	}
	return rows*bytesPerRow <= free
}

// resting returns the items that may be evicted.
func (m *rateMemory) resting() []*memoryItem {
	since := m.now().Add(-resting).UnixNano()
	var at []*memoryItem
	for _, item := range m.kept {
		if item.used.Load() < since {
			at = append(at, item)
		}
	}
	return at
}
