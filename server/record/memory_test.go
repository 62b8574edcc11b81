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

// However many accounts make decisions, those that make few keep theirs: in a branch with
// eight busy accounts, and in other branches. A busy branch uses no more than its share.
func TestABusyBranchOfAccountsDisplacesNobodyElse(t *testing.T) {
	t.Parallel()
	m := NewMemory(1024)
	line := make([]byte, maxRemembered)
	quiet := []Remembered{
		{ID: "of the master", Branch: "master", Account: "master"},
		{ID: "of another branch", Branch: "b", Account: "b"},
		{ID: "of the busy branch", Branch: "a", Account: "a"},
	}
	for _, one := range quiet {
		m.Keep(one, line)
	}
	for i := range 2000 {
		m.Keep(Remembered{ID: fmt.Sprint(i), Branch: "a", Account: fmt.Sprint("a", i%8)}, line[:len(line)-i%1000])
		if busy := m.branches.byID["a"]; busy.size > m.share*mostBytes {
			t.Fatalf("the busy branch uses %d bytes", busy.size)
		}
		for _, one := range quiet {
			if _, ok := m.Find(one.ID); !ok {
				t.Fatalf("after %d decisions, the one %s is forgotten", i+1, one.ID)
			}
		}
	}
	for i := range 8 {
		if n := len(m.branches.byID["a"].accounts.byID[fmt.Sprint("a", i)].lines); n < 1024/shares/8-2 {
			t.Errorf("account %d of the busy branch has %d decisions", i, n)
		}
	}
}

func TestTheDecisionMemoryOfManyAccountsIsBounded(t *testing.T) {
	t.Parallel()
	line := make([]byte, maxRemembered)
	for name, branch := range map[string]func(i int) string{
		"one branch":    func(int) string { return "" },
		"many branches": func(i int) string { return fmt.Sprint("branch", i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMemory(64)
			for i := range 1000 {
				m.Keep(Remembered{ID: fmt.Sprint(i), Branch: branch(i), Account: fmt.Sprint("account", i)}, line)
				lines := m.Latest(100)
				if len(lines) != min(i+1, 64) || len(m.byID) != len(lines) || m.Bytes() != int64(len(lines)*mostBytes) {
					t.Fatalf("%d bytes, %d decisions, %d lines", m.Bytes(), len(m.byID), len(lines))
				}
			}
			for i := range 1000 {
				if _, ok := m.Find(fmt.Sprint(i)); ok != (i >= 1000-64) {
					t.Errorf("decision %d: remembered %v", i, ok)
				}
			}
		})
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
