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
