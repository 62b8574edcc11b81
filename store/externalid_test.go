package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

func TestAnExternalIDNamesOneUserOfItsTenant(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		create := func(account, group, externalID string) error {
			return c.write(func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: account, Login: "x@y.example", ExternalID: externalID, Groups: []string{group}})
				return err
			})
		}
		for name, err := range map[string]error{
			"in the same account": create(c.reseller.ID, c.own.ID, "panel-7"),
			"in another account":  create(c.master.ID, c.full.ID, "panel-7"),
			"given later": c.write(func(tx *store.Tx) error {
				_, err := tx.UpdateUser(ctx, c.staff.ID, store.UserPatch{ExternalID: ptr("panel-7")})
				return err
			}),
		} {
			refused(t, err, fault.ErrConflict, "external_id")
			var why *store.ReasonError
			if !errors.As(err, &why) || why.Code != store.ReasonExternalIDTaken || strings.Contains(err.Error(), c.agent.ID) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if err := create(c.master.ID, c.full.ID, "Panel-7"); err != nil {
			t.Fatalf("ids are compared exactly: %v", err)
		}
		if found := must(s.Subject(ctx, c.master.ID, "Panel-7")); found.User.AccountID != c.master.ID {
			t.Errorf("got %+v", found.User)
		}
		if found := must(s.Subject(ctx, c.master.ID, "panel-7")); found.User.ID != c.agent.ID {
			t.Errorf("got %+v", found.User)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{ExternalID: ptr("")}))
			must(tx.UpdateUser(ctx, c.staff.ID, store.UserPatch{ExternalID: ptr("panel-7")}))
		})
		if found := must(s.Subject(ctx, c.master.ID, "panel-7")); found.User.ID != c.staff.ID {
			t.Errorf("an id that was given back is free: got %+v", found.User)
		}
	})
}

func TestAnotherTenantMayUseAnExternalID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.stranger.ID, func(tx *store.Tx) {
			group := must(tx.CreateGroup(ctx, store.Group{AccountID: c.stranger.ID, Name: "All", DefaultAccess: "crud"}))
			must(tx.CreateUser(ctx, store.User{AccountID: c.stranger.ID, Login: "x@y.example", ExternalID: "panel-7", Groups: []string{group.ID}}))
		})
		if found := must(s.Subject(ctx, c.master.ID, "panel-7")); found.User.ID != c.agent.ID {
			t.Errorf("got %+v", found.User)
		}
		if found := must(s.Subject(ctx, c.stranger.ID, "panel-7")); found.User.AccountID != c.stranger.ID {
			t.Errorf("got %+v", found.User)
		}
		_, err := s.Subject(ctx, "", "panel-7")
		refused(t, err, fault.ErrAmbiguous, "")
	})
}

// badExternalIDs are external ids that no user can be given.
func badExternalIDs() map[string]string {
	bad := map[string]string{
		"a blank before": " panel", "a blank behind": "panel ", "a blank alone": " ", "a tab behind": "panel\t", "a line": "pa\nnel",
		"a letter of another alphabet": "pаnel", "a umlaut": "jürgen", "a no-break space": "panel\u00a0", "DEL": "panel\x7f",
		"256 characters": strings.Repeat("x", 256),
	}
	for _, typ := range schema.Types() {
		if typ.Prefix != "" && !schema.ByName[typ.Name].Later {
			bad["an id of type "+typ.Name], bad["the prefix of type "+typ.Name] = store.RandomID(typ.Name), typ.Prefix
		}
	}
	return bad
}

var goodExternalIDs = []string{"1", "~", "a b", "usr", "usr-1", "USR_1", "xusr_1", "'; --", "jane@x.example", strings.Repeat("x", 255)}

// The store refuses a malformed id. The database refuses it too, whichever program
// writes it.
func TestAMalformedExternalIDIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, db := newCarrier(t, s), storetest.SQL(t, s)
		for name, id := range badExternalIDs() {
			refused(t, c.write(func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: "x@y.example", ExternalID: id, Groups: []string{c.own.ID}})
				return err
			}), fault.ErrInvalid, "external_id")
			refused(t, c.write(func(tx *store.Tx) error {
				_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{ExternalID: &id})
				return err
			}), fault.ErrInvalid, "external_id")
			for _, past := range []string{
				"UPDATE users SET external_id = " + quoted(id) + " WHERE id = '" + c.agent.ID + "'",
				userNamed("usr_x", c.master.ID, c.reseller.ID, c.own.ID, id),
			} {
				if _, err := db.Exec(past); err == nil || !strings.Contains(err.Error(), "user_external_id_form") {
					t.Errorf("%s: %s: got %v", name, past, err)
				}
			}
		}
		for _, id := range goodExternalIDs {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{ExternalID: &id})) })
			if found := must(s.Subject(ctx, c.master.ID, id)); found.User.ID != c.agent.ID || !found.User.Named(id) {
				t.Errorf("%q: got %+v", id, found.User)
			}
		}
	})
}

// A row that an older program has left in a store cannot be used to act as another
// user.
func TestAnIDIsNeverTakenForAnExternalID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, db := newCarrier(t, s), storetest.SQL(t, s)
		drop(t, s, db, "users_external_id_form_kept")
		gone := store.RandomID("user")
		for _, id := range []string{gone, c.staff.ID} {
			if _, err := db.Exec("UPDATE users SET external_id = '" + id + "' WHERE id = '" + c.agent.ID + "'"); err != nil {
				t.Fatal(err)
			}
			agent := must(s.Subject(ctx, c.master.ID, c.agent.ID)).User
			if agent.Named(id) || !agent.Named(agent.ID) || agent.Named("") {
				t.Errorf("%s names %+v", id, agent)
			}
		}
		_, err := s.Subject(ctx, c.master.ID, gone)
		refused(t, err, fault.ErrNotFound, "")
		if found := must(s.Subject(ctx, c.master.ID, c.staff.ID)); found.User.ID != c.staff.ID {
			t.Errorf("got %+v", found.User)
		}
	})
}

func TestAMalformedExternalIDStaysUntilItIsChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, db := newCarrier(t, s), storetest.SQL(t, s)
		drop(t, s, db, "users_external_id_form_kept")
		if _, err := db.Exec("UPDATE users SET external_id = 'jürgen' WHERE id = '" + c.agent.ID + "'"); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Name: ptr("Jürgen")}))
			must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{ExternalID: ptr("jürgen")}))
		})
		if found := must(s.Subject(ctx, c.master.ID, "jürgen")); found.User.ID != c.agent.ID {
			t.Errorf("got %+v", found.User)
		}
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{ExternalID: ptr("Jürgen")})
			return err
		}), fault.ErrInvalid, "external_id")
	})
}

func drop(t *testing.T, s *store.Store, db *sql.DB, trigger string) {
	t.Helper()
	text := "DROP TRIGGER " + trigger
	if s.Dialect() == "postgres" {
		text += " ON users"
	}
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// userNamed is the SQL with which a program without rules for external ids creates
// a user.
func userNamed(id, tenant, account, group, externalID string) string {
	return fmt.Sprintf(`INSERT INTO users (id, tenant_id, account_id, external_id, login, status, first_group_id, version, created_at, updated_at)
		VALUES ('%s', '%s', '%s', NULLIF(%s, ''), '%[1]s@x.example', 'active', '%[5]s', 1, 1, 1)`, id, tenant, account, quoted(externalID), group)
}

// before8 opens a store with the schema before this rule. It creates two masters, a
// reseller below the first, and users with the given external ids. The user ids
// contain the position in the list.
func before8(t *testing.T, url string, o store.Options, m, reseller, n []string) (*store.Store, *sql.DB) {
	t.Helper()
	s := storetest.Open(t, url, o)
	if err := s.MigrateTo(ctx, 7); err != nil {
		t.Fatal(err)
	}
	db := storetest.SQL(t, s)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	exec := func(text string) {
		t.Helper()
		if _, err := tx.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for _, master := range []string{"acc_m", "acc_n"} {
		exec(fmt.Sprintf(`INSERT INTO accounts (id, tenant_id, kind, name, status, depth, created_at, updated_at)
			VALUES ('%[1]s', '%[1]s', 'master', 'x', 'active', 0, 1, 1)`, master))
	}
	exec(`INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at)
		VALUES ('acc_r', 'acc_m', 'acc_m', 'reseller', 'x', 'active', 1, 1, 1)`)
	for account, ids := range map[string][]string{"acc_m": m, "acc_r": reseller, "acc_n": n} {
		tenant, group := strings.Replace(account, "_r", "_m", 1), "grp"+account[3:]
		exec(fmt.Sprintf(`INSERT INTO groups (id, tenant_id, account_id, name, lend, created_at, updated_at)
			VALUES ('%s', '%s', '%s', 'x', 'none', 1, 1)`, group, tenant, account))
		for i, id := range ids {
			user := fmt.Sprintf("usr%s%d", account[3:], i)
			exec(userNamed(user, tenant, account, group, id))
			exec("INSERT INTO user_groups (user_id, group_id) VALUES ('" + user + "', '" + group + "')")
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return s, db
}

func eachUnmigrated(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, storetest.EmptyPostgres(t)) })
}

// The migration clears exactly the ids that the check lists as cleared.
func TestTheMigrationClearsExternalIDsThatNameSeveralUsersOrAnother(t *testing.T) {
	t.Parallel()
	eachUnmigrated(t, func(t *testing.T, url string) {
		m := []string{"jürgen", "admin", "boss", "boss", "shared", "jörg", "Élan", "Élan", "", ""}
		reseller := []string{"seller", "admin ", " x", "boss", "usr_m0", "tab\t", "sh'ared", ""}
		for _, id := range badExternalIDs() {
			reseller = append(reseller, id)
		}
		n := []string{"admin", "shared", "grp_1"}
		var told []store.BadExternalID
		s, db := before8(t, url, store.Options{Cleared: func(one store.BadExternalID) { told = append(told, one) }}, m, reseller, n)

		before := userRows(t, db)
		listed := must(s.BadExternalIDs(ctx))
		if after := userRows(t, db); !slices.Equal(after, before) {
			t.Errorf("looking changed %v\nto %v", before, after)
		}
		revision := count(t, s, "SELECT n FROM data_revision")
		mustDo(s.Migrate(ctx))

		var cleared, kept []string
		for _, one := range listed {
			if one.Cleared {
				cleared = append(cleared, one.TenantID+"|"+one.AccountID+"|"+one.UserID+"|"+one.ExternalID)
			} else {
				kept = append(kept, one.ExternalID)
			}
		}
		var tell []string
		for _, one := range told {
			tell = append(tell, one.TenantID+"|"+one.AccountID+"|"+one.UserID+"|"+one.ExternalID)
		}
		slices.Sort(cleared)
		slices.Sort(tell)
		if !slices.Equal(cleared, tell) {
			t.Errorf("told of %q\nlisted %q", tell, cleared)
		}
		for _, id := range []string{"boss", "Élan", "jürgen", "admin ", " x", "usr_m0", "grp_1", "tab\t"} {
			if !slices.ContainsFunc(tell, func(one string) bool { return strings.HasSuffix(one, "|"+id) }) {
				t.Errorf("%q was not cleared", id)
			}
		}
		want := before
		for i, row := range want {
			if slices.Contains(cleared, row) {
				want[i] = row[:strings.LastIndexByte(row, '|')+1]
			}
		}
		if after := userRows(t, db); !slices.Equal(after, want) {
			t.Errorf("got %q\nwant %q", after, want)
		}
		var stay []string
		for _, one := range must(s.BadExternalIDs(ctx)) {
			stay = append(stay, one.ExternalID)
		}
		if !slices.Equal(stay, kept) || !slices.Contains(stay, "jörg") {
			t.Errorf("malformed ids that stay: %q, want %q", stay, kept)
		}
		n1 := count(t, s, "SELECT n FROM data_revision")
		entries := count(t, s, "SELECT count(*) FROM audit_entries WHERE action = 'migrate' AND actor_id IS NULL")
		if n1 != revision+1 || entries != int64(len(cleared)) {
			t.Errorf("data revision %d after %d, %d audit entries", n1, revision, entries)
		}
		if found := must(s.Subject(ctx, "acc_m", "jörg")); found.User.ID != "usr_m5" {
			t.Errorf("got %+v", found.User)
		}
	})
}

func userRows(t *testing.T, db *sql.DB) (all []string) {
	t.Helper()
	rows, err := db.Query("SELECT tenant_id || '|' || account_id || '|' || id || '|' || COALESCE(external_id, '') FROM users ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		mustDo(rows.Scan(&one))
		all = append(all, one)
	}
	mustDo(rows.Err())
	return all
}

// An older program without rules for external ids writes beside the new one. The
// database applies the rules to both.
func TestAnOlderProgramWritesUsersBesideTheNew(t *testing.T) {
	t.Parallel()
	eachUnmigrated(t, func(t *testing.T, url string) {
		s, db := before8(t, url, store.Options{}, []string{"admin"}, []string{"seller"}, nil)
		if got := must(s.BadExternalIDs(ctx)); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		mustDo(s.Migrate(ctx))
		if n := count(t, s, "SELECT n FROM data_revision"); n != 1 {
			t.Errorf("nothing was cleared, and the data revision is %d", n)
		}
		tx, err := db.Begin()
		mustDo(err)
		defer func() { _ = tx.Rollback() }()
		for _, text := range []string{
			userNamed("usr_new", "acc_m", "acc_r", "grp_r", "fresh"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_new', 'grp_r')",
			"UPDATE users SET external_id = NULLIF('seller', ''), version = 2 WHERE id = 'usr_r0'",
			"UPDATE users SET external_id = NULLIF('', ''), version = 2 WHERE id = 'usr_r0'",
		} {
			if _, err := tx.Exec(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		mustDo(tx.Commit())
		for _, text := range []string{
			userNamed("usr_y", "acc_m", "acc_r", "grp_r", "admin"), "UPDATE users SET external_id = 'admin' WHERE id = 'usr_r0'",
		} {
			if _, err := db.Exec(text); err == nil || !strings.Contains(err.Error(), "users_tenant_external_id") {
				t.Errorf("%s: got %v", text, err)
			}
		}
	})
}

func TestAStoreWithoutASchemaHasNoBadExternalIDs(t *testing.T) {
	t.Parallel()
	eachUnmigrated(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url, store.Options{})
		if got := must(s.BadExternalIDs(ctx)); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}
