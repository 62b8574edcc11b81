package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

func TestLoginsThatDifferInSpellingAloneHaveOneKey(t *testing.T) {
	t.Parallel()
	for one, others := range map[string][]string{
		"jürgen@x.example": {"JÜRGEN@X.EXAMPLE", "Ju\u0308rgen@x.example", "ｊürgen@x.example"},
		"straße@x.example": {"STRASSE@x.example", "STRAẞE@x.example"},
		"σίσυφος@x.gr":     {"ΣΊΣΥΦΟΣ@x.gr"},
	} {
		for _, other := range others {
			if a, b := schema.LoginKey(one), schema.LoginKey(other); a != b {
				t.Errorf("%s has the key %q, and %s has %q", one, a, other, b)
			}
		}
	}
	for _, other := range []string{"jurgen@x.example", "jürgen+1@x.example", "jürgen@y.example"} {
		if schema.LoginKey(other) == schema.LoginKey("jürgen@x.example") {
			t.Errorf("%s has the key of another login", other)
		}
	}
}

func TestALoginIsTakenInAnySpelling(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		create := func(login string) (u store.User, err error) {
			err = c.write(func(tx *store.Tx) error {
				u, err = tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: login, Groups: []string{c.own.ID}})
				return err
			})
			return u, err
		}
		rename := func(id, login string) error {
			return c.write(func(tx *store.Tx) error {
				_, err := tx.UpdateUser(ctx, id, store.UserPatch{Login: &login})
				return err
			})
		}
		jane, err := create("jane@x.example")
		mustDo(err)
		for _, login := range []string{"jane@x.example", "Jane@X.example", "ＪＡＮＥ@x.example"} {
			_, err := create(login)
			refused(t, err, fault.ErrConflict, "login")
			refused(t, rename(c.agent.ID, login), fault.ErrConflict, "login")
		}
		mustDo(rename(jane.ID, "JANE@x.example"))
		_, err = create("jane@x.example")
		refused(t, err, fault.ErrConflict, "login")
		mustDo(rename(jane.ID, "joan@x.example"))
		if _, err = create("jane@x.example"); err != nil {
			t.Errorf("a login that was given up is free: %v", err)
		}
		if n := count(t, s, "SELECT count(*) FROM users WHERE login_key IS NULL"); n != 0 {
			t.Errorf("%d logins have no key", n)
		}
	})
}

func TestAnAccountsExternalIDIsUniqueInTheTenant(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		create := func(tenant, parent, externalID string) error {
			return s.Write(ctx, tenant, func(tx *store.Tx) error {
				_, err := tx.CreateAccount(ctx, store.Account{ParentID: parent, Name: "X", ExternalID: externalID})
				return err
			})
		}
		for _, parent := range []string{c.master.ID, c.reseller.ID, c.sibling.ID, c.below.ID} {
			err := create(c.master.ID, parent, "r-1")
			refused(t, err, fault.ErrConflict, "external_id")
			var why *store.ReasonError
			if !errors.As(err, &why) || why.Code != store.ReasonExternalIDTaken {
				t.Errorf("got %v", err)
			}
		}
		mustDo(create(c.stranger.ID, c.stranger.ID, "r-1"))
		mustDo(create(c.master.ID, c.sibling.ID, "R-1"))
	})
}

// before12 opens a store with the schema before names were unique: two resellers with
// one external id, and two users of one account whose logins differ in case.
func before12(t *testing.T, url string) (*store.Store, *sql.DB) {
	t.Helper()
	s := storetest.Open(t, url, store.Options{})
	if err := s.MigrateTo(ctx, 10); err != nil {
		t.Fatal(err)
	}
	db := storetest.SQL(t, s)
	texts := []string{
		accountBefore("acc_m", "NULL", "master", 0, "m"), accountBefore("acc_a", "'acc_m'", "reseller", 1, "dup"),
		accountBefore("acc_b", "'acc_a'", "reseller", 2, "dup"), accountBefore("acc_c", "'acc_m'", "reseller", 1, "single"),
		`INSERT INTO groups (id, tenant_id, account_id, name, lend, created_at, updated_at) VALUES ('grp_a', 'acc_m', 'acc_a', 'x', 'none', 1, 1)`,
	}
	for id, login := range map[string]string{"usr_1": "jane@x.example", "usr_2": "Jane@x.example", "usr_3": "joe@x.example"} {
		texts = append(texts, fmt.Sprintf(`INSERT INTO users (id, tenant_id, account_id, login, status, first_group_id, created_at, updated_at)
			VALUES ('%s', 'acc_m', 'acc_a', '%s', 'active', 'grp_a', 1, 1)`, id, login),
			"INSERT INTO user_groups (user_id, group_id) VALUES ('"+id+"', 'grp_a')")
	}
	tx := must(db.Begin())
	defer func() { _ = tx.Rollback() }()
	for _, text := range texts {
		if _, err := tx.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	mustDo(tx.Commit())
	return s, db
}

func accountBefore(id, parent, kind string, depth int, externalID string) string {
	return fmt.Sprintf(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, external_id, depth, created_at, updated_at)
		VALUES ('%s', 'acc_m', %s, '%s', 'x', 'active', '%s', %d, 1, 1)`, id, parent, kind, externalID, depth)
}

// Names that collide do not stop the migration. They stay, are listed before and after
// it, and no further row gets them.
func TestTheMigrationKeepsNamesThatCollide(t *testing.T) {
	t.Parallel()
	eachUnmigrated(t, func(t *testing.T, url string) {
		s, db := before12(t, url)
		listed := func() (names []string) {
			for _, one := range must(s.Collisions(ctx)) {
				names = append(names, fmt.Sprint(one.TenantID, one.AccountID, one.Type, one.ID, one.Column, one.Value))
			}
			return names
		}
		want := []string{"acc_macc_aaccountacc_aexternal_iddup", "acc_macc_baccountacc_bexternal_iddup",
			"acc_macc_auserusr_1loginjane@x.example", "acc_macc_auserusr_2loginJane@x.example"}
		if got := listed(); !slices.Equal(got, want) {
			t.Errorf("before: %q", got)
		}
		mustDo(s.Migrate(ctx))
		if got := listed(); !slices.Equal(got, want) {
			t.Errorf("after: %q", got)
		}
		if n := count(t, s, "SELECT count(*) FROM users WHERE login_key IS NULL"); n != 1 {
			t.Errorf("%d logins have no key", n)
		}
		write := func(do func(tx *store.Tx) error) error { return s.Write(ctx, "acc_m", do) }
		user := func(login string) error {
			return write(func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: "acc_a", Login: login, Groups: []string{"grp_a"}})
				return err
			})
		}
		rename := func(id string, patch store.UserPatch) error {
			return write(func(tx *store.Tx) error { _, err := tx.UpdateUser(ctx, id, patch); return err })
		}
		change := func(id string, patch store.AccountPatch) error {
			return write(func(tx *store.Tx) error { _, err := tx.UpdateAccount(ctx, id, patch); return err })
		}
		mustDo(rename("usr_1", store.UserPatch{Name: ptr("Jane")}))
		mustDo(rename("usr_2", store.UserPatch{Name: ptr("Jane")}))
		mustDo(change("acc_b", store.AccountPatch{Name: ptr("B"), ExternalID: ptr("dup")}))
		refused(t, user("JANE@x.example"), fault.ErrConflict, "login")
		refused(t, change("acc_c", store.AccountPatch{ExternalID: ptr("dup")}), fault.ErrConflict, "external_id")
		mustDo(change("acc_b", store.AccountPatch{ExternalID: ptr("other")}))
		mustDo(rename("usr_2", store.UserPatch{Login: ptr("joan@x.example")}))
		if got := listed(); len(got) != 0 {
			t.Errorf("nothing collides, and %q is listed", got)
		}

		// A program without keys writes beside this one.
		for _, text := range []string{"UPDATE users SET login = 'jack@x.example' WHERE id = 'usr_3'", "UPDATE users SET login = 'JOE@x.example' WHERE id = 'usr_1'"} {
			if _, err := db.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, s, "SELECT count(*) FROM users WHERE login_key IS NULL"); n != 2 {
			t.Errorf("%d logins have no key", n)
		}
		mustDo(s.Migrate(ctx))
		refused(t, user("Joe@x.example"), fault.ErrConflict, "login")
		mustDo(user("jane@x.example"))
	})
}
