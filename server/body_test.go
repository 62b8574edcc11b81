package server

import (
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile/export"
)

// Every route that writes accepts a repeated write, also for links.
func TestARepeatedLinkIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		key := []string{headerIdempotency, "key-1"}
		first := w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", "", key...).want(200)
		w.pass(time.Hour)
		again := w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", "", key...).want(200)
		if first.alike() != again.alike() {
			t.Errorf("%s\nthen\n%s", first.alike(), again.alike())
		}
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{C}", "", key...).refused(422, headerIdempotency)
		w.do("m", "DELETE", "/v1/cards/{bronze}/assignments/{C}", "", key...).want(204)
		w.do("m", "DELETE", "/v1/cards/{bronze}/assignments/{C}", "", key...).want(204)
	})
}

// A unique key may collide with a row that the writer does not see. The writer
// then may not set it, whether or not it collides.
func TestAnExternalIDOfACardIsForWhoSeesAllCards(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/groups", `{"name":"sellers","rows":{"card/customer":["create","read","update"],"account":["read"]}}`).want(201)
		group := w.get("m", "/v1/groups?name=sellers").column("id")[0]
		made := w.do("m", "POST", "/v1/users", `{"login":"s@example.com","groups":["`+group+`"]}`).want(201).object()
		w.call("seller", made["id"].(string))
		w.do("seller", "POST", "/v1/cards", `{"name":"x","currency":"EUR"}`).want(201)
		taken := w.do("seller", "POST", "/v1/cards", `{"name":"x","currency":"EUR","external_id":"`+secret("M", "external upstream")+`"}`).want(422)
		free := w.do("seller", "POST", "/v1/cards", `{"name":"x","currency":"EUR","external_id":"free"}`).want(422)
		if taken.alike() != free.alike() {
			t.Errorf("%s\nwant\n%s", taken.alike(), free.alike())
		}
		one := w.do("seller", "PATCH", "/v1/cards/{bronze}", `{"external_id":"`+secret("M", "external upstream")+`"}`).want(422)
		two := w.do("seller", "PATCH", "/v1/cards/{bronze}", `{"external_id":"free"}`).want(422)
		if one.alike() != two.alike() {
			t.Errorf("%s\nwant\n%s", one.alike(), two.alike())
		}
	})
}

func TestCellsAreMadeInert(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "Germany": "Germany", "=1": "'=1", "+49": "'+49", "-1": "'-1", "@a": "'@a", "\tx": "'\tx", "a=1": "a=1",
	} {
		if got := export.Inert(cell); got != want {
			t.Errorf("inert(%q) is %q, want %q", cell, got, want)
		}
	}
	if name := disposition(cardHead{ID: "crd_1", Name: "../a\\b\r\n\"c\""}.file("csv")); strings.ContainsAny(name, "\r\n/\\") {
		t.Errorf("file name %s", name)
	}
}
