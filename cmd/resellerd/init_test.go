package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// found runs init and returns what it made, or its exit code.
func found(t *testing.T, database string, args ...string) (founded, int) {
	t.Helper()
	args = append([]string{"init", "--database", database, "--format", "json"}, args...)
	code, stdout, _ := call(t, nil, args)
	var made founded
	if code == exitOK {
		if err := json.Unmarshal([]byte(stdout), &made); err != nil {
			t.Fatal(err)
		}
	}
	return made, code
}

func TestInitMakesACarrierOnceAndCanBeRunAgain(t *testing.T) {
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			first := []string{"--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin"}
			made, code := found(t, url, first...)
			if code != exitOK || !made.Created || made.Account == "" || made.Group == "" || made.User == "" {
				t.Fatalf("exit %d, made %+v", code, made)
			}
			st := storetest.Open(t, url, store.Options{})
			if subject, err := st.Subject(t.Context(), made.Account, made.User); err != nil || !subject.Account.ListedAreas {
				t.Error("the new carrier does not list the areas of its resellers")
			}
			again, code := found(t, url, first...)
			made.Created = false
			if code != exitOK || again != made {
				t.Errorf("again: exit %d, %+v, want %+v", code, again, made)
			}
			if _, code := found(t, url, "--company", "Halyard", "--login", "eve@halyard.example"); code != exitError {
				t.Errorf("another user of that carrier: exit %d, want a refusal", code)
			}
			if _, code := found(t, url, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "eve"); code != exitError {
				t.Errorf("that login under another external id: exit %d, want a refusal", code)
			}
			second := []string{"--company", "Halyrad", "--login", "admin@halyard.example"}
			if _, code := found(t, url, second...); code != exitError {
				t.Errorf("a second carrier by mistake: exit %d, want a refusal", code)
			}
			other, code := found(t, url, append(second, "--another")...)
			if code != exitOK || !other.Created || other.Account == made.Account {
				t.Errorf("a second carrier on purpose: exit %d, %+v", code, other)
			}
		})
	}
}

func TestPostgreSQLIsMigratedOnlyWhenTold(t *testing.T) {
	url := storetest.EmptyPostgres(t)
	args := []string{"--company", "Halyard", "--login", "admin@halyard.example"}
	if _, code := found(t, url, args...); code != exitError {
		t.Errorf("init without a schema: exit %d, want an error", code)
	}
	code, _, stderr := call(t, nil, []string{"serve", "--panel-tokens", "t", "--database", url})
	if code != exitError {
		t.Errorf("serve without a schema: exit %d: %s", code, stderr)
	}
	if made, code := found(t, url, append(args, "--migrate")...); code != exitOK || !made.Created {
		t.Errorf("init with --migrate: exit %d, %+v", code, made)
	}
	if code, _, stderr := call(t, nil, []string{"migrate", "--database", url}); code != exitOK {
		t.Errorf("migrate on a current schema: exit %d: %s", code, stderr)
	}
}
