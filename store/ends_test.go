package store_test

import (
	"fmt"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// suits returns the programs that a store suits.
func suits(t *testing.T, s *store.Store) (text string) {
	t.Helper()
	rows := must(storetest.SQL(t, s).Query("SELECT name, value FROM settings WHERE name IN ('min_reader', 'min_writer') ORDER BY name"))
	defer rows.Close()
	for rows.Next() {
		var name string
		var value []byte
		mustDo(rows.Scan(&name, &value))
		text += fmt.Sprintf("%s %x ", name, value)
	}
	return text
}

// openToOlder makes a store as a migration leaves it: programs of earlier releases may write.
func openToOlder(t *testing.T, s *store.Store) {
	t.Helper()
	value := map[string]string{"sqlite": "x'000000000000000A'", "postgres": "'\\x000000000000000A'"}[s.Dialect()]
	must(storetest.SQL(t, s).Exec("UPDATE settings SET value = " + value + " WHERE name IN ('min_reader', 'min_writer')"))
}

// During an upgrade, no write of a user stops programs of the earlier release: an end is
// refused until the upgrade is finished.
func TestEndsWaitForTheEndOfTheUpgrade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		n := 0
		end := func() error {
			n++
			return c.write(func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: fmt.Sprintf("ends%d@example.com", n),
					Groups: []string{c.lent.ID}, GroupEnds: schema.Ends{c.lent.ID: tx.Now() + 1e9}})
				return err
			})
		}
		if err := end(); err != nil {
			t.Fatalf("in a new store: %v", err)
		}
		openToOlder(t, s)
		before := suits(t, s)
		refused(t, end(), fault.ErrConflict, "group_ends")
		refused(t, c.write(func(tx *store.Tx) error {
			ends := schema.Ends{c.lent.ID: tx.Now() + 1e9}
			_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{GroupEnds: &ends})
			return err
		}), fault.ErrConflict, "group_ends")
		mustDo(s.Migrate(ctx))
		refused(t, end(), fault.ErrConflict, "group_ends")
		if after := suits(t, s); after != before {
			t.Errorf("the store suits %s, and before %s", after, before)
		}
		mustDo(s.FinishUpgrade(ctx))
		if err := end(); err != nil {
			t.Errorf("after the upgrade: %v", err)
		}
	})
}

// An entry that a program without places writes has the place of its commit.
func TestAuditEntriesOfOlderProgramsHaveAPlace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		db := storetest.SQL(t, s)
		var place, next int64
		must(db.Exec(fmt.Sprintf(`INSERT INTO audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action)
			VALUES ('aud_older', '%s', 1, '%s', 'customer', 'cus_x', 'update')`, c.master.ID, c.master.ID)))
		mustDo(db.QueryRow("SELECT place, (SELECT n + 1 FROM data_revision) FROM audit_entries WHERE id = 'aud_older'").Scan(&place, &next))
		if place != next {
			t.Errorf("its place is %d, and that of the commit %d", place, next)
		}
		if _, err := db.Exec("UPDATE audit_entries SET place = place + 1 WHERE id = 'aud_older'"); err == nil {
			t.Error("a place can be changed")
		}
	})
}
