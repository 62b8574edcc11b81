package record

import (
	"fmt"
	"testing"
)

func TestTheDecisionMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(3)
	for i := range 5 {
		m.Keep(Remembered{ID: fmt.Sprint(i)}, []byte{byte(i)})
	}
	for i := range 5 {
		kept, ok := m.Find(fmt.Sprint(i))
		if ok != (i >= 2) || ok && kept.line[0] != byte(i) {
			t.Errorf("decision %d: %v %v", i, kept, ok)
		}
	}
	m.Keep(Remembered{ID: "long"}, make([]byte, maxRemembered+1))
	if _, ok := m.Find("long"); ok || len(m.byID) != 3 {
		t.Errorf("%d remembered, the long one: %v", len(m.byID), ok)
	}
	m.Keep(Remembered{ID: "4"}, []byte{9})
	m.Keep(Remembered{ID: "5"}, nil)
	m.Keep(Remembered{ID: "6"}, nil)
	if kept, ok := m.Find("4"); !ok || kept.line[0] != 9 {
		t.Error("an id that came twice was forgotten with its first")
	}
	none := NewMemory(-1)
	none.Keep(Remembered{ID: "x"}, nil)
	if _, ok := none.Find("x"); ok {
		t.Error("a memory that is off remembers")
	}
}

// One account cannot displace the decisions of another. So it also cannot count
// them by watching when its own are displaced.
func TestAnAccountHasItsOwnShareOfTheMemory(t *testing.T) {
	t.Parallel()
	m := NewMemory(1024)
	m.Keep(Remembered{ID: "quiet", Account: "a"}, []byte("x"))
	for i := range 10_000 {
		m.Keep(Remembered{ID: fmt.Sprint("loud", i), Account: "b"}, []byte("x"))
		if _, ok := m.Find("quiet"); !ok {
			t.Fatalf("after %d decisions of another account, the decision is forgotten", i+1)
		}
	}
	for i := range 10_000 {
		if _, ok := m.Find(fmt.Sprint("loud", i)); ok != (i >= 10_000-1024/shares) {
			t.Errorf("decision %d of the other account: remembered %v", i, ok)
		}
	}
}

func TestTheDecisionMemoryOfManyAccountsIsBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(64)
	line := make([]byte, maxRemembered)
	for i := range 1000 {
		m.Keep(Remembered{ID: fmt.Sprint(i), Account: fmt.Sprint("account", i)}, line)
		if m.bytes > m.limit || len(m.byID) > 64 || len(m.byAccount) != len(m.byID) || m.recent.Len() != len(m.byID) {
			t.Fatalf("%d bytes, %d decisions of %d accounts", m.bytes, len(m.byID), len(m.byAccount))
		}
	}
	if _, ok := m.Find("999"); !ok {
		t.Error("the newest decision is forgotten")
	}
}
