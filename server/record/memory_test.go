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

// One busy account does not hide the decisions of others.
func TestTheLatestDecisionsAreThoseOfAllAccounts(t *testing.T) {
	t.Parallel()
	for _, made := range []int{1, 63, 64, 65, 200} {
		m := NewMemory(512)
		m.Keep(Remembered{ID: "other", Account: "b"}, []byte("b"))
		for i := range made {
			m.Keep(Remembered{ID: fmt.Sprint(i), Account: "a"}, []byte{byte(i)})
		}
		lines := m.Latest(10)
		if want := min(10, made+1); len(lines) != want {
			t.Fatalf("%d of %d", len(lines), want)
		}
		if string(lines[1]) != "b" {
			t.Errorf("after %d: %v", made, lines)
		}
		for age, line := range append(lines[:1:1], lines[2:]...) {
			if line[0] != byte(made-1-age) {
				t.Errorf("after %d: %v", made, lines)
			}
		}
		lines[0][0] = 255
		if m.Latest(1)[0][0] == 255 {
			t.Error("a line is not a copy")
		}
	}
	if NewMemory(0).Latest(10) != nil {
		t.Error("a memory that is off remembers")
	}
}
