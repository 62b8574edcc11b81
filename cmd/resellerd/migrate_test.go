package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

func TestTheCheckListsBadExternalIDsAndChangesNothing(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			made, _ := found(t, url, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
			if code, stdout, stderr := call(t, nil, []string{"migrate", "--check", "--database", url}); code != exitOK || stdout+stderr != "" {
				t.Errorf("exit %d: %s%s", code, stdout, stderr)
			}
			for _, bad := range []struct {
				id, says string
				cleared  bool
			}{
				{"usr_1", `"usr_1" begins like an id of resellerd: it is cleared by the migration`, true},
				{"admin ", `"admin " has a blank at an end: it is cleared by the migration`, true},
				{"j\u00fcrgen", "must have only printable ASCII characters: it stays", false},
			} {
				givenPast(t, url, made.User, bad.id)
				code, stdout, stderr := call(t, nil, []string{"migrate", "--check", "--database", url})
				if code != exitDecide || !strings.Contains(stdout, bad.says) || !strings.Contains(stdout, made.User) || !strings.Contains(stderr, "1 collide or are malformed") {
					t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
				}
				_, stdout, _ = call(t, nil, []string{"migrate", "--check", "--format", "json", "--database", url})
				var got struct {
					ExternalIDs []externalID `json:"external_ids"`
				}
				if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.ExternalIDs) != 1 {
					t.Fatalf("%v: %s", err, stdout)
				}
				one := got.ExternalIDs[0]
				if one.Tenant != made.Account || one.Account != made.Account || one.User != made.User || one.ExternalID != bad.id || one.Cleared != bad.cleared {
					t.Errorf("got %+v", one)
				}
			}
		})
	}
	absent := "sqlite:" + filepath.Join(t.TempDir(), "absent.db")
	if code, _, stderr := call(t, nil, []string{"migrate", "--check", "--database", absent}); code != exitUsage || !strings.Contains(stderr, "no such file") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Names that an older release let collide are listed and kept.
func TestTheCheckListsNamesThatCollide(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			made, _ := found(t, url, "--company", "Halyard", "--login", "admin@halyard.example")
			s := storetest.Open(t, url, store.Options{})
			var group string
			if err := storetest.SQL(t, s).QueryRow("SELECT group_id FROM user_groups WHERE user_id = '" + made.User + "'").Scan(&group); err != nil {
				t.Fatal(err)
			}
			tx, err := storetest.SQL(t, s).Begin()
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{
				"INSERT INTO users (id, tenant_id, account_id, login, status, first_group_id, created_at, updated_at) VALUES ('usr_x', '" +
					made.Account + "', '" + made.Account + "', 'Admin@Halyard.example', 'active', '" + group + "', 1, 1)",
				"INSERT INTO user_groups (user_id, group_id) VALUES ('usr_x', '" + group + "')",
			} {
				if _, err := tx.Exec(text); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := call(t, nil, []string{"migrate", "--check", "--database", url})
			if code != exitDecide || !strings.Contains(stdout, `user usr_x: login "Admin@Halyard.example" collides: it stays`) ||
				!strings.Contains(stdout, made.User) || !strings.Contains(stderr, "2 collide") {
				t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
			}
			code, stdout, stderr = call(t, nil, []string{"migrate", "--format", "json", "--database", url})
			if code != exitOK || !strings.Contains(stdout, `"collisions"`) || !strings.Contains(stdout, "usr_x") {
				t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
			}
		})
	}
}

// A customer on a card of another currency is listed and kept: calls are billed by it already.
func TestTheCheckListsCurrenciesThatDiffer(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			made, _ := found(t, url, "--company", "Halyard", "--login", "admin@halyard.example")
			s := storetest.Open(t, url, store.Options{})
			var card store.Card
			var customer store.Customer
			err := s.Write(t.Context(), made.Account, func(tx *store.Tx) (err error) {
				if card, err = tx.CreateCard(t.Context(), store.Card{AccountID: made.Account, Name: "A-Z", Kind: "customer", Currency: "EUR",
					Direction: "termination", RateRounding: "half_up", ChargeRounding: "half_up"}); err != nil {
					return err
				}
				if customer, err = tx.CreateCustomer(t.Context(), store.Customer{AccountID: made.Account, Name: "Otter", Currency: "USD"}); err != nil {
					return err
				}
				_, err = tx.PutCustomerOnCard(t.Context(), store.CardCustomer{CardID: card.ID, CustomerID: customer.ID})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := call(t, nil, []string{"migrate", "--check", "--database", url})
			want := "tenant " + made.Account + ", card " + card.ID + " in EUR: customer " + customer.ID + " has USD: it stays\n"
			if code != exitOK || stdout != want || stderr != "" {
				t.Errorf("exit %d: %s%s", code, stdout, stderr)
			}
			_, stdout, _ = call(t, nil, []string{"migrate", "--check", "--format", "json", "--database", url})
			var got struct{ Currencies []currencyMismatch }
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("%v: %s", err, stdout)
			}
			if one := (currencyMismatch{made.Account, card.ID, "customer", customer.ID, "EUR", "USD"}); !slices.Equal(got.Currencies, []currencyMismatch{one}) {
				t.Errorf("got %+v, want %+v", got.Currencies, one)
			}
		})
	}
}

// givenPast gives a user an external id that the store no longer accepts.
func givenPast(t *testing.T, url, user, id string) {
	t.Helper()
	s := storetest.Open(t, url, store.Options{})
	drop := "DROP TRIGGER IF EXISTS users_external_id_form_kept"
	if s.Dialect() == "postgres" {
		drop += " ON users"
	}
	for _, text := range []string{drop, "UPDATE users SET external_id = '" + id + "' WHERE id = '" + user + "'"} {
		if _, err := storetest.SQL(t, s).Exec(text); err != nil {
			t.Fatal(err)
		}
	}
}
