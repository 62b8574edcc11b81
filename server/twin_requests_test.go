package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"resellerd/store/schema"
)

// requests draws a sequence of requests of one viewer: to everything that
// exists, to rows that it cannot see, and to absent rows.
type requests struct {
	r       *rand.Rand
	eyes    eyes
	viewer  string
	n       int      // of answers so far
	cursors []string // of answers so far
	tags    []string // ETags that were given out
	pages   []string // searches for the next pages of answers so far
}

func newRequests(viewer twinViewer, seed uint64) *requests {
	account, name, _ := strings.Cut(viewer.name, ".")
	return &requests{r: rand.New(rand.NewPCG(seed, 99)), eyes: viewer.eyes, viewer: userID(account, name)}
}

// next draws a request.
func (q *requests) next() asked {
	q.n++
	var a asked
	switch q.r.IntN(34) {
	case 0:
		a = asked{method: "GET", path: "/v1/me"}
	case 1, 2, 3, 4, 5:
		a = q.list()
	case 6, 7, 8:
		a = asked{method: "GET", path: q.expanded()}
	case 9, 10:
		a = q.rates()
		if q.r.IntN(3) == 0 {
			a = q.lookup()
		}
	case 11, 12:
		a = q.evaluation()
		switch q.r.IntN(4) {
		case 0:
			a = asked{method: "POST", path: "/access/v1/evaluations", body: `{"evaluations":[` + a.body + `,` + q.evaluation().body + `]}`}
		case 1:
			a = q.search(a)
		}
		if q.r.IntN(4) == 0 {
			a = q.filters()
		}
	case 13, 14:
		a = q.create()
	case 15:
		a = q.create()
		if q.r.IntN(2) == 0 {
			a = q.naming(drawn(q.r, twinNames), "/v1/users?dry_run=true") // a dry run, so that the worlds stay the same
		}
	case 16:
		a = q.patch()
	case 17:
		if a = q.bulk(); q.r.IntN(3) == 0 {
			a = q.patch()
		}
	case 18:
		a = q.link()
	case 19, 20:
		a = q.decision()
	case 21, 22, 23, 24:
		a = q.building()
	case 25:
		a = q.preview()
	case 26, 27, 28:
		a = q.revising()
	case 29, 30:
		a = q.imports()
	default:
		a = asked{method: "DELETE", path: q.member()}
	}
	if a.method != "GET" && !strings.HasPrefix(a.path, "/access/") && a.path != "/v1/filters" && !strings.Contains(a.path, "?") && q.r.IntN(5) == 0 {
		a.path += "?dry_run=" + drawn(q.r, []string{"true", "true", "true", "false", "maybe"})
	}
	a.header = append(a.header, q.headers(a)...)
	if a.method == "GET" && q.r.IntN(20) == 0 {
		a.method = "HEAD"
	}
	return a
}

// decision asks for the explanation of a decision. The decision was made for the
// viewer or does not exist.
func (q *requests) decision() asked {
	id := fmt.Sprintf("request%d", 1000*q.r.IntN(q.n+1)+1+q.r.IntN(2))
	if q.r.IntN(4) == 0 {
		id += "-2"
	}
	return asked{method: "GET", path: "/v1/decisions/" + id}
}

// preview asks what another user sees.
func (q *requests) preview() asked {
	a := asked{method: "GET", path: "/v1/preview/" + url.PathEscape(q.previewed())}
	if q.r.IntN(3) == 0 {
		a.path += "?against=" + url.QueryEscape(q.previewed())
	}
	return a
}

// seen keeps the ETags and cursors of an answer for later requests.
func (q *requests) seen(a asked, got answered) {
	if tag := got.header.Get("ETag"); tag != "" {
		q.tags = append(q.tags, tag)
	}
	var page struct {
		Next, Prev string
		Items      []struct{ ETag string }
		Page       struct {
			NextToken string `json:"next_token"`
		}
	}
	if json.Unmarshal([]byte(got.body), &page) != nil {
		return
	}
	if token := page.Page.NextToken; token != "" && strings.HasSuffix(a.body, "}}") {
		q.pages = append(q.pages, a.path+"\n"+a.body[:len(a.body)-2]+fmt.Sprintf(`,"token":%q}}`, token))
	}
	for _, cursor := range []string{page.Next, page.Prev} {
		if cursor != "" {
			q.cursors = append(q.cursors, a.path+"\n"+cursor)
		}
	}
	for _, item := range page.Items {
		if item.ETag != "" && len(q.tags) < 100 {
			q.tags = append(q.tags, item.ETag)
		}
	}
}

func (q *requests) headers(a asked) (header []string) {
	if !strings.HasPrefix(a.path, "/access/") && a.path != "/v1/filters" {
		header = append(header, headerUser, q.viewer)
	}
	if a.body != "" && !slices.Contains(a.header, "Content-Type") {
		header = append(header, "Content-Type", "application/json")
	}
	if a.method != "GET" && q.r.IntN(4) == 0 {
		header = append(header, headerIdempotency, drawn(q.r, []string{"k0", "k1", "k2"}))
	}
	if a.method != "GET" && q.r.IntN(4) == 0 {
		header = append(header, "If-Match", drawn(q.r, append(q.tags, "*", `"made up"`)))
	}
	if a.method == "GET" && q.r.IntN(8) == 0 {
		header = append(header, "If-None-Match", drawn(q.r, append(q.tags, "*", `"made up"`)))
	}
	if q.r.IntN(12) == 0 {
		header = append(header, headerClientIP, drawn(q.r, []string{"10.1.2.3", "192.0.2.1", "nowhere"}))
	}
	if q.r.IntN(12) == 0 {
		header = append(header, headerRequestID, drawn(q.r, []string{"mine-1", "not / valid"}))
	}
	if a.method == "GET" && q.r.IntN(10) == 0 {
		header = append(header, headerAs, q.previewed())
	}
	return header
}

// previewed draws a user for a preview, also one of an account below: a preview shows
// nothing of a row that the viewer does not see.
func (q *requests) previewed() string {
	account := drawn(q.r, twinAccounts)
	if account == q.eyes.own || !q.eyes.within(account) {
		return userID(account, drawn(q.r, []string{"user", "clerk", "u1", "u2"}))
	}
	return drawn(q.r, []string{userID(account, "user"), userID(account, "clerk"), userID(q.eyes.own, "u3"), "nobody"})
}

var twinCollections = map[string]string{
	"account": "/v1/accounts", "group": "/v1/groups", "user": "/v1/users", "customer": "/v1/customers", "card": "/v1/cards"}

var twinTypes = []string{"account", "group", "user", "customer", "card"}

// id draws an id of a type: of the viewer's own row, of another account's row,
// of a row that a request created or would have created, or of an absent row.
func (q *requests) id(typ string) string {
	account := drawn(q.r, twinAccounts)
	if q.r.IntN(2) == 0 {
		account = q.eyes.own
	}
	if account == q.eyes.own && q.r.IntN(3) > 0 {
		return q.own(typ)
	}
	switch q.r.IntN(8) {
	case 0:
		return idOf(typ, requestName(q.r.IntN(q.n+1)))
	case 1:
		return idOf(typ, "nothing")
	case 2:
		return drawn(q.r, []string{"0", "%25", "x'--", strings.Repeat("a", 300), "%00", "%C3%28", accountID(account)})
	}
	switch typ {
	case "account":
		return accountID(account)
	case "group":
		return groupID(account, drawn(q.r, []string{"lent", "boss", "clerks", "staff", "g1", "g2"}))
	case "user":
		return userID(account, drawn(q.r, []string{"user", "clerk", "u1", "u2", "u3"}))
	case "customer":
		return customerID(account, drawn(q.r, []string{"c1", "c2", "c3", "c4", "c5"}))
	}
	return cardID(account, drawn(q.r, []string{"k1", "k2", "k3", "k4", "k5"}))
}

// own draws the id of a row of the viewer's account, or of a row that its parent
// gave it.
func (q *requests) own(typ string) string {
	account, above := q.eyes.own, twinParents[q.eyes.own]
	switch typ {
	case "account":
		return accountID(account)
	case "group":
		if above != "" && q.r.IntN(2) == 0 {
			return groupID(above, "lent")
		}
		return groupID(account, drawn(q.r, []string{"boss", "clerks", "g1"}))
	case "user":
		return userID(account, drawn(q.r, []string{"u1", "u2", "u3"}))
	case "card":
		if above != "" && q.r.IntN(2) == 0 {
			account = above
		}
		return cardID(account, drawn(q.r, []string{"k1", "k2", "k3"}))
	}
	return customerID(account, drawn(q.r, []string{"c1", "c2", "c3", "c4"}))
}

func (q *requests) member() string {
	typ := drawn(q.r, twinTypes)
	return twinCollections[typ] + "/" + url.PathEscape(q.id(typ))
}

// expanded is member, in some cases with the rows that it refers to.
func (q *requests) expanded() string {
	path := q.member()
	if q.r.IntN(3) == 0 {
		path += "?expand=" + drawn(q.r, []string{"account", "parent", "cards", "groups", "assigned_to", "account,cards", "account,groups"})
	}
	return path
}

// list draws a request for a collection, with parameters over columns of any
// type.
func (q *requests) list() asked {
	if len(q.cursors) > 0 && q.r.IntN(4) == 0 {
		path, cursor, _ := strings.Cut(drawn(q.r, q.cursors), "\n")
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		if !strings.Contains(path, "cursor=") {
			return asked{method: "GET", path: path + sign + "cursor=" + cursor}
		}
	}
	typ := drawn(q.r, []string{"account", "group", "user", "customer", "card", "audit", "assignment", "card_customer", "customer_card"})
	path := twinCollections[typ]
	switch typ {
	case "audit":
		path = "/v1/audit"
	case "assignment":
		path = "/v1/cards/" + url.PathEscape(q.id("card")) + "/assignments"
	case "card_customer":
		path = "/v1/cards/" + url.PathEscape(q.id("card")) + "/customers"
	case "customer_card":
		path, typ = "/v1/customers/"+url.PathEscape(q.id("customer"))+"/cards", "card"
	}
	params := q.params(typ)
	if typ == "audit" && len(params)%2 == 0 {
		return asked{method: "GET", path: "/v1/audit/export?after={ended}&limit=3"}
	}
	return asked{method: "GET", path: path + params}
}

func (q *requests) params(typ string) string {
	p := url.Values{}
	if q.r.IntN(2) == 0 {
		p.Set("limit", fmt.Sprint(1+q.r.IntN(3)))
	}
	if q.r.IntN(2) == 0 {
		p.Set("count", "true")
	}
	if q.r.IntN(2) == 0 {
		p.Set("sort", drawn(q.r, []string{"", "-"})+q.column(typ))
	}
	for range q.r.IntN(3) {
		p.Set(q.column(typ)+drawn(q.r, []string{"", "", "_ne", "_contains", "_contains", "_prefix", "_gt", "_gte", "_lt", "_lte"}), q.value())
	}
	if q.r.IntN(10) == 0 {
		p.Set(q.column(typ)+"_null", drawn(q.r, []string{"true", "false", "true", "maybe"}))
	}
	if q.r.IntN(10) == 0 {
		p.Set(q.column(typ)+","+q.column(typ)+"_contains", q.value())
	}
	if q.r.IntN(10) == 0 {
		p[q.column(typ)+drawn(q.r, []string{"", "_ne"})] = []string{q.value(), q.value() + "," + q.value()}
	}
	if q.r.IntN(6) == 0 {
		p.Set("expand", drawn(q.r, []string{"account", "parent", "cards", "groups", "assigned_to", "customer", "actor", "account,cards", "account,groups", "account,assigned_to", "scheduled_by"}))
	}
	if len(p) == 0 {
		return ""
	}
	return "?" + p.Encode()
}

// column draws a column, usually of this type, whether it is shown or not.
func (q *requests) column(typ string) string {
	if q.r.IntN(8) == 0 {
		typ = drawn(q.r, twinTypes)
	}
	return drawn(q.r, schema.Info(typ).Columns).Name
}

// value draws a value that a column may hold in one of the worlds.
func (q *requests) value() string {
	switch q.r.IntN(6) {
	case 0:
		return q.id(drawn(q.r, twinTypes))
	case 1:
		return drawn(q.r, []string{"active", "suspended", "provider", "customer", "some", "reseller", "EUR", "USD"})
	case 2:
		return twinStart.Add(-timeUnit * 500).Format("2006-01-02T15:04:05Z")
	case 3:
		return drawn(q.r, []string{"0", "1", "4", "0.01", "-1", "99999999999999999999", "true", ""})
	case 4:
		return drawn(q.r, slices.Concat(twinNames, twinLogins))
	}
	text := drawn(q.r, twinTexts)
	return text[:q.r.IntN(len(text)+1)]
}

func (q *requests) rates() asked {
	a := asked{method: "GET", path: "/v1/cards/" + url.PathEscape(q.id("card")) + "/rates"}
	switch q.r.IntN(4) {
	case 0:
		a.header = []string{"Accept", drawn(q.r, []string{mediaCSV, mediaNDJSON, "image/png"})}
	case 1:
		account, name := drawn(q.r, twinAccounts), drawn(q.r, []string{"k1", "k2", "k3"})
		a.path = "/v1/cards/" + cardID(account, name) + "/rates?revision=" +
			idOf("revision", "revision "+account+"."+name+"."+drawn(q.r, []string{"old0", "old1", "active", "draft"}))
	case 2:
		a.path += q.params("rate")
	}
	return a
}

// lookup draws a look-up of numbers, usually with existing prefixes.
func (q *requests) lookup() asked {
	number := func() string {
		return drawn(q.r, twinPrefixes) + drawn(q.r, []string{"", "1", "30", "17055501"})
	}
	if q.r.IntN(2) == 0 {
		p := url.Values{"number": {number()}}
		if q.r.IntN(2) == 0 {
			p.Set("seconds", drawn(q.r, []string{"0", "1", "37", "3600", "-1", "x"}))
		}
		if q.r.IntN(3) == 0 {
			p.Set("jurisdiction", drawn(q.r, []string{"inter", "intra", "moon"}))
		}
		return asked{method: "GET", path: "/v1/lookup?" + p.Encode()}
	}
	a := asked{method: "POST", path: "/v1/lookup", body: fmt.Sprintf(`{"numbers":[{"number":%q},{"number":%q,"seconds":%d}]}`, number(), number(), q.r.IntN(90))}
	if q.r.IntN(2) == 0 {
		a.header = []string{"Accept", mediaNDJSON}
	}
	return a
}

// evaluation draws a question about the viewer.
// search turns an evaluation into a search about the viewer.
func (q *requests) search(a asked) asked {
	a.path = "/access/v1/search/" + drawn(q.r, []string{"resource", "resource", "action"})
	page := fmt.Sprintf(`,"page":{"limit":%d`, 1+q.r.IntN(5))
	if len(q.pages) > 0 && q.r.IntN(2) == 0 {
		a.path, a.body, _ = strings.Cut(drawn(q.r, q.pages), "\n")
		return a
	}
	a.body = a.body[:len(a.body)-1] + page + "}}"
	return a
}

func (q *requests) evaluation() asked {
	typ := drawn(q.r, []string{"account", "group", "user", "customer", "card", "rate", "audit", "area", "cdr", "preview", "card/x"})
	id := q.id(drawn(q.r, twinTypes))
	if slices.Contains(twinTypes, typ) {
		id = q.id(typ)
	}
	switch typ {
	case "rate":
		id = q.id("card")
	case "audit":
		id = idOf("audit", "audit "+drawn(q.r, twinAccounts)+"."+drawn(q.r, []string{"a", "b", "c", "d"}))
	case "area":
		id = drawn(q.r, []string{"customer", "cdr", "routing", "circuit-test", "circuit-test/deep", "card/provider"})
	}
	properties := map[string]any{"account_id": q.id("account"), "parent_id": q.id("account")}
	body, err := json.Marshal(map[string]any{
		"subject": map[string]any{"type": "user", "id": q.viewer, "properties": properties},
		"action": map[string]any{"properties": properties, "name": drawn(q.r, []string{
			"read", "read", "create", "update", "delete", "assign", "assign", "activate", "build", "preview", "accept_losses", "fly"})},
		"resource": map[string]any{"type": typ, "id": id, "properties": map[string]any{"account_id": q.id("account"), "kind": "provider"}},
		"context":  map[string]any{"reasons": true},
	})
	if err != nil {
		panic(err)
	}
	return asked{method: "POST", path: "/access/v1/evaluation", body: string(body)}
}

// filters asks for the filter of a table of the panel's own. It names accounts by id:
// their external ids are names that the panel gave, and users below do not see them.
func (q *requests) filters() asked {
	columns := map[string]any{"account_id": "account", "id": map[string]any{"column": "t.id", "type": drawn(q.r, []string{"text", "integer"})}}
	if q.r.IntN(4) > 0 {
		columns["tenant_id"] = "tenant"
	}
	body, err := json.Marshal(map[string]any{
		"user": q.viewer, "columns": columns, "area": drawn(q.r, []string{"cdr", "cdr", "support-ticket", "routing", "preview"}),
		"action": drawn(q.r, []string{"read", "read", "create"}), "accounts": drawn(q.r, []string{"id", "id"}),
		"dialect": drawn(q.r, []string{"postgres", "mysql", "sqlite", "ucast"}), "single_tenant": q.r.IntN(8) == 0,
	})
	if err != nil {
		panic(err)
	}
	return asked{method: "POST", path: "/v1/filters", body: string(body)}
}

// changes asks what changed since each world's own last cursor. Cursors hold random marks
// of commits: they differ between the worlds.
func (q *requests) changes() asked {
	return asked{method: "GET", path: "/v1/changes?after={told}&wait=0", header: []string{headerUser, q.viewer}}
}
