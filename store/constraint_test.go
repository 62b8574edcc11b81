package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// attempt is SQL that bypasses the code. All statements run in one transaction. The
// database may refuse any of them, or the commit.
type attempt struct {
	name string
	sql  []string
	// sqlite says that only SQLite has such a statement.
	sqlite bool
}

// Names in braces are replaced by the carrier's ids.
var attempts = []attempt{
	{name: "move a customer to a sibling", sql: []string{
		"UPDATE customers SET account_id = '{sibling}' WHERE id = '{customer}'"}},
	{name: "move a customer to another tenant", sql: []string{
		"UPDATE customers SET account_id = '{stranger}', tenant_id = '{stranger}' WHERE id = '{customer}'"}},
	{name: "give a customer another id", sql: []string{
		"UPDATE customers SET id = 'cus_x' WHERE id = '{customer}'"}},
	{name: "replace a customer by one elsewhere", sqlite: true, sql: []string{
		"INSERT OR REPLACE INTO customers (id, tenant_id, account_id, name, status, created_at, updated_at) VALUES ('{customer}', '{master}', '{sibling}', 'x', 'active', 1, 1)"}},
	{name: "a customer between two tenants", sql: []string{
		"INSERT INTO customers (id, tenant_id, account_id, name, status, created_at, updated_at) VALUES ('cus_x', '{stranger}', '{reseller}', 'x', 'active', 1, 1)"}},
	{name: "a group between two tenants", sql: []string{
		"INSERT INTO groups (id, tenant_id, account_id, name, lend, created_at, updated_at) VALUES ('grp_x', '{stranger}', '{reseller}', 'x', 'none', 1, 1)"}},
	{name: "a card between two tenants", sql: []string{card("'{stranger}'", "'{reseller}'")}},
	{name: "an audit entry between two tenants", sql: []string{
		"INSERT INTO audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action) VALUES ('aud_x', '{stranger}', 1, '{reseller}', 'card', 'x', 'read')"}},
	{name: "an audit entry by an actor of another tenant", sql: []string{
		"INSERT INTO audit_entries (id, tenant_id, at, account_id, actor_account_id, resource_type, resource_id, action) VALUES ('aud_x', '{master}', 1, '{master}', '{stranger}', 'card', 'x', 'read')"}},

	{name: "change an account's currency", sql: []string{"UPDATE accounts SET currency = 'USD' WHERE id = '{master}'"}},
	{name: "clear an account's currency", sql: []string{"UPDATE accounts SET currency = NULL WHERE id = '{master}'"}},
	{name: "delete an account", sql: []string{"DELETE FROM accounts WHERE id = '{sibling}'"}},
	{name: "replace an account", sqlite: true, sql: []string{
		"INSERT OR REPLACE INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at) VALUES ('{sibling}', '{master}', '{reseller}', 'reseller', 'x', 'active', 2, 1, 1)"}},
	{name: "move an account", sql: []string{"UPDATE accounts SET parent_id = '{sibling}' WHERE id = '{below}'"}},
	{name: "move an account to another tenant", sql: []string{
		"UPDATE accounts SET parent_id = '{stranger}', tenant_id = '{stranger}' WHERE id = '{sibling}'"}},
	{name: "make a reseller a master", sql: []string{
		"UPDATE accounts SET kind = 'master', parent_id = NULL, tenant_id = id, depth = 0 WHERE id = '{sibling}'"}},
	{name: "an account under another tenant's", sql: []string{account("'{master}'", "'{stranger}'", 1)}},
	{name: "an account without a parent", sql: []string{account("'{master}'", "NULL", 1)}},
	{name: "an account at another depth", sql: []string{account("'{master}'", "'{reseller}'", 1)}},
	{name: "a shortcut in the tree", sql: []string{
		"INSERT INTO account_tree (ancestor_id, descendant_id, depth) VALUES ('{sibling}', '{below}', 1)"}},
	{name: "an account below itself", sql: []string{
		"INSERT INTO account_tree (ancestor_id, descendant_id, depth) VALUES ('{below}', '{reseller}', 1)"}},
	{name: "a nearer ancestor", sql: []string{"UPDATE account_tree SET depth = 1 WHERE depth = 2"}},
	{name: "an account out of the tree", sql: []string{"DELETE FROM account_tree WHERE descendant_id = '{below}' AND depth = 1"}},

	{name: "a user without a group", sql: []string{user("'{reseller}'", "'{own}'")}},
	{name: "a user who leaves the last group", sql: []string{"DELETE FROM user_groups WHERE user_id = '{agent}'"}},
	{name: "a user who moves to another's group", sql: []string{
		"DELETE FROM user_groups WHERE user_id = '{agent}'",
		"UPDATE users SET first_group_id = '{full}' WHERE id = '{agent}'"}},
	{name: "a user in a group that is not lent", sql: []string{
		user("'{reseller}'", "'{full}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{full}')"}},
	{name: "a user in a group lent to a sibling", sql: []string{
		user("'{sibling}'", "'{lent}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{lent}')"}},
	{name: "a user in a group of two levels above", sql: []string{
		"UPDATE groups SET lend = 'all' WHERE id = '{full}'",
		user("'{below}'", "'{full}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{full}')"}},
	{name: "another group beside a user's own", sql: []string{
		"INSERT INTO user_groups (user_id, group_id) VALUES ('{agent}', '{full}')"}},
	{name: "a membership that is changed", sql: []string{
		"UPDATE user_groups SET group_id = '{full}' WHERE user_id = '{agent}'"}},
	{name: "a user who moves to another account", sql: []string{"UPDATE users SET account_id = '{sibling}' WHERE id = '{agent}'"}},
	{name: "a user replaced by one elsewhere", sqlite: true, sql: []string{
		"INSERT OR REPLACE INTO users (id, tenant_id, account_id, login, status, first_group_id, created_at, updated_at) VALUES ('{agent}', '{master}', '{sibling}', 'x', 'active', '{lent}', 1, 1)"}},
	{name: "a user named as another", sql: []string{"UPDATE users SET external_id = 'panel-7' WHERE id = '{staff}'"}},
	{name: "a new user named as another", sql: []string{
		"INSERT INTO users (id, tenant_id, account_id, external_id, login, status, first_group_id, created_at, updated_at) VALUES ('usr_x', '{master}', '{master}', 'panel-7', 'x', 'active', '{full}', 1, 1)"}},
	{name: "a user named as another, who is replaced", sqlite: true, sql: []string{"UPDATE OR REPLACE users SET external_id = 'panel-7' WHERE id = '{staff}'"}},
	{name: "a new user named as another, who is replaced", sqlite: true, sql: []string{
		"INSERT OR REPLACE INTO users (id, tenant_id, account_id, external_id, login, status, first_group_id, created_at, updated_at) VALUES ('usr_x', '{master}', '{master}', 'panel-7', 'x', 'active', '{full}', 1, 1)"}},
	{name: "an account named as another", sql: []string{"UPDATE accounts SET external_id = 'r-1' WHERE id = '{below}'"}},
	{name: "a new account named as another", sql: []string{strings.Replace(strings.Replace(account("'{master}'", "'{sibling}'", 2), "(id,", "(external_id, id,", 1), "VALUES (", "VALUES ('r-1', ", 1)}},
	{name: "an account named as another, which is replaced", sqlite: true, sql: []string{"UPDATE OR REPLACE accounts SET external_id = 'r-1' WHERE id = '{sibling}'"}},
	{name: "a user with the login of another", sql: []string{
		user("'{reseller}'", "'{own}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{own}')",
		"UPDATE users SET login_key = 'k' WHERE id = '{agent}'", "UPDATE users SET login_key = 'k' WHERE id = 'usr_x'"}},
	{name: "a user with the login of another, who is replaced", sqlite: true, sql: []string{
		user("'{reseller}'", "'{own}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{own}')",
		"UPDATE users SET login_key = 'k' WHERE id = '{agent}'", "UPDATE OR REPLACE users SET login_key = 'k' WHERE id = 'usr_x'"}},
	{name: "a user named like an id", sql: []string{"UPDATE users SET external_id = '{staff}' WHERE id = '{agent}'"}},
	{name: "a group that moves to another account", sql: []string{"UPDATE groups SET account_id = '{sibling}' WHERE id = '{full}'"}},
	{name: "a loan withdrawn under a user", sql: []string{"DELETE FROM group_loans WHERE group_id = '{lent}'"}},
	{name: "a loan moved under a user", sql: []string{"UPDATE group_loans SET account_id = '{sibling}' WHERE group_id = '{lent}'"}},
	{name: "lending ended under a user", sql: []string{"UPDATE groups SET lend = 'none' WHERE id = '{lent}'"}},
	{name: "a group deleted under a user", sql: []string{"DELETE FROM groups WHERE id = '{lent}'"}},
	{name: "a group replaced under a user", sqlite: true, sql: []string{
		"INSERT OR REPLACE INTO groups (id, tenant_id, account_id, name, lend, created_at, updated_at) VALUES ('{lent}', '{master}', '{master}', 'x', 'none', 1, 1)"}},
	{name: "a loan two levels below", sql: []string{
		"INSERT INTO group_loans (group_id, account_id, owner_id) VALUES ('{lent}', '{below}', '{master}')"}},
	{name: "a loan by someone else", sql: []string{
		"INSERT INTO group_loans (group_id, account_id, owner_id) VALUES ('{lent}', '{below}', '{reseller}')"}},
	{name: "a loan to another tenant", sql: []string{
		"INSERT INTO group_loans (group_id, account_id, owner_id) VALUES ('{lent}', '{stranger}', '{master}')"}},
	{name: "a row for everything", sql: []string{"INSERT INTO group_rows (group_id, area, access) VALUES ('{own}', '*', 'crud')"}},
	{name: "letters out of order", sql: []string{"INSERT INTO group_rows (group_id, area, access) VALUES ('{own}', 'x', 'dr')"}},

	{name: "assign a provider card", sql: []string{assign("'{bought}'", "'{reseller}'", "'{master}'", "'provider'")}},
	{name: "assign a provider card as a customer card", sql: []string{assign("'{bought}'", "'{reseller}'", "'{master}'", "'customer'")}},
	{name: "assign two levels below", sql: []string{assign("'{sold}'", "'{below}'", "'{master}'", "'customer'")}},
	{name: "assign another's card", sql: []string{assign("'{sold}'", "'{below}'", "'{reseller}'", "'customer'")}},
	{name: "assign to oneself", sql: []string{assign("'{sold}'", "'{master}'", "'{master}'", "'customer'")}},
	{name: "assign to another tenant", sql: []string{assign("'{sold}'", "'{stranger}'", "'{master}'", "'customer'")}},
	{name: "two assignments without end", sql: []string{
		assign("'{sold}'", "'{reseller}'", "'{master}'", "'customer'"),
		strings.Replace(assign("'{sold}'", "'{reseller}'", "'{master}'", "'customer'"), "1)", "2)", 1)}},
	{name: "turn an assigned card into a provider's", sql: []string{
		assign("'{sold}'", "'{reseller}'", "'{master}'", "'customer'"), "UPDATE cards SET kind = 'provider' WHERE id = '{sold}'"}},
	{name: "move a card", sql: []string{"UPDATE cards SET account_id = '{sibling}' WHERE id = '{resold}'"}},
	{name: "replace a card", sqlite: true, sql: []string{strings.Replace(strings.Replace(card("'{master}'", "'{sibling}'"), "INSERT", "INSERT OR REPLACE", 1), "crd_x", "{resold}", 1)}},
	{name: "a customer on another account's card", sql: []string{onCard("'{sold}'", "'{master}'")}},
	{name: "a customer on a card in its own account's name", sql: []string{onCard("'{sold}'", "'{reseller}'")}},
	{name: "a customer on a provider card", sql: []string{onCard("'{bought}'", "'{master}'")}},

	{name: "two active revisions", sql: []string{revision("rev_x", 1, "active"), revision("rev_y", 2, "active")}},
	{name: "a second revision activated", sql: []string{revision("rev_x", 1, "active"), revision("rev_y", 2, "inactive"),
		"UPDATE revisions SET status = 'active' WHERE id = 'rev_y'"}},
	{name: "an active revision replaced", sqlite: true, sql: []string{revision("rev_x", 1, "active"),
		strings.Replace(revision("rev_y", 2, "active"), "INSERT", "INSERT OR REPLACE", 1)}},
	{name: "an active revision displaced", sqlite: true, sql: []string{revision("rev_x", 1, "active"), revision("rev_y", 2, "inactive"),
		"UPDATE OR REPLACE revisions SET status = 'active' WHERE id = 'rev_y'"}},
	{name: "two revisions of one number", sql: []string{revision("rev_x", 1, "inactive"), revision("rev_y", 1, "inactive")}},
	{name: "a revision renumbered", sql: []string{revision("rev_x", 1, "inactive"), "UPDATE revisions SET number = 2 WHERE id = 'rev_x'"}},
	{name: "a card with an active revision deleted", sql: []string{revision("rev_x", 1, "active"), "DELETE FROM cards WHERE id = '{sold}'"}},
	{name: "an active revision deleted", sql: []string{revision("rev_x", 1, "active"), "DELETE FROM revisions WHERE id = 'rev_x'"}},
	{name: "a card's currency under a revision", sql: []string{revision("rev_x", 1, "inactive"), "UPDATE cards SET currency = 'USD' WHERE id = '{sold}'"}},
	{name: "a rate with letters", sql: []string{revision("rev_x", 1, "inactive"), rate("49a")}},
	{name: "a rate without a revision", sql: []string{rate("49")}},
	{name: "a rate moved to no revision", sql: []string{revision("rev_x", 1, "inactive"), rate("49"), "UPDATE rates SET revision_id = 'rev_y'"}},

	{name: "an audit entry changed", sql: []string{audited, "UPDATE audit_entries SET action = 'read'"}},
	{name: "an audit entry deleted", sql: []string{audited, "DELETE FROM audit_entries"}},
	{name: "a data revision that stands still", sql: []string{"UPDATE data_revision SET n = n"}},
	{name: "a data revision that goes back", sql: []string{"UPDATE data_revision SET n = n - 1"}},
	{name: "a data revision that leaps", sql: []string{"UPDATE data_revision SET n = n + 2"}},
	{name: "no data revision", sql: []string{"DELETE FROM data_revision"}},
	{name: "two data revisions", sql: []string{"INSERT INTO data_revision (one, n) VALUES (2, 1)"}},
}

const audited = "INSERT INTO audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action) VALUES ('aud_x', '{master}', 1, '{master}', 'card', 'x', 'update')"

func account(tenant, parent string, depth int) string {
	return fmt.Sprintf("INSERT INTO accounts (id, tenant_id, parent_id, kind, name, status, depth, created_at, updated_at) VALUES ('acc_x', %s, %s, 'reseller', 'x', 'active', %d, 1, 1)", tenant, parent, depth)
}

func user(account, group string) string {
	return fmt.Sprintf("INSERT INTO users (id, tenant_id, account_id, login, status, first_group_id, created_at, updated_at) VALUES ('usr_x', '{master}', %s, 'x', 'active', %s, 1, 1)", account, group)
}

func card(tenant, account string) string {
	return fmt.Sprintf("INSERT INTO cards (id, tenant_id, account_id, kind, name, currency, direction, rate_precision, rate_rounding, charge_precision, charge_rounding, created_at, updated_at) VALUES ('crd_x', %s, %s, 'customer', 'x', 'EUR', 'termination', 4, 'up', 4, 'up', 1, 1)", tenant, account)
}

func assign(card, account, owner, kind string) string {
	return fmt.Sprintf("INSERT INTO assignments (card_id, account_id, owner_id, card_kind, valid_from) VALUES (%s, %s, %s, %s, 1)", card, account, owner, kind)
}

func onCard(card, account string) string {
	return fmt.Sprintf("INSERT INTO card_customers (card_id, customer_id, account_id, valid_from) VALUES (%s, '{customer}', %s, 1)", card, account)
}

func revision(id string, number int, status string) string {
	return fmt.Sprintf("INSERT INTO revisions (id, card_id, number, status, activated_at, created_at) VALUES ('%s', '{sold}', %d, '%s', 1, 1)", id, number, status)
}

func rate(prefix string) string {
	return fmt.Sprintf("INSERT INTO rates (revision_id, prefix, name, cost, mcd, pulse, connect, status) VALUES ('rev_x', '%s', 'x', 1, 0, 1, 0, 'open')", prefix)
}

func (c *carrier) ids() *strings.Replacer {
	return strings.NewReplacer("{master}", c.master.ID, "{reseller}", c.reseller.ID, "{sibling}", c.sibling.ID, "{below}", c.below.ID,
		"{stranger}", c.stranger.ID, "{full}", c.full.ID, "{lent}", c.lent.ID, "{own}", c.own.ID, "{staff}", c.staff.ID,
		"{agent}", c.agent.ID, "{customer}", c.customer.ID, "{sold}", c.sold.ID, "{resold}", c.resold.ID, "{bought}", c.bought.ID)
}

// run returns the index of the statement that was refused, len for the commit, or
// -1 for none. It rolls everything back.
func run(t *testing.T, db *sql.DB, statements []string, ids *strings.Replacer) (refusedAt int, err error) {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for i, text := range statements {
		if _, err := tx.Exec(ids.Replace(text)); err != nil {
			return i, err
		}
	}
	if err := tx.Commit(); err != nil {
		return len(statements), err
	}
	return -1, nil
}

func TestTheDatabaseRefusesWhatTheCodeWouldNeverDo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		db, ids := storetest.SQL(t, s), c.ids()
		for _, a := range attempts {
			if a.sqlite && s.Dialect() != "sqlite" {
				continue
			}
			t.Run(a.name, func(t *testing.T) {
				at, err := run(t, db, a.sql, ids)
				if at < 0 {
					t.Fatal("it was done")
				}
				if at < len(a.sql)-1 {
					t.Fatalf("refused before the point of it, at statement %d: %v", at, err)
				}
				for _, mistaken := range []string{"syntax", "no such", "does not exist", "no column", "has no"} {
					if strings.Contains(err.Error(), mistaken) {
						t.Fatalf("refused for the wrong reason: %v", err)
					}
				}
			})
		}
	})
}

// The database accepts by hand the same writes that the code makes. So the refusals
// above do not come from statements that could never succeed.
func TestTheDatabaseTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		db, ids := storetest.SQL(t, s), c.ids()
		for _, statements := range [][]string{
			{user("'{reseller}'", "'{lent}'"), "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{lent}')"},
			{"UPDATE users SET first_group_id = '{own}' WHERE id = 'usr_x'", "INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '{own}')",
				"DELETE FROM user_groups WHERE user_id = 'usr_x' AND group_id = '{lent}'"},
			{"DELETE FROM users WHERE id = 'usr_x'"},
			{account("'{master}'", "'{below}'", 3)},
			{assign("'{sold}'", "'{reseller}'", "'{master}'", "'customer'"), assign("'{resold}'", "'{below}'", "'{reseller}'", "'customer'")},
			{onCard("'{resold}'", "'{reseller}'")},
			{revision("rev_x", 1, "active"), rate("49")},
			{"UPDATE revisions SET status = 'inactive'", "DELETE FROM cards WHERE id = '{sold}'"},
			{"UPDATE accounts SET currency = 'USD' WHERE id = '{reseller}'"},
			{"UPDATE data_revision SET n = n + 1"},
			{audited},
		} {
			if at, err := run(t, db, statements, ids); at >= 0 {
				t.Fatalf("%s: %v", statements[min(at, len(statements)-1)], err)
			}
		}
		if n := count(t, s, "SELECT count(*) FROM rates"); n != 0 {
			t.Errorf("%d rates outlive their card", n)
		}
		if n := count(t, s, "SELECT count(*) FROM account_tree WHERE descendant_id = 'acc_x'"); n != 4 {
			t.Errorf("the tree has %d rows above a new account, want 4", n)
		}
	})
}

// A refusal reveals nothing about the rows that it conflicts with.
func TestRefusalsQuoteNoRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		secrets := []string{c.agent.ID, c.customer.ID, c.lent.ID, c.agent.Login, "c-1", "r-1", "Key", "constraint", "users", "customers"}
		for _, write := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: c.agent.Login, Groups: []string{c.own.ID}})
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "x", ExternalID: "c-1"})
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.CreateAccount(ctx, store.Account{ParentID: c.master.ID, Name: "x", ExternalID: "r-1"})
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.CreateUser(ctx, store.User{AccountID: c.sibling.ID, Login: "x@y.example", Groups: []string{c.lent.ID}})
				return err
			},
		} {
			err := c.write(write)
			if err == nil {
				t.Fatal("it was done")
			}
			if i := slices.IndexFunc(secrets, func(secret string) bool { return strings.Contains(err.Error(), secret) }); i >= 0 {
				t.Errorf("%q tells %s", err, secrets[i])
			}
		}
	})
}

// A user joins a group while the group is withdrawn from the user's account. One of
// the two must fail, even if the code does not serialise them.
func TestJoiningAndWithdrawingAtOnceCannotBothSucceed(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Postgres(t), store.Options{})
	c := newCarrier(t, s)
	db, ids := storetest.SQL(t, s), c.ids()
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Groups: &[]string{c.own.ID}}))
	})
	for _, withdraw := range []string{"DELETE FROM group_loans WHERE group_id = '{lent}'", "UPDATE groups SET lend = 'none' WHERE id = '{lent}'"} {
		joining, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := joining.Exec(ids.Replace("INSERT INTO user_groups (user_id, group_id) VALUES ('{agent}', '{lent}')")); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { _, err := db.Exec(ids.Replace(withdraw)); done <- err }()
		for waiting := false; !waiting; {
			if err := db.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting); err != nil {
				t.Fatal(err)
			}
		}
		if err := joining.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil || !strings.Contains(err.Error(), "group_in_use") {
			t.Fatalf("%s: got %v", withdraw, err)
		}
		if _, err := db.Exec(ids.Replace("DELETE FROM user_groups WHERE user_id = '{agent}' AND group_id = '{lent}'")); err != nil {
			t.Fatal(err)
		}
	}
}
