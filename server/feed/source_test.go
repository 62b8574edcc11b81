package feed

import (
	"strconv"
	"testing"

	"resellerd/store"
)

// However many readers a tenant has that are far behind, those of others do not begin again.
func TestReadersOfOtherTenantsTakeNoRoom(t *testing.T) {
	t.Parallel()
	s, place := &Source{begun: map[string]*places{}}, store.ChangePlace{Revision: 7, Type: "card", ID: "crd_1"}
	s.keep("quiet", "reader", place)
	for n := range 10 * begunBytes / placeBytes {
		s.keep("busy", strconv.Itoa(n), place)
	}
	if got, known := s.seen("quiet", "reader"); !known || got != place {
		t.Errorf("the place is %+v, known %t", got, known)
	}
	if use := s.placesOf("busy").Use(); use.Bytes > begunBytes || use.Evicted == 0 {
		t.Errorf("the readers of a tenant use %+v", use)
	}
}
