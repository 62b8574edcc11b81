package store_test

import (
	"errors"
	"slices"
	"testing"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

// customers is a query for every customer.
func customers() query.Query {
	all := predicate.Filter{Kind: predicate.All}
	return query.Query{Type: "customer", Filter: all, Views: []query.View{{Name: "full", When: all}},
		Columns: []query.Columns{{Names: []string{"id", "name"}, When: all}}, Count: true}
}

func TestARehearsalShowsBothSidesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		before := s.Revision()
		var planned, kept int
		var made store.Customer
		err := s.Rehearse(ctx, c.master.ID, func(tx *store.Tx) error {
			made = must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Planned"}))
			must(tx.Audit(ctx, store.AuditEntry{AccountID: c.reseller.ID, ResourceType: "customer", ResourceID: made.ID, Action: "create"}))
			return nil
		}, func(v *store.Moment) error {
			planned = must(v.Count(ctx, customers()))
			must(v.PolicyRow(ctx, "customer", made.ID))
			return nil
		}, func(v *store.Moment) error {
			kept = must(v.List(ctx, customers())).Total
			_, err := v.PolicyRow(ctx, "customer", made.ID)
			refused(t, err, fault.ErrNotFound, "")
			return nil
		})
		if err != nil || planned != kept+1 {
			t.Errorf("planned %d, kept %d: %v", planned, kept, err)
		}
		if n := count(t, s, "SELECT count(*) FROM audit_entries"); n != 0 || s.Revision() != before {
			t.Errorf("%d audit entries, revision %d after %d", n, s.Revision(), before)
		}
		if n := count(t, s, "SELECT count(*) FROM customers"); n != int64(kept) {
			t.Errorf("%d customers, want %d", n, kept)
		}
	})
}

func TestARehearsalEndsWithTheFirstErrorAndLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		stop := errors.New("stop")
		add := func(tx *store.Tx) error {
			must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Planned"}))
			return nil
		}
		fine := func(*store.Moment) error { return nil }
		fails := func(*store.Moment) error { return stop }
		before := count(t, s, "SELECT count(*) FROM customers")
		for name, err := range map[string]error{
			"the change":  s.Rehearse(ctx, c.master.ID, func(tx *store.Tx) error { _ = add(tx); return stop }, fine, fine),
			"the planned": s.Rehearse(ctx, c.master.ID, add, fails, fine),
			"the kept":    s.Rehearse(ctx, c.master.ID, add, fine, fails),
		} {
			if !errors.Is(err, stop) {
				t.Errorf("%s: %v", name, err)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Rehearse(ctx, c.master.ID, add, fine, func(*store.Moment) error { panic("on the way") })
		}()
		if n := count(t, s, "SELECT count(*) FROM customers"); n != before {
			t.Errorf("%d customers, want %d", n, before)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Next"}))
		})
	})
}

func TestASnapshotIsOfOneMomentAndCannotWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		err := s.Snapshot(ctx, c.master.ID, func(v *store.Moment) error {
			first := must(v.Count(ctx, customers()))
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Meanwhile"}))
			})
			if again := must(v.Count(ctx, customers())); again != first {
				t.Errorf("%d customers, then %d", first, again)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAMomentKnowsWhoIsInAGroupAndUnderAnAccount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var user store.User
		var group store.Group
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			group = must(tx.CreateGroup(ctx, store.Group{AccountID: c.reseller.ID, Name: "Sales", Rows: store.Access{"customer": "r"}}))
			user = must(tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: "s@x.example", Groups: []string{group.ID}}))
		})
		err := s.Snapshot(ctx, c.master.ID, func(v *store.Moment) error {
			if in := must(v.UsersIn(ctx, group.ID, 10)); !slices.Equal(in, []string{user.ID}) {
				t.Errorf("in the group: %v", in)
			}
			for _, account := range []string{c.master.ID, c.reseller.ID} {
				if at := must(v.UsersAt(ctx, account, 10)); !slices.Contains(at, user.ID) {
					t.Errorf("under %s: %v", account, at)
				}
			}
			if all := must(v.UsersAfter(ctx, "", 10)); !slices.Contains(all, user.ID) || !slices.IsSorted(all) {
				t.Errorf("of the tenant: %v", all)
			}
			if rest := must(v.UsersAfter(ctx, user.ID, 10)); slices.Contains(rest, user.ID) {
				t.Errorf("after the user: %v", rest)
			}
			groups := must(v.GroupsOf(ctx, user))
			if len(groups) != 1 || groups[0].Rows["customer"] != "r" {
				t.Errorf("groups %+v", groups)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		err = s.Snapshot(ctx, "acc_other", func(v *store.Moment) error {
			if in := append(must(v.UsersIn(ctx, group.ID, 10)), must(v.UsersAfter(ctx, "", 10))...); len(in) > 0 {
				t.Errorf("another tenant's: %v", in)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAStatementIsWhatCountsTheRows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		q := customers()
		q.Filter = predicate.Of(predicate.Compare{Op: predicate.Eq,
			Left: predicate.Operand{Ref: predicate.Ref{"resource", "account_id"}}, Right: predicate.Operand{Const: c.reseller.ID}})
		text, args, err := s.Statement(q)
		if err != nil || len(args) != 1 || args[0] != c.reseller.ID {
			t.Fatalf("%q %v %v", text, args, err)
		}
		var n int
		if err := storetest.SQL(t, s).QueryRow(text, args...).Scan(&n); err != nil || n != must(s.List(ctx, q)).Total {
			t.Errorf("%q counts %d: %v", text, n, err)
		}
		q.Filter = predicate.Filter{}
		if text, _, err := s.Statement(q); text != "" || err != nil {
			t.Errorf("no rows by %q, %v", text, err)
		}
	})
}
