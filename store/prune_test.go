package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

const day = 24 * time.Hour

// listed returns the ids that a list without any limit shows.
func listed(t *testing.T, s *store.Store, q query.Query) (ids []string) {
	t.Helper()
	all := predicate.Filter{Kind: predicate.All}
	q.Filter, q.Limit, q.Views = all, query.MaxLimit, []query.View{{Name: "full", When: all}}
	page, err := s.List(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		ids = append(ids, row.ID())
	}
	return ids
}

// aged is a card whose revisions were activated a day after each other.
func aged(t *testing.T, c *carrier, at func(int), card string, revisions int) (ids []string) {
	t.Helper()
	for i := range revisions {
		at(i * 24)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			draft := drafted(tx, card, "0.02")
			must(tx.ActivateRevision(ctx, store.AllRates, card, draft.ID))
			ids = append(ids, draft.ID)
		})
	}
	return ids
}

func rateCount(t *testing.T, s *store.Store, revision string) int64 {
	t.Helper()
	return count(t, s, "SELECT count(*) FROM rates WHERE revision_id = '"+revision+"'")
}

func TestOnlyOldArchivedRevisionsArePruned(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		ids := aged(t, c, at, c.bought.ID, 6)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { ids = append(ids, drafted(tx, c.bought.ID, "0.03").ID) })
		revisions := func() []string { return listed(t, c.Store, query.Query{Type: "revision", Parent: c.bought.ID}) }
		keep := store.Keep{Revisions: 10 * day}

		// In force until the end of days 1, 2 and 3. The clocks of others may be an hour behind.
		for _, test := range []struct{ hour, gone int }{{11 * 24, 0}, {11*24 + 1, 0}, {11*24 + 2, 1}, {12*24 + 2, 2}, {500 * 24, 3}} {
			at(test.hour)
			before := revisions()
			expired := must(c.Expired(ctx, keep))
			if now := revisions(); !slices.Equal(now, before) {
				t.Fatalf("hour %d: a preview changed the revisions from %v to %v", test.hour, before, now)
			}
			pruned := must(c.Prune(ctx, keep))
			if len(expired) != len(pruned) || len(expired) > 0 && !slices.Equal(expired[0].Revisions, pruned[0].Revisions) {
				t.Errorf("hour %d: pruned %v, previewed %v", test.hour, pruned, expired)
			}
			want := slices.Clone(ids[test.gone:])
			slices.Sort(want)
			if now := revisions(); !slices.Equal(slices.Sorted(slices.Values(now)), want) {
				t.Errorf("hour %d: left %v, want %v", test.hour, now, want)
			}
			mustDo(c.Sweep(ctx))
			for i, id := range ids {
				if n := rateCount(t, c.Store, id); (n == 0) != (i < test.gone) {
					t.Errorf("hour %d: revision %d has %d rates", test.hour, i, n)
				}
			}
		}
		if n := count(t, c.Store, "SELECT count(*) FROM audit_entries WHERE action = 'prune' AND resource_id = '"+c.bought.ID+"'"); n != 3 {
			t.Errorf("%d audit entries, want one for each revision", n)
		}
		if again := must(c.Prune(ctx, keep)); again != nil {
			t.Errorf("pruned again: %v", again)
		}
	})
}

// The list of a card must not depend on what others built from it. The rates that their
// costs are read from stay until nothing that may be in force was built from them.
func TestRatesThatAnotherCardWasBuiltFromStay(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		first := aged(t, c, at, c.bought.ID, 1)[0]
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
			built := must(tx.BuildRevision(ctx, store.AllRates, c.sold.ID))
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.sold.ID, built.Revision.ID))
		})
		aged(t, c, at, c.bought.ID, 4)
		at(500 * 24)
		must(c.Prune(ctx, store.Keep{Revisions: day}))
		mustDo(c.Sweep(ctx))
		if slices.Contains(listed(t, c.Store, query.Query{Type: "revision", Parent: c.bought.ID}), first) {
			t.Error("the revision is still listed")
		}
		if rateCount(t, c.Store, first) == 0 {
			t.Error("the rates of which an active revision was built are gone")
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for range 3 { // the first is then archived
				must(tx.ActivateAtLoss(ctx, store.AllRates, c.sold.ID, drafted(tx, c.sold.ID, "0.05").ID))
			}
		})
		mustDo(c.Sweep(ctx))
		if n := rateCount(t, c.Store, first); n != 0 {
			t.Errorf("%d rates are left that nothing needs", n)
		}
	})
}

func TestNothingOfACardWithAWaitingAmendmentIsPruned(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		ids := aged(t, c, at, c.bought.ID, 5)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			what := importOf(c.bought.ID, ids[4], func(to *store.Importer) error { return numbered(to, 1) })
			drafts := must(tx.Import(ctx, store.AllRates, what))
			mustDo(tx.SetBase(ctx, &drafts[0], ids[4]))
		})
		at(500 * 24)
		if gone := must(c.Prune(ctx, store.Keep{Revisions: day})); gone != nil {
			t.Errorf("pruned %v", gone)
		}
	})
}

func TestOldAuditEntriesArePruned(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		entry := func() (id string) {
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				id = must(tx.Audit(ctx, store.AuditEntry{AccountID: c.reseller.ID, ResourceType: "customer", ResourceID: c.customer.ID, Action: "update"})).ID
			})
			return id
		}
		at(0)
		old := entry()
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			disabled := store.Disabled
			must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Status: &disabled}))
		})
		at(48)
		young := entry()
		if deleteEntry(t, c.Store, old) == nil {
			t.Error("an entry that is kept can be deleted")
		}
		at(60)
		keep := store.Keep{Audit: 24 * time.Hour}
		if e := must(c.Expired(ctx, keep)); len(e) != 1 || e[0].TenantID != c.master.ID || e[0].AuditEntries != 1 || e[0].FormerAccess != 1 {
			t.Errorf("previewed %+v", e)
		}
		if e := must(c.Prune(ctx, keep)); len(e) != 1 || e[0].AuditEntries != 1 || e[0].FormerAccess != 1 {
			t.Errorf("pruned %+v", e)
		}
		left := listed(t, c.Store, query.Query{Type: "audit"})
		if slices.Contains(left, old) || !slices.Contains(left, young) || len(left) != 2 {
			t.Errorf("left %v, want %s and the entry of the deletion", left, young)
		}
		if n := count(t, c.Store, "SELECT count(*) FROM audit_entries WHERE id = '"+old+"'"); n != 0 {
			t.Error("the entry is hidden, but not deleted")
		}
		if deleteEntry(t, c.Store, young) == nil {
			t.Error("an entry that is kept can be deleted, because others are not")
		}
		if again := must(c.Prune(ctx, keep)); again != nil {
			t.Errorf("pruned again: %+v", again)
		}
	})
}

// Before it is deleted, an entry is hidden from everybody at once: how far the deletion has
// come depends on what others did.
func TestEntriesThatAreNotKeptAreHiddenBeforeTheyAreDeleted(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		at(0)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			must(tx.Audit(ctx, store.AuditEntry{AccountID: c.reseller.ID, ResourceType: "customer", ResourceID: c.customer.ID, Action: "update"}))
		})
		if _, err := storetest.SQL(t, c.Store).Exec("INSERT INTO audit_kept_from (tenant_id, at) SELECT id, 9000000000000000 FROM accounts WHERE parent_id IS NULL"); err != nil {
			t.Fatal(err)
		}
		if left := listed(t, c.Store, query.Query{Type: "audit"}); len(left) != 0 {
			t.Errorf("still listed: %v", left)
		}
	})
}

func deleteEntry(t *testing.T, s *store.Store, id string) error {
	t.Helper()
	_, err := storetest.SQL(t, s).Exec("DELETE FROM audit_entries WHERE id = '" + id + "'")
	return err
}

func TestABackupIsACopyOfOneMomentThatOthersCannotRead(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	c := newCarrier(t, s)
	to := filepath.Join(t.TempDir(), "backup.db")
	stop, wrote := make(chan struct{}), make(chan error)
	go func() {
		defer close(wrote)
		for {
			select {
			case <-stop:
				return
			case wrote <- c.write(func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Next"})
				return err
			}):
			}
		}
	}()
	mustDo(<-wrote)
	go func() {
		for err := range wrote {
			if err != nil {
				t.Errorf("a write during the backup: %v", err)
			}
		}
	}()
	size := must(s.Backup(ctx, to))
	close(stop)
	info := must(os.Stat(to))
	if info.Mode().Perm() != 0o600 || info.Size() != size {
		t.Errorf("mode %v, %d bytes, want 0600 and %d", info.Mode(), info.Size(), size)
	}
	copied := storetest.Open(t, "sqlite:"+to, store.Options{})
	for _, text := range []string{"accounts", "users", "cards"} {
		if a, b := count(t, s, "SELECT count(*) FROM "+text), count(t, copied, "SELECT count(*) FROM "+text); a != b {
			t.Errorf("%s: %d of %d rows in the copy", text, b, a)
		}
	}
	if n := count(t, copied, "SELECT count(*) FROM customers"); n < 2 {
		t.Errorf("%d customers in the copy", n)
	}
	_, err := s.Backup(ctx, to)
	refused(t, err, fault.ErrInvalid, "to")
	if left := must(filepath.Glob(filepath.Join(filepath.Dir(to), ".*"))); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}
