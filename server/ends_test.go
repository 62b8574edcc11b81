package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/seed"
)

// ownTexts are the texts of an answer that depend on the world's key, on the time of the
// last write of a row, and on the request.
var ownTexts = regexp.MustCompile(`"(etag|updated_at|decision_id|cursor)":"(\\.|[^"\\])*",?`)

// seenBy is everything that a user is answered, in every form of question.
func (w *world) seenBy(user string) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	ask := func(method, path, body string) {
		w.t.Helper()
		got := w.do(user, method, path, body)
		all[method+" "+path+" "+body] = fmt.Sprint(got.status, " ", ownTexts.ReplaceAllString(got.body, ""))
	}
	ask("GET", "/v1/me?columns=true", "")
	for kind, path := range listPaths {
		ask("GET", path+"?limit=1000&count=true", "")
		ask("GET", path+"?limit=1000&name_contains=a", "")
		subject := fmt.Sprintf(`"subject":{"type":"user","id":%q}`, w.id(user))
		ask("POST", "/access/v1/search/resource", fmt.Sprintf(`{%s,"action":{"name":"read"},"resource":{"type":%q}}`, subject, kind))
		ask("POST", "/access/v1/search/action", fmt.Sprintf(`{%s,"resource":{"type":"area","id":%q}}`, subject, kind))
		ask("POST", "/access/v1/evaluations", fmt.Sprintf(`{%s,"resource":{"type":"area","id":%q},"evaluations":[{"action":{"name":"read"}},{"action":{"name":"update"}}]}`, subject, kind))
		ask("POST", "/v1/filters", fmt.Sprintf(`{"user":%q,"action":"read","area":"cdr","dialect":"sqlite","columns":{"account_id":"acc","tenant_id":"t"}}`, w.id(user)))
	}
	for _, card := range []string{"gold", "silver", "bronze", "retail", "bulk", "upstream"} {
		ask("GET", "/v1/cards/{"+card+"}", "")
		ask("GET", "/v1/cards/{"+card+"}/rates", "")
		ask("GET", "/v1/cards/{"+card+"}/assignments", "")
		subject := fmt.Sprintf(`"subject":{"type":"user","id":%q}`, w.id(user))
		ask("POST", "/access/v1/evaluation", fmt.Sprintf(`{%s,"action":{"name":"update"},"resource":{"type":"card","id":%q}}`, subject, w.id(card)))
	}
	ask("GET", "/v1/lookup?number=4930123456", "")
	for _, other := range []string{"a", "b2", "clerk"} {
		ask("GET", "/v1/users/{"+other+"}", "")
		all["preview of "+other] = fmt.Sprint(w.get(user, "/v1/preview/{"+other+"}").status) // it shows audit entries
	}
	return all
}

// end is a right that ends, as both worlds make it, and how one of them removes it.
type end struct{ user, group, card, account string }

func (e end) make(w *world, at time.Time) {
	until := at.Format(time.RFC3339Nano)
	if e.card != "" {
		w.do("m", "PUT", "/v1/cards/{"+e.card+"}/assignments/{"+e.account+"}", fmt.Sprintf(`{"valid_to":%q}`, until)).want(200)
		return
	}
	u := w.get("m", "/v1/users/{"+e.user+"}").want(200).object()
	ends, _ := u["group_ends"].(map[string]any)
	ends[w.id(e.group)] = until
	groups := append(u["groups"].([]any), w.id(e.group))
	body, err := json.Marshal(map[string]any{"groups": groups, "group_ends": ends})
	must(w.t, err)
	w.do("m", "PATCH", "/v1/users/{"+e.user+"}", string(body)).want(200)
}

func (e end) remove(w *world) {
	if e.card != "" {
		w.do("m", "DELETE", "/v1/cards/{"+e.card+"}/assignments/{"+e.account+"}", "").want(204)
		return
	}
	w.write(w.id("M"), func(tx *store.Tx) error {
		u, err := tx.User(w.t.Context(), w.id(e.user))
		if err != nil {
			return err
		}
		groups := slices.DeleteFunc(u.Groups, func(id string) bool { return id == w.id(e.group) })
		_, err = tx.UpdateUser(w.t.Context(), u.ID, store.UserPatch{Groups: &groups})
		return err
	})
}

func groupRow(account string) seed.Row {
	return seed.Group(account+".agents", store.Group{AccountID: account, Name: account + " agents", Rows: store.Access{"cdr": "crud", "support-ticket": "crud"}})
}

// A right that ends is, from its end on, as if somebody had taken it away: in every answer
// to every user, without a write, although all of them were remembered a microsecond
// before. Until then nothing changes.
func TestRightsThatEndAreAsIfTakenAway(t *testing.T) {
	t.Parallel()
	possible := []end{
		{user: "a2", group: "A.agents"}, {user: "a", group: "A.agents"}, {user: "b2", group: "B.agents"}, {user: "clerk", group: "M.full"},
		{card: "gold", account: "A"}, {card: "gold", account: "B"}, {card: "silver", account: "B"}, {card: "bronze", account: "C"},
	}
	viewers := []string{"m", "clerk", "a", "a2", "b", "b2", "c", "n"}
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			for run := range depth.Runs(3) {
				r := rand.New(rand.NewPCG(depth.FirstSeed(), uint64(run)))
				worlds := [2]*world{newWorld(t, url(t), engineOf(t, 1), seedWorld), newWorld(t, url(t), engineOf(t, 1), seedWorld)}
				at := worlds[0].clock().Add(time.Hour)
				some := slices.DeleteFunc(slices.Clone(possible), func(end) bool { return r.IntN(2) == 0 })
				r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
				for _, w := range worlds {
					for _, account := range []string{"A", "B"} {
						w.seed("M", groupRow(account))
					}
					for _, one := range some {
						one.make(w, at)
					}
					w.pass(at.Sub(w.clock()) - time.Microsecond)
				}
				all := func(w *world) map[string]map[string]string {
					seen := map[string]map[string]string{}
					for _, viewer := range viewers {
						seen[viewer] = w.seenBy(viewer)
					}
					return seen
				}
				before := all(worlds[0])
				for _, one := range some {
					one.remove(worlds[1])
				}
				for _, w := range worlds {
					w.pass(time.Microsecond)
					w.passTime()
				}
				got, want := all(worlds[0]), all(worlds[1])
				for _, viewer := range viewers {
					for question, answer := range want[viewer] {
						if got[viewer][question] != answer {
							t.Fatalf("RESELLERD_TEST_SEED=%d, run %d, %+v, %s asks %s\nafter the end  %s\ntaken away     %s\nbefore the end %s",
								depth.FirstSeed(), run, some, viewer, question, got[viewer][question], answer, before[viewer][question])
						}
					}
				}
				if len(some) > 0 && maps.EqualFunc(before, got, maps.Equal[map[string]string, map[string]string]) {
					t.Errorf("run %d: nothing ends with %+v", run, some)
				}
			}
		})
	}
}

// A user without any group left may do nothing, and still can be changed.
func TestAUserWhoseTimeIsOverMayDoNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		until := w.clock().Add(time.Hour)
		body := fmt.Sprintf(`{"group_ends":{"{M.default}":%q}}`, until.Format(time.RFC3339))
		got := w.do("m", "PATCH", "/v1/users/{a2}", body).want(200).object()
		if ends := got["group_ends"].(map[string]any); len(ends) != 1 {
			t.Fatalf("ends: %v", got)
		}
		w.get("a2", "/v1/customers").want(200)
		filters := `{"user":"{a2}","action":"read","area":"cdr","dialect":"sqlite","columns":{"account_id":"acc","tenant_id":"t"}}`
		if until := w.do("m", "POST", "/v1/filters", filters).want(200).object()["valid_until"]; until != w.clock().Add(2*time.Second).Format(time.RFC3339Nano) {
			t.Errorf("long before the end, filters are valid until %v", until)
		}
		w.pass(time.Hour - time.Second)
		if got := w.do("m", "POST", "/v1/filters", filters).want(200).object()["valid_until"]; got != until.Format(time.RFC3339Nano) {
			t.Errorf("a second before the end, filters are valid until %v", got)
		}
		w.pass(time.Second)
		w.get("a2", "/v1/customers").refused(403, "no_group")
		if kind := w.do("m", "POST", "/v1/filters", filters).want(200).object()["kind"]; kind != "none" {
			t.Errorf("filter of kind %v", kind)
		}
		row := w.get("m", "/v1/users/{a2}").want(200).object()
		if fmt.Sprint(row["groups"], row["group_ends"]) != "[] map[]" {
			t.Errorf("groups %v, ends %v", row["groups"], row["group_ends"])
		}
		w.do("m", "PATCH", "/v1/users/{a2}", `{"status":"disabled","groups":[],"group_ends":{}}`).want(200)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"status":"active","groups":["{M.default}"]}`).want(200)
		w.pass(24 * time.Hour)
		w.get("a2", "/v1/customers").want(200)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"groups":[]}`).refused(422, "groups")
	})
}

func TestEndsAreCheckedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for body, want := range map[string]string{
			`{"group_ends":{"{M.default}":"2026-03-04T05:06:07Z"}}`: "must have times in the future",
			`{"group_ends":{"{M.full}":"2027-01-01T00:00:00Z"}}`:    "not one of groups",
			`{"group_ends":{"{M.default}":"tomorrow"}}`:             "RFC 3339",
			`{"group_ends":["{M.default}"]}`:                        "must be an object",
		} {
			w.do("m", "PATCH", "/v1/users/{a2}", body).refused(422, want)
		}
		w.do("m", "PATCH", "/v1/users/{m}", `{"group_ends":{"{M.full}":"2027-01-01T00:00:00Z"}}`).refused(409, "full access")
		w.do("m", "PATCH", "/v1/users/{a2}", `{"group_ends":{"{M.default}":"2027-01-01T00:00:00Z"}}`).want(200)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"group_ends":{"{M.default}":null}}`, "Content-Type", mediaMergePatch).want(200)
		if ends := w.get("m", "/v1/users/{a2}").object()["group_ends"]; fmt.Sprint(ends) != "map[]" {
			t.Errorf("ends: %v", ends)
		}
	})
}

// A user whose rights end hands none of them on for longer, and does not keep them.
func TestRightsThatEndAreNotHandedOn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		until, later := w.later(time.Hour), w.later(2*time.Hour)
		w.do("m", "PATCH", "/v1/users/{clerk}", fmt.Sprintf(`{"groups":["{M.clerks}","{M.full}"],"group_ends":{"{M.full}":%q}}`, until)).want(200)
		made := func(ends string) answered {
			return w.do("clerk", "POST", "/v1/users", `{"login":"new@example.com","groups":["{M.full}"]`+ends+`}`)
		}
		made("").refused(403, "exceeds_delegation")
		made(fmt.Sprintf(`,"group_ends":{"{M.full}":%q}`, later)).refused(403, "exceeds_delegation")
		made(fmt.Sprintf(`,"group_ends":{"{M.full}":%q}`, until)).want(201)
		for _, ends := range []string{`{}`, fmt.Sprintf(`{"{M.full}":%q}`, later)} {
			w.do("clerk", "PATCH", "/v1/users/{clerk}", `{"group_ends":`+ends+`}`).refused(403, "exceeds_delegation")
		}
		for _, body := range []string{`{"login":"mine@example.com"}`, `{"external_id":"mine"}`, `{"status":"disabled"}`} {
			w.do("clerk", "PATCH", "/v1/users/{m}", body).refused(403, "exceeds_delegation")
		}
		w.do("clerk", "PATCH", "/v1/users/{m}", `{"name":"Renamed"}`).want(200)
		w.do("clerk", "PATCH", "/v1/groups/{M.clerks}", `{"default_access":["create","read","update","delete"]}`).refused(403, "exceeds_delegation")
		w.do("m", "PATCH", "/v1/users/{clerk}", `{"group_ends":{}}`).want(200)
		w.do("clerk", "POST", "/v1/users", `{"login":"other@example.com","groups":["{M.full}"]}`).want(201)
	})
}

// A reader who waits is told within a second that its group has ended.
func TestAGroupThatEndsResets(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.seed("M", groupRow("A"))
		end{user: "a", group: "A.agents"}.make(w, w.clock().Add(time.Hour))
		cursor, other := w.told("a", "").Cursor, w.told("b", "").Cursor
		waiting := w.poll("a", "?wait=60&after="+cursor)
		time.Sleep(400 * time.Millisecond) // the poll has found nothing
		w.pass(time.Hour)
		if a := toldIn((<-waiting).want(200)); !a.Reset {
			t.Errorf("told %+v, want a reset", a)
		}
		if a := w.told("a", "?wait=0&after="+cursor); !a.Reset {
			t.Errorf("the same question again: %+v", a)
		}
		if b := w.told("b", "?wait=0&after="+other); b.Reset || len(b.Items) > 0 {
			t.Errorf("another user is told %+v", b)
		}
	})
}

// Memberships that are over keep no group from being deleted or withdrawn.
func TestAGroupWithoutPresentUsersCanBeDeleted(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.seed("M", groupRow("A"))
		end{user: "a", group: "A.agents"}.make(w, w.clock().Add(time.Hour))
		w.do("m", "DELETE", "/v1/groups/{A.agents}", "").want(409)
		w.pass(time.Hour)
		w.do("m", "DELETE", "/v1/groups/{A.agents}", "").want(204)
		if got := w.get("m", "/v1/users/{a}").object()["groups"]; fmt.Sprint(got) != fmt.Sprint([]string{w.id("M.default")}) {
			t.Errorf("groups: %v", got)
		}
	})
}

func TestBreakGlassGivesRightsThatEnd(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.write(w.id("M"), func(tx *store.Tx) error {
			u, err := tx.BreakGlass(t.Context(), store.Emergency{Login: "duty@example.com", ExternalID: "duty", For: time.Hour, Reason: "the panel is down"})
			w.call("duty", u.ID)
			return err
		})
		counted := func() float64 {
			w.server.recount(t.Context())
			return gathered(t, w.server, "resellerd_break_glass_users")
		}
		if n := counted(); n != 1 {
			t.Errorf("%v users are counted", n)
		}
		w.do("duty", "PATCH", "/v1/users/{clerk}", `{"groups":["{M.full}"]}`).want(200)
		w.do("duty", "PATCH", "/v1/users/{duty}", `{"group_ends":{}}`).refused(403, "exceeds_delegation")
		entry := w.get("m", "/v1/audit?action=break_glass").items()[0]
		if text := fmt.Sprint(entry["change"]); !strings.Contains(text, "the panel is down") || !strings.Contains(text, "group_ends") {
			t.Errorf("audited as %v", entry)
		}
		w.pass(time.Hour)
		w.get("duty", "/v1/customers").refused(403, "no_group")
		if n := counted(); n != 0 {
			t.Errorf("%v users are counted after the end", n)
		}
	})
}

// gathered is the value of a metric without labels.
func gathered(t *testing.T, s *Server, name string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
