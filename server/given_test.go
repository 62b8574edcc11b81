package server

import (
	"maps"
	"testing"

	"resellerd/store"
)

func TestWhatACeilingTakesFromTheActorDoesNotCountAgainstIt(t *testing.T) {
	for _, c := range []struct {
		name                     string
		all, granted, left, want store.Access
	}{
		{"nothing is lost", store.Access{"*": "", "user": "cr"}, store.Access{"*": "", "user": "r"}, store.Access{"*": "", "user": "r"},
			store.Access{"*": "", "user": "cr"}},
		{"what both would lose", store.Access{"*": "crud"}, store.Access{"*": "crud"}, store.Access{"*": "r"},
			store.Access{"*": "r"}},
		{"what the actor never had", store.Access{"*": "crud"}, store.Access{"*": "r"}, store.Access{"*": ""},
			store.Access{"*": "cud"}},
		{"a ceiling over one area below", store.Access{"user": "ru"}, store.Access{"user": "ru"}, store.Access{"user": "ru", "user/key": "r"},
			store.Access{"user": "ru", "user/key": "r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := withoutLost(c.all, c.granted, c.left); !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestACeilingLeavesColleaguesInOneGroupEqual(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"],"user":["create","read","update","delete"]}}`).want(200)
		w.do("a", "PATCH", "/v1/users/{a2}", `{"login":"other@example.com"}`).want(200)
		w.do("a", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.default}"]}`).want(201)
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":null}`).want(200)
		w.do("a", "DELETE", "/v1/users/{a2}", "").want(204)
	})
}
