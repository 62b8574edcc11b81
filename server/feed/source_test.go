package feed

import (
	"strconv"
	"testing"

	"resellerd/store"
)

// However many readers an account has that are far behind, those of others do not begin again:
// neither those of another tenant, nor those of the same one.
func TestReadersOfOtherAccountsTakeNoRoom(t *testing.T) {
	t.Parallel()
	s, place := &Source{begun: newBegun()}, store.ChangePlace{Revision: 7, Type: "card", ID: "crd_1"}
	many := begunOfEach / (placeBytes + 10)
	for n := range many { // as many as it may have
		s.keep("quiet", "quiet "+strconv.Itoa(n), place)
	}
	for account := range 50 {
		for n := range 10 * many {
			s.keep("busy "+strconv.Itoa(account), strconv.Itoa(account)+" "+strconv.Itoa(n), place)
		}
	}
	for n := range many {
		if got, known := s.seen("quiet " + strconv.Itoa(n)); !known || got != place {
			t.Fatalf("place %d is %+v, known %t", n, got, known)
		}
	}
	if use := s.begun.Use(); use.Bytes > 51*begunOfEach || use.Evicted == 0 {
		t.Errorf("all readers use %+v", use)
	}
}
