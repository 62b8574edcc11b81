package store_test

import (
	"errors"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAPolicyIsPinnedReleasedAndConfirmed(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("0a", 16), strings.Repeat("1b", 16)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		is := func(want store.PolicyOrder) {
			t.Helper()
			if got := must(s.PolicyOrder(ctx)); got != want {
				t.Errorf("the order is %+v, want %+v", got, want)
			}
		}
		is(store.PolicyOrder{})
		mustDo(s.PinPolicy(ctx, one))
		is(store.PolicyOrder{Pin: one})
		mustDo(s.PinPolicy(ctx, two))
		mustDo(s.ConfirmPolicy(ctx, one))
		is(store.PolicyOrder{Pin: two, Confirmed: one})
		mustDo(s.PinPolicy(ctx, ""))
		is(store.PolicyOrder{Confirmed: one})
		for _, wrong := range []string{"release", "0A" + one[2:], one[1:], one + "0", one + "\n"} {
			if err := s.PinPolicy(ctx, wrong); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%q is pinned: %v", wrong, err)
			}
		}
		is(store.PolicyOrder{Confirmed: one})
	})
}

// serve asks before it migrates.
func TestADatabaseWithoutSchemaOrdersNoPolicy(t *testing.T) {
	t.Parallel()
	eachUnmigrated(t, func(t *testing.T, url string) {
		s := must(store.Open(ctx, url, store.Options{}))
		t.Cleanup(func() { mustDo(s.Close()) })
		if got := must(s.PolicyOrder(ctx)); got != (store.PolicyOrder{}) {
			t.Errorf("the order is %+v", got)
		}
	})
}
