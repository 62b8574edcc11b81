package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// eachCarrier runs a test on a store of each kind with a master and its first user.
func eachCarrier(t *testing.T, test func(t *testing.T, url string, made founded)) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			made, _ := found(t, url, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
			test(t, url, made)
		})
	}
}

func TestBreakGlassOnTheCommandLine(t *testing.T) {
	eachCarrier(t, func(t *testing.T, url string, made founded) {
		run := func(args ...string) (int, string, string) {
			return call(t, nil, append([]string{"user", "break-glass", "--database", url}, args...))
		}
		code, stdout, stderr := run("--login", "duty@halyard.example", "--external-id", "duty", "--reason", "the panel is down", "--format", "json")
		var user madeForEmergency
		if err := json.Unmarshal([]byte(stdout), &user); err != nil || code != exitOK || user.Group != made.Group || user.Until.IsZero() {
			t.Fatalf("exit %d, %v: %s%s", code, err, stdout, stderr)
		}
		st := storetest.Open(t, url, store.Options{})
		if subject, err := st.Subject(t.Context(), made.Account, "duty"); err != nil || subject.User.ID != user.User || !subject.BreakGlass {
			t.Errorf("%+v, %v", subject, err)
		}
		if code, stdout, stderr := run("--login", "other@halyard.example", "--reason", "the panel is down"); code != exitOK || !strings.Contains(stdout, "Send:    Resellerd-User: usr_") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
		for _, wrong := range [][]string{
			{"--login", "third@halyard.example"},
			{"--reason", "no login"},
			{"--login", "third@halyard.example", "--reason", "too long", "--for", "25h"},
		} {
			if code, stdout, stderr := run(wrong...); code != exitUsage {
				t.Errorf("%v: exit %d: %s%s", wrong, code, stdout, stderr)
			}
		}
		for _, wrong := range [][]string{
			{"--login", "third@halyard.example", "--reason", " "},
			{"--login", "duty@halyard.example", "--reason", "twice"},
			{"--login", "third@halyard.example", "--reason", "another group", "--group", "grp_absent"},
		} {
			if code, stdout, stderr := run(wrong...); code != exitError {
				t.Errorf("%v: exit %d: %s%s", wrong, code, stdout, stderr)
			}
		}
		absent := "sqlite:" + filepath.Join(t.TempDir(), "absent.db")
		if code, _, stderr := call(t, nil, []string{"user", "break-glass", "--database", absent, "--login", "a@b.example", "--reason", "x"}); code != exitUsage || !strings.Contains(stderr, "no such file") {
			t.Errorf("exit %d: %s", code, stderr)
		}
	})
}

// During an upgrade, an emergency must not stop the servers of the earlier release either,
// unless somebody says so.
func TestMigrateFinishLetsRightsEnd(t *testing.T) {
	eachCarrier(t, func(t *testing.T, url string, _ founded) {
		st := storetest.Open(t, url, store.Options{})
		value := map[string]string{"sqlite": "x'000000000000000A'", "postgres": "'\\x000000000000000A'"}[st.Dialect()]
		if _, err := storetest.SQL(t, st).Exec("UPDATE settings SET value = " + value + " WHERE name IN ('min_reader', 'min_writer')"); err != nil {
			t.Fatal(err)
		}
		args := []string{"user", "break-glass", "--database", url, "--login", "duty@halyard.example", "--reason", "the panel is down"}
		if code, _, stderr := call(t, nil, args); code != exitError || !strings.Contains(stderr, "resellerd migrate --finish") {
			t.Errorf("exit %d: %s", code, stderr)
		}
		if code, _, stderr := call(t, nil, []string{"migrate", "--check", "--finish", "--database", url}); code != exitUsage {
			t.Errorf("exit %d: %s", code, stderr)
		}
		if code, _, stderr := call(t, nil, []string{"migrate", "--finish", "--database", url}); code != exitOK {
			t.Errorf("exit %d: %s", code, stderr)
		}
		if code, _, stderr := call(t, nil, args); code != exitOK {
			t.Errorf("exit %d: %s", code, stderr)
		}
	})
}

func TestEraseOnTheCommandLine(t *testing.T) {
	eachCarrier(t, func(t *testing.T, url string, made founded) {
		st := storetest.Open(t, url, store.Options{})
		var user, twin store.User
		err := st.Write(t.Context(), made.Account, func(tx *store.Tx) (err error) {
			if user, err = tx.CreateUser(t.Context(), store.User{AccountID: made.Account, Login: "zoe@halyard.example", Name: "Zoe", ExternalID: "zoe-1", Groups: []string{made.Group}}); err != nil {
				return err
			}
			reseller, err := tx.CreateAccount(t.Context(), store.Account{ParentID: made.Account, Kind: store.Reseller, Name: "Reseller"})
			if err != nil {
				return err
			}
			group, err := tx.CreateGroup(t.Context(), store.Group{AccountID: reseller.ID, Name: "Group", DefaultAccess: "r"})
			if err != nil {
				return err
			}
			twin, err = tx.CreateUser(t.Context(), store.User{AccountID: reseller.ID, Login: "zoe@halyard.example", Groups: []string{group.ID}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) (int, string, string) {
			return call(t, nil, append([]string{"user", "erase", "--database", url}, args...))
		}
		// Another user has the same login: the erasure is done, and says so.
		code, stdout, stderr := run(user.ID)
		if code != exitError || !strings.Contains(stdout, "and disabled") || !strings.Contains(stdout, "still has the same login") || !strings.Contains(stderr, "erase that user, too") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
		var erased store.Erased
		code, stdout, stderr = run(twin.ID, "--format", "json")
		if err := json.Unmarshal([]byte(stdout), &erased); err != nil || code != exitOK || erased.Searched == 0 || len(erased.Found) > 0 {
			t.Errorf("exit %d, %v: %s%s", code, err, stdout, stderr)
		}
		if code, stdout, _ := run(user.ID); code != exitOK || !strings.Contains(stdout, "nothing was left to replace; an earlier run searched on 20") {
			t.Errorf("again: exit %d: %s", code, stdout)
		}
		// A run that replaced everything was interrupted before it had searched.
		if _, err := storetest.SQL(t, st).Exec("UPDATE erased_users SET searched_at = NULL"); err != nil {
			t.Fatal(err)
		}
		if code, stdout, stderr := run(user.ID); code != exitError || !strings.Contains(stderr, "nothing proves that") {
			t.Errorf("without a search: exit %d: %s%s", code, stdout, stderr)
		}
		if code, _, stderr := run(made.User); code != exitError || !strings.Contains(stderr, "give it to another user first") {
			t.Errorf("the last administrator: exit %d: %s", code, stderr)
		}
		if code, _, stderr := run(store.RandomID("user")); code != exitError || !strings.Contains(stderr, "not found") {
			t.Errorf("nobody: exit %d: %s", code, stderr)
		}
		for _, text := range []string{"id", "zoe@halyard.example", "usr_nobody"} {
			if code, _, stderr := run(text); code != exitError || !strings.Contains(stderr, "not the id of a user") {
				t.Errorf("%s: exit %d: %s", text, code, stderr)
			}
		}
		if code, _, _ := run(); code != exitUsage {
			t.Errorf("no user: exit %d", code)
		}
	})
}
