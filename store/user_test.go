package store_test

import (
	"errors"
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAUserIsKeptAsItWasMade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			u := must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Version: 1, Name: ptr("Agent"), Status: ptr(store.Disabled),
				IPAllow: &[]string{"10.0.0.0/8", "2001:db8::/32"}, TimeZone: ptr("Europe/Berlin"), Groups: &[]string{c.own.ID, c.lent.ID}}))
			for _, u := range []store.User{u, must(tx.User(ctx, u.ID))} {
				if u.Version != 2 || u.Name != "Agent" || u.Status != store.Disabled || u.TimeZone != "Europe/Berlin" || u.ExternalID != "panel-7" ||
					!slices.Equal(u.IPAllow, store.Strings{"10.0.0.0/8", "2001:db8::/32"}) ||
					!slices.Equal(u.Groups, slices.Sorted(slices.Values([]string{c.own.ID, c.lent.ID}))) {
					t.Errorf("got %+v", u)
				}
			}
			for _, groups := range [][]string{{c.own.ID}, {c.lent.ID}, {c.lent.ID, c.own.ID}, {c.own.ID}} {
				must(tx.UpdateUser(ctx, u.ID, store.UserPatch{Groups: &groups}))
				if kept := must(tx.User(ctx, u.ID)); len(kept.Groups) != len(groups) {
					t.Errorf("got %v, want %v", kept.Groups, groups)
				}
			}
			mustDo(tx.DeleteUser(ctx, u.ID, 0))
			if _, err := tx.User(ctx, u.ID); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestAUserIsOnlyInGroupsOfOrLentToItsAccount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var foreign store.Group
		mustWrite(t, s, c.stranger.ID, func(tx *store.Tx) {
			foreign = must(tx.CreateGroup(ctx, store.Group{AccountID: c.stranger.ID, Name: "Foreign", Lend: store.LendAll}))
		})
		for name, at := range map[string]struct {
			account store.Account
			group   string
		}{
			"the master's own":        {c.reseller, c.full.ID},
			"one lent to a sibling":   {c.sibling, c.lent.ID},
			"one lent a level above":  {c.below, c.lent.ID},
			"one owned a level above": {c.below, c.own.ID},
			"one of an account below": {c.master, c.own.ID},
			"one of another tenant":   {c.reseller, foreign.ID},
			"one that is not there":   {c.reseller, "grp_none"},
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, c.write(func(tx *store.Tx) error {
					_, err := tx.CreateUser(ctx, store.User{AccountID: at.account.ID, Login: "x@y.example", Groups: []string{at.group}})
					return err
				}), fault.ErrInvalid, "groups")
			})
		}
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Groups: &[]string{c.lent.ID, c.full.ID}})
			return err
		}), fault.ErrInvalid, "groups")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Groups: &[]string{}})
			return err
		}), fault.ErrInvalid, "groups")
	})
}

func TestALoginIsUniqueInItsAccountOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		create := func(account, group string) error {
			return c.write(func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: account, Login: c.agent.Login, Groups: []string{group}})
				return err
			})
		}
		refused(t, create(c.reseller.ID, c.own.ID), fault.ErrConflict, "login")
		if err := create(c.master.ID, c.full.ID); err != nil {
			t.Fatalf("another account's login is nobody's business: %v", err)
		}
	})
}

func TestASubjectIsFoundByItsIdOrExternalId(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for _, tenant := range []string{"", c.master.ID} {
			for _, ref := range []string{c.agent.ID, "panel-7"} {
				found, err := s.Subject(ctx, tenant, ref)
				if err != nil || found.User.ID != c.agent.ID {
					t.Errorf("%s: got %+v, %v", ref, found, err)
				}
			}
		}
		for _, ref := range []string{"", "panel", "panel-7\x00", "\xff", "%"} {
			_, err := s.Subject(ctx, "", ref)
			refused(t, err, fault.ErrNotFound, "")
		}
		_, err := s.Subject(ctx, c.stranger.ID, c.agent.ID)
		refused(t, err, fault.ErrNotFound, "")
	})
}

func TestASubjectHoldsWhatDecisionsRestOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		subject := func() *store.Subject { return must(s.Subject(ctx, "", c.agent.ID)) }
		agent := subject()
		if agent.Status != store.Active || agent.Leaf || len(agent.Groups) != 1 || len(agent.Chain) != 2 ||
			agent.Access.At("customer") != "crud" || agent.Access.At("carrier") != "" {
			t.Errorf("got %+v", agent)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateAccount(ctx, c.reseller.ID, store.AccountPatch{Ceiling: &store.Access{"*": "crud", "customer": "r"}}))
			if inside := must(tx.Subject(ctx, c.agent.ID)); inside.Access.At("customer/did") != "r" {
				t.Errorf("the transaction does not see its own write: %+v", inside.Access)
			}
			if access := must(tx.Grants(ctx, c.lent.ID, c.own.ID)); access.At("customer") != "crud" || access.At("user") != "crud" {
				t.Errorf("groups give what they give whatever the ceiling: %+v", access)
			}
		})
		if agent := subject(); agent.Access.At("customer") != "r" || agent.Access.At("user") != "crud" {
			t.Errorf("a ceiling reaches down at once: got %v", agent.Access)
		}
		status := func(id, status string) {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.UpdateAccount(ctx, id, store.AccountPatch{Status: &status})) })
		}
		status(c.master.ID, store.Suspended)
		if agent := subject(); agent.Status != store.Suspended || agent.Account.Status != store.Active {
			t.Errorf("got %s over %s", agent.Status, agent.Account.Status)
		}
		status(c.reseller.ID, store.Closed)
		if agent := subject(); agent.Status != store.Closed {
			t.Errorf("got %s", agent.Status)
		}
	})
}

// A user whose groups were removed without the constraints has no access. A user in
// a group of another account gets no access from it.
func TestAGroupThatMayNotBeUsedGivesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		db := storetest.SQL(t, s)
		trigger := "DROP TRIGGER user_groups_usable"
		if s.Dialect() == "postgres" {
			trigger += " ON user_groups"
		}
		for _, text := range []string{
			trigger,
			"INSERT INTO user_groups (user_id, group_id) SELECT '" + c.agent.ID + "', id FROM groups WHERE name = 'Full access'",
		} {
			if _, err := db.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		if agent := must(s.Subject(ctx, "", c.agent.ID)); len(agent.Groups) != 1 || agent.Access.At("routing") != "" {
			t.Errorf("got %+v", agent)
		}
	})
}

func TestGrantsBelowAreThoseOfAllUsersBelow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		grants := func(account string) (access store.Access) {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { access = must(tx.GrantsBelow(ctx, account)) })
			return access
		}
		if got := grants(c.below.ID); len(got) != 1 || got["*"] != "" {
			t.Errorf("without users: %v", got)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			deep := must(tx.CreateGroup(ctx, store.Group{AccountID: c.below.ID, Name: "Deep", DefaultAccess: "d", Rows: store.Access{"carrier": "r", "customer": ""}}))
			u := must(tx.CreateUser(ctx, store.User{AccountID: c.below.ID, Login: "deep@example.com", Groups: []string{deep.ID}}))
			must(tx.UpdateUser(ctx, u.ID, store.UserPatch{Status: ptr(store.Disabled)}))
			must(tx.UpdateAccount(ctx, c.reseller.ID, store.AccountPatch{Ceiling: &store.Access{}, Status: ptr(store.Suspended)}))
		})
		if got := grants(c.below.ID); got.At("carrier") != "r" || got.At("customer") != "" || got.At("cdr") != "d" {
			t.Errorf("of the account: %v", got)
		}
		if got := grants(c.reseller.ID); got.At("carrier") != "r" || got.At("customer") != "crud" || got.At("cdr") != "rd" || got.At("log") != "d" {
			t.Errorf("of the account and those below: %v", got)
		}
		if got := grants(c.sibling.ID); got.At("customer") != "" {
			t.Errorf("of the account beside: %v", got)
		}
		db := storetest.SQL(t, s)
		numbers := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001) "
		for _, text := range []string{
			"INSERT INTO groups (id, tenant_id, account_id, name, lend, created_at, updated_at) " + numbers +
				"SELECT 'grp_' || i, '" + c.master.ID + "', '" + c.reseller.ID + "', 'many', 'none', 1, 1 FROM n",
			"INSERT INTO group_rows (group_id, area, access) " + numbers + "SELECT 'grp_' || i, 'x' || i, 'r' FROM n",
			"INSERT INTO user_groups (user_id, group_id) " + numbers + "SELECT '" + c.agent.ID + "', 'grp_' || i FROM n",
		} {
			if _, err := db.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		if got := grants(c.reseller.ID); len(got) != 1 || got["*"] != "crud" {
			t.Errorf("more than is added up is not taken for everything: %v", got)
		}
	})
}
