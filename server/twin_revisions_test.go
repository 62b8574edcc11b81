package server

import (
	"fmt"
	"net/url"
	"time"
)

// revising draws a request about the revisions of a card: their state and
// history, what they change, and which one is activated.
func (q *requests) revising() asked {
	account, name := q.revised()
	card := "/v1/cards/" + cardID(account, name)
	if q.r.IntN(5) == 0 {
		card = "/v1/cards/" + url.PathEscape(q.id("card"))
	}
	one := card + "/revisions/" + url.PathEscape(q.revision(account, name))
	switch q.r.IntN(10) {
	case 0, 1:
		return asked{method: "GET", path: card + "/revisions" + q.params("revision")}
	case 2:
		return asked{method: "GET", path: one}
	case 3:
		return q.diff(one, account, name)
	case 4, 5:
		return asked{method: "GET", path: card + "/rates?" + url.Values{"at": {q.past()}}.Encode()}
	case 6:
		return asked{method: "POST", path: card + "/rollback", body: q.text(q.override())}
	case 7:
		return asked{method: "PATCH", path: one, body: q.text(map[string]any{"status": drawn(q.r, []string{"draft", "draft", "active"})})}
	case 8:
		return asked{method: "DELETE", path: one}
	}
	fields := q.override()
	if q.r.IntN(2) == 0 {
		fields["live_at"] = drawn(q.r, []string{
			twinStart.Add(time.Duration(q.r.IntN(400)-100) * timeUnit).Format(time.RFC3339), "tomorrow"})
	}
	return asked{method: "POST", path: one + "/activate", body: q.text(fields)}
}

// revised draws a card for such a request, usually of the viewer's own account
// or of the account above.
func (q *requests) revised() (account, name string) {
	account = q.eyes.own
	switch above := twinParents[account]; q.r.IntN(5) {
	case 0:
		account = drawn(q.r, twinAccounts)
	case 1, 2:
		if above != "" {
			account = above
		}
	}
	return account, fmt.Sprint("k", 1+q.r.IntN(5))
}

// revision draws the id of a revision: of that card, of another card, of one
// that a request created, or of none.
func (q *requests) revision(account, name string) string {
	switch q.r.IntN(8) {
	case 0:
		return idOf("revision", requestName(q.r.IntN(q.n+1)))
	case 1:
		return idOf("revision", "built "+account+"."+name)
	case 2:
		account = drawn(q.r, twinAccounts)
	case 3:
		return drawn(q.r, []string{"nothing", "%00", cardID(account, name)})
	}
	return idOf("revision", "revision "+account+"."+name+"."+drawn(q.r, []string{"old0", "old1", "active", "active", "draft"}))
}

func (q *requests) diff(one, account, name string) asked {
	p := url.Values{}
	if q.r.IntN(2) == 0 {
		p.Set("with", q.revision(account, name))
	}
	if q.r.IntN(3) == 0 {
		p.Set("limit", fmt.Sprint(1+q.r.IntN(3)))
	}
	if q.r.IntN(3) == 0 {
		p.Set("count", "true")
	}
	a := asked{method: "GET", path: one + "/diff?" + p.Encode()}
	if q.r.IntN(3) == 0 {
		a.header = []string{"Accept", mediaNDJSON}
	}
	return a
}

// aboutOwnCards returns requests that random draws meet too rarely, for each of
// the viewer's cards: what its revisions change, and a build as the last.
func (q *requests) aboutOwnCards() (all []asked) {
	own, header := q.eyes.own, []string{headerUser, q.viewer, "Content-Type", "application/json"}
	for _, name := range []string{"k1", "k2", "k3", "k4", "k5"} {
		card := "/v1/cards/" + cardID(own, name)
		revision := func(label string) string { return idOf("revision", "revision "+own+"."+name+"."+label) }
		all = append(all,
			asked{method: "GET", path: card + "/revisions?count=true", header: header},
			asked{method: "GET", path: card + "/revisions/" + revision("active") + "/diff?with=" + revision("old0") + "&count=true", header: header},
			asked{method: "GET", path: card + "/revisions/" + revision("draft") + "/diff?limit=2", header: header},
			asked{method: "POST", path: card + "/revisions/" + revision("draft") + "/activate", body: `{"accept_losses":true}`, header: header},
			asked{method: "POST", path: card + "/build", body: "{}", header: header})
	}
	return all
}

// past draws a time around those at which revisions were activated and cards
// assigned.
func (q *requests) past() string {
	if q.r.IntN(10) == 0 {
		return drawn(q.r, []string{"", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"})
	}
	return twinStart.Add(time.Duration(q.r.IntN(36)-34) * timeUnit).Format(time.RFC3339)
}

func (q *requests) override() map[string]any {
	fields := map[string]any{}
	if q.r.IntN(3) == 0 {
		fields["accept_losses"] = q.r.IntN(4) > 0
	}
	return fields
}
