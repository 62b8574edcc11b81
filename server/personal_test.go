package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	neturl "net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// lockedBuffer is a log that a test reads while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The audit trail holds no name, login and external id of a user, whatever is done to
// users and by them.
func TestTheAuditTrailHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 9))
		planted := []string{}
		plant := func(form string) string {
			text := fmt.Sprintf(form, fmt.Sprintf("planted%d", len(planted)))
			planted = append(planted, text)
			return text
		}
		var made []string
		for range depth.Runs(40) {
			actor := []string{"m", "a", "b"}[r.IntN(3)]
			id := "{" + []string{"a2", "b2", "clerk", "c"}[r.IntN(4)] + "}"
			if len(made) > 0 && r.IntN(2) == 0 {
				id = made[r.IntN(len(made))]
			}
			switch r.IntN(7) {
			case 6:
				networks := fmt.Sprintf("2001:db8:%x::/48", 0x1000+len(planted))
				planted = append(planted, networks)
				w.do("m", "PATCH", "/v1/users/"+id, fmt.Sprintf(`{"ip_allow":[%q]}`, networks))
			case 0:
				got := w.do(actor, "POST", "/v1/users", fmt.Sprintf(`{"login":%q,"name":%q,"groups":["{M.default}"],"account_id":"{A}"}`, plant("%s@example.com"), plant("Anna \"%s\" Lund")))
				if got.status == 201 {
					made = append(made, got.object()["id"].(string))
				}
			case 1:
				w.do("m", "PATCH", "/v1/users/"+id, fmt.Sprintf(`{"external_id":%q}`, plant("ext-%s")))
			case 2:
				w.do(actor, "PATCH", "/v1/users/"+id, fmt.Sprintf(`{"name":%q,"login":%q}`, plant("<%s>"), plant("%s@example.com")))
			case 3:
				w.get(actor, "/v1/preview/"+id)
			case 4:
				w.do("m", "DELETE", "/v1/users/"+id, "")
			case 5:
				w.do(actor, "POST", "/v1/accounts", fmt.Sprintf(`{"name":"New","user":{"login":%q,"name":%q,"groups":["{M.default}"]}}`, plant("%s@example.com"), plant("Owner %s")))
			}
		}
		rows, err := storetest.SQL(t, w.store).Query("SELECT COALESCE(change, '') FROM audit_entries")
		must(t, err)
		defer rows.Close()
		n, people := 0, []string{secret("A", "name of a2"), secret("A", "a2") + "@example.com", secret("A", "external a2"), "planted0", "planted1", "planted2"}
		for rows.Next() {
			var text string
			must(t, rows.Scan(&text))
			n++
			for _, one := range append(people, planted...) {
				if strings.Contains(text, one) {
					t.Errorf("RESELLERD_TEST_SEED=%d: %q is in %s", depth.FirstSeed(), one, text)
				}
			}
		}
		must(t, rows.Err())
		if n == 0 {
			t.Error("no entry was written")
		}
	})
}

// The decision log holds no name, login and external id of a user, in none of the forms of
// a question, although requests name users by their external ids.
func TestTheDecisionLogHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			log := &lockedBuffer{}
			w := newWorld(t, url(t), engineOf(t, 1), seedWorld, WithDecisionWriter(log))
			for _, viewer := range []string{"m", "a", "clerk"} {
				w.seenBy(viewer)
			}
			external := secret("A", "external a2")
			w.do("a2", "GET", "/v1/users", "", headerUser, external).want(200)
			w.do("m", "POST", "/access/v1/evaluation", fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"update"},"resource":{"type":"user","id":"{a2}"}}`, external)).want(200)
			// Users that are refused, and users that the store does not know.
			w.do("m", "PATCH", "/v1/users/{b2}", `{"status":"disabled"}`).want(200)
			for _, named := range []string{secret("B", "external b2"), "nobody-4712", "nobody@example.com"} {
				w.do("a2", "GET", "/v1/users", "", headerUser, named).want(403)
				w.do("m", "GET", "/v1/users", "", headerAs, named)
				w.get("m", "/v1/preview/"+neturl.PathEscape(named))
				w.do("m", "POST", "/access/v1/evaluation", fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"user","id":%q}}`, named, named)).want(200)
				w.do("m", "POST", "/access/v1/search/resource", fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer"}}`, named)).want(200)
				w.do("m", "POST", "/v1/filters", fmt.Sprintf(`{"user":%q,"action":"read","area":"cdr","dialect":"postgres","columns":{"account_id":"a"}}`, named))
			}
			w.do("m", "PATCH", "/v1/users/{a2}", `{"name":"Planted Person","login":"planted@example.com","external_id":"planted-4711"}`).want(200)
			w.do("m", "GET", "/v1/users?name_contains=planted", "").want(200)
			w.do("m", "GET", "/v1/audit", "").want(200)
			last := w.get("m", "/v1/me").want(200).header.Get(headerDecisionID)
			soon(t, "the last entry", func() bool { return strings.Contains(log.String(), last) })
			text := log.String()
			people := []string{"Planted Person", "planted@example.com", "planted-4711", "nobody-4712", "nobody@example.com"}
			for _, user := range []string{"m", "clerk", "a", "a2", "b", "b2", "c", "n"} {
				owner := strings.ToUpper(user[:1])
				if user == "clerk" {
					owner = "M"
				}
				people = append(people, secret(owner, "name of "+user), secret(owner, user)+"@", secret(owner, "external "+user))
			}
			for _, one := range people {
				if at := strings.Index(text, one); at >= 0 {
					t.Errorf("%q is in the log: …%s", one, text[max(0, at-300):at+len(one)])
				}
			}
		})
	}
}

// An erased user is found in no table by what it was called, but still by its id.
func TestAnErasedUserIsFoundNowhere(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/users/{a2}", `{"name":"Zoë \"Z\" <Åkesson>","login":"zoe@example.com","external_id":"zoe-4711"}`).want(200)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"name":"Zoë Lind","external_id":"zoe-4712"}`, "Idempotency-Key", "one").want(200)
		// An entry as releases before wrote it.
		w.write(w.id("M"), func(tx *store.Tx) error {
			_, err := tx.Audit(t.Context(), store.AuditEntry{AccountID: w.id("A"), ResourceType: "user", ResourceID: w.id("a2"), Action: "update",
				Change: []byte(`{"columns":{"name":{"before":"Zoë Früher","after":"Zoë Lind"}},"row":{"id":"` + w.id("a2") + `","external_id":"zoe-4700"}}`)})
			return err
		})
		// A commit so large that its changes are in packs.
		few := storetest.Open(t, storetest.URL(t, w.store), store.Options{MaxChanges: 5})
		must(t, few.Write(t.Context(), w.id("M"), func(tx *store.Tx) error {
			for n := range 10 {
				patch := store.UserPatch{IPAllow: &[]string{fmt.Sprintf("2001:db8:%d::/48", n)}}
				if _, err := tx.UpdateUser(t.Context(), w.id([]string{"a2", "b2"}[n%2]), patch); err != nil {
					return err
				}
				if _, err := tx.CreateUser(t.Context(), store.User{AccountID: w.id("A"), Login: fmt.Sprintf("many%d@example.com", n), Groups: []string{w.id("M.default")}}); err != nil {
					return err
				}
			}
			return nil
		}))
		var n int
		must(t, storetest.SQL(t, w.store).QueryRow("SELECT count(*) FROM change_packs WHERE id = '"+w.id("a2")+"' AND row_after LIKE '%zoe-4712%'").Scan(&n))
		if n != 1 {
			t.Errorf("the large commit has %d changes of the user", n)
		}
		w.do("m", "PATCH", "/v1/users/{a2}", `{"ip_allow":["2001:db8:77::/48"]}`).want(200)
		gone := []string{"Zoë", "2001:db8:77::/48", "2001:db8:8::/48", "zoe@", "zoe-471", "zoe-4700", "Früher", "Åkesson", secret("A", "name of a2")}
		found := func() (all []string) {
			for _, table := range tablesOf(t, w) {
				for _, text := range gone {
					if strings.Contains(table, text) {
						all = append(all, text)
					}
				}
			}
			return all
		}
		if before := found(); len(before) == 0 {
			t.Fatal("nothing is there to erase")
		}
		e, err := w.store.EraseUser(t.Context(), w.id("M"), w.id("a2"))
		must(t, err)
		if left := found(); len(left) > 0 || len(e.Found) > 0 || e.Left() {
			t.Errorf("still there: %v, %+v", left, e)
		}
		if !slices.ContainsFunc(e.Kept, func(k store.Trace) bool { return k.Table == "audit_entries" }) || e.Entries == 0 {
			t.Errorf("kept: %+v", e)
		}
		row := w.get("m", "/v1/users/{a2}").want(200).object()
		if row["status"] != "disabled" || row["login"] != e.Pseudonym+"@erased.invalid" || row["external_id"] != e.Pseudonym {
			t.Errorf("the row: %v", row)
		}
		again, err := w.store.EraseUser(t.Context(), w.id("M"), w.id("a2"))
		if err != nil || again.Entries != 0 || again.Left() || again.Searched != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		w.do("m", "DELETE", "/v1/users/{b2}", "").want(204)
		if e, err = w.store.EraseUser(t.Context(), w.id("M"), w.id("b2")); err != nil || e.Left() {
			t.Errorf("a deleted user: %+v, %v", e, err)
		}
		if _, err = w.store.EraseUser(t.Context(), w.id("M"), w.id("m")); err == nil {
			t.Error("the last administrator was erased")
		}
		// No other entry can be rewritten.
		for _, text := range []string{
			"UPDATE audit_entries SET change = NULL WHERE resource_type = 'user' AND resource_id = '" + w.id("a") + "'",
			"UPDATE audit_entries SET action = 'x' WHERE resource_id = '" + w.id("a2") + "'",
			"UPDATE audit_entries SET change = NULL WHERE resource_type <> 'user'",
		} {
			w.do("m", "PATCH", "/v1/users/{a}", fmt.Sprintf(`{"name":%q}`, time.Now())).want(200)
			w.do("m", "PATCH", "/v1/customers/{acme}", fmt.Sprintf(`{"name":%q}`, time.Now())).want(200)
			if _, err := storetest.SQL(t, w.store).Exec(text); err == nil || !strings.Contains(err.Error(), "audit_kept") {
				t.Errorf("%s: %v", text, err)
			}
		}
		// A deleted user of whom only changes are kept.
		w.do("m", "PATCH", "/v1/users/{clerk}", `{"name":"Former Clerk","external_id":"former-clerk"}`).want(200)
		w.do("m", "DELETE", "/v1/users/{clerk}", "").want(204)
		w.pass(time.Minute)
		_, err = w.store.Prune(t.Context(), store.Keep{Audit: time.Second})
		must(t, err)
		gone = []string{"Former Clerk", "former-clerk"}
		if before := found(); len(before) == 0 {
			t.Fatal("nothing of the deleted user is kept")
		}
		if e, err = w.store.EraseUser(t.Context(), w.id("M"), w.id("clerk")); err != nil || e.Left() || e.Changes == 0 || len(found()) > 0 {
			t.Errorf("a deleted user without audit entries: %+v, %v: %v", e, err, found())
		}
	})
}

// What is not the id of a user of the tenant erases nobody, and changes nothing. An erasure
// touches no row of another tenant.
func TestOnlyUsersOfTheTenantAreErased(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/users/{a2}", `{"login":"zoe@example.com","external_id":"zoe"}`, "Idempotency-Key", "one").want(200)
		w.do("n", "PATCH", "/v1/users/{r}", `{"name":"Rita"}`, "Idempotency-Key", "two").want(200)
		w.do("n", "POST", "/v1/customers", `{"name":"`+w.id("a2")+`"}`, "Idempotency-Key", "three").want(201)
		w.do("m", "DELETE", "/v1/customers/{apex}", "", "Idempotency-Key", "four").want(204)
		state := func() string { return strings.Join(tablesOf(t, w), "\n") }
		before := state()
		full := w.id("a2")
		for _, id := range []string{
			"", "i", "id", "usr_", "user", "zoe", "zoe@example.com", w.id("A"), w.id("acme"), full[4:], full[:29], full + "a", " " + full, strings.ToUpper(full),
			"usr_" + strings.Repeat("1", 26), "usr_" + strings.Repeat("a", 26), w.id("r"), w.id("n"),
		} {
			if e, err := w.store.EraseUser(t.Context(), w.id("M"), id); err == nil {
				t.Errorf("%q was erased: %+v", id, e)
			}
		}
		if _, err := w.store.EraseUser(t.Context(), w.id("N"), full); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("by another tenant: %v", err)
		}
		if after := state(); after != before {
			t.Errorf("something has changed: %s\n%s", before, after)
		}
		kept := strings.Count(before, `{"action"`)
		e, err := w.store.EraseUser(t.Context(), w.id("M"), full)
		must(t, err)
		if left := strings.Count(state(), `{"action"`); e.Answers != 1 || kept < 4 || left != kept-1 {
			t.Errorf("of %d answers, %d are left: %+v", kept, left, e)
		}
	})
}

// A user may have had any number of networks, and each is searched for.
func TestManyTextsOfAUserAreErased(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		networks := make([]string, 1000)
		for i := range networks {
			networks[i] = fmt.Sprintf("2001:db8:%x::/48", i)
		}
		w.write(w.id("M"), func(tx *store.Tx) error {
			_, err := tx.UpdateUser(t.Context(), w.id("a2"), store.UserPatch{IPAllow: &networks})
			if err == nil {
				_, err = tx.UpdateUser(t.Context(), w.id("b2"), store.UserPatch{IPAllow: &[]string{networks[999]}})
			}
			return err
		})
		e, err := w.store.EraseUser(t.Context(), w.id("M"), w.id("a2"))
		if err != nil || e.Searched < 1000 || e.Left() {
			t.Fatalf("searched for %d: %v", e.Searched, err)
		}
		if !slices.ContainsFunc(e.Found, func(f store.Trace) bool { return f.Table == "users" && f.Of == "ip_allow" && f.Rows == 1 }) {
			t.Errorf("the network of another user is not found: %+v", e.Found)
		}
	})
}

// An erasure that is interrupted before it has searched once has replaced nothing. One that is
// interrupted later can be repeated, and tells whether its search has proved anything.
func TestAnErasureMayBeInterrupted(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var searches, replaced atomic.Int64
		stopAt, stop := int64(-1), func() {}
		heard := storetest.Statements{Before: func(text string) {
			if strings.HasPrefix(text, "UPDATE users SET") {
				replaced.Add(1)
			}
			if strings.HasPrefix(text, `SELECT count(*) AS n FROM "`) && searches.Add(1) == stopAt {
				stop()
			}
		}}
		st := storetest.Open(t, storetest.URL(t, w.store), store.Options{Wrap: heard.Wrap})
		erase := func(id string, at int64) (store.Erased, error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			searches.Store(0)
			replaced.Store(0)
			stopAt, stop = at, cancel
			return st.EraseUser(ctx, w.id("M"), w.id(id))
		}
		e, err := erase("b2", -1)
		if err != nil || e.Searched == 0 || replaced.Load() == 0 {
			t.Fatalf("%+v, %v", e, err)
		}
		all := searches.Load()
		before := strings.Join(tablesOf(t, w), "\n")
		for _, at := range []int64{1, all / 4, all / 2} {
			if _, err := erase("a2", at); err == nil || replaced.Load() > 0 || before != strings.Join(tablesOf(t, w), "\n") {
				t.Errorf("search %d of %d: %v, %d rows replaced", at, all, err, replaced.Load())
			}
		}
		if _, err := erase("a2", all); err == nil || replaced.Load() == 0 {
			t.Errorf("the last search: %v, %d rows replaced", err, replaced.Load())
		}
		if e, err := erase("a2", -1); err != nil || e.Searched != 0 || e.Earlier != 0 {
			t.Errorf("after an interrupted search: %+v, %v", e, err)
		}
		w.do("m", "PATCH", "/v1/users/{a2}", `{"name":"Zoe","login":"zoe@example.com"}`).want(200)
		if e, err := erase("a2", -1); err != nil || e.Searched != 2 || e.Left() {
			t.Errorf("with new texts: %+v, %v", e, err)
		}
		if e, err := erase("a2", -1); err != nil || e.Searched != 0 || e.Earlier == 0 {
			t.Errorf("again: %+v, %v", e, err)
		}
	})
}

// tablesOf returns the texts of the tables that hold something of users.
func tablesOf(t *testing.T, w *world) (all []string) {
	t.Helper()
	db := storetest.SQL(t, w.store)
	for _, text := range []string{
		"SELECT id, external_id, login, name, login_key, folded FROM users", "SELECT id, change FROM audit_entries",
		"SELECT id, row_before, row_after, changed FROM changes", "SELECT id, row_before, row_after, changed FROM change_packs", "SELECT scope_hash, body FROM idempotency_keys", "SELECT user_id, tenant_id FROM erased_users",
	} {
		rows, err := db.Query(text)
		must(t, err)
		names, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			cells, into := make([][]byte, len(names)), make([]any, len(names))
			for i := range cells {
				into[i] = &cells[i]
			}
			must(t, rows.Scan(into...))
			all = append(all, string(bytes.Join(cells, []byte(" "))))
		}
		must(t, rows.Err())
		must(t, rows.Close())
	}
	return all
}
