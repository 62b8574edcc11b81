package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/insight"
	"resellerd/server/replay"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// usersOf lists the ids of all users of a tenant.
func usersOf(t *testing.T, w *world, tenant string) (ids []string) {
	t.Helper()
	rows, err := storetest.SQL(t, w.store).Query("SELECT id FROM users WHERE tenant_id = '" + w.id(tenant) + "'")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		must(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	must(t, rows.Err())
	slices.Sort(ids)
	return ids
}

// accessText is what decides the access of each user of a tenant.
func accessText(subject func(id string) *store.Subject, users []string) string {
	var text strings.Builder
	for _, id := range users {
		s := subject(id)
		chain := []string{}
		for _, a := range s.Chain {
			chain = append(chain, fmt.Sprint(a.ID, a.Status, a.Ceiling))
		}
		fmt.Fprintln(&text, id, s.User.AccountID, s.User.Status, s.Status, s.Access, s.Granted, s.Named, s.Groups, chain, s.Until)
	}
	return text.String()
}

// The access of all users at a past time is what it was then, whatever is changed later:
// groups, loans, ceilings, users, and memberships that end.
func TestThePastIsAsItWas(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 22))
		w.seed("M", groupRow("A"))
		was := map[time.Time]string{}
		then := func(at time.Time) string {
			past, err := w.store.Past(tctx, w.id("M"), at)
			must(t, err)
			return accessText(func(id string) *store.Subject {
				s, _, is := past.Subject(id)
				if !is {
					t.Fatalf("%s is not there", id)
				}
				return s
			}, slices.Sorted(slices.Values(past.Users(""))))
		}
		now := func() string {
			return accessText(func(id string) *store.Subject {
				s, err := w.store.Subject(tctx, w.id("M"), id)
				must(t, err)
				return s
			}, usersOf(t, w, "M"))
		}
		users, made := []string{"{a}", "{a2}", "{b}", "{clerk}", "{b2}"}, 0
		for range depth.Runs(40) {
			w.pass(time.Duration(1+r.IntN(3600)) * time.Second)
			user := users[r.IntN(len(users))]
			switch r.IntN(9) {
			case 0:
				w.do("m", "PATCH", "/v1/users/"+user, fmt.Sprintf(`{"status":%q}`, []string{"active", "disabled"}[r.IntN(2)]))
			case 1:
				w.do("m", "PATCH", "/v1/groups/{M.clerks}", fmt.Sprintf(`{"rows":{"customer":["read"],"cdr":%s}}`, []string{"[]", `["read","update"]`}[r.IntN(2)]))
			case 2:
				w.do("m", "PATCH", "/v1/accounts/{A}", []string{`{"ceiling":{"*":["read"]}}`, `{"ceiling":null}`, `{"status":"suspended"}`, `{"status":"active"}`}[r.IntN(4)])
			case 3:
				end := w.clock().Add(time.Duration(1+r.IntN(5000)) * time.Second).Format(time.RFC3339)
				w.do("m", "PATCH", "/v1/users/{a2}", fmt.Sprintf(`{"groups":["{M.default}","{A.agents}"],"group_ends":{"{A.agents}":%q}}`, end))
			case 4:
				w.do("m", "PATCH", "/v1/users/{a2}", `{"groups":["{M.default}"]}`)
			case 5:
				w.do("m", "PATCH", "/v1/groups/{M.default}", []string{`{"lend_to":"all"}`, `{"lend_to":["{A}","{B}","{C}"]}`}[r.IntN(2)])
			case 6:
				made++
				if got := w.do("m", "POST", "/v1/users", fmt.Sprintf(`{"login":"made%d@example.com","groups":["{M.default}"],"account_id":"{B}"}`, made)); got.status == 201 {
					users = append(users, got.object()["id"].(string))
				}
			case 7:
				if len(users) > 5 {
					w.do("m", "DELETE", "/v1/users/"+users[len(users)-1], "").want(204)
					users = users[:len(users)-1]
				}
			case 8:
				w.do("m", "DELETE", "/v1/groups/{A.agents}", "") // refused while somebody is in it
			}
			w.pass(time.Second)
			if was[w.clock()] = now(); then(w.clock()) != was[w.clock()] {
				t.Fatalf("RESELLERD_TEST_SEED=%d: now it is\n%s\nand read as a past time\n%s", depth.FirstSeed(), was[w.clock()], then(w.clock()))
			}
			for at, text := range was {
				if got := then(at); got != text {
					t.Fatalf("RESELLERD_TEST_SEED=%d: at %s it was\n%s\nand is\n%s", depth.FirstSeed(), at, text, got)
				}
			}
		}
		if len(slices.Compact(slices.Sorted(maps.Values(was)))) < 3 {
			t.Error("hardly anything changed")
		}
		_, err := w.store.Prune(tctx, store.Keep{Audit: time.Minute})
		must(t, err)
		if _, err := w.store.Past(tctx, w.id("M"), w.clock().Add(-time.Hour)); err == nil {
			t.Error("a time is answered of which nothing is kept")
		}
		must(t, func() error { _, err := w.store.Past(tctx, w.id("M"), w.clock()); return err }())
	})
}

// A review counts for each user what its lists count, gives the access that /v1/me gives,
// and names the users who see a row: those to whom GET shows it.
func TestAReviewReconcilesWithLists(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/users/{a2}", `{"ip_allow":["2001:db8::/32"]}`).want(200)
		get := func(user, path string) answered {
			return w.do("", "GET", path, "", headerUser, user, headerClientIP, "2001:db8::1")
		}
		i := insight.NewInspector(w.store, engineOf(t, 1))
		q := insight.ReviewQuestion{Tenant: w.id("M")}
		var all []*insight.ReviewedUser
		var ids []string
		must(t, i.Review(tctx, q, func(u *insight.ReviewedUser) error {
			all, ids = append(all, u), append(ids, u.User)
			if networks := u.User == w.id("a2"); networks != slices.Equal(u.Networks, []string{"2001:db8::/32"}) {
				t.Errorf("the networks of %s are %v", u.User, u.Networks)
			}
			return nil
		}))
		if slices.Sort(ids); !slices.Equal(ids, usersOf(t, w, "M")) {
			t.Fatalf("reviewed: %v", ids)
		}
		for _, u := range all {
			access := map[string]string{}
			for _, area := range u.Areas {
				if len(area.Effective) > 0 {
					access[area.Area] = fmt.Sprint(area.Effective)
				}
				if area.Sees == nil {
					continue
				}
				path := map[string]string{"account": "/v1/accounts?", "group": "/v1/groups?", "user": "/v1/users?", "customer": "/v1/customers?", "audit": "/v1/audit?",
					"card/provider": "/v1/cards?kind=provider&", "card/customer": "/v1/cards?kind=customer&", "webhook": "/v1/webhooks?"}[area.Area]
				got := get(u.User, path+"count=true&limit=1")
				if total, _ := got.object()["total"].(float64); int(total) != *area.Sees {
					t.Errorf("%s sees %d rows of %s, and the list counts %v", u.User, *area.Sees, area.Area, got.body)
				}
			}
			me, told := get(u.User, "/v1/me").want(200).object(), map[string]string{}
			tell := func(area string, actions any) {
				if list := fmt.Sprint(actions); list != "[]" {
					told[area] = list
				}
			}
			tell("*", me["default_access"])
			for area, actions := range me["access"].(map[string]any) {
				tell(area, actions)
			}
			if !maps.Equal(access, told) || len(told) == 0 {
				t.Errorf("%s may %v, and /v1/me says %v", u.User, access, told)
			}
		}
		for typ, row := range map[string]string{"customer": "acme", "card": "gold", "user": "a", "group": "M.default", "account": "B"} {
			viewers := map[string]bool{}
			must(t, i.WhoSees(tctx, q, typ, w.id(row), func(v *insight.RowViewer) error { viewers[v.User] = true; return nil }))
			for _, u := range all {
				if shown := get(u.User, "/v1/"+typ+"s/"+w.id(row)).status == 200; shown != viewers[u.User] {
					t.Errorf("%s sees %s: %t, and the review says %t", u.User, row, shown, viewers[u.User])
				}
			}
		}
		if err := i.WhoSees(tctx, q, "customer", w.id("rune"), nil); !errors.Is(err, fault.ErrNotFound) {
			t.Error("a row of another tenant is told")
		}
		var below []string
		must(t, i.Review(tctx, insight.ReviewQuestion{Tenant: w.id("M"), Account: w.id("A")}, func(u *insight.ReviewedUser) error { below = append(below, u.User); return nil }))
		want := []string{w.id("a"), w.id("a2")}
		slices.Sort(want)
		if slices.Sort(below); !slices.Equal(below, want) {
			t.Errorf("below A: %v", below)
		}
	})
}

// Each review is in the audit trail, with what was reviewed, also if it shows nobody.
func TestAReviewIsAudited(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		i, start := insight.NewInspector(w.store, engineOf(t, 1)), w.clock()
		w.pass(time.Hour)
		w.do("m", "POST", "/v1/accounts", `{"name":"Nobody"}`).want(201)
		nobody := w.get("m", "/v1/accounts?name=Nobody").want(200).column("id")[0]
		nothing := func(*insight.ReviewedUser) error { return nil }
		for want, review := range map[string]func() error{
			`"users":{"after":0,"before":null}`: func() error {
				return i.Review(tctx, insight.ReviewQuestion{Tenant: w.id("M"), Account: nobody}, nothing)
			},
			`"reviewed_account":{"after":"` + w.id("A"): func() error {
				return i.Review(tctx, insight.ReviewQuestion{Tenant: w.id("M"), Account: w.id("A")}, nothing)
			},
			`"reviewed_at":{"after":"` + start.UTC().Format("2006-01-02T"): func() error {
				return i.Review(tctx, insight.ReviewQuestion{Tenant: w.id("M"), At: start.Add(time.Minute)}, nothing)
			},
			`"reviewed_row":{"after":"customer/` + w.id("acme"): func() error {
				return i.WhoSees(tctx, insight.ReviewQuestion{Tenant: w.id("M")}, "customer", w.id("acme"), func(*insight.RowViewer) error { return nil })
			},
		} {
			w.pass(time.Second)
			must(t, review())
			w.pass(time.Second)
			last := w.get("m", "/v1/audit?sort=-at&limit=1").want(200)
			text, err := json.Marshal(last.items()[0])
			must(t, err)
			if !strings.Contains(string(text), want) || last.items()[0]["action"] != "preview" {
				t.Errorf("%s is not in %s", want, text)
			}
		}
	})
}

// A review says which access the log has, and which it does not.
func TestAReviewTellsUnusedAccess(t *testing.T) {
	t.Parallel()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			log := &lockedBuffer{}
			w := newWorld(t, url(t), engineOf(t, 1), seedWorld, WithDecisionWriter(log))
			w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"used"}`).want(200)
			w.get("m", "/v1/preview/{a2}")
			last := w.get("a", "/v1/customers?limit=1").want(200).header.Get(headerDecisionID)
			soon(t, "the last entry", func() bool { return strings.Contains(log.String(), last) })
			usage, err := replay.ReadUsage(tctx, engineOf(t, 1), []replay.Source{{Name: "log", Reader: bytes.NewReader([]byte(log.String()))}})
			must(t, err)
			q := insight.ReviewQuestion{Tenant: w.id("M"), Used: usage.Of}
			must(t, insight.NewInspector(w.store, engineOf(t, 1)).Review(tctx, q, func(u *insight.ReviewedUser) error {
				for _, area := range u.Areas {
					_, updated := area.Used["update"]
					is := u.User == w.id("a") && area.Area == "customer"
					if updated != is || is && (slices.Contains(area.Never, "update") || slices.Contains(area.Never, "read") || !slices.Contains(area.Never, "delete")) {
						t.Errorf("%s %s: used %v, never %v", u.User, area.Area, area.Used, area.Never)
					}
					if u.User == w.id("m") && area.Area == "preview" && area.Used["read"].IsZero() {
						t.Errorf("the preview is not noted: %v", area.Used)
					}
					if u.User == w.id("a2") && !reflect.DeepEqual(area.Never, area.Effective) {
						t.Errorf("a preview counts as use: %+v", area)
					}
				}
				return nil
			}))
		})
	}
}
