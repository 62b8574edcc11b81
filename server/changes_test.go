package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/fair"
	"resellerd/server/feed"
	"resellerd/store"
	"resellerd/store/storetest"
)

// told asks for changes and reads the answer.
func (w *world) told(user, query string, headers ...string) changesBody {
	w.t.Helper()
	return toldIn(w.do(user, "GET", "/v1/changes"+query, "", headers...).want(200))
}

func toldIn(a answered) (body changesBody) {
	a.t.Helper()
	must(a.t, json.Unmarshal([]byte(a.body), &body))
	return body
}

var listPaths = map[string]string{"account": "/v1/accounts", "card": "/v1/cards", "customer": "/v1/customers", "group": "/v1/groups", "user": "/v1/users"}

// shownTo returns the rows that a user's lists show, by kind and id, and /v1/me.
func (w *world) shownTo(user string) map[string]string {
	w.t.Helper()
	rows := map[string]string{"me": w.get(user, "/v1/me").body}
	for kind, path := range listPaths {
		got := w.get(user, path+"?limit=1000")
		if got.status != 200 {
			continue
		}
		for _, row := range got.items() {
			text, err := json.Marshal(row)
			must(w.t, err)
			rows[kind+" "+row["id"].(string)] = string(text)
		}
	}
	return rows
}

// itemsOf returns the items that turn what lists showed into what they show.
func itemsOf(before, after map[string]string) map[feed.Item]bool {
	items := map[feed.Item]bool{}
	for _, side := range []map[string]string{before, after} {
		for at := range side {
			if kind, id, row := strings.Cut(at, " "); row && before[at] != after[at] {
				items[feed.Item{Kind: kind, ID: id, Gone: after[at] == ""}] = true
			}
		}
	}
	return items
}

// randomWrite asks for one write, which may be refused.
func randomWrite(w *world, r *rand.Rand) answered {
	text := drawn(r, []string{"one", "two", "three"})
	field := func(names ...string) string { return fmt.Sprintf(`{%q:%q}`, drawn(r, names), text) }
	user := drawn(r, []string{"m", "m", "a", "b", "n"})
	switch r.IntN(12) {
	case 0, 1:
		return w.do(user, "PATCH", "/v1/customers/{"+drawn(r, []string{"acme", "apex", "bolt", "mega", "rune"})+"}", field("name", "notes"))
	case 2, 3:
		return w.do(user, "PATCH", "/v1/cards/{"+drawn(r, []string{"gold", "silver", "bronze", "upstream", "retail", "bulk"})+"}", field("name", "public_name", "notes", "public_notes"))
	case 4:
		return w.do(user, "PATCH", "/v1/accounts/{"+drawn(r, []string{"M", "A", "B", "C"})+"}", field("name", "public_name"))
	case 5:
		return w.do(user, "PATCH", "/v1/users/{"+drawn(r, []string{"m", "a", "a2", "b", "clerk"})+"}", field("name"))
	case 6:
		return w.do(user, "PUT", "/v1/cards/{"+drawn(r, []string{"gold", "silver", "bronze"})+"}/assignments/{"+drawn(r, []string{"A", "B", "C"})+"}", "")
	case 7:
		return w.do(user, "DELETE", "/v1/cards/{"+drawn(r, []string{"gold", "silver", "bronze"})+"}/assignments/{"+drawn(r, []string{"A", "B", "C"})+"}", "")
	case 8:
		return w.do(user, drawn(r, []string{"PUT", "DELETE"}), "/v1/cards/{"+drawn(r, []string{"gold", "retail", "bulk"})+"}/customers/{"+drawn(r, []string{"acme", "bolt", "mega"})+"}", "")
	case 9:
		w.name(fmt.Sprint("made ", r.IntN(1e9)))
		return w.do(user, "POST", "/v1/customers", field("name"))
	case 10:
		return w.do("m", "PATCH", "/v1/groups/{"+drawn(r, []string{"A.agents", "A.default", "all"})+"}", field("name", "public_name"))
	}
	return w.do(user, "DELETE", "/v1/customers/{"+drawn(r, []string{"apex", "brio", "crux"})+"}", "")
}

// What a viewer is told of a write is what its lists show of it, no less and no more. A
// reset follows something that the viewer sees, and nothing else.
func TestChangesAreThoseThatListsShow(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 15))
		viewers, cursors, met := []string{"m", "clerk", "a", "b", "c", "n"}, map[string]string{}, map[string]int{}
		for _, viewer := range viewers {
			cursors[viewer] = w.told(viewer, "").Cursor
		}
		for n := range depth.Runs(60) {
			w.pass(time.Minute)
			before := map[string]map[string]string{}
			for _, viewer := range viewers {
				before[viewer] = w.shownTo(viewer)
			}
			asked := randomWrite(w, r)
			for _, viewer := range viewers {
				after := w.shownTo(viewer)
				items, same := itemsOf(before[viewer], after), maps.Equal(before[viewer], after)
				got := w.told(viewer, "?wait=0&after="+cursors[viewer])
				told := map[feed.Item]bool{}
				for _, item := range got.Items {
					told[item] = true
				}
				at := fmt.Sprintf("RESELLERD_TEST_SEED=%d, write %d, %s (%d), %s", depth.FirstSeed(), n, asked.what, asked.status, viewer)
				switch {
				case same && (got.Reset || len(told) > 0 || got.Cursor != cursors[viewer]):
					t.Fatalf("%s: told %+v of nothing", at, got)
				case same:
					met["nothing"]++
				case got.Reset && len(told) == 0:
					met["reset"]++
				case !reflect.DeepEqual(told, items):
					t.Fatalf("%s: told %v, want %v", at, told, items)
				default:
					met["items"]++
				}
				cursors[viewer] = got.Cursor
			}
		}
		if met["nothing"] == 0 || met["reset"] == 0 || met["items"] == 0 {
			t.Errorf("some answers were never given: %v", met)
		}
	})
}

// polled is a poll in progress.
func (w *world) poll(user, query string) <-chan answered {
	got := make(chan answered, 1)
	go func() { got <- w.do(user, "GET", "/v1/changes"+query, "") }()
	return got
}

func TestAPollWakesForVisibleChangesAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("a", "").Cursor
		got := w.poll("a", "?wait=60&after="+cursor)
		w.do("b", "PATCH", "/v1/customers/{bolt}", `{"name":"Unseen"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"notes":"Unseen"}`).want(200)
		select {
		case a := <-got:
			t.Fatalf("a change that the user does not see: %s", a.body)
		case <-time.After(400 * time.Millisecond):
		}
		if held, _ := w.server.limiter.polls.Count(); held != 1 {
			t.Errorf("%d polls are counted, want 1", held)
		}
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"Seen"}`).want(200)
		if a := toldIn((<-got).want(200)); !slices.Equal(a.Items, []feed.Item{{Kind: "customer", ID: w.id("acme")}}) {
			t.Errorf("told %+v", a)
		}
		if again := w.told("a", "?wait=0&after="+cursor); len(again.Items) != 1 || again.Reset {
			t.Errorf("the same question again: %+v", again)
		}
	})
}

func TestAWaitingPollEndsWithItsUser(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("a2", "").Cursor
		got := w.poll("a2", "?wait=60&after="+cursor)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"status":"disabled"}`).want(200)
		(<-got).refused(403, "unknown_user")
		w.do("a2", "GET", "/v1/changes?wait=0&after="+cursor, "").refused(403, "unknown_user")
	})
}

func TestNewRightsPoliciesAndOldCursorsReset(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		resets := func(about string, cursor string, change func()) {
			t.Helper()
			got := w.poll("a", "?wait=60&after="+cursor)
			change()
			if a := toldIn((<-got).want(200)); !a.Reset || len(a.Items) > 0 || a.Cursor == cursor {
				t.Errorf("%s: %+v", about, a)
			}
		}
		resets("an assignment ends", w.told("a", "").Cursor, func() { w.do("m", "DELETE", "/v1/cards/{gold}/assignments/{A}", "").want(204) })
		resets("an assignment begins", w.told("a", "").Cursor, func() { w.do("m", "PUT", "/v1/cards/{gold}/assignments/{A}", "").want(200) })
		resets("the account may do less", w.told("a", "").Cursor, func() {
			w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"]}}`).want(200)
		})
		cursor := w.told("a", "").Cursor
		engine := w.server.engines.Current()
		resets("another policy", cursor, func() { w.server.engines.Swap(engineOf(t, 3)) })
		w.server.engines.Swap(engine)
		if a := w.told("a", "?wait=0&after="+cursor); a.Reset {
			t.Errorf("the same policy again: %+v", a)
		}
		w.pass(8 * 24 * time.Hour)
		if a := w.told("a", "?wait=0&after="+cursor); !a.Reset {
			t.Errorf("a cursor of long ago: %+v", a)
		}
	})
}

// A reader goes on after changes were deleted that it was not told. It asked lately, but for
// one item of many.
func TestAReaderWhoseNextChangesAreGoneBeginsAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("a", "").Cursor
		for _, name := range []string{"one", "two", "three"} {
			w.do("a", "PATCH", "/v1/customers/{acme}", fmt.Sprintf(`{"name":%q}`, name)).want(200)
			w.pass(time.Hour)
		}
		behind, whole := w.told("a", "?wait=0&limit=1&after="+cursor), w.told("a", "?wait=0&after="+cursor)
		w.pass(w.server.cfg.Keep.Changes - 90*time.Minute)
		_, err := w.store.Prune(tctx, w.server.cfg.Keep)
		must(t, err)
		if a := w.told("a", "?wait=0&after="+behind.Cursor); !a.Reset {
			t.Errorf("behind: %+v", a)
		}
		if a := w.told("a", "?wait=0&after="+whole.Cursor); a.Reset {
			t.Errorf("told everything: %+v", a)
		}
	})
}

// An assignment that was made for later begins and ends without a write.
func TestAnAssignmentByTheClockResets(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		from, to := w.clock().Add(time.Hour), w.clock().Add(2*time.Hour)
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", fmt.Sprintf(`{"valid_from":%q,"valid_to":%q}`, from.Format(time.RFC3339), to.Format(time.RFC3339))).want(200)
		cursor := w.told("c", "").Cursor
		for _, test := range []struct {
			pass  time.Duration
			reset bool
		}{{30 * time.Minute, false}, {40 * time.Minute, true}, {10 * time.Minute, false}, {time.Hour, true}, {time.Hour, false}} {
			w.pass(test.pass)
			a := w.told("c", "?wait=0&after="+cursor)
			if a.Reset != test.reset {
				t.Errorf("%s: %+v", w.clock(), a)
			}
			if b := w.told("b", "?wait=0&after="+w.told("b", "").Cursor); b.Reset {
				t.Errorf("%s: another account: %+v", w.clock(), b)
			}
			cursor = a.Cursor
		}
	})
}

// The clock begins an assignment while a reader waits, and then a row changes that the
// reader sees.
func TestAnAssignmentByTheClockResetsAReaderWhoIsToldOfRows(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", fmt.Sprintf(`{"valid_from":%q}`, w.clock().Add(time.Hour).Format(time.RFC3339))).want(200)
		got := w.poll("c", "?wait=60&after="+w.told("c", "").Cursor)
		time.Sleep(400 * time.Millisecond) // the poll has found nothing
		w.pass(2 * time.Hour)
		w.do("m", "PATCH", "/v1/customers/{crux}", `{"name":"Seen"}`).want(200)
		if a := toldIn((<-got).want(200)); !a.Reset {
			t.Errorf("told %+v, want a reset", a)
		}
	})
}

// A program of an earlier release writes without a change.
func TestAWriteOfAnOlderProgramResets(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		older := func() {
			_, err := storetest.SQL(t, w.store).ExecContext(tctx, "UPDATE data_revision SET n = n + 1")
			must(t, err)
		}
		waiting := w.poll("a", "?wait=60&after="+w.told("a", "").Cursor)
		time.Sleep(400 * time.Millisecond) // the poll has found nothing
		older()
		first := toldIn((<-waiting).want(200))
		older()
		w.do("m", "PATCH", "/v1/customers/{bolt}", `{"name":"Unseen"}`).want(200)
		second := w.told("a", "?wait=0&after="+first.Cursor)
		if !first.Reset || !second.Reset {
			t.Errorf("told %+v and %+v, want resets", first, second)
		}
		cursor := second.Cursor
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"Seen"}`).want(200)
		if a := w.told("a", "?wait=0&after="+cursor); a.Reset || len(a.Items) != 1 {
			t.Errorf("after the reset: %+v", a)
		}
	})
}

// unseen stores a number of changes that only b and the users of the master see.
func (w *world) unseen(rows int) {
	w.t.Helper()
	w.do("m", "PATCH", "/v1/customers/{bolt}", fmt.Sprintf(`{"name":"Unseen %d at %s"}`, rows, w.clock())).want(200)
	w.multiply(rows)
}

// multiply stores more changes like the last one.
func (w *world) multiply(rows int) {
	w.t.Helper()
	_, err := storetest.SQL(w.t, w.store).ExecContext(tctx, fmt.Sprintf(`INSERT INTO changes (tenant_id, revision, type, id, mark, at, changed, row_before, row_after)
		WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < %d)
		SELECT c.tenant_id, c.revision, 'customer', 'cus_' || n.x, c.mark, c.at, c.changed, c.row_before, c.row_after
		FROM n, (SELECT * FROM changes ORDER BY revision DESC LIMIT 1) c`, rows))
	must(w.t, err)
}

// However many changes there are that a reader does not see, it is told of those that it
// sees. It reads many of them in a turn.
func TestAReaderFarBehindIsToldOfWhatItSees(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("a", "").Cursor
		w.unseen(300)
		turn := w.oneScan()
		got := w.poll("a", "?wait=0&after="+cursor)
		w.scansAwaited(1)
		turn.Leave()
		if a := toldIn((<-got).want(200)); a.Reset || len(a.Items) > 0 || a.Cursor != cursor {
			t.Errorf("told %+v of changes that the user does not see", a)
		}
		w.unseen(10_100)
		if a := w.told("a", "?wait=0&after="+cursor); a.Reset || len(a.Items) > 0 || a.Cursor != cursor {
			t.Errorf("told %+v of changes that the user does not see", a)
		}
		w.pass(time.Second)
		w.unseen(10_100)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"Seen"}`).want(200)
		for range 2 {
			if a := w.told("a", "?wait=0&after="+cursor); a.Reset || len(a.Items) != 1 || a.Items[0].ID != w.id("acme") {
				t.Errorf("told %+v, want the change that the user sees", a)
			}
		}
		w.pass(time.Second)
		w.unseen(10_100)
		w.do("m", "PATCH", "/v1/customers/{apex}", `{"name":"Seen"}`).want(200)
		if a := w.told("a", "?wait=0&after="+cursor); !slices.Equal(a.Items, []feed.Item{{Kind: "customer", ID: w.id("acme")}, {Kind: "customer", ID: w.id("apex")}}) {
			t.Errorf("what others changed in between cuts the answer: %+v", a)
		}
	})
}

// How many changes others make decides neither the status nor the body of an answer, however
// many turns the account of the reader uses.
func TestHiddenChangesOfOthersChangeNoAnswer(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.cfg.Limits.Request = 300 * time.Millisecond
		l := w.server.limiter
		l.turns, l.scans = fair.New(fair.Size{Places: mostWaiting, Share: mostWaiting}), fair.New(fair.Size{Places: 1})
		allOf := func(q *fair.Queue) (places []*fair.Place) {
			for range q.Size().Places {
				place, err := q.Enter(tctx, fair.Account{ID: w.id("A")})
				must(t, err)
				places = append(places, place)
			}
			return places
		}
		none := fair.New(fair.Size{})
		for _, test := range []struct {
			about  string
			taken  *fair.Queue // by its account, before it asks, or once it waits
			wait   int         // seconds
			seen   bool        // a change that the reader sees follows
			status int
		}{
			{"free turns", none, 0, false, 200},
			{"free turns, and a change of its own", none, 0, true, 200},
			{"all turns for long work are taken", l.turns, 0, false, 200},
			{"all turns for long work are taken, and a change of its own", l.turns, 0, true, 200},
			{"all turns for changes are taken", l.scans, 0, false, 503},
			{"all turns for changes are taken, and a change of its own", l.scans, 0, true, 503},
			{"it waits, and all turns for long work are taken", l.turns, 2, true, 200},
			{"it waits, and all turns for changes are taken", l.scans, 2, true, 200},
		} {
			var first string
			for _, hidden := range []int{0, 1, 50, 1000} {
				w.pass(time.Second)
				cursor := w.told("a", "").Cursor
				query := fmt.Sprintf("?wait=%d&after=%s", test.wait, cursor)
				var got <-chan answered
				if test.wait > 0 {
					got = w.poll("a", query)
					soon(t, "the poll waits", func() bool { polls, _ := w.server.limiter.polls.Count(); return polls == 1 })
					time.Sleep(200 * time.Millisecond) // it has found nothing
				}
				places := allOf(test.taken)
				if hidden > 0 {
					w.unseen(hidden)
				}
				if test.seen {
					w.do("m", "PATCH", "/v1/customers/{acme}", fmt.Sprintf(`{"name":"Seen at %s"}`, w.clock())).want(200)
				}
				if test.wait == 0 {
					got = w.poll("a", query)
				}
				a := (<-got).want(test.status)
				for _, place := range places {
					place.Leave()
				}
				same := fmt.Sprint(a.object()["items"], a.object()["title"], a.object()["detail"], strings.Contains(a.body, cursor))
				if hidden == 0 {
					first = same
				}
				if same != first {
					t.Errorf("%s, %d changes of others: %d %s, want %s", test.about, hidden, a.status, same, first)
				}
			}
		}
	})
}

// What a reader is told of a commit depends on the rows that it sees alone, however many
// others the commit changes.
func TestAVeryLargeCommitIsToldByWhatEachSees(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		few := storetest.Open(t, storetest.URL(t, w.store), store.Options{Now: w.clock, MaxChanges: 20})
		viewers := []string{"m", "clerk", "a", "a2", "b", "c", "n"}
		hidden := func(tx *store.Tx, n int) error {
			made, err := tx.CreateAccount(tctx, store.Account{ParentID: w.id("M"), Name: fmt.Sprint("Another of many ", n)})
			if err == nil {
				_, err = tx.CreateCustomer(tctx, store.Customer{AccountID: made.ID, Name: fmt.Sprint("One of many ", n)})
			}
			return err
		}
		for _, many := range []int{0, 18, 19, 20, 21, 130} {
			cursors, seen := map[string]string{}, map[string]bool{}
			for _, viewer := range viewers {
				cursors[viewer] = w.told(viewer, "").Cursor
			}
			var ours store.Customer
			err := few.Write(tctx, w.id("M"), func(tx *store.Tx) (err error) {
				for n := range many {
					if err := hidden(tx, n); err != nil {
						return err
					}
				}
				ours, err = tx.CreateCustomer(tctx, store.Customer{AccountID: w.id("B"), Name: fmt.Sprint("Ours ", many)})
				return err
			})
			must(t, err)
			must(t, w.store.CatchUp(tctx))
			for _, viewer := range viewers {
				a := w.told(viewer, "?wait=0&limit=1000&after="+cursors[viewer])
				seen[viewer] = slices.Contains(a.Items, feed.Item{Kind: "customer", ID: ours.ID})
				all := len(a.Items)
				if a.Reset || viewer == "b" && all != 1 || viewer == "m" && all != 2*many+1 || !seen[viewer] && (all > 0 || a.Cursor != cursors[viewer]) {
					t.Errorf("%d others: %s is told of %d rows, reset %t, its own %t", many, viewer, all, a.Reset, seen[viewer])
				}
			}
			if !seen["b"] || !seen["m"] || seen["a"] || seen["n"] {
				t.Errorf("%d others: told are %v", many, seen)
			}
		}
	})
}

// How many users a commit changes that a reader does not see decides nothing for a reader who
// sees some, also if the policy decides by what identifies a person.
func TestHiddenUsersOfALargeCommitAreSilent(t *testing.T) {
	t.Parallel()
	const rules = `package reseller.main

default allow := false

allow if {
	input.action.name == "read"
	input.resource.tenant_id == input.subject.account.tenant_id
	input.resource.external_id == "Seen"
}

view := "full"

columns contains "id"

columns contains "name"

decision := {"allow": allow, "reasons": [], "view": view, "columns": columns}
`
	eachCore(t, func(t *testing.T, w *coreWorld) {
		few := storetest.Open(t, storetest.URL(t, w.store), store.Options{MaxChanges: 20})
		s := w.serveTree(t, fstest.MapFS{"reseller/main/main.rego": {Data: []byte(rules)}}, nil)
		cursor, made := agentTold(t, s, "").Cursor, 0
		for _, hidden := range []int{0, 1, 19, 20, 21, 60} {
			for _, seen := range []bool{false, true} {
				var want []feed.Item
				coreWrite(t, few, w.ID("master"), func(tx *store.Tx) error {
					for range hidden {
						made++
						if _, err := tx.CreateUser(tctx, store.User{AccountID: w.ID("reseller"), Login: fmt.Sprintf("%d@example.com", made), ExternalID: fmt.Sprint("Hidden", made), Groups: []string{w.ID("agents")}}); err != nil {
							return err
						}
					}
					if !seen {
						return nil
					}
					name, id := fmt.Sprint("Of ", hidden), "Seen"
					_, err := tx.UpdateUser(tctx, w.ID("clerk"), store.UserPatch{Name: &name, ExternalID: &id})
					want = []feed.Item{{Kind: "user", ID: w.ID("clerk")}}
					return err
				})
				must(t, w.store.CatchUp(tctx))
				a := agentTold(t, s, "?wait=0&after="+cursor)
				if a.Reset || !slices.Equal(a.Items, want) || !seen && a.Cursor != cursor {
					t.Errorf("%d hidden users, one seen %t: told %+v", hidden, seen, a)
				}
				cursor = a.Cursor
			}
		}
	})
}

// A list hides a row in which two views apply.
func TestARowWithTwoViewsIsToldAsListsShowIt(t *testing.T) {
	t.Parallel()
	const rules = `package reseller.main

default allow := false

allow if {
	input.action.name == "read"
	input.resource.tenant_id == input.subject.account.tenant_id
}

default view := "full"

view := "one" if input.resource.external_id == "Both"

view := "other" if {
	input.resource.external_id == "Both"
	input.resource.status == "active"
}

columns contains "id"

columns contains "name"

decision := {"allow": allow, "reasons": [], "view": view, "columns": columns}
`
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serveTree(t, fstest.MapFS{"reseller/main/main.rego": {Data: []byte(rules)}}, nil)
		cursor := agentTold(t, s, "").Cursor
		for i, test := range []struct {
			id, name    string
			told, shown bool
		}{{"Both", "Hidden", true, false}, {"Both", "Still hidden", false, false}, {"One", "Still hidden", true, true}, {"One", "Shown", true, true}} {
			coreWrite(t, w.store, w.ID("master"), func(tx *store.Tx) error {
				_, err := tx.UpdateCustomer(tctx, w.ID("customer"), store.CustomerPatch{ExternalID: &test.id, Name: &test.name})
				return err
			})
			if shown := strings.Contains(knock(t, s, "GET", "/v1/customers", "", wideToken, headerUser+": agent").text, w.ID("customer")); shown != test.shown {
				t.Fatalf("%d, %s: a list shows it: %t", i, test.name, shown)
			}
			var want []feed.Item
			if test.told {
				want = []feed.Item{{Kind: "customer", ID: w.ID("customer"), Gone: !test.shown}}
			}
			a := agentTold(t, s, "?wait=0&after="+cursor)
			if cursor = a.Cursor; a.Reset || !slices.Equal(a.Items, want) {
				t.Errorf("%d, %s: told %+v, want %v", i, test.name, a, want)
			}
		}
	})
}

// Another process withdraws a right, and then changes a row. This one does not know of
// either yet.
func TestChangesAreJudgedByRightsOfTheirTime(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		behind := *w
		behind.store = storetest.Open(t, storetest.URL(t, w.store), asksRarely)
		s, name, rows := behind.serve(t, nil), "Changed", store.Access{"user": "r"}
		cursor := agentTold(t, s, "").Cursor
		coreWrite(t, w.store, w.ID("master"), func(tx *store.Tx) error {
			_, err := tx.UpdateGroup(tctx, w.ID("agents"), store.GroupPatch{Rows: &rows})
			return err
		})
		coreWrite(t, w.store, w.ID("master"), func(tx *store.Tx) error {
			_, err := tx.UpdateCustomer(tctx, w.ID("customer"), store.CustomerPatch{Name: &name})
			return err
		})
		if a := agentTold(t, s, "?wait=0&after="+cursor); a.Reset || len(a.Items) > 0 {
			t.Errorf("told %+v before anything is known", a)
		}
		known := headerAtLeast + ": " + s.sealer.SealRevision(w.store.DataRevision())
		if a := agentTold(t, s, "?wait=0&after="+cursor, known); !a.Reset || len(a.Items) > 0 {
			t.Errorf("told %+v, want a reset", a)
		}
	})
}

// A waiting reader learns its rights again after writes that may change them, and after no
// others.
func TestOnlyWritesThatMayChangeRightsMakeAReaderLearnThem(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serve(t, func(cfg *Config) { cfg.Limits.Stream = 20 * time.Second })
		cursor := agentTold(t, s, "").Cursor
		got := make(chan changesBody, 1)
		go func() { got <- agentTold(t, s, "?wait=20&after="+cursor) }()
		time.Sleep(500 * time.Millisecond) // the poll has found nothing
		w.log.take()
		name := "Renamed"
		write := func(fn func(tx *store.Tx) error) {
			coreWrite(t, w.store, w.ID("master"), fn)
			time.Sleep(300 * time.Millisecond) // the poll has woken
		}
		write(func(tx *store.Tx) error {
			_, user := tx.UpdateUser(tctx, w.ID("shut"), store.UserPatch{Name: &name})
			_, group := tx.UpdateGroup(tctx, w.ID("shuts"), store.GroupPatch{Name: &name})
			_, account := tx.UpdateAccount(tctx, w.ID("closed"), store.AccountPatch{Name: &name})
			_, made := tx.CreateAccount(tctx, store.Account{ParentID: w.ID("closed"), Name: name})
			return errors.Join(user, group, account, made)
		})
		if learnt := w.log.take(); learnt != "" {
			t.Errorf("rights are learnt again after writes in another account:\n%s", learnt)
		}
		write(func(tx *store.Tx) error {
			_, err := tx.UpdateAccount(tctx, w.ID("master"), store.AccountPatch{Name: &name})
			return err
		})
		if w.log.take() == "" {
			t.Error("rights are not learnt again after a write to the account above")
		}
		write(func(tx *store.Tx) error {
			_, err := tx.UpdateGroup(tctx, w.ID("agents"), store.GroupPatch{Rows: &store.Access{}})
			return err
		})
		if a := <-got; !a.Reset {
			t.Errorf("told %+v, want a reset", a)
		}
	})
}

// agentTold asks for changes as the agent.
func agentTold(t *testing.T, s *Server, query string, headers ...string) (body changesBody) {
	a := knock(t, s, "GET", "/v1/changes"+query, "", append(headers, wideToken, headerUser+": agent")...)
	must(t, json.Unmarshal([]byte(a.text), &body))
	return body
}

func TestACursorOfChangesBelongsToItsUser(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("a", "").Cursor
		for _, bad := range []struct{ user, query string }{
			{"a2", "?after=" + cursor}, {"m", "?after=" + cursor}, {"a", "?after=" + cursor[1:]}, {"a", "?after=x"},
			{"a", "?wait=61"}, {"a", "?wait=-1"}, {"a", "?limit=0"}, {"a", "?limit=1001"}, {"a", "?cursor=" + cursor}, {"a", "?after=" + cursor + "&after=" + cursor},
		} {
			w.do(bad.user, "GET", "/v1/changes"+bad.query, "").want(422)
		}
	})
}

// Pages of any size tell the same.
func TestPagesOfChangesMissNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("m", "").Cursor
		for _, name := range []string{"acme", "apex", "bolt", "brio", "crux", "mega", "acme"} {
			w.do("m", "PATCH", "/v1/customers/{"+name+"}", `{"notes":"`+name+fmt.Sprint(w.clock().Nanosecond())+`"}`)
			w.pass(time.Second)
		}
		whole := w.told("m", "?wait=0&after="+cursor)
		if len(whole.Items) != 6 {
			t.Fatalf("told %+v, want six customers", whole)
		}
		told := map[feed.Item]bool{}
		for at := cursor; ; {
			a := w.told("m", "?wait=0&limit=2&after="+at)
			if len(a.Items) == 0 {
				if a.Cursor != at {
					t.Error("an empty answer has another cursor")
				}
				break
			}
			if len(a.Items) > 2 {
				t.Errorf("told %d items, want two at most", len(a.Items))
			}
			for _, item := range a.Items {
				told[item] = true
			}
			at = a.Cursor
		}
		if len(told) != 6 {
			t.Errorf("pages told %v", told)
		}
	})
}

// A reader who comes back after hours is told everything, page by page. A reader who
// begins then is told nothing old, even if it waits.
func TestChangesOfManyHours(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cursor := w.told("m", "").Cursor
		names := []string{"acme", "apex", "bolt", "brio", "crux"}
		for _, name := range names {
			w.pass(2 * time.Hour)
			w.do("m", "PATCH", "/v1/customers/{"+name+"}", `{"notes":"`+name+` later"}`)
		}
		w.pass(2 * time.Hour)
		told := 0
		for at := cursor; ; {
			a := w.told("m", "?wait=0&limit=2&after="+at)
			if told += len(a.Items); len(a.Items) == 0 {
				break
			}
			at = a.Cursor
		}
		if told != len(names) {
			t.Errorf("told %d changes, want %d", told, len(names))
		}
		fresh := w.told("m", "").Cursor
		for range 2 { // the second time of another process, which knows no place of the cursor
			if a := w.told("m", "?wait=1&after="+fresh); len(a.Items) != 0 || a.Cursor != fresh {
				t.Errorf("a new reader is told %v", a.Items)
			}
			w.server = w.panels(worldToken)
		}
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"notes":"now"}`)
		if a := w.told("m", "?wait=1&after="+fresh); len(a.Items) != 1 {
			t.Errorf("a new reader is told %v", a.Items)
		}
	})
}

func TestChangesAsEvents(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serve(t, func(cfg *Config) { cfg.Limits.Stream = 3 * time.Second })
		got := make(chan string)
		go func() { got <- w.events(t, s, "") }()
		time.Sleep(500 * time.Millisecond)
		rename := func(customer, name string) {
			coreWrite(t, w.store, w.tenantOf(customer), func(tx *store.Tx) error {
				_, err := tx.UpdateCustomer(tctx, w.ID(customer), store.CustomerPatch{Name: &name})
				return err
			})
		}
		rename("foreign", "Unseen")
		rename("customer", "Seen")
		events := eventsOf(t, <-got)
		if len(events) != 2 || len(events[0].Items) != 0 || !slices.Equal(events[1].Items, []feed.Item{{Kind: "customer", ID: w.ID("customer")}}) {
			t.Fatalf("events %+v", events)
		}
		rename("customer", "Seen again")
		if again := eventsOf(t, w.events(t, s, events[1].Cursor)); len(again) != 1 || len(again[0].Items) != 1 {
			t.Errorf("after the last event: %+v", again)
		}
	})
}

func (w *coreWorld) tenantOf(customer string) string {
	if customer == "foreign" {
		return w.ID("other")
	}
	return w.ID("master")
}

// events reads a whole stream of events.
func (w *coreWorld) events(t *testing.T, s *Server, last string) string {
	req := httptest.NewRequest("GET", "/v1/changes", nil)
	for name, value := range map[string]string{"Authorization": "Bearer " + wideToken, "Accept": mediaEvents, headerUser: w.ID("agent"), headerLastEvent: last} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	res := send(t, s, req)
	text, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	if res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	return string(text)
}

// eventsOf reads the answers of a stream, and refuses one whose id is not its cursor.
func eventsOf(t *testing.T, stream string) (events []changesBody) {
	t.Helper()
	for event := range strings.SplitSeq(stream, "\n\n") {
		id, data, ok := strings.Cut(strings.TrimPrefix(event, "id: "), "\ndata: ")
		if !ok {
			continue
		}
		var body changesBody
		must(t, json.Unmarshal([]byte(data), &body))
		if body.Cursor != id {
			t.Errorf("event %s: the id is not the cursor", event)
		}
		events = append(events, body)
	}
	return events
}
