package upgrade

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"resellerd/store/storetest"
)

// secondsPer50k is the time that deploy/README.md promises for the migration of each
// 50,000 customers.
const secondsPer50k = 30

// TestAPopulatedStoreIsMigratedWhileTheReleaseServesIt fills a store with the
// released binary. While that keeps serving, the new binary migrates the store.
// RESELLERD_UPGRADE_FROM and RESELLERD_UPGRADE_TO name the binaries, and
// RESELLERD_UPGRADE_CUSTOMERS sets the size.
func TestAPopulatedStoreIsMigratedWhileTheReleaseServesIt(t *testing.T) {
	from, to := os.Getenv("RESELLERD_UPGRADE_FROM"), os.Getenv("RESELLERD_UPGRADE_TO")
	if from == "" || to == "" {
		t.Skip("skipped: needs the binary of the release before; run .ci/upgrade")
	}
	customers := 50_000
	if given := os.Getenv("RESELLERD_UPGRADE_CUSTOMERS"); given != "" {
		var err error
		if customers, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	for name, database := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return storetest.EmptyPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) { upgrade(t, from, to, database(t), customers) })
	}
}

func upgrade(t *testing.T, from, to, database string, customers int) {
	command(t, from, "migrate", "--database", database)
	f := founded(t, from, database)
	older := serve(t, from, database, f.Account)
	began := time.Now()
	fill(t, older, database, &f, customers)
	t.Logf("filled with %d customers in %.1f s; the release's /readyz says %d", customers, time.Since(began).Seconds(), older.readyz(t))

	busy := newLoad(t, older, f)
	busy.rounds(t, 3)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		busy.until(t, done)
	}()
	stop := sync.OnceFunc(func() {
		close(done)
		<-ended
	})
	t.Cleanup(stop) // before the binary is stopped
	took := migrated(t, to, database)
	stop()
	during := busy.told()
	busy.rounds(t, 20)
	t.Logf("migrated in %.2f s; the release answered %s meanwhile; its /readyz says %d now", took.Seconds(), during, older.readyz(t))
	if bound := time.Duration(max(1, customers/50_000)) * secondsPer50k * time.Second; took > bound {
		t.Errorf("the migration took %s, more than %s", took, bound)
	}

	newer := serve(t, to, database, f.Account)
	if status := newer.readyz(t); status != http.StatusOK {
		t.Errorf("the new binary's /readyz answers %d", status)
	}
	compare(t, older, newer, f)
	follow(t, older, newer, f)
	follow(t, newer, older, f)
	newLoad(t, newer, f).rounds(t, 3)
	busy.rounds(t, 3)
}

// migrated runs the new binary's migration and returns how long it took.
func migrated(t *testing.T, to, database string) time.Duration {
	t.Helper()
	began := time.Now()
	command(t, to, "migrate", "--database", database)
	return time.Since(began)
}

// compare asks both binaries the same questions. Their answers must be equal, except
// for values that are sealed anew each time.
func compare(t *testing.T, older, newer *sidecar, f founding) {
	t.Helper()
	for _, q := range f.reads() {
		before, after := older.ask(t, http.MethodGet, q.path, q.user, ""), newer.ask(t, http.MethodGet, q.path, q.user, "")
		if before.status != after.status || before.stable(t) != after.stable(t) {
			t.Errorf("%s %s: the release answers\n%d %s\nand the new binary\n%d %s", q.user, q.path,
				before.status, before.body, after.status, after.body)
		}
	}
}

// stable returns the body without cursors, tags and decision ids.
func (a answer) stable(t *testing.T) string {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	strip(document)
	withoutNames(document)
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutNames removes from /v1/me what the release did not show: the access by default,
// the names of user and account, and an area that it does not have.
func withoutNames(document any) {
	me, _ := document.(map[string]any)
	if _, is := me["mode"]; !is {
		return
	}
	delete(me, "default_access")
	delete(me, "name")
	account, _ := me["account"].(map[string]any)
	delete(account, "name")
	delete(account, "external_id")
	access, _ := me["access"].(map[string]any)
	delete(access, "webhook")
}

func strip(document any) {
	switch d := document.(type) {
	case map[string]any:
		for name, value := range d {
			if slices.Contains([]string{"next", "etag", "decision_id", "group_ends"}, name) || name == "external_id" && value == nil { // the release shows neither ends nor ids of groups
				delete(d, name)
			} else {
				strip(value)
			}
		}
	case []any:
		for _, value := range d {
			strip(value)
		}
	}
}

// follow disables a user through one binary, and waits until the other, which has
// cached the user, refuses. Each binary must notice the other's commits.
func follow(t *testing.T, writer, reader *sidecar, f founding) {
	t.Helper()
	user := writer.ask(t, http.MethodPost, "/v1/users", f.admin,
		fmt.Sprintf(`{"login":"%d@follow.example","groups":[%q]}`, time.Now().UnixNano(), f.Group)).field(t, "id")
	late := time.Now().Add(time.Minute)
	for reader.ask(t, http.MethodGet, "/v1/me", user, "").status != http.StatusOK {
		if time.Now().After(late) {
			t.Fatal("a new user is not noticed by the other binary within a minute")
		}
	}
	if a := writer.ask(t, http.MethodPatch, "/v1/users/"+user, f.admin, `{"status":"disabled"}`); a.status != http.StatusOK {
		t.Fatalf("disabling a user: %d %s", a.status, a.body)
	}
	began := time.Now()
	for reader.ask(t, http.MethodGet, "/v1/me", user, "").status != http.StatusForbidden {
		if time.Since(began) > time.Minute {
			t.Fatal("a disabled user is still allowed by the other binary after a minute")
		}
	}
	t.Logf("the other binary refuses a disabled user after %d ms", time.Since(began).Milliseconds())
}

func command(t *testing.T, binary string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(binary), args[0], err, cmd.Stderr)
	}
	return out
}

func founded(t *testing.T, binary, database string) founding {
	t.Helper()
	f := founding{admin: "admin"}
	out := command(t, binary, "init", "--database", database, "--company", "Halyard", "--login", "admin@halyard.example",
		"--external-id", f.admin, "--currency", "USD", "--format", "json")
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	return f
}
