package seed

import (
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"strings"
	"sync"

	"resellerd/store"
	"resellerd/store/schema"
)

// Names are the ids of rows by their names. The zero value is ready to use. Safe
// for concurrent use.
type Names struct {
	mu   sync.Mutex
	ids  map[string]string
	next string
}

// ID is the id of the row of this name. A name that no row has is the id of a
// row that is absent.
func (n *Names) ID(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok := n.ids[name]; ok {
		return id
	}
	return "abs_" + strings.Repeat("q", 26)
}

// all are the ids of several names; nil for none.
func (n *Names) all(names []string) []string {
	var ids []string
	for _, name := range names {
		ids = append(ids, n.ID(name))
	}
	return ids
}

// IDs is a copy of all ids, by name.
func (n *Names) IDs() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.ids)
}

// Learn takes over all names of another.
func (n *Names) Learn(from *Names) {
	for name, id := range from.IDs() {
		n.Call(name, id)
	}
}

// Call gives a name to a row that was made otherwise.
func (n *Names) Call(name, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.call(name, id)
}

func (n *Names) call(name, id string) {
	if n.ids == nil {
		n.ids = map[string]string{}
	}
	n.ids[name] = id
}

// Next names the row that NewID gives the next id to; "" names none.
func (n *Names) Next(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = name
}

// NewID is a store.Options.NewID whose ids follow from the names, so that two
// stores of the same rows can be compared. A row without a name has a random id.
// A revision is called "NAME.revision" and leaves the name to what is made next.
func (n *Names) NewID(kind string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == "" || kind == "change" { // the mark of a commit is no row
		return store.RandomID(kind)
	}
	id := ID(kind, n.next)
	switch kind {
	case "audit":
	case "revision":
		n.call(n.next+".revision", id)
	default:
		n.call(n.next, id)
		n.next = ""
	}
	return id
}

// ID is the id that follows from a name.
func ID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "/" + name))
	return schema.Info(kind).Prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}
