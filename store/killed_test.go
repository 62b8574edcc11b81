package store_test

import (
	"bufio"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// killedEnv has the address of the store, and the tenants of killedPhases after it.
const killedEnv = "RESELLERD_TEST_KILLED_STORE"

// killedPhase is a moment at which a process is killed. state is what PostgreSQL says of
// the session then.
type killedPhase struct {
	name, state string
	work        func(t *testing.T, s *store.Store, tenant string) error
}

// killedPhases has each phase, which is in a tenant of its own.
var killedPhases = []killedPhase{
	{
		"running a statement", "state = 'active' AND query LIKE 'SELECT pg_sleep%'",
		func(t *testing.T, s *store.Store, tenant string) error {
			return s.Write(t.Context(), tenant, func(tx *store.Tx) error { return tx.Sleep(t.Context(), 600) })
		},
	},
	{
		"idle in a transaction", "state = 'idle in transaction'",
		func(t *testing.T, s *store.Store, tenant string) error {
			return s.Write(t.Context(), tenant, func(tx *store.Tx) error {
				mustDo(createNext(t, tx, "unfinished"))
				_, _ = os.Stdout.WriteString("idle\n")
				<-t.Context().Done()
				return nil
			})
		},
	},
	{
		"staging rates", "state = 'active' AND query LIKE 'COPY rates%' AND wait_event = 'ClientRead'",
		func(t *testing.T, s *store.Store, _ string) error {
			return s.FillDraft(t.Context(), "rev_killed", math.MaxInt, func(i int) {
				if i == 20_000 {
					<-t.Context().Done()
				}
			})
		},
	},
	{
		"waiting for the lock", "wait_event_type = 'Lock'",
		func(t *testing.T, s *store.Store, tenant string) error {
			return s.Write(t.Context(), tenant, func(tx *store.Tx) error { return createNext(t, tx, "unfinished") })
		},
	},
}

// A process is killed. Whatever it did at that moment, the next write of the tenant is
// done soon after.
func TestAKilledProcessHoldsNoLock(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := storetest.Open(t, url, store.Options{})
	db := storetest.SQL(t, s)
	told := []string{url}
	for range killedPhases {
		mustWrite(t, s, "", func(tx *store.Tx) {
			told = append(told, must(tx.CreateAccount(t.Context(), store.Account{Kind: store.Master, Name: "Carrier", Currency: "EUR"})).ID)
		})
	}
	tenants := told[1:]
	held, letGo, done := make(chan bool), make(chan bool), make(chan error)
	waits := slices.IndexFunc(killedPhases, func(p killedPhase) bool { return p.name == "waiting for the lock" })
	go func() {
		done <- s.Write(t.Context(), tenants[waits], func(*store.Tx) error {
			close(held)
			<-letGo
			return nil
		})
	}()
	<-held
	killed := beKilled(t, told...)
	soon, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for _, phase := range killedPhases {
		for reached := false; !reached; {
			err := db.QueryRowContext(soon, "SELECT count(*) > 0 FROM pg_stat_activity"+
				" WHERE datname = current_database() AND pid <> pg_backend_pid() AND "+phase.state).Scan(&reached)
			if err != nil {
				t.Fatalf("%s: %v", phase.name, err)
			}
		}
	}
	killed()
	close(letGo)
	mustDo(<-done)
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for i, phase := range killedPhases {
		if err := s.Write(within, tenants[i], func(tx *store.Tx) error { return createNext(t, tx, "next") }); err != nil {
			t.Errorf("%s: the next write: %v", phase.name, err)
		}
	}
	if err := s.FillDraft(within, "rev_next", 10, func(int) {}); err != nil {
		t.Errorf("the next import: %v", err)
	}
	var left int
	mustDo(db.QueryRowContext(t.Context(), "SELECT count(*) FROM customers WHERE name <> 'next'").Scan(&left))
	if left != 0 {
		t.Errorf("%d rows of killed transactions are left", left)
	}
}

// The lock of a SQLite file ends with its process.
func TestAKilledProcessHoldsNoLockOfAFile(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url, store.Options{})
	c := newCarrier(t, s)
	killed := beKilled(t, url, c.master.ID)
	killed()
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	mustDo(s.Write(within, c.master.ID, func(tx *store.Tx) error { return createNext(t, tx, "next") }))
}

func createNext(t *testing.T, tx *store.Tx, name string) error {
	_, err := tx.CreateCustomer(t.Context(), store.Customer{AccountID: tx.Tenant(), Name: name})
	return err
}

// beKilled starts a process that works in the killedPhases, and waits until it is idle in
// a transaction. killed kills it.
func beKilled(t *testing.T, told ...string) (killed func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestWorksUntilItIsKilled$")
	cmd.Env = append(os.Environ(), killedEnv+"="+strings.Join(told, " "))
	out := must(cmd.StdoutPipe())
	mustDo(cmd.Start())
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the other process did not begin")
	}
	return func() {
		mustDo(cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
}

// TestWorksUntilItIsKilled is the process that beKilled starts.
func TestWorksUntilItIsKilled(t *testing.T) {
	told := strings.Fields(os.Getenv(killedEnv))
	if len(told) == 0 {
		return
	}
	s := storetest.Open(t, told[0], store.Options{})
	if s.Dialect() == "sqlite" {
		t.Fatal(killedPhases[1].work(t, s, told[1]))
	}
	ended := make(chan error)
	for i, tenant := range told[1:] {
		go func() { ended <- killedPhases[i].work(t, s, tenant) }()
	}
	t.Fatal("it was not killed: ", <-ended)
}

// A standby does not know how old its data is, so it confirms nothing. A write there
// fails as it does without a database.
func TestADatabaseThatIsAStandbyAnswersNothing(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	c := newCarrier(t, storetest.Open(t, f.Primary, store.Options{}))
	f.Lag(t)
	s := storetest.Open(t, f.Standby, store.Options{})
	if _, err := s.Subject(t.Context(), c.master.ID, c.staff.ID); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a user of a standby: %v", err)
	}
	if err := s.Fresh(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a standby is fresh: %v", err)
	}
	if err := s.WaitRevision(t.Context(), c.DataRevision()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a commit that a standby has: %v", err)
	}
	err := s.Write(t.Context(), c.master.ID, func(tx *store.Tx) error {
		_, err := tx.CreateCustomer(t.Context(), store.Customer{AccountID: c.master.ID, Name: "next"})
		return err
	})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a write to a standby: %v", err)
	}
}
