package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/store/schema"
)

// viewer is a user with full access. The user looks at rows of its own account, of an
// account below, and of the account above.
type viewer struct {
	facts *input.Facts
	rows  map[string]map[string]any // by the place of their account: own, below, above
}

var placesOfRows = []string{"own", "below", "above"}

func viewers() (master, reseller viewer) {
	facts := func(kind, parent string, depth int) *input.Facts {
		return input.NewFacts(input.Facts{
			User: map[string]any{"id": "usr_own", "account_id": "acc_own", "status": "active"}, Groups: []input.Group{{ID: "grp_1"}},
			Access:  map[string][]string{"*": {"create", "read", "update", "delete"}},
			Account: input.AccountFacts{ID: "acc_own", ParentID: parent, TenantID: "acc_tenant", Kind: kind, Status: "active", Depth: depth},
			Below:   func(account string) bool { return account == "acc_below" },
		})
	}
	row := func(account, parent string) map[string]any {
		return map[string]any{
			"account_id": account, "actor_account_id": account, "tenant_id": "acc_tenant", "parent_id": parent, "kind": "customer",
			"status": "active", "lend": "all", "lent_to": []string{}, "assigned_to": []string{"acc_own"}, "action": "update", "depth": int64(1),
		}
	}
	rows := map[string]map[string]any{"own": row("acc_own", "acc_above"), "below": row("acc_below", "acc_own"), "above": row("acc_above", "")}
	reseller = viewer{facts("reseller", "acc_above", 1), rows}
	master = viewer{facts("master", "", 0), map[string]map[string]any{"own": rows["own"], "below": rows["below"]}}
	return master, reseller
}

// decide returns the decision about a row of a type. With fields it is about an
// update of these fields, otherwise about reading.
func (v viewer) decide(t *testing.T, e *policies.Engine, typ, place string, fields ...string) policies.Decision {
	t.Helper()
	row := maps.Clone(v.rows[place])
	id := "row_1"
	if typ == "account" {
		id = row["account_id"].(string)
	}
	row["id"] = id
	known := resource.Schema()[typ].Columns
	maps.DeleteFunc(row, func(column string, _ any) bool { _, has := known[column]; return !has })
	in := &input.Input{
		Subject: input.Subject{Type: "user", ID: "usr_own", Facts: v.facts}, Action: input.Action{Name: "read"},
		Resource: input.Resource{Type: typ, ID: id, Row: row},
	}
	if fields != nil {
		in.Action = input.Action{Name: "update", Change: &input.Change{Fields: fields}}
	}
	d := e.Decide(t.Context(), in)
	if d.Err != nil {
		t.Fatalf("%s of %s: %v", typ, place, d.Err)
	}
	return d
}

// shown says on which of the visible rows a column is shown.
func (v viewer) shown(t *testing.T, e *policies.Engine, typ, column string) string {
	t.Helper()
	var visible, on []string
	for _, place := range placesOfRows {
		if v.rows[place] == nil {
			continue
		}
		if d := v.decide(t, e, typ, place); d.Outcome == policies.OutcomeAllow {
			visible = append(visible, place)
			if slices.Contains(d.Columns, column) {
				on = append(on, place)
			}
		}
	}
	switch {
	case on == nil:
		return "never"
	case len(on) == len(visible):
		return "always"
	}
	return strings.Join(on, ", ")
}

// views lists the view of the visible rows, by the place of their account.
func (v viewer) views(t *testing.T, e *policies.Engine, typ string) string {
	t.Helper()
	var views []string
	for _, place := range placesOfRows {
		if v.rows[place] == nil {
			continue
		}
		if d := v.decide(t, e, typ, place); d.Outcome == policies.OutcomeAllow {
			views = append(views, place+": "+code(d.View))
		}
	}
	return strings.Join(views, ", ")
}

// fixedOn lists the rows on which the policy lets neither master nor reseller change
// a column.
func fixedOn(t *testing.T, e *policies.Engine, typ, column string) []string {
	t.Helper()
	var fixed []string
	master, reseller := viewers()
	for _, place := range placesOfRows {
		for _, v := range []viewer{master, reseller} {
			if v.rows[place] != nil && slices.Contains(v.decide(t, e, typ, place, column).Reasons, "column_not_writable") {
				fixed = append(fixed, place)
				break
			}
		}
	}
	return fixed
}

// kindNames are the kinds of columns in terms of JSON.
var kindNames = map[schema.Kind]string{
	schema.Text: "text", schema.Integer: "integer", schema.Boolean: "boolean", schema.Set: "list of texts", schema.Money: "amount",
	schema.Time: "time", schema.JSON: "document", schema.Letters: "list of actions", schema.AccessRows: "lists of actions by area", schema.Times: "times by group",
	schema.Reference: "object", schema.RevisionHead: "object", schema.ParentCards: "list of objects", schema.RuleList: "list of objects",
}

// Types that have columns of their own, by the page that lists them.
var (
	typesOfPanels = []string{"account", "group", "user", "customer", "audit", "webhook"}
	typesOfCards  = []string{"card", "revision", "rate"}
)

func TestEveryTypeHasATableOfColumns(t *testing.T) {
	for typ := range resource.Schema() {
		if !slices.Contains(typesOfPanels, typ) && !slices.Contains(typesOfCards, typ) {
			t.Errorf("no page lists the columns of %s", typ)
		}
	}
}

// columnTables returns a function that makes a table of columns for each of the
// types.
func columnTables(types ...string) func(*testing.T) string {
	return func(t *testing.T) string {
		e, api := embeddedPolicy(t), apiOf(t)
		var tables []string
		for _, typ := range types {
			tables = append(tables, "`"+typ+"`:\n\n"+columnTable(t, e, api, typ))
		}
		return strings.Join(tables, "\n")
	}
}

func columnTable(t *testing.T, e *policies.Engine, api apiDoc, typ string) string {
	t.Helper()
	master, reseller := viewers()
	var rows [][]string
	for _, c := range schema.Info(typ).Columns {
		if !c.Show {
			continue
		}
		kind, known := kindNames[c.Kind]
		if !known {
			t.Errorf("%s.%s: a kind without a name", typ, c.Name)
		}
		var uses []string
		if c.Search {
			uses = append(uses, "filter")
		}
		if c.Sort {
			uses = append(uses, "sort")
		}
		ofMaster, ofReseller := master.shown(t, e, typ, c.Name), reseller.shown(t, e, typ, c.Name)
		if ofMaster == "never" && ofReseller == "never" {
			continue
		}
		rows = append(rows, []string{
			code(c.Name), kind, ofMaster, ofReseller, writes(t, e, api, typ, c.Name), strings.Join(uses, ", "),
		})
	}
	if rows == nil {
		t.Errorf("%s: no rows are visible", typ)
	}
	return markdownTable([]string{"Column", "Type", "Master sees it", "Reseller sees it", "Write", "Lists"}, rows)
}

// writes lists the requests that set a column.
func writes(t *testing.T, e *policies.Engine, api apiDoc, typ, column string) string {
	t.Helper()
	collection := resource.Named(typ).Collection
	if collection == "" {
		return ""
	}
	var ways []string
	if api.takes("POST", collection, column) {
		ways = append(ways, "`POST`")
	}
	if api.takes("PATCH", collection+"/{id}", column) {
		way := "`PATCH`"
		if fixed := fixedOn(t, e, typ, column); fixed != nil {
			way += ", not on " + strings.Join(fixed, " or ") + " rows"
		}
		ways = append(ways, way)
	}
	return strings.Join(ways, ", ")
}

// pathsOfTypes are the list paths of the types without a collection of their own.
var pathsOfTypes = map[string]string{
	"audit": "/v1/audit", "rate": "/v1/cards/{id}/rates", "revision": "/v1/cards/{id}/revisions",
	"assignment": "/v1/cards/{id}/assignments", "card_customer": "/v1/cards/{id}/customers",
	"dead_letter": "/v1/webhooks/{id}/dead-letters",
}

// typesTable lists every type of rows, with its requests and its views.
func typesTable(t *testing.T) string {
	e, api := embeddedPolicy(t), apiOf(t)
	master, reseller := viewers()
	var rows [][]string
	for _, info := range schema.Types() {
		path := resource.Named(info.Name).Collection
		if path == "" {
			path = pathsOfTypes[info.Name]
		}
		if api.Paths[path] == nil {
			t.Errorf("%s: no path %q", info.Name, path)
		}
		decided := info.Name
		if info.Through != "" && !info.Decided {
			decided = info.Through
		}
		ofReseller := reseller.views(t, e, decided)
		if decided != info.Name { // an assigned card does not show who else is on it
			ofReseller = strings.Join(slices.DeleteFunc(strings.Split(ofReseller, ", "), func(view string) bool {
				return strings.HasPrefix(view, "above: ")
			}), ", ")
		}
		rows = append(rows, []string{
			code(info.Name), code(path), requests(api, path, ""), requests(api, path, "/{"), codes(resource.Named(decided).AreaNames()),
			master.views(t, e, decided), ofReseller,
		})
	}
	return markdownTable([]string{"Type", "Path", "List", "Row", "Areas", "Views of a master", "Views of a reseller"}, rows)
}

// requests returns the methods of a path. With a step, it returns those of the path
// one step below.
func requests(api apiDoc, path, step string) string {
	var methods []string
	for _, p := range sortedKeys(api.Paths) {
		rest, below := strings.CutPrefix(p, path)
		if !below || rest != step && (step == "" || !strings.HasPrefix(rest, step) || strings.Count(rest, "/") > 1) {
			continue
		}
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			if _, has := api.Paths[p][method]; has {
				methods = append(methods, code(strings.ToUpper(method)))
			}
		}
	}
	return strings.Join(methods, " ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
