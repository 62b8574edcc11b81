package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAPoolerThatMixesSessionsIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	at := storetest.Postgres(t)
	for _, mode := range []string{"transaction", "statement"} {
		b := storetest.Pooler(t, at)
		b.Start(t, mode)
		s, err := store.Open(ctx, b.URL, store.Options{})
		if !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "pooler") {
			t.Errorf("%s mode: %v, %v", mode, s, err)
		}
	}
}

// If a pooler restarts in another mode, the next new connections detect that. The
// store works again when the pooler uses session mode again.
func TestAPoolerThatChangesItsModeIsRefusedAtTheReconnect(t *testing.T) {
	t.Parallel()
	b := storetest.Pooler(t, storetest.Postgres(t))
	b.Start(t, "session")
	s := storetest.Open(t, b.URL, store.Options{Poll: 10 * time.Millisecond})
	house(t, s)
	works := func() error {
		_, err := s.List(ctx, cards("acc_r"))
		return errors.Join(err, s.Ping(ctx))
	}
	mustDo(works())
	b.Stop(t)
	b.Start(t, "transaction")
	for range 20 {
		refused(t, works(), fault.ErrUnavailable, "")
	}
	b.Stop(t)
	b.Start(t, "session")
	mustDo(works())
}
