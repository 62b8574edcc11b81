package lookup

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMemory is how many bytes look-ups may keep unless told otherwise.
const DefaultMemory = 256 << 20

const (
	// resting is how long what is kept must have been left alone before it may
	// make room: what is in use pushes nothing out that is in use.
	resting = time.Minute
	// visiblePart is the part of the budget, one of so many, that rates leave free.
	visiblePart = 8
	// maxWanted bounds the revisions that wait to be read.
	maxWanted = 10_000
	// maxChain bounds how many revisions a worked out one may lie above the one
	// that is kept as it is.
	maxChain = 16
)

// rateMemory keeps what look-ups read, in a budget of bytes: the rates of
// active revisions, which are the same whoever reads them, and for each viewer
// which cards it sees. Nothing waits for it: what is not there is read from
// the database by whoever asks, and by the memory itself afterwards, one
// revision at a time. It is safe for concurrent use.
type rateMemory struct {
	budget int64
	now    func() time.Time
	load   func(context.Context, wantedRates) error

	mu      sync.RWMutex
	held    int64
	kept    map[string]*memoryItem
	latest  map[string]string // of each card, the key of its revision that is kept
	wanted  []wantedRates     // in the order in which they are read
	waiting map[string]bool   // their revisions, and the one that is being read
	refused map[string]time.Time
	running bool
	idle    chan struct{} // closed when nothing is wanted any more
	losses  int64         // of the history; nothing is kept from before the last one

	loads, evictions, failures, fromMemory, fromDatabase atomic.Int64

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
}

// memoryItem is one thing that is kept.
type memoryItem struct {
	key, card string
	bytes     int64
	value     any // rateSource, visibleCards or ownNames
	used      atomic.Int64
	on        []*memoryItem // what it cannot do without
	losses    int64         // of the history when its reading began
}

// wantedRates is a revision to be read.
type wantedRates struct {
	revision, card string
	key            string // ratesKey of the revision
	rows           int64
	depth          int   // of the chain that is followed to it
	losses         int64 // of the history when it was asked for
}

// bytesPerRow is what a row is taken to need before it has been read: more
// than most do.
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

// close ends the reading and waits for it.
func (m *rateMemory) close() {
	m.stop()
	m.done.Wait()
}

// get is what is kept under a key, nil if nothing is.
func (m *rateMemory) get(key string) any {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if item := m.item(key, m.now().UnixNano()); item != nil {
		return item.value
	}
	return nil
}

// item is get for the holder of the lock; it notes the use.
func (m *rateMemory) item(key string, now int64) *memoryItem {
	item := m.kept[key]
	if item != nil {
		item.touch(now)
	}
	return item
}

// touch says that the item is used. To the second is near enough: many cores
// would otherwise write to the same place for every card of an answer.
func (i *memoryItem) touch(now int64) {
	if used := i.used.Load(); now-used < int64(time.Second) && now >= used {
		return
	}
	i.used.Store(now)
	for _, below := range i.on {
		below.touch(now)
	}
}

// put keeps an item in place of the one of its key, if there is room.
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
			return false // it went while the item was being made
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

// forget drops everything, also what is being read: the history has been lost so
// many times.
func (m *rateMemory) forget(losses int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.losses, m.held, m.wanted = losses, 0, nil
	clear(m.kept)
	clear(m.latest)
	clear(m.waiting)
	clear(m.refused)
}

// room is how much of the budget is for an item of its kind: rates leave a part
// to what viewers see.
func (i *memoryItem) room(budget int64) int64 {
	if i.card != "" {
		return budget - budget/visiblePart
	}
	return budget
}

// succeed drops the card's revision that was kept before, unless something
// that is kept is worked out from it.
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

// makeRoom drops what has rested, the longest first, until so many bytes fit;
// nothing when that would not be enough. What is spared stays.
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

// drop lets go of an item, and of all that is worked out from it.
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

// sources are the rates of the revisions as far as they are kept, nil for the
// others, which are then wanted.
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

// fits reports whether so many rows may find room.
func (m *rateMemory) fits(rows int64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	free := m.budget - m.budget/visiblePart - m.held
	for _, item := range m.resting() {
		free += item.bytes
	}
	return rows*bytesPerRow <= free
}

// resting lists what may make room.
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
