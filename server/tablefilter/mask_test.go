package tablefilter_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/server/tablefilter"
)

// The expression of a mask tells what its name says of each value, in every database and
// collation: nothing, or the last four characters of a longer text.
func TestMasksTellWhatTheirNamesSay(t *testing.T) {
	r := rand.New(rand.NewPCG(depth.FirstSeed(), 11))
	rows := hostileRows(r, 60)
	for _, text := range []string{"", "a", "abcd", "abcd ", "abcde", "    ", "     ", "äöüß", "äöüßé", "e\u0301e\u0301", "\U0001f600\U0001f600\U0001f600\U0001f600", "\U0001f600abcd", "%'\\\"_"} {
		rows = append(rows, map[string]any{"label": text})
	}
	for _, number := range []int64{0, 1234, 12345, -1, -1234, -123456} {
		rows = append(rows, map[string]any{"size": number})
	}
	for _, p := range created(t, rows) {
		tmpl := p.template(t, predicate.Filter{Kind: predicate.All}, nil)
		for _, column := range slices.Concat(textColumns, integerColumns) {
			if got := tmpl.MaskSQL(column, tablefilter.Mask{Kind: tablefilter.MaskConstant, Value: "x"}); got != "" {
				t.Errorf("%s: a constant is %q", p.name, got)
			}
			for _, kind := range []string{tablefilter.MaskNull, tablefilter.MaskLastFour} {
				masked := p.values(t, tmpl.MaskSQL(column, tablefilter.Mask{Kind: kind}), len(rows))
				for n, row := range rows {
					want := sql.NullString{}
					if value, ok := row[column]; ok && kind == tablefilter.MaskLastFour {
						want = lastFour(fmt.Sprint(value), p.texts == "BLOB" && !slices.Contains(integerColumns, column))
					}
					if masked[n] != want {
						t.Errorf("%s: %s of %q in %s is %+v, want %+v", p.name, kind, row[column], column, masked[n], want)
					}
				}
			}
		}
	}
}

// lastFour are the last four characters of a longer text, or bytes of a column of bytes.
func lastFour(text string, bytes bool) sql.NullString {
	switch characters := []rune(text); {
	case bytes && len(text) > 4:
		return sql.NullString{String: text[len(text)-4:], Valid: true}
	case !bytes && len(characters) > 4 && utf8.ValidString(text):
		return sql.NullString{String: string(characters[len(characters)-4:]), Valid: true}
	}
	return sql.NullString{}
}

// template renders a filter for the table.
func (p *panelTable) template(t *testing.T, f predicate.Filter, kinds map[string]input.ColumnKind) *tablefilter.Template {
	t.Helper()
	table := tablefilter.Table{Dialect: tablefilter.Dialect(p.kind), Placeholders: p.marks(), First: 1, Columns: p.columns}
	tmpl, err := tablefilter.New(f, kinds, table)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return tmpl
}

// values are those of an expression for each row.
func (p *panelTable) values(t *testing.T, expr string, rows int) []sql.NullString {
	t.Helper()
	found, err := p.db.QueryContext(t.Context(), "SELECT n, "+expr+" FROM panel_rows ORDER BY n")
	if err != nil {
		t.Fatalf("%s: %s: %v", p.name, expr, err)
	}
	defer found.Close()
	all := make([]sql.NullString, rows)
	for found.Next() {
		var n int
		var value sql.NullString
		if err := found.Scan(&n, &value); err != nil {
			t.Fatal(err)
		}
		all[n] = value
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// Of no row, a filter shows more columns, or more of a column, than the check of this row
// shows. If no rule of the policy reads the row, it shows the same.
func TestFiltersShowNoMoreColumnsThanTheCheck(t *testing.T) {
	r := rand.New(rand.NewPCG(depth.FirstSeed(), 12))
	rows := hostileRows(r, 60)
	table := tablefilter.Table{Dialect: tablefilter.SQLite, Placeholders: tablefilter.Question, First: 1, Columns: map[string]tablefilter.Column{}}
	for _, name := range textColumns {
		table.Columns[name] = tablefilter.Column{Name: name, Type: tablefilter.Text}
	}
	same, fewer, masked := 0, 0, 0
	for range depth.Runs(60) {
		text, reads := columnPolicy(r)
		engine, err := policies.Load(context.Background(), fstest.MapFS{"reseller/main/policy.rego": {Data: []byte(text)}}, policies.Options{Timeout: time.Minute})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		in := policiestest.Input(r, "row")
		plan := engine.Plan(context.Background(), in)
		if plan.Err != nil {
			t.Fatalf("%v\n%s", plan.Err, text)
		}
		tmpl, err := tablefilter.New(plan.Filter, plan.RowKinds(), table)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		columns, masks := tmpl.Shown(plan.Columns)
		for _, row := range rows {
			d := engine.Evaluate(context.Background(), withProperties(in, row))
			if !d.Allow {
				continue
			}
			shown, hides := tmpl.Shown([]policies.ColumnGroup{{Columns: d.Columns, When: predicate.Filter{Kind: predicate.All}}})
			for _, column := range columns {
				if !slices.Contains(shown, column) {
					t.Fatalf("the filter shows %s, and the check %v %v of %v\n%s", column, shown, hides, row, text)
				}
			}
			for column, mask := range masks {
				masked++
				if is, ok := hides[column]; !slices.Contains(shown, column) && (!ok || tellsMore(mask, is)) {
					t.Fatalf("the filter shows %s as %v, and the check %v %v of %v\n%s", column, mask, shown, hides, row, text)
				}
			}
			if !slices.Equal(columns, shown) || !maps.Equal(masks, hides) {
				fewer++
				if !reads {
					t.Fatalf("the filter shows %v %v, and the check %v %v\n%s", columns, masks, shown, hides, text)
				}
				continue
			}
			same++
		}
	}
	t.Logf("%d rows alike, %d with fewer columns, %d masks", same, fewer, masked)
	if same == 0 || fewer == 0 || masked == 0 {
		t.Error("the filters show nothing, or the same everywhere")
	}
}

// tellsMore reports whether a mask may tell more than another one.
func tellsMore(a, b tablefilter.Mask) bool {
	rank := []string{tablefilter.MaskNull, tablefilter.MaskConstant, tablefilter.MaskLastFour}
	return slices.Index(rank, a.Kind) > slices.Index(rank, b.Kind)
}

// columnPolicy is a policy that shows columns in several forms, some of them by what a row
// holds; reads says whether it has such a rule.
func columnPolicy(r *rand.Rand) (text string, reads bool) {
	var b strings.Builder
	b.WriteString("package reseller.main\n\ndefault allow := false\n\nallow if input.action.name == \"read\"\n\ncolumns contains \"id\"\n\n")
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	for range 1 + r.IntN(7) {
		column := pick([]string{"label", "status", "name", "currency", "*", "nowhere"}) +
			pick([]string{"", "", "=null", "=last_four", "=constant:none", "=constant:hidden", "=unknown", "=constant"})
		fmt.Fprintf(&b, "columns contains %q", column)
		if when := pick([]string{"", "", `input.resource.properties.status == "active"`, `input.resource.properties.currency != "EUR"`, `input.subject.account.kind == "master"`, `input.subject.nothing`}); when != "" {
			reads = reads || strings.Contains(when, "input.resource")
			b.WriteString(" if " + when)
		}
		b.WriteString("\n\n")
	}
	b.WriteString("decision := {\"allow\": allow, \"reasons\": [], \"columns\": columns}\n")
	return b.String(), reads
}
