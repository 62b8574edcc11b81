package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/rowfile"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/seed"
)

// imported imports lines as a user and returns the report.
func (w *world) imported(o RowImport, lines ...map[string]any) *rowfile.Report {
	w.t.Helper()
	var file bytes.Buffer
	for _, line := range lines {
		must(w.t, json.NewEncoder(&file).Encode(line))
	}
	o.As = w.id(cmp.Or(o.As, "m"))
	report, err := w.server.ImportRows(tctx, o, &file)
	must(w.t, err)
	return report
}

// panelLines are the rows of a panel, with faults in some. more is the number of rows.
func panelLines(rng *rand.Rand, round int) []map[string]any {
	pick := func(all ...string) string { return all[rng.IntN(len(all))] }
	some := func(fields map[string]any) map[string]any { // without some of the optional fields
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if strings.HasPrefix(name, "?") {
				if value := fields[name]; rng.IntN(3) > 0 {
					fields[name[1:]] = value
				}
				delete(fields, name)
			}
		}
		return fields
	}
	actions := func() []string {
		list := []string{}
		for _, action := range []string{"update", "read", "create", "delete"} {
			if rng.IntN(2) == 0 {
				list = append(list, action)
			}
		}
		return list
	}
	var lines []map[string]any
	add := func(typ, id string, fields map[string]any) {
		if rng.IntN(8) > 0 {
			fields = some(fields)
			fields["type"], fields["external_id"] = typ, id
			lines = append(lines, fields)
		}
	}
	accounts := []string{"R1", "R2", "R3", "R4"}
	for i, id := range accounts {
		f := map[string]any{"name": pick("One", "Two"), "?email": pick("a@example.com", "no address", ""), "?public_name": "P", "currency": "EUR",
			"?status": pick("active", "suspended", "asleep"), "?ceiling": map[string]any{"*": actions(), "customer": actions()}}
		if i == 0 {
			f["parent"] = "R2" // it comes later
		}
		add("account", id, f)
	}
	add("account", "lost", map[string]any{"name": "Lost", "parent": "nowhere"})
	owner := func(f map[string]any) map[string]any {
		if account := pick("", "R1", "R2", "R3", "R4", "gone"); account != "" {
			f["account"] = account
		}
		return f
	}
	for _, id := range []string{"G1", "G2", "G3"} {
		add("group", id, map[string]any{"name": pick("Sales", "Support"), "default_access": actions(), "?lend_to": pick("all", "none", "some"),
			"?rows": map[string]any{"customer": actions(), "cdr": actions()}})
	}
	add("group", "G4", map[string]any{"name": "Two", "lend_to": []string{"R3", "R2"}, "default_access": []string{}, "rows": map[string]any{"customer": []string{"read"}}})
	add("group", "G5", map[string]any{"name": "Own", "account": "R2", "default_access": actions()})
	for i := range 8 {
		id := fmt.Sprint("U", i)
		add("user", id, owner(map[string]any{"login": strings.ToLower(id) + pick("@example.com", "@example.com", "@example.com", " "),
			"?name": pick("Ada", "Bob", ""), "?status": pick("active", "disabled"), "?groups": []string{pick("G1", "G4"), pick("G1", "G4", "G5", "none")}}))
	}
	for i, kind := range []string{"provider", "customer", "customer"} {
		f := map[string]any{"name": pick("Gold", "Silver"), "kind": kind, "currency": pick("EUR", "EUR", "EUR", "USD"), "?notes": "n", "?rate_precision": rng.IntN(13)}
		if i == 2 {
			f["account"] = "R2"
		}
		add("card", fmt.Sprint("C", i), f)
	}
	for i := range 12 {
		add("customer", fmt.Sprint("K", i), owner(map[string]any{"name": pick("Otter", "Ångström", ""), "?email": pick("x@example.com", "x@example.com", "bad"),
			"?status": pick("active", "closed"), "?currency": "EUR", "?notes": pick("one\ntwo", ""), "?colour": nil}))
	}
	for _, card := range []string{"C0", "C1", "C2", "C9"} {
		for _, to := range []string{"R1", "R2", "R4"} {
			if rng.IntN(3) == 0 {
				continue
			}
			f := map[string]any{"type": "assignment", "card": card, "account": to}
			if rng.IntN(3) == 0 {
				f["valid_to"] = fmt.Sprintf("2027-0%d-01T00:00:00Z", 1+round)
			}
			lines = append(lines, f)
		}
	}
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// oneByOne writes lines with a request for each, and returns the numbers of the lines that
// are refused.
type oneByOne struct {
	*world
	as  string
	ids map[string]string // by type, owner and external id

	stored, inFile map[string]bool // the names that rows had before, and that lines have
}

func (w *oneByOne) name(typ, owner, external string) string {
	if typ == "account" || typ == "user" {
		owner = ""
	}
	return typ + "/" + owner + "/" + external
}

func (w *oneByOne) write(lines []map[string]any) (refused []int) {
	order := []string{"account", "group", "card", "user", "customer", "assignment"}
	w.stored, w.inFile = map[string]bool{}, map[string]bool{}
	for name := range w.ids {
		w.stored[name] = true
	}
	for _, line := range lines {
		owner, _ := line["account"].(string)
		external, _ := line["external_id"].(string)
		w.inFile[w.name(line["type"].(string), owner, external)] = true
	}
	above := map[string]string{}
	type numbered struct {
		n    int
		line map[string]any
	}
	var all []numbered
	for i, line := range lines {
		all = append(all, numbered{i + 1, line})
		if parent, ok := line["parent"].(string); ok && line["type"] == "account" {
			above[line["external_id"].(string)] = parent
		}
	}
	slices.SortStableFunc(all, func(a, b numbered) int {
		typ := func(n numbered) int { return slices.Index(order, n.line["type"].(string)) }
		child := func(n numbered) int {
			if n.line["parent"] != nil {
				return 1
			}
			return 0
		}
		name := func(n numbered) string { text, _ := n.line["external_id"].(string); return text }
		return cmp.Or(typ(a)-typ(b), child(a)-child(b), cmp.Compare(name(a), name(b)))
	})
	for _, one := range all {
		if !w.line(one.line, above) {
			refused = append(refused, one.n)
		}
	}
	slices.Sort(refused)
	return refused
}

// moves reports whether a line names a stored row under another owner, and no line names
// that row.
func (w *oneByOne) moves(typ, owner, external string) bool {
	if typ == "account" || typ == "user" || w.stored[w.name(typ, owner, external)] {
		return false
	}
	for name := range w.stored {
		if strings.HasPrefix(name, typ+"/") && strings.HasSuffix(name, "/"+external) && !w.inFile[name] {
			return true
		}
	}
	return false
}

// line writes a line and reports whether it was accepted.
func (w *oneByOne) line(line map[string]any, above map[string]string) bool {
	body := maps.Clone(line)
	typ := body["type"].(string)
	delete(body, "type")
	account := func(name any) (id, external string, ok bool) {
		if name == nil {
			return "", "", true
		}
		id, ok = w.ids[w.name("account", "", name.(string))]
		return id, name.(string), ok
	}
	if typ == "assignment" {
		to, external, ok := account(body["account"])
		card, there := w.ids[w.name("card", above[external], body["card"].(string))]
		delete(body, "card")
		delete(body, "account")
		return ok && there && w.ask("PUT", "/v1/cards/"+card+"/assignments/"+to, body).status < 400
	}
	field, column := "account", "account_id"
	if typ == "account" {
		field, column = "parent", "parent_id"
	}
	id, owner, ok := account(body[field])
	delete(body, field)
	if !ok || w.moves(typ, owner, line["external_id"].(string)) {
		return false
	}
	if id != "" {
		body[column] = id
	} else if _, exists := w.ids[w.name(typ, owner, line["external_id"].(string))]; exists {
		body[column] = w.id(map[string]string{"m": "M", "clerk": "M", "a": "A"}[w.as]) // a line without an account says so
	}
	group := func(name string) (string, bool) {
		own, mine := w.ids[w.name("group", owner, name)]
		if owner == "" {
			return own, mine
		}
		lent, there := w.ids[w.name("group", above[owner], name)]
		if mine && there {
			return "", false
		}
		return cmp.Or(own, lent), mine || there
	}
	for _, list := range []string{"groups", "lend_to"} {
		names, isList := body[list].([]string)
		if !isList {
			continue
		}
		ids := []string{}
		for _, name := range names {
			id, _, ok := account(name)
			if list == "groups" {
				id, ok = group(name)
			}
			if !ok {
				return false
			}
			ids = append(ids, id)
		}
		slices.Sort(ids)
		body[list] = slices.Compact(ids)
	}
	name := w.name(typ, owner, line["external_id"].(string))
	had, exists := w.ids[name]
	if typ == "user" && !exists && body["groups"] == nil {
		return false
	}
	if exists {
		return w.ask("PATCH", "/v1/"+typ+"s/"+had, body).status < 400
	}
	made := w.ask("POST", "/v1/"+typ+"s", body)
	if made.status != 201 {
		return false
	}
	w.ids[name], _ = made.object()["id"].(string)
	return true
}

func (w *oneByOne) ask(method, path string, body map[string]any) answered {
	text, err := json.Marshal(body)
	must(w.t, err)
	return w.do(w.as, method, path, string(text))
}

// state is everything that a master's user sees, with external ids in the place of ids.
func (w *world) state() string {
	w.t.Helper()
	names, all := map[string]string{}, map[string][]map[string]any{}
	for _, typ := range []string{"accounts", "groups", "cards", "users", "customers"} {
		all[typ] = w.allItems("/v1/" + typ)
		for _, row := range all[typ] {
			if external, _ := row["external_id"].(string); external != "" {
				owner := row["account_id"]
				names[row["id"].(string)] = fmt.Sprint("<", typ, " ", owner, " ", external, ">")
			}
		}
	}
	for _, card := range all["cards"] {
		id := card["id"].(string)
		all["assignments of "+id] = w.allItems("/v1/cards/" + id + "/assignments")
	}
	all["audit"] = w.allItems("/v1/audit")
	var lines []string
	for of, rows := range all {
		for _, row := range rows {
			for _, name := range []string{"created_at", "updated_at", "etag", "at", "valid_from"} {
				if at, _ := row[name].(string); name != "etag" && at != "" && at < "2026" {
					w.t.Errorf("%s: %s is %s", of, name, at)
				}
				delete(row, name)
			}
			if change, _ := row["change"].(map[string]any); of == "audit" && len(change) == 0 {
				continue // a request that assigns a card as it is assigned
			}
			if of == "audit" {
				delete(row, "id")
			}
			text, err := json.Marshal(row)
			must(w.t, err)
			lines = append(lines, of+" "+string(text))
		}
	}
	text := strings.Join(lines, "\n")
	for range 3 { // an owner is part of a name
		for id, name := range names {
			text = strings.ReplaceAll(text, id, name)
		}
	}
	lines = strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = sortedLists(w.t, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// sortedLists is a line of state with its lists in order: they were in the order of ids.
func sortedLists(t testing.TB, line string) string {
	of, text, _ := strings.Cut(line, " {")
	var row any
	must(t, json.Unmarshal([]byte("{"+text), &row))
	var sort func(any)
	sort = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, x := range v {
				sort(x)
			}
		case []any:
			slices.SortFunc(v, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	sort(row)
	sorted, err := json.Marshal(row)
	must(t, err)
	return of + " " + string(sorted)
}

func (w *world) allItems(path string) (all []map[string]any) {
	w.t.Helper()
	cursor := ""
	for {
		page := w.get("m", path+"?limit=1000"+cursor).want(200).object()
		items, _ := page["items"].([]any)
		for _, item := range items {
			all = append(all, item.(map[string]any))
		}
		next, _ := page["next"].(string)
		if next == "" {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
}

// An import leaves what the requests for its lines leave, one by one, refuses the same
// lines, and does nothing if it is repeated.
func TestAnImportDoesWhatTheRequestsForItsLinesDo(t *testing.T) {
	t.Parallel()
	for name, url := range databases(carriers, turn(t)) {
		for _, as := range []string{"m", "clerk", "a"} {
			for start := range uint64(depth.Runs(2)) {
				t.Run(fmt.Sprintf("%s, %s, %d", name, as, start), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(depth.FirstSeed(), start))
					imports := newWorld(t, url(t), engineOf(t, 3), seedWorld)
					requests := &oneByOne{world: newWorld(t, url(t), engineOf(t, 3), seedWorld), as: as, ids: map[string]string{}}
					for round := range 3 {
						lines := panelLines(rng, round)
						dry := imports.state()
						tried := imports.imported(RowImport{As: as}, lines...)
						if now := imports.state(); now != dry {
							t.Fatalf("a dry run changed:\n%s", diffOf(dry, now))
						}
						report := imports.imported(RowImport{As: as, Apply: true, SkipRefused: true}, lines...)
						sameReport(t, tried, report)
						refused := requests.write(lines)
						var found []int
						for _, one := range report.Refusals {
							found = append(found, one.Line)
						}
						slices.Sort(found)
						if !slices.Equal(found, refused) {
							t.Fatalf("refused are %v, and requests for %v\n%s", found, refused, sideBySide(report, lines, found, refused))
						}
						if a, b := imports.state(), requests.state(); a != b {
							t.Fatalf("round %d: the import left other rows than the requests:\n%s", round, diffOf(b, a))
						}
						again := imports.imported(RowImport{As: as, Apply: true, SkipRefused: true}, lines...)
						for _, c := range again.Types {
							if c.Created+c.Changed > 0 {
								t.Fatalf("round %d: repeated, %+v", round, c)
							}
						}
					}
				})
			}
		}
	}
}

func sameReport(t *testing.T, tried, done *rowfile.Report) {
	t.Helper()
	a, b := tried.Clone(), done.Clone()
	a.Applied = b.Applied
	one, err := json.Marshal(a)
	must(t, err)
	two, err := json.Marshal(b)
	must(t, err)
	if !bytes.Equal(one, two) {
		t.Fatalf("a dry run says something else than the import:\n%s", diffOf(strings.ReplaceAll(string(one), "},", "},\n"), strings.ReplaceAll(string(two), "},", "},\n")))
	}
}

func sideBySide(r *rowfile.Report, lines []map[string]any, found, refused []int) string {
	var text strings.Builder
	for n, line := range lines {
		n++
		if slices.Contains(found, n) != slices.Contains(refused, n) {
			fmt.Fprintf(&text, "line %d: %v\n", n, line)
		}
	}
	for _, x := range r.Refusals {
		fmt.Fprintf(&text, "%+v\n", x)
	}
	return text.String()
}

func diffOf(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var text strings.Builder
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintln(&text, "-", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&text, "+", line)
		}
	}
	return text.String()
}

// A single refused line leaves nothing of the others, wherever it stands.
func TestARefusedLineLeavesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		good := []map[string]any{
			{"type": "account", "external_id": "R1", "name": "One", "currency": "EUR"},
			{"type": "group", "external_id": "G1", "name": "Sales", "lend_to": []string{"R1"}, "default_access": []string{}, "rows": map[string]any{"customer": []string{"read"}}},
			{"type": "user", "external_id": "U1", "account": "R1", "login": "u1@example.com", "groups": []string{"G1"}},
			{"type": "card", "external_id": "C1", "name": "Gold", "currency": "EUR"},
			{"type": "customer", "external_id": "K1", "account": "R1", "name": "Otter"},
			{"type": "assignment", "card": "C1", "account": "R1"},
		}
		before := w.state()
		for _, bad := range []map[string]any{
			{"type": "account", "external_id": "R2", "name": ""},
			{"type": "group", "external_id": "G2", "name": "x", "lend_to": []string{"nobody"}},
			{"type": "user", "external_id": "U2", "login": "u2@example.com"},
			{"type": "user", "external_id": "U2", "login": "u1@example.com", "account": "R1", "groups": []string{"G1"}},
			{"type": "card", "external_id": "C2", "name": "x", "currency": "nothing"},
			{"type": "customer", "external_id": "K2", "name": "x", "email": "no"},
			{"type": "customer", "external_id": "K1", "account": "R1", "name": "Twice"},
			{"type": "assignment", "card": "C1", "account": "A", "valid_to": "yesterday"},
			{"type": "nothing"}, {}, {"type": "customer", "external_id": "K2", "name": "x", "account": ""},
			{"type": "account", "external_id": "R2", "name": "x", "parent": ""}, {"type": "card", "external_id": "C2", "name": "x", "expanded": map[string]any{}},
		} {
			for _, at := range []int{0, len(good)} {
				report := w.imported(RowImport{Apply: true}, slices.Insert(slices.Clone(good), at, bad)...)
				if report.Applied || report.Refused == 0 {
					t.Errorf("%v: %+v", bad, report)
				}
				for _, x := range report.Refusals {
					if x.Detail == "" || x.Do == "" {
						t.Errorf("%v: does not say what to do: %+v", bad, x)
					}
				}
			}
		}
		if now := w.state(); now != before {
			t.Fatalf("something is left:\n%s", diffOf(before, now))
		}
		if report := w.imported(RowImport{Apply: true}, good...); !report.Applied || report.Refused > 0 {
			t.Fatalf("%+v", report)
		}
	})
}

// A refused line has the same report from a dry run and from an import that writes
// nothing, wherever it is refused.
func TestARefusedImportReportsWhatADryRunReports(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		good := []map[string]any{
			{"type": "account", "external_id": "R1", "name": "One", "currency": "EUR", "ceiling": map[string]any{"customer": []string{"read"}}},
			{"type": "group", "external_id": "G1", "name": "Sales", "lend_to": []string{"R1"}, "default_access": []string{}, "rows": map[string]any{"customer": []string{"read", "update"}}},
			{"type": "user", "external_id": "U1", "account": "R1", "login": "u1@example.com", "groups": []string{"G1"}},
			{"type": "customer", "external_id": "K1", "account": "R1", "name": "Otter"},
			{"type": "customer", "external_id": "K2", "name": "Otter"},
		}
		for what, bad := range map[string]map[string]any{
			"before the transaction":                  {"type": "customer", "external_id": "K3", "name": ""},
			"in the transaction":                      {"type": "user", "external_id": "U2", "login": "u1@example.com", "account": "R1", "groups": []string{"G1"}},
			"with those that refer to it":             {"type": "account", "external_id": "R2", "name": ""},
			"in the transaction, an account":          {"type": "account", "external_id": "R2", "name": "x", "currency": "nothing"},
			"in the transaction, a stored user moved": {"type": "user", "external_id": secret("A", "external a2"), "login": "x@example.com"},
		} {
			w.run(t, what, func(t *testing.T) {
				lines := append(slices.Clone(good), bad, map[string]any{"type": "customer", "external_id": "K4", "account": "R2", "name": "Otter"})
				tried, done := w.imported(RowImport{}, lines...), w.imported(RowImport{Apply: true}, lines...)
				if done.Applied || tried.Refused == 0 || len(tried.Capped) == 0 {
					t.Errorf("%+v", tried)
				}
				sameReport(t, tried, done)
			})
		}
	})
}

// A row that the file has in another account is not made a second time: somebody must
// decide. Two accounts may have a row of one name each.
func TestAnImportMovesNoRow(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		accounts := []map[string]any{{"type": "account", "external_id": "R1", "name": "One", "currency": "EUR"}, {"type": "account", "external_id": "R2", "name": "Two", "currency": "EUR"}}
		rows := []map[string]any{
			{"type": "group", "external_id": "K1", "name": "x", "default_access": []string{"read"}},
			{"type": "customer", "external_id": "K1", "name": "x"},
			{"type": "user", "external_id": "K1", "login": "x@example.com", "groups": []string{"K1"}},
		}
		in := func(account string, rows ...map[string]any) (all []map[string]any) {
			for _, row := range rows {
				row = maps.Clone(row)
				row["account"] = account
				all = append(all, row)
			}
			return all
		}
		if report := w.imported(RowImport{Apply: true}, slices.Concat(accounts, in("R1", rows...))...); !report.Applied {
			t.Fatalf("%+v", report)
		}
		before := w.state()
		for _, row := range rows {
			report := w.imported(RowImport{Apply: true}, slices.Concat(accounts, in("R2", row))...)
			if report.Applied || report.Refused != 1 {
				t.Errorf("%v is moved: %+v", row, report)
				continue
			}
			if x := report.Refusals[0]; row["type"] != "user" && (x.Pointer != "/account" || !strings.Contains(x.Detail, "R1") || !strings.Contains(x.Do, "R1")) {
				t.Errorf("%+v", x)
			}
		}
		if now := w.state(); now != before {
			t.Errorf("something has changed:\n%s", diffOf(before, now))
		}
		both := slices.Concat(accounts, in("R1", rows[:2]...), in("R2", rows[:2]...))
		if report := w.imported(RowImport{Apply: true}, both...); !report.Applied {
			t.Errorf("%+v", report)
		}
		if report := w.imported(RowImport{Apply: true}, slices.Concat(accounts, in("R2", rows[:2]...))...); !report.Applied {
			t.Errorf("with rows of both: %+v", report)
		}
	})
}

// A reseller that gives its own rows the external ids of the panel does not stop the master's
// imports for good: somebody says once that these rows are others.
func TestRowsThatAreSeparateStopNoImport(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		for typ, body := range map[string]string{"customer": `{"name":"A's","external_id":"K5"}`, "group": `{"name":"A's","external_id":"K5","account_id":"{A}","rows":{"customer":["read"]}}`} {
			as := map[string]string{"customer": "a", "group": "m"}[typ]
			id := w.do(as, "POST", "/v1/"+typ+"s", body).want(201).object()["id"].(string)
			line := map[string]any{"type": typ, "external_id": "K5", "account": w.id("B"), "name": "B's"}
			if typ == "group" {
				line["default_access"] = []string{"read"}
			}
			report := w.imported(RowImport{Apply: true}, line)
			if report.Applied || len(report.Refusals) != 1 || !strings.HasSuffix(report.Refusals[0].Do, "add --separate "+id+".") {
				t.Errorf("%s: %+v", typ, report)
			}
			if report = w.imported(RowImport{Apply: true, Separate: []string{w.id("a")}}, line); report.Applied {
				t.Errorf("%s: another row is separate: %+v", typ, report)
			}
			for round := range 2 {
				if report = w.imported(RowImport{Apply: true, Separate: []string{id}}, line); !report.Applied || report.Types[0].Created != 1-round {
					t.Errorf("%s, round %d: %+v", typ, round, report)
				}
			}
			if rows := w.get("m", "/v1/"+typ+"s?external_id=K5").items(); len(rows) != 2 {
				t.Errorf("%s: %v", typ, rows)
			}
		}
	})
}

// A reseller that gives its own group the name of a group of the master does not stop the
// master's imports, and gets no say in them.
func TestAnImportMeansTheGroupsOfItsFile(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		group := map[string]any{"type": "group", "external_id": "G1", "name": "Sales", "lend_to": "all", "default_access": []string{}, "rows": map[string]any{"customer": []string{"read"}}}
		user := map[string]any{"type": "user", "external_id": "U1", "account": w.id("A"), "login": "u1@example.com", "groups": []string{"G1"}}
		if report := w.imported(RowImport{Apply: true}, group, user); !report.Applied {
			t.Fatalf("%+v", report)
		}
		id := w.get("m", "/v1/groups?external_id=G1").items()[0]["id"].(string)
		own := w.do("m", "POST", "/v1/groups", `{"name":"Own","account_id":"{A}","external_id":"G1","rows":{"customer":["read"]}}`).want(201).object()["id"].(string)
		for what, lines := range map[string][]map[string]any{"with the group": {group, user}, "without it": {user}} {
			if report := w.imported(RowImport{Apply: true}, lines...); !report.Applied || report.Refused > 0 {
				t.Errorf("%s: %+v", what, report)
			}
			w.get("m", "/v1/users?external_id=U1").refused(200, id)
		}
		mine := map[string]any{"type": "group", "external_id": "G1", "name": "Own", "account": w.id("A")}
		if report := w.imported(RowImport{Apply: true}, mine, user); !report.Applied {
			t.Errorf("%+v", report)
		}
		w.get("m", "/v1/users?external_id=U1").refused(200, own)
		if report := w.imported(RowImport{Apply: true}, mine, group, user); report.Applied || report.Refused != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// An import does not begin again for each row whose decision takes long, and those who
// wait for it go on to be told that it is an import.
func TestAnImportOfLongDecisionsBeginsAgainOnce(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.server.longChange = 1
		lines := []map[string]any{}
		for i := range 12 {
			lines = append(lines, map[string]any{"type": "group", "external_id": fmt.Sprint("G", i), "name": "x", "default_access": []string{}, "rows": map[string]any{"customer": []string{"read"}}},
				map[string]any{"type": "user", "external_id": fmt.Sprint("U", i), "login": fmt.Sprintf("u%d@example.com", i), "groups": []string{fmt.Sprint("G", i)}})
		}
		for _, as := range []string{"m", "clerk"} {
			for round := range 2 {
				for i := range lines {
					if lines[i]["type"] == "group" {
						lines[i]["name"] = fmt.Sprint(as, round)
						if as == "clerk" && i == 4 {
							lines[i]["rows"] = map[string]any{"customer": []string{"read", "delete"}} // more than it has
						}
					}
				}
				written := 0
				report := w.imported(RowImport{As: as, Apply: true, SkipRefused: true, Progress: func(step string, n int) {
					if step == StepWrite {
						written += n
					}
				}}, lines...)
				if !report.Applied || as == "m" && report.Refused > 0 || as == "clerk" && report.Refused != 1 {
					t.Errorf("%s, round %d: %+v", as, round, report)
				}
				if written > 4*len(lines) {
					t.Errorf("%s, round %d: wrote %d rows for %d lines", as, round, written, len(lines))
				}
			}
		}
	})
}

// An import that others would wait for in vain is refused, unless somebody says that nobody
// else writes. A dry run is not: it tries a part of the rows, and compares the others.
func TestAnImportHoldsTheLockBriefly(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.server.maxHeld = 3
		lines := func(groups, customers int, account string) (all []map[string]any) {
			for i := range groups {
				all = append(all, map[string]any{"type": "group", "external_id": fmt.Sprint("G", i), "name": "x", "default_access": []string{"read"}})
			}
			if account == "new" {
				all = append(all, map[string]any{"type": "account", "external_id": "new", "name": "x", "currency": "EUR"})
			}
			for i := range customers {
				all = append(all, map[string]any{"type": "customer", "external_id": fmt.Sprint("K", i), "account": account, "name": "x"})
			}
			return all
		}
		const many = 4 * freshRows
		for _, c := range []struct {
			groups, fresh   int
			account         string
			held, heldByOne bool // refused on a database that locks rows, and on one with one writer
		}{
			{3, 0, "", false, false},
			{4, 0, "", true, true},
			{0, many - 1, w.id("A"), false, false},
			{0, many, w.id("A"), false, true},
			{0, many, "new", true, true},
		} {
			want := c.held
			if w.store.OneWriter() {
				want = c.heldByOne
			}
			all := lines(c.groups, c.fresh, c.account)
			before := w.state()
			report := w.imported(RowImport{}, all...)
			if n := max(c.groups-3, 0); report.Untried != n || report.Refused > 0 || report.CappedCut != (n > 0) || report.Types[0].Created+report.Types[len(report.Types)-1].Created == 0 {
				t.Errorf("%+v: a dry run: %+v", c, report)
			}
			if alone := w.imported(RowImport{Alone: true}, all...); alone.Untried > 0 || fmt.Sprint(alone.Types) != fmt.Sprint(report.Types) {
				t.Errorf("%+v: %+v, alone %+v", c, report, alone)
			}
			if now := w.state(); now != before {
				t.Errorf("%+v: a dry run changed:\n%s", c, diffOf(before, now))
			}
			var file bytes.Buffer
			for _, line := range all {
				must(t, json.NewEncoder(&file).Encode(line))
			}
			if _, err := w.server.ImportRows(tctx, RowImport{As: w.id("m"), Apply: true}, bytes.NewReader(file.Bytes())); (err != nil) != want {
				t.Errorf("%+v: %v", c, err)
			}
			if want {
				if _, err := w.server.ImportRows(tctx, RowImport{As: w.id("m"), Apply: true, Alone: true}, &file); err != nil {
					t.Errorf("%+v, alone: %v", c, err)
				}
			}
			for _, typ := range []string{"customers", "groups"} {
				for _, row := range w.allItems("/v1/" + typ) {
					if external, _ := row["external_id"].(string); strings.HasPrefix(external, "K") || strings.HasPrefix(external, "G") {
						w.do("m", "DELETE", "/v1/"+typ+"/"+row["id"].(string), "").want(204)
					}
				}
			}
		}
	})
}

// A customer whose external id is taken by a row that the import did not see is a refused line, in a dry run and in
// an import.
func TestANameThatIsTakenIsARefusedLine(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		text := ""
		for _, name := range []string{"K1", "K2", "K3"} {
			text += fmt.Sprintf(`{"type":"customer","external_id":%q,"name":"x","account":%q}`+"\n", name, w.id("A"))
		}
		var runs []*rowImport
		for _, o := range []RowImport{{}, {Apply: true}, {Apply: true, SkipRefused: true}} {
			o.As, o.Progress = w.id("m"), func(string, int) {}
			run, err := w.server.newRowImport(tctx, o)
			must(t, err)
			defer run.close()
			must(t, run.compare(strings.NewReader(text)))
			runs = append(runs, run)
		}
		w.do("a", "POST", "/v1/customers", `{"name":"meanwhile","external_id":"K2"}`).want(201)
		for n, run := range runs {
			must(t, run.write())
			report, err := run.finish()
			must(t, err)
			if x := report.Refusals; len(x) != 1 || x[0].Line != 2 || x[0].Pointer != "/external_id" || report.Applied != (n == 2) {
				t.Errorf("run %d: %+v", n, report)
			}
			if n := report.Types[0].Created; n != 2 && !run.doomed() {
				t.Errorf("%d are created", n)
			}
		}
		for name, want := range map[string]string{"K1": "x", "K2": "meanwhile", "K3": "x"} {
			if rows := w.get("m", "/v1/customers?external_id="+name).items(); len(rows) != 1 || rows[0]["name"] != want {
				t.Errorf("%s: %v", name, rows)
			}
		}
	})
}

// A fault after an import does not hide that its rows are written.
func TestAnImportThatIsWrittenIsReported(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(tctx)
		run, err := w.server.newRowImport(ctx, RowImport{As: w.id("m"), Apply: true, Progress: func(string, int) {}})
		must(t, err)
		defer run.close()
		must(t, run.compare(strings.NewReader(`{"type":"group","external_id":"G1","name":"x","lend_to":"all","account":"`+w.id("A")+`","default_access":["read"]}`)))
		must(t, run.write())
		cancel()
		if report, err := run.finish(); err == nil || report == nil || !report.Applied || !report.CappedCut {
			t.Errorf("%+v %v", report, err)
		}
	})
}

// A user of a reseller's reseller keeps the group that it is in if two have the name, and a new user gets the one that is
// lent. A reseller that uses a name of the account above does not stop the imports of a master.
func TestAGroupOfADeepUserIsKnown(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.seed("M", seed.Account("S", store.Account{ParentID: "A", Name: "Sierra", Currency: "EUR", ExternalID: "S"}))
		made := map[string]string{}
		for account, lend := range map[string]string{"A": "all", "S": "none"} {
			made[account] = w.do("m", "POST", "/v1/groups", `{"name":"x","account_id":"{`+account+`}","external_id":"G1","lend_to":"`+lend+`","rows":{"customer":["read"]}}`).want(201).object()["id"].(string)
		}
		line := map[string]any{"type": "user", "external_id": "U1", "account": "S", "login": "u1@example.com", "groups": []string{"G1"}}
		if report := w.imported(RowImport{Apply: true}, line); !report.Applied || report.Refused > 0 {
			t.Fatalf("%+v", report)
		}
		user := w.get("m", "/v1/users?external_id=U1").refused(200, made["A"]).items()[0]["id"].(string)
		w.do("m", "PATCH", "/v1/users/"+user, `{"groups":["`+made["S"]+`"]}`).want(200)
		if report := w.imported(RowImport{Apply: true}, line); report.Types[0].Unchanged != 1 {
			t.Errorf("%+v", report)
		}
		w.get("m", "/v1/users?external_id=U1").refused(200, made["S"])
	})
}

// Lines that name one card and one account, by whatever names, are about one assignment.
func TestLinesThatNameOneAssignmentAreRepeated(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		rows := []map[string]any{{"type": "account", "external_id": "R1", "name": "One", "currency": "EUR"}, {"type": "card", "external_id": "C1", "name": "Gold", "currency": "EUR"}}
		if report := w.imported(RowImport{Apply: true}, rows...); !report.Applied {
			t.Fatalf("%+v", report)
		}
		id := func(path, name string) string {
			return w.get("m", "/v1/"+path+"?external_id="+name).items()[0]["id"].(string)
		}
		for _, names := range [][2]string{{"C1", id("accounts", "R1")}, {id("cards", "C1"), "R1"}, {id("cards", "C1"), id("accounts", "R1")}, {"C1", "R1"}} {
			report := w.imported(RowImport{Apply: true}, map[string]any{"type": "assignment", "card": "C1", "account": "R1"},
				map[string]any{"type": "assignment", "card": names[0], "account": names[1], "valid_to": w.clock().Add(time.Hour).Format(time.RFC3339)})
			if report.Applied || report.Refused != 2 {
				t.Errorf("%v: %+v", names, report)
			}
		}
	})
}

// A line whose currencies differ is refused until it accepts that. The accepting line changes nothing a second time, and
// is also one for a new row.
func TestALineAcceptsAnotherCurrency(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		account := map[string]any{"type": "account", "external_id": "R1", "name": "One", "currency": "USD"}
		card := map[string]any{"type": "card", "external_id": "C1", "name": "Gold", "currency": "EUR"}
		assignment := map[string]any{"type": "assignment", "card": "C1", "account": "R1"}
		lines := []map[string]any{account, card, assignment}
		refused := func(typ string) {
			t.Helper()
			report := w.imported(RowImport{Apply: true}, lines...)
			if report.Applied || report.Refused != 1 || report.Refusals[0].Type != typ || report.Refusals[0].Pointer != "/accept_currency" ||
				!strings.Contains(report.Refusals[0].Do, "accept_currency") {
				t.Fatalf("%s: %+v", typ, report)
			}
		}
		written := func(changed int) {
			t.Helper()
			report := w.imported(RowImport{Apply: true}, lines...)
			got := 0
			for _, typ := range report.Types {
				got += typ.Created + typ.Changed
			}
			if !report.Applied || report.Refused != 0 || got != changed {
				t.Fatalf("%d rows written, want %d: %+v", got, changed, report)
			}
		}
		refused("assignment")
		for _, line := range lines {
			line["accept_currency"] = true
		}
		written(3)
		written(0)
		delete(card, "accept_currency")
		card["currency"] = "GBP"
		refused("card")
		card["accept_currency"] = true
		written(1)
		written(0)
		card["accept_currency"] = "yes"
		if report := w.imported(RowImport{Apply: true}, lines...); report.Applied || report.Refused != 1 {
			t.Errorf("%+v", report)
		}
		user := map[string]any{"type": "user", "external_id": "U1", "login": "u1@example.com", "groups": []string{w.id("M.full")}, "accept_currency": true}
		if report := w.imported(RowImport{Apply: true}, user); report.Applied || report.Refused != 1 {
			t.Errorf("a user has no currency: %+v", report)
		}
	})
}

// The ends of memberships name groups like the memberships themselves. An import after an end changes nothing.
func TestAnImportKnowsTheEndsOfMemberships(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		end := w.clock().Add(24 * time.Hour).UTC().Truncate(time.Second)
		elsewhere := end.In(time.FixedZone("", 3600)).Format(time.RFC3339)
		group := func(name string) map[string]any {
			return map[string]any{"type": "group", "external_id": name, "name": name, "default_access": []string{"read"}}
		}
		user := func(fields map[string]any) map[string]any {
			fields["type"], fields["external_id"], fields["login"] = "user", "U1", "u1@example.com"
			return fields
		}
		both := user(map[string]any{"groups": []string{"G1", "G2"}, "group_ends": map[string]any{"G1": elsewhere}})
		lines := []map[string]any{group("G1"), group("G2"), both}
		for _, o := range []RowImport{{}, {Apply: true}} {
			if report := w.imported(o, lines...); report.Refused > 0 || report.Types[1].Created != 1 {
				t.Fatalf("%+v", report)
			}
		}
		id := w.get("m", "/v1/groups?external_id=G1").items()[0]["id"].(string)
		if got, want := w.get("m", "/v1/users?external_id=U1").items()[0]["group_ends"], map[string]any{id: end.Format(time.RFC3339)}; !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		same := func(what string, line map[string]any) {
			t.Helper()
			report := w.imported(RowImport{Apply: true}, line)
			if report.Refused > 0 || report.Types[0].Unchanged != 1 {
				t.Errorf("%s: %+v", what, report)
			}
		}
		same("the same", both)
		for _, name := range []string{"G9", ""} {
			report := w.imported(RowImport{Apply: true}, user(map[string]any{"groups": []string{"G1"}, "group_ends": map[string]any{name: elsewhere}}))
			if x := report.Refusals; len(x) != 1 || x[0].Pointer != "/group_ends/"+name {
				t.Errorf("%q: %+v", name, report)
			}
		}
		w.pass(48 * time.Hour)
		same("after the end", both)
		same("without groups", user(map[string]any{"group_ends": map[string]any{"G1": elsewhere}}))
		over := user(map[string]any{"groups": []string{"G1"}, "group_ends": map[string]any{"G1": elsewhere}})
		over["external_id"], over["login"] = "U2", "u2@example.com"
		if report := w.imported(RowImport{Apply: true}, over); report.WithoutGroupCount != 1 {
			t.Errorf("%+v", report)
		}
		gone := user(map[string]any{"group_ends": map[string]any{"G2": elsewhere}})
		if report := w.imported(RowImport{Apply: true}, gone); report.Refused != 1 {
			t.Errorf("the last group is over in the panel alone: %+v", report)
		}
	})
}

// What ceilings take is reported of groups that the file gives, and of no group that the user does not see.
func TestAReportOfCeilingsShowsNoMoreThanTheUserSees(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"customer":["read"]}}`).want(200)
		line := func(group, login string) map[string]any {
			return map[string]any{"type": "user", "external_id": "U1", "login": login, "account": w.id("A"), "groups": []string{group}}
		}
		for _, as := range []string{"a", "m"} {
			for _, group := range []string{w.id("M.full"), w.id("M.clerks"), w.id("N.full")} {
				if report := w.imported(RowImport{As: as}, line(group, "u1@example.com")); report.Refused != 1 || len(report.Capped) > 0 {
					t.Errorf("%s, %s: %+v", as, group, report)
				}
			}
		}
		capped := cappings{master: "M"}
		for n := range maxMemberships + 5 {
			capped.remember(&rowOp{Type: "group", ID: fmt.Sprint("G", n), Owner: "M", Object: map[string]any{"lend_to": []any{"M"}}})
		}
		capped.remember(&rowOp{Type: "group", ID: "G", Owner: "M", Object: map[string]any{"lend_to": []any{"A"}}})
		if capped.cut || !maps.Equal(capped.pairs, map[membership]bool{{"G", "A"}: true}) {
			t.Errorf("%+v", capped)
		}
	})
}

// What ceilings take from rows that do not change is read before the lock.
func TestCeilingsOfUnchangedRowsAreReadBeforeTheLock(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"customer":["read"]}}`).want(200)
		group := `{"type":"group","external_id":"G1","name":"x","lend_to":["` + w.id("A") + `"],"default_access":["read","update"]}` + "\n"
		user := `{"type":"user","external_id":"U1","account":"` + w.id("A") + `","login":"u1@example.com","groups":["G1"]}` + "\n"
		var want string
		for n, text := range []string{group + user, group + user, strings.Replace(group, `"x"`, `"y"`, 1) + user, group + strings.Replace(user, "u1@", "u2@", 1)} {
			run, err := w.server.newRowImport(tctx, RowImport{As: w.id("m"), Apply: true, Progress: func(string, int) {}})
			must(t, err)
			defer run.close()
			must(t, run.compare(strings.NewReader(text)))
			must(t, run.write())
			report, err := run.finish()
			must(t, err)
			if early, late := len(run.capped.at), len(run.late.at); (early > 0) != (n == 1) || (late == 0) != (n == 1) && n < 3 {
				t.Errorf("import %d reads %d before the lock and %d under it", n, early, late)
			}
			if n == 0 {
				want = fmt.Sprint(report.Capped)
			}
			if got := fmt.Sprint(report.Capped); got != want || len(report.Capped) != 1 {
				t.Errorf("import %d: %s, want %s", n, got, want)
			}
		}
	})
}

// New customers are read in parts of a limited number of bytes.
func TestNewCustomersAreReadInSmallParts(t *testing.T) {
	t.Parallel()
	var s customerSpool
	defer s.Close()
	const all = 20
	for n := range all {
		must(t, s.add(n, store.Customer{ID: fmt.Sprint(n), Notes: strings.Repeat("x", 1<<20)}, []byte("{}")))
	}
	next, read := s.reader(), 0
	for {
		some, err := next(customersAtOnce)
		must(t, err)
		if len(some) == 0 {
			break
		}
		if read += len(some); len(some) > maxAtOnce>>20+1 {
			t.Errorf("%d customers at once", len(some))
		}
	}
	if read != all {
		t.Errorf("%d of %d customers", read, all)
	}
}

// Customers that were decided about before the lock are decided about under it, too.
func TestNewCustomersAreDecidedUnderTheLockToo(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		line := fmt.Sprintf(`{"type":"customer","external_id":"K1","name":"x","account":%q}`, w.id("A"))
		for what, between := range map[string]func(run *rowImport){
			"another policy":           func(*rowImport) { w.server.engines.Swap(engineOf(t, 2)) },
			"an account that is gone":  func(run *rowImport) { run.fresh.accounts["acc_gone"] = &freshAccount{} },
			"other columns that count": func(run *rowImport) { run.fresh.accounts[w.id("A")].columns = map[string]bool{"name": true} },
			"rights that were revoked": func(*rowImport) {
				w.do("m", "PATCH", "/v1/groups/{M.clerks}", `{"rows":{"customer":["read"]}}`).want(200)
			},
		} {
			w.run(t, what, func(t *testing.T) {
				as := "m"
				if what == "rights that were revoked" {
					as = "clerk"
					w.do("m", "PATCH", "/v1/groups/{M.clerks}", `{"rows":{"customer":["create","read"],"account":["read"]}}`).want(200)
				}
				run, err := w.server.newRowImport(tctx, RowImport{As: w.id(as), Apply: true, Progress: func(string, int) {}})
				must(t, err)
				defer run.close()
				must(t, run.compare(strings.NewReader(line)))
				between(run)
				if err := run.write(); !errors.Is(err, fault.ErrConflict) {
					t.Errorf("got %v", err)
				}
				if len(w.get("m", "/v1/customers?external_id=K1").items()) > 0 {
					t.Error("the customer is written")
				}
			})
		}
	})
}

// The report of an import names users without a group, orphans, rows that the file lacks,
// and what ceilings take from groups.
func TestAnImportReportsWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.seed("M", seed.Account("S", store.Account{ParentID: "M", Name: "Sierra", Currency: "EUR", ExternalID: "S", Ceiling: store.Access{"customer": "r", "cdr": "crud"}}))
		lines := []map[string]any{
			{"type": "group", "external_id": "G1", "name": "Sales", "lend_to": []string{"S"}, "default_access": []string{},
				"rows": map[string]any{"customer": []string{"read", "update"}, "routing": []string{"read"}, "cdr": []string{"read"}}},
			{"type": "user", "external_id": "U1", "account": "S", "login": "u1@example.com", "groups": []string{"G1"}},
			{"type": "user", "external_id": "U2", "login": "u2@example.com"},
			{"type": "user", "external_id": "U3", "login": "u3@example.com", "groups": []string{}},
			{"type": "customer", "external_id": "K1", "account": "nowhere", "name": "Orphan"},
		}
		report := w.imported(RowImport{}, lines...)
		if len(report.WithoutGroup) != 2 || report.WithoutGroup[0] != (rowfile.NoGroup{Line: 3, ExternalID: "U2", Login: "u2@example.com"}) {
			t.Errorf("without a group: %+v", report.WithoutGroup)
		}
		if !slices.Equal(report.Orphans, []int{5}) {
			t.Errorf("orphans: %v", report.Orphans)
		}
		want := []rowfile.Capped{{Group: "G1", Account: "S", Loses: map[string][]string{"customer": {"update"}, "routing": {"read"}}}}
		if fmt.Sprint(report.Capped) != fmt.Sprint(want) {
			t.Errorf("capped: %+v, want %+v", report.Capped, want)
		}
		if report.AbsentCount == 0 || !slices.ContainsFunc(report.Absent, func(x rowfile.Absent) bool { return x.Type == "user" && x.ID == w.id("a") }) {
			t.Errorf("absent: %+v", report.Absent)
		}
		named := map[string][]string{"U2": {w.id("M.full")}, "U3": {"G1"}}
		if report = w.imported(RowImport{Apply: true, Groups: named}, lines[:4]...); !report.Applied || len(report.WithoutGroup) > 0 {
			t.Fatalf("with groups: %+v", report)
		}
		w.get("m", "/v1/users?external_id=U2").refused(200, w.id("M.full"))
	})
}

// An audit entry of an imported customer says what the audit entry of a request says, also
// if the creator is not shown all columns.
func TestTheCreationOfAnImportedCustomerIsAuditedLikeAnyOther(t *testing.T) {
	t.Parallel()
	full := store.Customer{ID: "cus_1", TenantID: "acc_1", AccountID: "acc_2", Name: "\"Ö<tter>\"\u2028", Email: "a@example.com", Status: "active",
		Currency: "EUR", ExternalID: "K\\1", Notes: "one\ntwo"}
	for _, c := range []store.Customer{full, {ID: "cus_1", TenantID: "acc_1", AccountID: "acc_2", Name: "x", Status: "active"}} {
		for _, columns := range [][]string{{}, {"cards", "id", "name"}, {"account_id", "cards", "currency", "email", "external_id", "id", "name", "notes", "status", "tenant_id"}} {
			row, shown := policyRowOf(&c), map[string]any{}
			for _, name := range columns {
				if value, has := row[name]; has && name != "tenant_id" {
					shown[name] = value
				}
				if name == "cards" {
					shown[name] = []any{}
				}
			}
			want, err := session.AuditChange("customer", row, nil, shown)
			must(t, err)
			var a, b any
			must(t, json.Unmarshal(want, &a))
			must(t, json.Unmarshal(creationOf(row, columns), &b))
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s\nwant %s", creationOf(row, columns), want)
			}
		}
	}
}
