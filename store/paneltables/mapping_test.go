package paneltables

import (
	"bytes"
	"database/sql"
	"os"
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// A mapping holds names of tables and columns. Nothing else of it can become SQL.
func TestAMappingHoldsNamesAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a`b", "a;b", "1a", "a.b.c", ".a", "a.", "a--", "ä", "a\x00", strings.Repeat("a", 65), "a'"} {
		for _, text := range []string{
			"rows: [{type: customer, from: NAME, columns: {external_id: id}}]",
			"rows: [{type: customer, from: t, columns: {external_id: {column: NAME, prefix: x}}}]",
			"rows: [{type: customer, from: t, where: {NAME: 1}, columns: {external_id: id}}]",
			"rows: [{type: user, from: t, columns: {external_id: id, groups: {column: id, from: NAME, on: a, list: b}}}]",
			"rows: [{type: user, from: t, columns: {external_id: id, groups: {column: id, from: a, on: NAME, list: b}}}]",
			"rows: [{type: user, from: t, columns: {external_id: id, groups: {column: id, from: a, on: b, list: NAME}}}]",
			"rows: [{type: group, from: t, columns: {external_id: id, rows: {column: id, from: a, on: b, area: NAME, actions: {read: c}}}}]",
			"rows: [{type: group, from: t, columns: {external_id: id, rows: {column: id, from: a, on: b, area: c, actions: {read: NAME}}}}]",
		} {
			if _, err := Parse([]byte(strings.ReplaceAll(text, "NAME", quotedYAML(name)))); err == nil {
				t.Errorf("%q is accepted in %s", name, text)
			}
		}
	}
}

// A right comes only from a value that says yes.
func TestAFlagSaysYesOrNoOrNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "yes", "Y": "yes", "true": "yes", "t": "yes", "ON": "yes", "\x01": "yes",
		"0": "no", "n": "no", "No": "no", "false": "no", "f": "no", "off": "no", "": "no", "\x00": "no",
		"deny": "", "none": "", "-": "", "0.00": "", "2": "", "\x00\x00": "", "allow": "",
	} {
		is, known := truth(sql.NullString{String: text, Valid: true})
		if got := map[[2]bool]string{{true, true}: "yes", {false, true}: "no"}[[2]bool{is, known}]; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if is, known := truth(sql.NullString{}); is || !known {
		t.Error("NULL is not no")
	}
}

func quotedYAML(text string) string {
	var quoted strings.Builder
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' {
			quoted.WriteString(`\x` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
			continue
		}
		quoted.WriteRune(r)
	}
	return `"` + quoted.String() + `"`
}

func TestAMappingRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "rows: []", "table: x", "rows: [{type: invoice, from: t, columns: {external_id: id}}]",
		"rows: [{type: customer, from: t, columns: {name: name}}]",
		"rows: [{type: customer, from: t, columns: {external_id: {colum: id}}}]",
		"rows: [{type: customer, from: t, filter: x, columns: {external_id: id}}]",
		"rows: [{type: customer, from: t, columns: {external_id: {column: id, value: 5}}}]",
		"rows: [{type: customer, from: t, columns: {external_id: {prefix: x}}}]",
		"rows: [{type: customer, from: t, columns: {external_id: id, x: {column: x, each: true}}}]",
		"rows: [{type: customer, from: t, columns: {external_id: id, x: {column: x, zone: Nowhere}}}]",
		"rows: [{type: group, from: t, columns: {external_id: id, rows: {column: id, from: a, on: b, area: c, actions: {view: d}}}}]",
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func TestTheWorkedMappingReadsItsPanel(t *testing.T) {
	t.Parallel()
	db, url := storetest.MariaDBURL(t)
	schema, err := os.ReadFile("../../testdata/examples/panel/panel.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), string(schema)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../testdata/examples/panel/mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	source, err := Open(url, "")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var rows bytes.Buffer
	if err := source.Write(t.Context(), mapping, &rows); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"currency":"EUR","email":"","external_id":"R3","name":"Kestrel","status":"suspended","type":"account"}`,
		`{"default_access":[],"external_id":"G3","lend_to":"all","name":"Reseller office","rows":{"customer":["read","update"]},"type":"group"}`,
		`{"account":null,"external_id":"U2","groups":[],"login":"omar@halyard.example","name":"Omar","status":"active","type":"user"}`,
		`{"account":"R9","currency":"EUR","email":"","external_id":"K5","name":"Nobody's Bakery","status":"active","type":"customer"}`,
		`{"account":"R2","card":"C2","type":"assignment"}`,
	} {
		if !strings.Contains(rows.String(), line+"\n") {
			t.Errorf("without %s", line)
		}
	}
	if n := strings.Count(rows.String(), "\n"); n != 3+3+3+5+5+3 {
		t.Errorf("%d rows:\n%s", n, rows.String())
	}
	if _, err := source.db.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

// A row counts if its text is a wanted one. The rules by which MySQL compares are no way
// in: it takes 'true' for 0, '1x' for 1 and 'ON' for 'on'.
func TestAConditionComparesTexts(t *testing.T) {
	t.Parallel()
	source := panelOf(t, `CREATE TABLE c (id INT(6) ZEROFILL, n INT, s VARCHAR(9), b BIT(1), d DECIMAL(5,2));
		INSERT INTO c VALUES (1, 0, 'on', b'0', 1), (2, 1, 'ON', b'1', 2), (3, NULL, 'off ', NULL, NULL)`)
	for _, c := range []struct {
		column, value string
		want          string // the ids, or "" for an error
	}{
		{"n", "0", "1"}, {"n", "1", "2"}, {"b", "1", "2"}, {"b", "0", "1"}, {"d", "1.00", "1"}, {"id", "3", "3"}, {"s", "nothing", "none"},
		{"n", "true", ""}, {"n", "1x", ""}, {"n", "", ""}, {"s", "on", ""}, {"s", "off", ""}, {"d", "1", ""}, {"id", "000003", ""},
	} {
		var rows bytes.Buffer
		err := source.Write(t.Context(), &Mapping{Rows: []Rows{{Type: "customer", From: "c", Where: map[string]Values{c.column: {&c.value}},
			Columns: map[string]Column{"external_id": {Column: "id"}}}}}, &rows)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s = %q selects %s", c.column, c.value, rows.String())
			}
			continue
		}
		want := ""
		if c.want != "none" {
			want = `{"external_id":"` + c.want + `","type":"customer"}` + "\n"
		}
		if err != nil || rows.String() != want {
			t.Errorf("%s = %q selects %s, %v", c.column, c.value, rows.String(), err)
		}
	}
}

// A translated column that is NULL has no meaning of its own: the mapping says whether it is no value.
func TestNullIsTranslatedOnlyIfTheMappingSaysSo(t *testing.T) {
	t.Parallel()
	source := panelOf(t, "CREATE TABLE c (id INT, active INT); INSERT INTO c VALUES (1, NULL)")
	text := `rows: [{type: account, from: c, columns: {external_id: id, status: {column: active, NONE values: {"1": active, "0": suspended}}}}]`
	for none, want := range map[string]string{"": "", `none: ["2"],`: "", "none: [null],": `"status":null`, `none: ["0", null],`: `"status":null`, "none: null,": ""} {
		m, err := Parse([]byte(strings.Replace(text, "NONE", none, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var rows bytes.Buffer
		err = source.Write(t.Context(), m, &rows)
		if (err == nil) != (want != "") || !strings.Contains(rows.String(), want) {
			t.Errorf("%q: %s, %v", none, rows.String(), err)
		}
	}
}

// The key of a row has one text, also if the column fills it with zeros. A moment is the
// same in each zone, and a date and time is one of the column's zone.
func TestKeysAndTimesHaveOneText(t *testing.T) {
	t.Parallel()
	source := panelOf(t, `CREATE TABLE c (id INT(6) ZEROFILL, at TIMESTAMP NULL, wall DATETIME);
		SET time_zone = '+05:00'; INSERT INTO c VALUES (42, '2026-06-01 12:00:00', '2026-06-01 12:00:00'); SET GLOBAL time_zone = '-03:00'`)
	text := `rows: [{type: assignment, from: c, WHERE columns: {card: id, valid_from: {column: at, zone: Europe/Madrid}, valid_to: {column: wall, zone: Europe/Madrid}}}]`
	for _, where := range []string{"", "where: {id: 42},"} {
		m, err := Parse([]byte(strings.Replace(text, "WHERE", where, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var rows bytes.Buffer
		if err := source.Write(t.Context(), m, &rows); err != nil {
			t.Fatal(err)
		}
		want := `{"card":"42","type":"assignment","valid_from":"2026-06-01T07:00:00Z","valid_to":"2026-06-01T10:00:00Z"}` + "\n"
		if rows.String() != want {
			t.Errorf("%s %s", where, rows.String())
		}
	}
}

// An error tells where to look, and repeats no value: errors go to logs.
func TestAnErrorRepeatsNoValue(t *testing.T) {
	t.Parallel()
	source := panelOf(t, "CREATE TABLE c (id INT, name VARCHAR(99)); INSERT INTO c VALUES (1, 'a@secret.example'); CREATE TABLE r (id VARCHAR(99), page VARCHAR(99), may VARCHAR(99));"+
		"INSERT INTO r VALUES ('a@secret.example', 'b@secret.example', 'c@secret.example'), ('a@secret.example', 'b@secret.example', 'c@secret.example')")
	for _, text := range []string{
		"{type: customer, from: c, columns: {external_id: id, name: {column: name, values: {x: y}}}}",
		"{type: customer, from: c, columns: {external_id: id, name: {column: name, zone: UTC}}}",
		"{type: customer, from: c, where: {name: A@secret.example}, columns: {external_id: id}}",
		"{type: user, from: c, columns: {external_id: id, groups: {column: name, from: r, on: id, list: page, values: {x: y}}}}",
		"{type: user, from: c, columns: {external_id: id, groups: {column: name, split: ',', values: {x: y}}}}",
		"{type: group, from: c, columns: {external_id: id, rows: {column: name, from: r, on: id, area: page, actions: {read: may}}}}",
		"{type: group, from: c, columns: {external_id: id, rows: {column: name, from: r, on: id, area: page, actions: {}}}}",
	} {
		m, err := Parse([]byte("rows: [" + text + "]"))
		if err != nil {
			t.Fatal(err)
		}
		if err := source.Write(t.Context(), m, &bytes.Buffer{}); err == nil || strings.Contains(strings.ToLower(err.Error()), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// An area of the panel gives nothing in resellerd by its name alone.
func TestAnAreaOfThePanelIsNoneOfResellerd(t *testing.T) {
	t.Parallel()
	source := panelOf(t, "CREATE TABLE g (id INT); INSERT INTO g VALUES (1); CREATE TABLE r (id INT, page VARCHAR(99)); INSERT INTO r VALUES (1, 'user'), (1, 'cdr')")
	text := "rows: [{type: group, from: g, columns: {external_id: id, rows: {column: id, from: r, on: id, area: page, areas: AREAS, actions: {}}}}]"
	for areas, want := range map[string]string{"{}": "", "{cdr: user}": "", "{user: user}": `"user":[]`, "{user: panel/user}": `"panel/user":[]`} {
		m, err := Parse([]byte(strings.Replace(text, "AREAS", areas, 1)))
		if err != nil {
			t.Fatal(err)
		}
		m.Own = func(area string) bool { return area == "user" }
		var rows bytes.Buffer
		err = source.Write(t.Context(), m, &rows)
		if (err == nil) != (want != "") || !strings.Contains(rows.String(), want) {
			t.Errorf("%s: %s, %v", areas, rows.String(), err)
		}
	}
}

// panelOf is a panel's database that statements made.
func panelOf(t *testing.T, statements string) *Source {
	t.Helper()
	db, url := storetest.MariaDBURL(t)
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	source, err := Open(url, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source
}

// The transaction that reads the panel cannot write, and a value is never SQL.
func TestAPanelIsOnlyRead(t *testing.T) {
	t.Parallel()
	db, url := storetest.MariaDBURL(t)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE c (id INT, name VARCHAR(99)); INSERT INTO c VALUES (1, 'it''s'), (2, 'x'); CREATE TABLE kept (n INT)"); err != nil {
		t.Fatal(err)
	}
	source, err := Open(url, "")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for value, want := range map[string]int{"it's": 1, "' OR 1=1 -- ": 0, "x'; DROP TABLE kept; -- ": 0} {
		m := &Mapping{Rows: []Rows{{Type: "customer", From: "c", Where: map[string]Values{"name": {&value}},
			Columns: map[string]Column{"external_id": {Column: "id"}, "name": {Column: "name"}}}}}
		var rows bytes.Buffer
		if err := source.Write(t.Context(), m, &rows); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(rows.String(), "\n"); n != want {
			t.Errorf("%q: %s", value, rows.String())
		}
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil {
		t.Error(err)
	}
	tx, err := source.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO kept VALUES (1)"); err == nil {
		t.Error("the reading transaction can write")
	}
}
