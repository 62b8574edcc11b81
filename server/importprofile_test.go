package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// codesOf returns the codes and columns of the questions of a refused import.
func codesOf(t *testing.T, got answered) (all []string) {
	t.Helper()
	var body problemBody
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 422 || len(body.Questions) == 0 {
		t.Fatalf("no questions: %d %s", got.status, got.body)
	}
	for _, q := range body.Questions {
		all = append(all, strings.TrimSpace(q.Code+" "+q.Column))
	}
	return all
}

func queryOf(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

const weekly = "Valid from 2026-01-05\nDest,Prefix,Rate (cents),Billing Terms,From,Row\nGermany,49,1.2,60/60,01/02/2026,1\nUK,44,1.3,60/60,02/02/2026,2\n"

func TestASecondImportByProfileAsksNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		asked := fmt.Sprint(codesOf(t, must2(w.importInto("a", "retail", "mode=replace&profile=weekly", weekly))))
		if want := "[unit Rate (cents) column Billing Terms column From column Row]"; asked != want {
			t.Fatalf("%s, want %s", asked, want)
		}
		answers := queryOf("map", "Rate (cents)=cost:cents", "map", "Billing Terms=pulse", "map", "From=effective_date:dmy", "ignore", "Row", "zone", "Europe/Berlin", "map", "Dest=name")
		got, report := w.importInto("a", "retail", "mode=replace&profile=weekly&"+answers, weekly)
		if got.status != 200 || report.Profile != "weekly" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		w.get("a", "/v1/import-profiles/weekly").want(404) // a preview keeps nothing
		w.importInto("a", "retail", "mode=replace&apply=true&profile=weekly&"+answers, weekly)
		kept := w.get("a", "/v1/import-profiles/weekly").want(200)
		if !strings.Contains(kept.body, `"value":"Rate (cents)=cost:cents"`) || !strings.Contains(kept.body, `"cost":"0.012"`) {
			t.Errorf("%s", kept.body)
		}
		got, report = w.importInto("a", "retail", "mode=replace&apply=true&profile=weekly", weekly)
		if got.status != 200 || report.Rates != 2 {
			t.Fatalf("the second import: %d %s", got.status, got.body)
		}
		for _, change := range []struct{ name, file, want string }{
			{"another heading", strings.Replace(weekly, "Rate (cents)", "Rate", 1), "[column_gone Rate (cents) column_new Rate typical]"},
			{"another price", strings.NewReplacer("1.2,", "120,", "1.3,", "130,").Replace(weekly), "[typical]"},
			{"other increments", strings.ReplaceAll(weekly, "60/60", "1/1"), "[typical]"},
			{"a new column", strings.NewReplacer("Row\n", "Row,Fee\n", ",1\n", ",1,0.1\n", ",2\n", ",2,0.1\n").Replace(weekly), "[column Fee]"},
			{"another order of dates", strings.ReplaceAll(weekly, "/02/2026", "/14/2026"), "[column_unit From]"},
		} {
			got, _ := w.importInto("a", "retail", "mode=replace&profile=weekly", change.file)
			if asked := fmt.Sprint(codesOf(t, got)); asked != change.want {
				t.Errorf("%s: asked %s, want %s\n%s", change.name, asked, change.want, w.get("a", "/v1/import-profiles/weekly").body)
			}
		}
		dearer := strings.NewReplacer("1.2,", "120,", "1.3,", "130,").Replace(weekly)
		if got, _ := w.importInto("a", "retail", "mode=replace&apply=true&profile=weekly&confirm=typical:cost&confirm=44%3D1.3&confirm=49%3D1.2", dearer); got.status != 200 {
			t.Errorf("confirmed: %d %s", got.status, got.body)
		}
		if got, _ := w.importInto("a", "retail", "mode=replace&profile=weekly&confirm=44%3D1.3&confirm=49%3D1.2", dearer); got.status != 200 {
			t.Errorf("a confirmed question is asked again: %d %s", got.status, got.body)
		}
	})
}

// A profile answers only what its file asks.
func TestAProfileAnswersOnlyQuestionsOfItsFile(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importInto("a", "retail", "mode=replace&apply=true&profile=p&"+queryOf("map", "Rate=cost:cents"), "Rates in cents\nPrefix,Rate\n49,1.2\n")
		got, _ := w.importInto("a", "retail", "mode=replace&profile=p", "Prefix,Rate\n49,0.012\n")
		if asked := fmt.Sprint(codesOf(t, got)); asked != "[column_unit Rate]" {
			t.Errorf("without the unit: %s", asked)
		}
		got, _ = w.importInto("a", "retail", "mode=replace&profile=p", "Rates per second\nPrefix,Rate\n49,1.2\n")
		if asked := fmt.Sprint(codesOf(t, got)); asked != "[unit Rate]" {
			t.Errorf("another unit: %s", asked)
		}
	})
}

func TestProfilesBelongToTheirAccountAndTheAreaOfTheirCards(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		entries := func() int { return len(w.get("m", "/v1/audit?action=update").items()) }
		before := entries()
		path := "/v1/import-profiles/acme"
		made := w.do("m", "PUT", path, `{"options":[{"parameter":"pulse","value":"60"}],"limits":{"row":10}}`).want(200)
		w.do("m", "PUT", path, `{"options":[{"parameter":"pulse","value":"60"}],"limits":{"row":10}}`, "If-Match", `"other"`).want(412)
		w.do("m", "PUT", path, `{"limits":{}}`, "If-Match", made.header.Get("ETag")).want(200)
		w.do("m", "PUT", path, `{"kind":"customer","limits":{}}`).want(409)
		for _, body := range []string{`{"options":[{"parameter":"map","value":"a=cost"}]}`, `{"options":[{"parameter":"mode","value":"replace"}]}`, `{"answers":[{"parameter":"pulse","value":"6"}]}`,
			`{"limits":{"row":-1}}`, `{"limits":{"rows":1}}`, `{"kind":"x"}`, `{"typical":{}}`} {
			if got := w.do("m", "PUT", path, body); got.status != 422 {
				t.Errorf("%s: %d %s", body, got.status, got.body)
			}
		}
		w.do("m", "PUT", "/v1/import-profiles/a%20b", `{}`).want(422)
		if n := entries() - before; n != 2 {
			t.Errorf("%d entries, want those of the two changes", n)
		}
		if got := w.get("m", "/v1/audit?action=update").body; !strings.Contains(got, `"import_profile:provider:acme":{"before":{`) || !strings.Contains(got, `"limits":{"row":10}`) {
			t.Errorf("the changes are not readable: %s", got)
		}
		w.get("a", path).want(404)
		w.do("a", "PUT", path, `{"kind":"customer"}`).want(200)
		if kinds := w.get("a", "/v1/import-profiles").column("kind"); fmt.Sprint(kinds) != "[customer]" {
			t.Errorf("%v", kinds)
		}
		if got := w.do("a", "PUT", "/v1/import-profiles/other", `{"kind":"provider"}`); got.status != 403 {
			t.Errorf("a reseller has no provider cards of its own: %d %s", got.status, got.body)
		}
		w.do("m", "DELETE", path, "").want(204)
		w.get("m", path).want(404)
		w.do("m", "DELETE", path, "").want(404)
		if got := w.get("a", path).want(200); !strings.Contains(got.body, `"kind":"customer"`) {
			t.Errorf("%s", got.body)
		}
	})
}

func must2[T, U any](v T, _ U) T { return v }
