package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
)

const timeUnit = time.Hour

// create draws the creation of a row of any type, with names that others may
// have.
func (q *requests) create() asked {
	typ := drawn(q.r, twinTypes)
	path := twinCollections[typ]
	if typ == "group" && q.r.IntN(3) == 0 {
		path += "/default-reseller"
	}
	fields := q.whole(typ)
	if q.r.IntN(3) == 0 {
		owner := "account_id"
		if typ == "account" {
			owner = "parent_id"
		}
		fields[owner] = q.id("account")
	}
	return asked{method: "POST", path: path, body: q.text(fields)}
}

// whole draws fields that are usually enough to create a row.
func (q *requests) whole(typ string) map[string]any {
	fields := map[string]any{"name": drawn(q.r, twinTexts)}
	switch typ {
	case "account":
		if q.r.IntN(2) == 0 {
			fields["group"] = map[string]any{"name": "first", "template": "default-reseller"}
			fields["user"] = map[string]any{"login": drawn(q.r, twinLogins), "external_id": drawn(q.r, twinNames)}
		}
	case "user":
		fields["login"] = drawn(q.r, twinLogins)
		fields["groups"] = q.groups()
	case "card":
		fields["currency"] = "EUR"
		fields["kind"] = drawn(q.r, []string{"customer", "customer", "provider"})
	}
	maps.Copy(fields, q.some(typ))
	return fields
}

func (q *requests) groups() []string {
	groups := []string{groupID(q.eyes.own, "boss")}
	if q.r.IntN(2) == 0 {
		groups = []string{q.id("group")}
	}
	if q.r.IntN(3) == 0 {
		groups = append(groups, q.id("group"))
	}
	return groups
}

// some draws a few fields of a type.
func (q *requests) some(typ string) map[string]any {
	all := map[string]any{
		"name": drawn(q.r, twinTexts), "external_id": drawn(q.r, twinNames), "public_name": drawn(q.r, twinTexts),
		"email": drawn(q.r, twinLogins), "notes": drawn(q.r, twinTexts), "status": drawn(q.r, []string{"active", "suspended", "disabled"}),
		"currency": drawn(q.r, []string{"EUR", "USD", "XYZ"}), "login": drawn(q.r, twinLogins), "groups": q.groups(),
		"lend_to": drawn(q.r, []any{"none", "all", []string{q.id("account")}}), "default_access": drawn(q.r, [][]string{{}, {"read"}}),
		"rows":    map[string]any{"customer": []string{"read"}, drawn(q.r, []string{"routing", "cdr", "card", "fax"}): []string{"read", "create"}},
		"ceiling": map[string]any{"*": []string{"read"}}, "kind": "provider", "carrier": drawn(q.r, twinTexts),
		"tech_prefix": "77#", "public_notes": drawn(q.r, twinTexts), "assigned_to": []string{q.id("account")},
		"parents": q.parents(), "compact": drawn(q.r, []string{"min", "max", "avg", "sum"}), "routing": drawn(q.r, []string{"dearest", "cheapest"}),
		"profit_rules": q.rules(),
		"account_id":   q.id("account"), "tenant_id": q.id("account"), "updated_at": "2026-01-01T00:00:00Z", "nonsense": 1,
		"group_ends": map[string]any{groupID(q.eyes.own, "boss"): "2040-01-01T00:00:00Z"},
		"ip_allow":   []string{"10.0.0.0/8"}, "time_zone": drawn(q.r, []string{"Europe/Berlin", "Nowhere"}),
	}
	fields := map[string]any{}
	for range q.r.IntN(3) {
		name := q.column(typ)
		if value, ok := all[name]; ok {
			fields[name] = value
		}
	}
	if q.r.IntN(15) == 0 {
		fields["nonsense"] = 1
	}
	return fields
}

func (q *requests) text(fields map[string]any) string {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	if q.r.IntN(30) == 0 {
		return string(text[:len(text)/2])
	}
	return string(text)
}

// patch draws a change of a row. Some name the row by an external id, which creates it if the
// viewer's account has none of this id.
func (q *requests) patch() asked {
	typ := drawn(q.r, twinTypes)
	a := asked{method: "PATCH", path: twinCollections[typ] + "/" + url.PathEscape(q.id(typ))}
	fields := q.some(typ)
	if q.n%4 == 0 {
		a.method, a.path = "PUT", twinCollections[typ]+"/by-external-id/"+twinNames[q.n/4%len(twinNames)]
		delete(fields, "external_id")
		for name, value := range map[string]any{"name": "named", "login": "named@example.com", "groups": []string{groupID(q.eyes.own, "boss")}, "currency": "EUR", "kind": "customer"} {
			if _, drawn := fields[name]; !drawn && slices.Contains(requiredBy[typ], name) {
				fields[name] = value
			}
		}
	}
	a.body = q.text(fields)
	return a
}

// requiredBy are the fields without which no row of a type can be created.
var requiredBy = map[string][]string{
	"account": {"name", "currency"}, "group": {"name"}, "user": {"login", "groups"}, "customer": {"name"}, "card": {"name", "currency", "kind"},
}

// link draws an assignment of a card, or a customer on it, or the end of one.
func (q *requests) link() asked {
	typ, end := "account", "/assignments/"
	if q.r.IntN(2) == 0 {
		typ, end = "customer", "/customers/"
	}
	a := asked{method: drawn(q.r, []string{"PUT", "PUT", "DELETE"})}
	a.path = "/v1/cards/" + url.PathEscape(q.id("card")) + end + url.PathEscape(q.id(typ))
	if a.method == "PUT" && q.r.IntN(3) == 0 {
		a.body = q.text(map[string]any{"valid_to": twinStart.Add(time.Duration(q.r.IntN(400)-100) * timeUnit).Format(time.RFC3339)})
	}
	return a
}

// imports draws an import into a card: a preview or drafts, over a base that may
// be any account's.
func (q *requests) imports() asked {
	card := q.id("card")
	if q.r.IntN(2) == 0 {
		card = cardID(q.eyes.own, drawn(q.r, []string{"k1", "k2", "k3"}))
	}
	p := url.Values{"mode": {drawn(q.r, []string{"replace", "amend", "merge"})}}
	if p.Get("mode") == "amend" {
		name := drawn(q.r, []string{"k1", "k2", "k3"})
		p.Set("base", idOf("revision", "revision "+drawn(q.r, twinAccounts)+"."+name+"."+drawn(q.r, []string{"old0", "active", "draft"})))
		if q.r.IntN(2) == 0 {
			card = cardID(q.eyes.own, name)
			p.Set("base", idOf("revision", "revision "+q.eyes.own+"."+name+".active"))
		}
	}
	for _, name := range []string{"apply", "skip_refused", "schedule"} {
		if q.r.IntN(2) == 0 {
			p.Set(name, "true")
		}
	}
	if q.r.IntN(3) == 0 {
		p.Set("profile", drawn(q.r, []string{"p", "q"}))
	}
	if q.r.IntN(4) == 0 {
		p["confirm"] = []string{"prices", "removed", drawn(q.r, twinPrefixes) + "=0.01", "overlap:" + drawn(q.r, twinPrefixes)}
	}
	deck := "prefix,name,cost,pulse,effective date\n"
	for range 1 + q.r.IntN(3) {
		deck += drawn(q.r, twinPrefixes) + "," + drawn(q.r, twinTexts) + "," + drawn(q.r, []string{"0.01", "0.02", "x"}) + ",1," +
			drawn(q.r, []string{"", "", "2036-01-01T00:00:00Z"}) + "\n"
	}
	return asked{method: "POST", path: "/v1/cards/" + url.PathEscape(card) + "/import?" + p.Encode(), body: deck, header: []string{"Content-Type", "text/csv"}}
}

// naming asks to create a user of the own account with this external id, as a
// panel that sets external ids. The login is free, so that only the external id can be
// taken.
func (q *requests) naming(externalID, path string) asked {
	body := fmt.Sprintf(`{"login":"%[1]s@named.example","external_id":%[1]q,"groups":[%[2]q]}`, externalID, groupID(q.eyes.own, "clerks"))
	return asked{method: "POST", path: path, body: body, header: []string{"Authorization", "Bearer " + namingToken}}
}

const takenExternalID = `{"type":"urn:resellerd:problem:conflict","title":"Conflict with existing data","status":409,` +
	`"detail":"external_id is taken.","field":"external_id",,"reasons":["external_id_taken"],"errors":[{"pointer":"/external_id","detail":"external_id is taken."}]}`

// tellsTaken is the only exception from non-interference. Users who may set
// external ids learn that one is taken, in words that are the same for every
// row.
func tellsTaken(a asked, got answered) bool {
	return slices.Contains(a.header, "Bearer "+namingToken) && decisionIDs.ReplaceAllString(got.body, "") == takenExternalID
}

// bulk draws a bulk request of a few rows.
func (q *requests) bulk() asked {
	typ := drawn(q.r, []string{"customer", "customer", "user"})
	a := asked{method: drawn(q.r, []string{"POST", "PATCH"}), path: twinCollections[typ] + "/bulk" + drawn(q.r, []string{"", "", "?atomic=true"})}
	rows := make([]any, 1+q.r.IntN(4))
	for i := range rows {
		fields := q.whole(typ)
		if a.method == "PATCH" {
			fields = q.some(typ)
			fields["id"] = q.id(typ)
		} else if q.r.IntN(3) == 0 {
			fields["account_id"] = q.id("account")
		}
		rows[i] = fields
	}
	a.body = q.text(map[string]any{"items": rows})
	return a
}
