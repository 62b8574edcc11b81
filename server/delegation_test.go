package server

import (
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/seed"
)

// The decisions are made in the transaction and outside of it.
func TestNobodyGivesWhatTheyDoNotHold(t *testing.T) {
	t.Parallel()
	for name, long := range map[string]int{"inside": longChange, "outside": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				w.server.longChange = long
				givesNothing(t, w)
			})
		})
	}
}

func givesNothing(t *testing.T, w *world) {
	t.Helper()
	for _, c := range []struct {
		name, user, method, path, body string
		status                         int
		part                           string
	}{
		{"a clerk changes its stronger colleague's login", "clerk", "PATCH", "/v1/users/{m}", `{"login":"mine@example.com"}`, 403, "exceeds_delegation"},
		{"a clerk changes its stronger colleague's external id", "clerk", "PATCH", "/v1/users/{m}", `{"external_id":"mine"}`, 403, "exceeds_delegation"},
		{"a clerk disables its stronger colleague", "clerk", "PATCH", "/v1/users/{m}", `{"status":"disabled"}`, 403, "exceeds_delegation"},
		{"a clerk narrows where its stronger colleague comes from", "clerk", "PATCH", "/v1/users/{m}", `{"ip_allow":["10.0.0.0/8"]}`, 403, "exceeds_delegation"},
		{"a clerk deletes its stronger colleague", "clerk", "DELETE", "/v1/users/{m}", "", 403, "exceeds_delegation"},
		{"a clerk puts itself in the full group", "clerk", "PATCH", "/v1/users/{clerk}", `{"groups":["{M.full}"]}`, 403, "exceeds_delegation"},
		{"a clerk makes a user in the full group", "clerk", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.full}"]}`, 403, "exceeds_delegation"},
		{"a clerk widens its own group", "clerk", "PATCH", "/v1/groups/{M.clerks}", `{"rows":{"customer":["create","read","update","delete"]}}`, 403, "exceeds_delegation"},
		{"a clerk renames a stronger group", "clerk", "PATCH", "/v1/groups/{M.full}", `{"name":"mine"}`, 403, "exceeds_delegation"},
		{"a clerk makes a stronger group", "clerk", "POST", "/v1/groups", `{"name":"x","default_access":["delete"]}`, 403, "exceeds_delegation"},
		{"a clerk makes the default group for resellers", "clerk", "POST", "/v1/groups/default-reseller", "", 403, "exceeds_delegation"},
		{"a clerk makes a weaker group", "clerk", "POST", "/v1/groups", `{"name":"x","rows":{"customer":["read"]}}`, 201, ""},
		{"a clerk makes a colleague of its own strength", "clerk", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.clerks}"]}`, 201, ""},
		{"a clerk renames its stronger colleague", "clerk", "PATCH", "/v1/users/{m}", `{"name":"Boss"}`, 200, ""},
		{"a clerk sends its stronger colleague's login back as it is", "clerk", "PATCH", "/v1/users/{m}", `{"login":"planted-m-m@example.com","name":"Boss"}`, 200, ""},
		{"a reseller changes the group it was lent", "a", "PATCH", "/v1/groups/{M.default}", `{"name":"mine"}`, 403, "group_not_own"},
		{"a reseller makes a user of its own strength", "a", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.default}"]}`, 201, ""},
		{"a clerk narrows its own group", "clerk", "PATCH", "/v1/groups/{M.clerks}", `{"rows":{"customer":["read"],"group":["read"]}}`, 200, ""},
	} {
		w.run(t, c.name, func(t *testing.T) {
			w.do(c.user, c.method, c.path, c.body).refused(c.status, c.part)
		})
	}
}

func TestALentGroupIsSeenByPublicNameAndAccess(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/groups", `{"name":"private","public_name":"Night shift","rows":{"customer":["read"]},"lend_to":["{A}"]}`).want(201)
		groups := w.get("a", "/v1/groups?name=Night+shift").items()
		if len(groups) != 1 {
			t.Fatalf("groups: %v", groups)
		}
		for column := range groups[0] {
			if column != "id" && column != "name" && column != "default_access" && column != "rows" && column != "etag" {
				t.Errorf("column %s is shown", column)
			}
		}
		if got := w.get("b", "/v1/groups?name=Night+shift").items(); len(got) != 0 {
			t.Errorf("another reseller sees %v", got)
		}
	})
}

func TestASuspendedAccountIsDeniedEverything(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"suspended", "closed"} {
		t.Run(status, func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				unknown := w.get("nobody", "/v1/customers").want(403)
				w.do("m", "PATCH", "/v1/accounts/{A}", `{"status":"`+status+`"}`).want(200)
				for _, path := range []string{"/v1/me", "/v1/customers", "/v1/customers/{acme}", "/v1/cards/{gold}/rates"} {
					if got := w.get("a", path); got.alike() != unknown.alike() {
						t.Errorf("%s: %s, want %s", path, got.alike(), unknown.alike())
					}
				}
				w.do("a", "POST", "/v1/customers", `{"name":"x"}`).refused(403, "unknown_user")
				w.do("m", "PATCH", "/v1/accounts/{A}", `{"status":"active"}`).want(200)
				w.get("a", "/v1/customers").want(200)
			})
		})
	}
}

func TestACeilingNarrowsAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["create","read","update","delete"],"customer":["read"],"card/provider":[]}}`).want(200)
		w.get("a", "/v1/customers").want(200)
		w.do("a", "POST", "/v1/customers", `{"name":"x"}`).refused(403, "area_denied")
		w.get("a", "/v1/cards/{gold}").want(404)
		w.get("a", "/v1/cards/{retail}").want(200)
		w.get("b", "/v1/cards/{gold}").want(200)
	})
}

// The policy of this test allows three levels below the master.
func TestEveryLevelSeesOneLevelUpAsAProvider(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		deepen(w)
		w.do("a", "POST", "/v1/cards", `{"name":"for sub","public_name":"From A","currency":"EUR"}`).want(201)
		w.do("a", "PUT", "/v1/cards/{retail}/assignments/{AA}", "").want(200)
		card := w.get("aa", "/v1/cards/{retail}").want(200).object()
		if card["kind"] != "provider" || card["carrier"] != "Public A" || card["name"] != "Public retail" {
			t.Errorf("seen from below: %v", card)
		}
		w.get("aa", "/v1/cards/{gold}").want(404)
		w.get("aaa", "/v1/cards/{retail}").want(404)
		w.do("m", "PUT", "/v1/cards/{gold}/assignments/{AA}", "").refused(422, "account_id")
		w.do("a", "PUT", "/v1/cards/{retail}/assignments/{AAA}", "").refused(422, "account_id")
		w.do("b", "PUT", "/v1/cards/{bulk}/assignments/{AA}", "").want(404)
		w.do("aa", "POST", "/v1/customers", `{"name":"deep"}`).want(201)
		if got := w.get("a", "/v1/customers?account_id={AA}").items(); len(got) != 1 {
			t.Errorf("the account above sees %d customers", len(got))
		}
		if got := w.get("aa", "/v1/accounts").items(); len(got) != 2 {
			t.Errorf("AA sees %d accounts, want itself and AAA", len(got))
		}
		w.do("aaa", "POST", "/v1/accounts", `{"name":"too deep"}`).want(403)
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"customer":["read"]}}`).want(200)
		w.do("aa", "POST", "/v1/customers", `{"name":"narrowed"}`).refused(403, "area_denied")
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":null,"status":"suspended"}`).want(200)
		w.get("aaa", "/v1/customers").refused(403, "unknown_user")
	})
}

// deepen adds AA below A and AAA below AA, with one user each. It gives the
// users of A the access that this needs.
func deepen(w *world) {
	full := store.Access{"account": "crud", "group": "crud", "user": "crud", "customer": "crud",
		"card/customer": "crud", "card/provider": "r", "audit": "r"}
	for _, at := range []struct{ parent, name, user string }{{"M", "A", "a3"}, {"A", "AA", "aa"}, {"AA", "AAA", "aaa"}} {
		if at.name != "A" {
			w.seed("M", seed.Account(at.name, store.Account{
				ParentID: at.parent, Name: secret(at.name, "company"), PublicName: "Public " + at.name}))
		}
		w.seed("M", seed.Group(at.name+".own", store.Group{AccountID: at.name, Name: "own", Rows: full}), userRow(at.name, at.user, at.name+".own"))
	}
	w.pass(time.Second)
}

// One write may update several accounts. The access that an earlier update
// opened does not count for the next one.
func TestAnUpdateOfAnAccountIsJudgedByItself(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	w.seed(t, "master", seed.Group("keepers", store.Group{AccountID: "master", Name: "Keepers", Rows: store.Access{"account": "ru"}}),
		seed.User("keeper", store.User{AccountID: "master", Login: "keeper@x.example", ExternalID: "keeper", Groups: []string{"keepers"}}))
	id := w.ID("reseller")
	for _, rt := range s.routes {
		if rt.origin.Name == "PATCH /v1/accounts/:id" {
			rt.handle = func(r *exchange) error {
				return r.write(func(w *writing) (target, error) {
					w.anew = map[string][]string{"cdr": {"read"}}
					return w.updateRow(accountWriter, id)
				}, answerRow)
			}
		}
	}
	if a := knock(t, s, "PATCH", "/v1/accounts/"+id, `{"name":"New"}`, wideToken, headerUser+": keeper"); a.StatusCode != 200 {
		t.Errorf("answered %d %s", a.StatusCode, a.text)
	}
}
