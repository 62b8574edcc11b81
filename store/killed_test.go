package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

const holdEnv = "RESELLERD_TEST_HOLDS_LOCK"

// A process is killed while a statement of it runs and holds the tenant's lock. The
// next write does not wait for the end of the statement.
func TestAKilledProcessHoldsNoLock(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s := storetest.Open(t, url, store.Options{})
	c := newCarrier(t, s)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestHoldsALockUntilItIsKilled$")
	cmd.Env = append(os.Environ(), holdEnv+"="+url, holdEnv+"_TENANT="+c.master.ID)
	out, err := cmd.StdoutPipe()
	mustDo(err)
	mustDo(cmd.Start())
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the other process did not begin")
	}
	db, err := sql.Open("postgres", url)
	mustDo(err)
	defer db.Close()
	for sleeping := false; !sleeping; {
		mustDo(db.QueryRowContext(t.Context(), "SELECT count(*) > 0 FROM pg_stat_activity"+
			" WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'").Scan(&sleeping))
	}
	mustDo(cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	within, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	mustDo(s.Write(within, c.master.ID, func(tx *store.Tx) error {
		_, err := tx.CreateCustomer(within, store.Customer{AccountID: c.master.ID, Name: "next"})
		return err
	}))
}

// TestHoldsALockUntilItIsKilled is the process of TestAKilledProcessHoldsNoLock.
func TestHoldsALockUntilItIsKilled(t *testing.T) {
	url := os.Getenv(holdEnv)
	if url == "" {
		return
	}
	s := storetest.Open(t, url, store.Options{})
	mustDo(s.Write(t.Context(), os.Getenv(holdEnv+"_TENANT"), func(tx *store.Tx) error {
		_, _ = os.Stdout.WriteString("holds the lock\n")
		return tx.Sleep(t.Context(), 600)
	}))
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
