package server

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// cdrColumns maps the columns of a table of call records.
const cdrColumns = `"columns":{"account_id":"c.account","tenant_id":"c.tenant","called":"c.called"}`

// filterOf asks for one filter.
func filterOf(t testing.TB, s *Server, body string, headers ...string) filterBody {
	t.Helper()
	a := knock(t, s, "POST", "/v1/filters", body, headers...)
	if a.StatusCode != 200 {
		t.Fatalf("%s: %d %s", body, a.StatusCode, a.text)
	}
	var f filterBody
	must(t, json.Unmarshal([]byte(a.text), &f))
	return f
}

func TestFilterOfATable(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	now := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	s := w.serve(t, nil, WithClock(func() time.Time { return now }))
	reseller, below, master := w.ID("reseller"), w.ID("below"), w.ID("master")
	lower, upper := min(reseller, below), max(reseller, below)
	for name, c := range map[string]struct {
		user, more string
		kind, sql  string
		args       []string
	}{
		"a reseller and the account below it": {"agent", `"dialect":"postgres","first":3`, "where",
			`("c"."account" IN (CAST($3 AS text), CAST($4 AS text)) AND COALESCE(CAST("c"."account" AS text) COLLATE "C" IN (CAST($3 AS text), CAST($4 AS text)), 1=0))`,
			[]string{lower, upper}},
		"a master": {"staff", `"dialect":"mysql"`, "where",
			"((`c`.`tenant` = ? AND CAST(CONVERT(`c`.`tenant` USING utf8mb4) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY)) AND `c`.`account` IS NOT NULL)",
			[]string{master, master}},
		"a user who may not read the area":    {"clerk", `"dialect":"sqlite"`, "none", "1=0", []string{}},
		"a user of a suspended account":       {"shut", `"dialect":"sqlite"`, "none", "1=0", []string{}},
		"a disabled user":                     {"gone", `"dialect":"sqlite"`, "none", "1=0", []string{}},
		"a user whom the store does not know": {"nobody", `"dialect":"sqlite"`, "none", "1=0", []string{}},
		"an action that the user may not do":  {"agent", `"dialect":"sqlite","action":"update"`, "none", "1=0", []string{}},
		"an action that nobody knows":         {"agent", `"dialect":"sqlite","action":"fly"`, "none", "1=0", []string{}},
		"another tenant's user, for a wide token": {"stranger", `"dialect":"sqlite","placeholders":"named"`, "where",
			"((`c`.`tenant` = CAST(:r1 AS TEXT) AND CAST(`c`.`tenant` AS TEXT) COLLATE BINARY = CAST(:r2 AS TEXT)) AND `c`.`account` IS NOT NULL)",
			[]string{w.ID("other"), w.ID("other")}},
	} {
		f := filterOf(t, s, fmt.Sprintf(`{"user":%q,"area":"cdr",%s,%s}`, c.user, c.more, cdrColumns), wideToken)
		if f.Kind != c.kind || *f.SQL != c.sql || !reflect.DeepEqual(*f.Args, c.args) {
			t.Errorf("%s: %s\n%s %q\nwant %s %q", name, f.Kind, *f.SQL, *f.Args, c.sql, c.args)
		}
		columns := []string{"account_id", "called", "tenant_id"}
		if c.kind == "none" {
			columns = []string{}
		}
		if !reflect.DeepEqual(*f.Columns, columns) || f.ValidUntil != "2026-05-01T10:00:02Z" || f.Area != "cdr" {
			t.Errorf("%s: %v until %s", name, *f.Columns, f.ValidUntil)
		}
		if strings.Contains(c.more, "named") && !reflect.DeepEqual(*f.Names, []string{"r1", "r2"}) {
			t.Errorf("%s: names %v", name, *f.Names)
		}
	}
	if f := filterOf(t, s, `{"user":"stranger","area":"cdr","dialect":"sqlite",`+cdrColumns+`}`, boundToken); f.Kind != "none" {
		t.Errorf("a token of another tenant gets %v", f)
	}
}

func TestFiltersOfADashboard(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	w.log.take()
	a := knock(t, s, "POST", "/v1/filters", `{"user":"agent","dialect":"ucast",`+cdrColumns+`,"filters":[
		{"area":"cdr"},{"area":"invoice"},{"area":"cdr","dialect":"sqlite","columns":{"account_id":"i.a","tenant_id":"i.t"}}]}`, wideToken)
	var all filterAnswer
	must(t, json.Unmarshal([]byte(a.text), &all))
	if len(all.Filters) != 3 || all.ValidUntil == "" || all.Kind != "" {
		t.Fatal(a.text)
	}
	tree, _ := json.Marshal(all.Filters[0].UCAST)
	accounts := []string{w.ID("reseller"), w.ID("below")}
	if accounts[0] > accounts[1] {
		accounts[0], accounts[1] = accounts[1], accounts[0]
	}
	if want := fmt.Sprintf(`{"field":"c.account","operator":"in","type":"field","value":["%s","%s"]}`, accounts[0], accounts[1]); string(tree) != want {
		t.Errorf("%s, want %s", tree, want)
	}
	if all.Filters[1].Kind != "none" || !strings.Contains(*all.Filters[2].SQL, "`i`.`a`") {
		t.Error(a.text)
	}
	if a.Header.Get(headerRevision) == "" || strings.Contains(a.text, "revision") {
		t.Error("the revision belongs to the header alone")
	}
	entries := strings.Split(strings.TrimSpace(w.log.take()), "\n")
	if len(entries) != 3 || !strings.Contains(entries[0], `"filter":`) && !strings.Contains(entries[0], `"answer"`) {
		t.Errorf("the log has %d entries: %s", len(entries), entries)
	}
}

func TestFiltersRefuseWhatCannotBeExact(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	for name, c := range map[string]struct {
		body, field string
		status      int
	}{
		"no user":                    {`{"area":"cdr","dialect":"sqlite",` + cdrColumns + `}`, "user", 422},
		"no dialect":                 {`{"user":"agent","area":"cdr",` + cdrColumns + `}`, "dialect", 422},
		"another dialect":            {`{"user":"agent","area":"cdr","dialect":"oracle",` + cdrColumns + `}`, "dialect", 422},
		"an area of resellerd":       {`{"user":"agent","area":"customer","dialect":"sqlite",` + cdrColumns + `}`, "area", 422},
		"no name of an area":         {`{"user":"agent","area":"CDR*","dialect":"sqlite",` + cdrColumns + `}`, "area", 422},
		"a field that nobody knows":  {`{"user":"agent","area":"cdr","dialect":"sqlite","x":1,` + cdrColumns + `}`, "x", 422},
		"a column that is missing":   {`{"user":"agent","area":"cdr","dialect":"sqlite","columns":{"tenant_id":"t"}}`, "columns.account_id", 422},
		"no tenants in several":      {`{"user":"agent","area":"cdr","dialect":"sqlite","columns":{"account_id":"a"}}`, "columns.tenant_id", 422},
		"one tenant of several":      {`{"user":"agent","area":"cdr","dialect":"sqlite","single_tenant":true,` + cdrColumns + `}`, "single_tenant", 422},
		"a quote in an identifier":   {`{"user":"agent","area":"cdr","dialect":"mysql","columns":{"account_id":"a` + "`" + `","tenant_id":"t"}}`, "columns.account_id", 422},
		"a comment in an identifier": {`{"user":"agent","area":"cdr","dialect":"mysql","columns":{"account_id":"a--","tenant_id":"t"}}`, "columns.account_id", 422},
		"a letter beyond ASCII":      {`{"user":"agent","area":"cdr","dialect":"mysql","columns":{"account_id":"ä","tenant_id":"t"}}`, "columns.account_id", 422},
		"four parts":                 {`{"user":"agent","area":"cdr","dialect":"mysql","columns":{"account_id":"a.b.c.d","tenant_id":"t"}}`, "columns.account_id", 422},
		"a type with padding":        {`{"user":"agent","area":"cdr","dialect":"postgres","columns":{"account_id":{"column":"a","type":"char"},"tenant_id":"t"}}`, "columns.account_id", 422},
		"a uuid in MySQL":            {`{"user":"agent","area":"cdr","dialect":"mysql","columns":{"account_id":{"column":"a","type":"uuid"},"tenant_id":"t"}}`, "columns.account_id", 422},
		"a collation with a quote":   {`{"user":"agent","area":"cdr","dialect":"postgres","columns":{"account_id":{"column":"a","collation":"x\""},"tenant_id":"t"}}`, "columns.account_id", 422},
		"a placeholder for MySQL":    {`{"user":"agent","area":"cdr","dialect":"mysql","placeholders":"dollar",` + cdrColumns + `}`, "placeholders", 422},
		"a first placeholder of 0":   {`{"user":"agent","area":"cdr","dialect":"postgres","first":0,` + cdrColumns + `}`, "first", 422},
		"no filters":                 {`{"user":"agent","filters":[]}`, "filters", 422},
		"a fault in the second":      {`{"user":"agent","dialect":"sqlite",` + cdrColumns + `,"filters":[{"area":"cdr"},{"area":"cdr","columns":{"tenant_id":"t"}}]}`, "filters.1.columns.account_id", 422},
	} {
		a := knock(t, s, "POST", "/v1/filters", c.body, wideToken)
		var p problemBody
		must(t, json.Unmarshal([]byte(a.text), &p))
		if a.StatusCode != c.status || p.Field != c.field {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
	}
	body := `{"user":"agent","area":"cdr","dialect":"sqlite",` + cdrColumns + `}`
	for token, status := range map[string]int{decideToken: 403, readToken: 403, "wrong": 401} {
		if a := knock(t, s, "POST", "/v1/filters", body, token); a.StatusCode != status {
			t.Errorf("%s: %d %s", token, a.StatusCode, a.text)
		}
	}
	if a := knock(t, s, "POST", "/v1/filters", body, wideToken, "Resellerd-As: agent"); a.StatusCode != 403 {
		t.Errorf("a preview: %d %s", a.StatusCode, a.text)
	}
}

// A token that is bound to the only tenant of a store may say so, and its master gets
// all rows.
func TestFilterOfTheOnlyTenant(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.SQLite(t), store.Options{})
	w := &coreWorld{store: st, log: &coreLog{}}
	w.Names = storetest.Fill(t, st, coreRows()[4:]...)
	s := w.serve(t, nil)
	const one = `"area":"cdr","dialect":"sqlite","columns":{"account_id":"a"}`
	if f := filterOf(t, s, `{"user":"staff","single_tenant":true,`+one+`}`, boundToken); f.Kind != "all" || *f.SQL != "1=1" || len(*f.Args) != 0 {
		t.Errorf("%s %s", f.Kind, *f.SQL)
	}
	if f := filterOf(t, s, `{"user":"staff",`+one+`}`, boundToken); f.Kind != "where" || strings.Count(*f.SQL, "?") != 8 {
		t.Errorf("%s %s: want the accounts of the tenant", f.Kind, *f.SQL)
	}
	if f := filterOf(t, s, `{"user":"agent","single_tenant":true,`+one+`}`, boundToken); f.Kind != "where" {
		t.Errorf("a reseller gets %s", f.Kind)
	}
	if a := knock(t, s, "POST", "/v1/filters", `{"user":"staff","single_tenant":true,`+one+`}`, wideToken); a.StatusCode != 422 {
		t.Errorf("a wide token: %d %s", a.StatusCode, a.text)
	}
}
