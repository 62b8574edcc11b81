package server

import (
	"fmt"
	"testing"

	"resellerd/store"
	"resellerd/store/seed"
)

func TestACeilingLeavesColleaguesInOneGroupEqual(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"],"user":["create","read","update","delete"]}}`).want(200)
		w.do("a", "PATCH", "/v1/users/{a2}", `{"login":"other@example.com"}`).want(200)
		w.do("a", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.default}"]}`).want(201)
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":null}`).want(200)
		w.do("a", "DELETE", "/v1/users/{a2}", "").want(204)
	})
}

// hire creates a group of an account with a user in it. The group is named after
// the user: {ann.group}.
func hire(w *world, tenant, account, name string, g store.Group) {
	g.AccountID, g.Name = account, name
	w.seed(tenant, seed.Group(name+".group", g), userRow(account, name, name+".group"))
}

// office is the access of a user who runs an account and sells nothing.
func office() store.Group {
	return store.Group{Rows: store.Access{"account": "cru", "group": "crud", "user": "crud", "customer": "r"}}
}

// giving is a write that would give somebody more access.
type giving struct{ name, method, path, body string }

// tooMuch are ways to give access that the policy's ceiling hides and that the
// giver does not have. {ann.group} gives the same access as the giver has.
// {eve.group} gives carrier as well, and eve is in it.
var tooMuch = []giving{
	{"a group with a hidden area", "POST", "/v1/groups", `{"name":"x","rows":{"carrier":["create","read","update","delete"],"routing":["read"]}}`},
	{"a group with an area below a hidden one", "POST", "/v1/groups", `{"name":"x","rows":{"routing/lcr":["read"]}}`},
	{"a group with a default", "POST", "/v1/groups", `{"name":"x","default_access":["read"]}`},
	{"a group from the template", "POST", "/v1/groups/default-reseller", ``},
	{"a hidden area in the own group", "PATCH", "/v1/groups/{ann.group}", `{"rows":{"carrier":["read"]}}`},
	{"a default in the own group", "PATCH", "/v1/groups/{ann.group}", `{"default_access":["read"]}`},
	{"a row taken out that denied", "PATCH", "/v1/groups/{eve.group}", `{"rows":{}}`},
	{"a stronger group renamed", "PATCH", "/v1/groups/{eve.group}", `{"name":"x"}`},
	{"a stronger group lent", "PATCH", "/v1/groups/{eve.group}", `{"lend_to":"all"}`},
	{"a stronger group narrowed", "PATCH", "/v1/groups/{eve.group}", `{"rows":{"customer":["read"]}}`},
	{"a stronger group deleted", "DELETE", "/v1/groups/{eve.group}", ``},
	{"a user in a stronger group", "POST", "/v1/users", `{"login":"x@example.com","groups":["{eve.group}"]}`},
	{"the own user in a stronger group", "PATCH", "/v1/users/{ann}", `{"groups":["{ann.group}","{eve.group}"]}`},
	{"a stronger user's login", "PATCH", "/v1/users/{eve}", `{"login":"x@example.com"}`},
	{"a stronger user's status", "PATCH", "/v1/users/{eve}", `{"status":"disabled"}`},
	{"a stronger user's networks", "PATCH", "/v1/users/{eve}", `{"ip_allow":["10.0.0.0/8"]}`},
	{"a stronger user's groups", "PATCH", "/v1/users/{eve}", `{"groups":["{ann.group}"]}`},
	{"a stronger user deleted", "DELETE", "/v1/users/{eve}", ``},
}

var noMore = []giving{
	{"a group with what the giver holds", "POST", "/v1/groups", `{"name":"x","rows":{"customer":["read"],"customer/did":["read"]}}`},
	{"a group that gives nothing of a hidden area", "POST", "/v1/groups", `{"name":"x","rows":{"carrier":[]}}`},
	{"the own group lent", "PATCH", "/v1/groups/{ann.group}", `{"lend_to":"all"}`},
	{"a user of the giver's strength", "POST", "/v1/users", `{"login":"y@example.com","groups":["{ann.group}"]}`},
	{"a stronger user's name", "PATCH", "/v1/users/{eve}", `{"name":"Eve"}`},
}

// A ceiling that hides an area today may be lifted tomorrow. The test tries
// every way one and three levels below the master. It also tries an account's
// ceiling that hides more than the policy's.
func TestNobodyGivesWhatACeilingHides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		depth   int
		account string
		ceiling string
	}{
		{1, "A", ""}, {3, "AAA", ""},
		{1, "A", `{"customer":["read"],"group":["create","read","update","delete"],"user":["create","read","update","delete"]}`},
	} {
		t.Run(fmt.Sprint(c.depth, " ", c.account, c.ceiling != ""), func(t *testing.T) {
			eachWorldWith(t, c.depth, func(t *testing.T, w *world) {
				if c.depth > 1 {
					deepen(w)
				}
				strong := office()
				strong.Rows["carrier"] = "crud"
				hire(w, "M", c.account, "ann", office())
				hire(w, "M", c.account, "eve", strong)
				if c.ceiling != "" {
					w.do("m", "PATCH", "/v1/accounts/"+w.id(c.account), `{"ceiling":`+c.ceiling+`}`).want(200)
				}
				for _, g := range tooMuch {
					w.run(t, g.name, func(*testing.T) {
						w.do("ann", g.method, g.path, g.body).refused(403, "exceeds_delegation")
					})
				}
				for _, g := range noMore {
					w.run(t, g.name, func(t *testing.T) {
						if a := w.do("ann", g.method, g.path, g.body); a.status != 200 && a.status != 201 {
							t.Errorf("%d: %s", a.status, a.body)
						}
					})
				}
			})
		})
	}
}

// Removing a row that denies an area gives the access of the default.
func TestARowThatDeniesIsNotTakenAway(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "ann", store.Group{DefaultAccess: "crud", Rows: store.Access{"carrier": ""}})
		w.do("ann", "PATCH", "/v1/groups/{ann.group}", `{"rows":{}}`).refused(403, "exceeds_delegation")
		w.do("ann", "PATCH", "/v1/groups/{ann.group}", `{"rows":{"carrier":["read"]}}`).refused(403, "exceeds_delegation")
		w.do("ann", "PATCH", "/v1/groups/{ann.group}", `{"rows":{"carrier":[],"log":[]}}`).want(200)
		w.do("ann", "POST", "/v1/groups", `{"name":"x","default_access":["read"]}`).refused(403, "exceeds_delegation")
		w.do("ann", "POST", "/v1/groups", `{"name":"x","default_access":["read"],"rows":{"carrier":[],"log":[]}}`).want(201)
	})
}

// below creates two accounts under an account, with one user each. The user lou
// of Low has much access. The user cal of Calm, below Low, has little.
func below(w *world, tenant, parent string) {
	w.seed(tenant, seed.Account("Low", store.Account{ParentID: parent, Name: "Low"}), seed.Account("Calm", store.Account{ParentID: "Low", Name: "Calm"}))
	hire(w, tenant, "Low", "lou", store.Group{Rows: store.Access{"customer": "crud"}})
	hire(w, tenant, "Calm", "cal", store.Group{Rows: store.Access{"customer": "r"}})
}

const crudNames = `["create","read","update","delete"]`

// raises are changes of a ceiling, with the reason why the user of office may
// not make them; "" if it may.
var raises = []struct{ name, from, to, reason string }{
	{"to everything", `{"customer":["read"]}`, `{"*":` + crudNames + `}`, "exceeds_delegation"},
	{"to no limit", `{"customer":["read"]}`, `null`, "exceeds_delegation"},
	{"by an area that the policy hides", `{"customer":["read"]}`, `{"customer":["read"],"carrier":["read"]}`, "exceeds_delegation"},
	{"by a letter", `{"customer":["read"]}`, `{"customer":["read","update"]}`, "exceeds_delegation"},
	{"by what holds everywhere else", `{"customer":["read"]}`, `{"*":["read"]}`, "exceeds_delegation"},
	{"by a row below", `{"customer":["read"]}`, `{"customer":["read"],"customer/did":["delete"]}`, "exceeds_delegation"},
	{"by taking a row out", `{"*":` + crudNames + `,"carrier":[]}`, `{"*":` + crudNames + `}`, "exceeds_delegation"},
	{"by taking a row out below another", `{"customer":["read","delete"],"customer/did":[]}`, `{"customer":["read","delete"]}`, "exceeds_delegation"},
	{"to no limit, from an empty one", `{}`, `null`, "exceeds_delegation"},
	{"by what the actor holds", `{}`, `{"customer":["read"]}`, ""},
	{"by what the actor holds, below what it does not", `{"customer":["delete"]}`, `{"customer":["read","delete"]}`, ""},
	{"not at all, from no limit", `null`, `{"*":` + crudNames + `,"carrier":[]}`, ""},
	{"not at all, and narrowed", `{"customer":["read","delete"]}`, `{"customer":["delete"]}`, ""},
	{"not at all, by a row that says the same", `{"*":["delete"]}`, `{"*":["delete"],"cdr":["delete"]}`, ""},
}

func TestNobodyRaisesACeilingAboveWhatTheyHold(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 5, func(t *testing.T, w *world) {
		deepen(w)
		hire(w, "M", "A", "ann", office())
		hire(w, "M", "AAA", "deep", office())
		below(w, "M", "AAA")
		for _, c := range raises {
			w.run(t, c.name, func(t *testing.T) {
				for _, at := range [][2]string{{"ann", "AA"}, {"ann", "Calm"}, {"deep", "Low"}, {"deep", "Calm"}} {
					user, path := at[0], "/v1/accounts/"+w.id(at[1])
					w.do("m", "PATCH", path, `{"ceiling":`+c.from+`}`).want(200)
					if c.reason == "" {
						w.do(user, "PATCH", path, `{"ceiling":`+c.to+`}`).want(200)
					} else {
						w.do(user, "PATCH", path, `{"ceiling":`+c.to+`}`).refused(403, c.reason)
						w.do(user, "PATCH", path, `{"ceiling":`+c.to+`,"name":"x"}`).refused(403, c.reason)
					}
					w.do("m", "PATCH", path, `{"ceiling":null}`).want(200)
				}
			})
		}
	})
}

func TestNobodyPutsAnAccountInForceWhoseUsersHoldMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, parent, user string
		depth              int
	}{{"one level down", "M", "mann", 2}, {"three levels down", "AA", "aaann", 4}} {
		t.Run(c.name, func(t *testing.T) {
			eachWorldWith(t, c.depth, func(t *testing.T, w *world) {
				deepen(w)
				hire(w, "M", c.parent, c.user, office())
				below(w, "M", c.parent)
				for _, status := range []string{"suspended", "closed"} {
					to := func(user, account, status string) answered {
						return w.do(user, "PATCH", "/v1/accounts/"+w.id(account), `{"status":"`+status+`"}`)
					}
					to(c.user, "Low", status).want(200)
					to(c.user, "Low", "active").refused(403, "exceeds_delegation")
					to(c.user, "Low", "suspended").want(200)
					to(c.user, "Low", "active").refused(403, "exceeds_delegation")
					w.get("lou", "/v1/customers").refused(403, "unknown_user")
					to("m", "Low", "active").want(200)
					w.get("lou", "/v1/customers").want(200)
					to(c.user, "Calm", status).want(200)
					to(c.user, "Calm", "active").want(200)
				}
				w.do("m", "PATCH", "/v1/accounts/{Low}", `{"ceiling":{"customer":["read"]},"status":"closed"}`).want(200)
				w.do(c.user, "PATCH", "/v1/accounts/{Low}", `{"status":"active"}`).refused(403, "exceeds_delegation")
				w.do("m", "PATCH", "/v1/groups/{lou.group}", `{"rows":{"customer":["read"]}}`).want(200)
				w.do(c.user, "PATCH", "/v1/accounts/{Low}", `{"status":"active","name":"x"}`).want(200)
			})
		})
	}
}

// A user who may not read users and groups does not learn whether users below
// have more access: the answer is the same in both cases.
func TestPuttingAnAccountInForceTellsNothingOfItsUsers(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 2, func(t *testing.T, w *world) {
		blind, half := office(), office()
		delete(blind.Rows, "user")
		delete(half.Rows, "group")
		hire(w, "M", "M", "blind", blind)
		hire(w, "M", "M", "half", half)
		below(w, "M", "M")
		for _, user := range []string{"blind", "half"} {
			for _, account := range []string{"Low", "Calm"} {
				path := "/v1/accounts/" + w.id(account)
				w.do(user, "PATCH", path, `{"status":"suspended"}`).want(200)
				w.do(user, "PATCH", path, `{"status":"active"}`).refused(403, `"reasons":["area_denied"]`)
				w.do("m", "PATCH", path, `{"status":"active"}`).want(200)
			}
		}
	})
}

// A new account's ceiling gives nobody access. The group and the user in the
// same request are compared with the access of the acting user.
func TestWhatAnAccountIsMadeWithIsGivenAway(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 4, func(t *testing.T, w *world) {
		deepen(w)
		hire(w, "M", "A", "aann", office())
		hire(w, "M", "AAA", "aaaann", office())
		for _, user := range []string{"aann", "aaaann"} {
			for _, group := range []string{`{"name":"x","rows":{"carrier":["read"]}}`, `{"name":"x","default_access":["read"]}`,
				`{"name":"x","template":"default-reseller"}`, `{"name":"x","rows":{"customer":["read","update"]}}`} {
				w.do(user, "POST", "/v1/accounts", `{"name":"x","group":`+group+`}`).refused(403, "exceeds_delegation")
				w.do(user, "POST", "/v1/accounts", `{"name":"x","group":`+group+`,"user":{"login":"x@example.com"}}`).refused(403, "exceeds_delegation")
			}
			w.do(user, "POST", "/v1/accounts", `{"name":"x","group":{"name":"x","rows":{"customer":["read"]}},"user":{"login":"x@example.com"}}`).want(201)
			w.do(user, "POST", "/v1/accounts", `{"name":"x","ceiling":{"customer":["read"]}}`).want(201)
			w.do(user, "POST", "/v1/accounts", `{"name":"x"}`).want(201)
		}
	})
}

// A reseller that was created with the default group can continue its work, also
// below a ceiling that removes much of it.
func TestADefaultResellerGoesOnWithItsWork(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		made := w.do("m", "POST", "/v1/accounts", `{"name":"Fresh","group":{"name":"staff","template":"default-reseller"},
			"user":{"login":"boss@example.com","external_id":"boss"}}`).want(201).object()
		w.call("Fresh", made["id"].(string))
		w.call("boss", w.get("m", "/v1/users?account_id={Fresh}").items()[0]["id"].(string))
		w.call("staff", w.get("m", "/v1/groups?name=staff").items()[0]["id"].(string))
		for i, ceiling := range []string{`null`, `{"*":["read"],"user":` + crudNames + `}`} {
			w.do("m", "PATCH", "/v1/accounts/{Fresh}", `{"ceiling":`+ceiling+`}`).want(200)
			login := fmt.Sprintf("new%d@example.com", i)
			id := w.do("boss", "POST", "/v1/users", `{"login":"`+login+`","groups":["{staff}"]}`).want(201).object()["id"].(string)
			w.do("boss", "PATCH", "/v1/users/"+id, `{"login":"changed-`+login+`","status":"disabled"}`).want(200)
			w.do("boss", "PATCH", "/v1/users/"+id, `{"status":"active","ip_allow":["10.0.0.0/8"]}`).want(200)
			w.do("boss", "DELETE", "/v1/users/"+id, "").want(204)
		}
	})
}
