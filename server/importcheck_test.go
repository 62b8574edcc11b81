package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/store"
)

// someCard makes a card with rates in force, called by name.
func (w *world) someCard(user, name, kind, file string) (revision string) {
	w.t.Helper()
	carrier := ""
	if kind == "provider" {
		carrier = `,"carrier":"C"`
	}
	made := w.do(user, "POST", "/v1/cards", `{"kind":"`+kind+`","name":"`+name+`","currency":"EUR"`+carrier+`}`).want(201).object()
	w.call(name, made["id"].(string))
	if file == "" {
		return ""
	}
	got, report := w.importInto(user, name, "mode=replace&apply=true&nanp=false&confirm=prices&confirm=countries", file)
	got.want(200)
	revision = report.Revisions[0].ID
	w.do(user, "POST", "/v1/cards/{"+name+"}/revisions/"+revision+"/activate", `{}`).want(200)
	return revision
}

// numbersDeck is a file with a price for each of some prefixes, each of which is multiplied.
func numbersDeck(times int) string {
	deck := "prefix,name,cost,pulse\n"
	for i, prefix := range []string{"211", "212", "213", "216", "218", "220", "221", "222", "223"} {
		deck += fmt.Sprintf("%s,X,0.%04d,1\n", prefix, (i+10)*times)
	}
	return deck
}

func TestNumbersAreComparedWithKnownOnes(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		base := w.someCard("m", "known", "provider", numbersDeck(1))
		w.someCard("m", "fresh", "provider", "")
		for _, c := range []struct{ name, card, query, file, want string }{
			{"one price falls", "known", "mode=amend&base=" + base, "prefix,cost\n211,0.0001\n212,0.001\n", "[price_row 211=0.0001]"},
			{"one price rises", "known", "mode=amend&base=" + base, "prefix,cost\n211,0.0031\n212,0.0033\n", "[price_row 211=0.0031]"},
			{"all prices of another card", "fresh", "mode=replace", numbersDeck(6), "[price_median prices]"},
			{"the other way", "known", "mode=amend&base=" + base, strings.ReplaceAll(numbersDeck(1), "0.00", "0.000"),
				"[price_median prices price_row 211=0.0001 price_row 212=0.00011 price_row 213=0.00012 price_row 216=0.00013 price_row 218=0.00014 price_row 220=0.00015 price_row 221=0.00016 price_row 222=0.00017 price_row 223=0.00018]"},
			{"most rows gone", "known", "mode=replace", "prefix,cost\n211,0.001\n212,0.0011\n", "[removed_rows removed]"},
			{"unknown countries", "fresh", "mode=replace", "prefix,cost\n2100,0.01\n2101,0.01\n44,0.01\n", "[unknown_countries countries]"},
		} {
			for _, apply := range []string{"", "&apply=true"} {
				got, _ := w.importInto("m", c.card, c.query+apply+"&nanp=false", c.file)
				var body problemBody
				if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 422 {
					t.Errorf("%s: %d %s", c.name, got.status, got.body)
					continue
				}
				var asked, confirmed []string
				for _, q := range body.Questions {
					asked = append(asked, q.Code+" "+q.Choices[0].Value)
					confirmed = append(confirmed, "confirm", q.Choices[0].Value)
				}
				if fmt.Sprint(asked) != c.want || len(body.Mapping) == 0 || len(body.Revisions) != 1 {
					t.Errorf("%s: %s, want %s\n%s", c.name, asked, c.want, got.body)
				}
				if got, report := w.importInto("m", c.card, c.query+"&nanp=false&"+queryOf(confirmed...), c.file); got.status != 200 ||
					strings.HasPrefix(c.name, "one price falls") && fmt.Sprint(report.Revisions[0].Falls) != "[{211 0.001 0.0001 false } {212 0.0011 0.001 false }]" {
					t.Errorf("%s, confirmed: %d %s", c.name, got.status, got.body)
				}
			}
		}
		if got, _ := w.importInto("m", "known", "mode=amend&nanp=false&confirm=211%3Dx&base="+base, "prefix,cost\n211,0.001\n"); got.status != 422 {
			t.Errorf("a price that is none: %d %s", got.status, got.body)
		}
		w.do("m", "PUT", "/v1/import-profiles/wide", `{"limits":{"row":1000,"median":1000,"removed":100}}`).want(200)
		if got, _ := w.importInto("m", "known", "mode=amend&nanp=false&profile=wide&base="+base, "prefix,cost\n211,0.0001\n"); got.status != 200 {
			t.Errorf("within the limits of the profile: %d %s", got.status, got.body)
		}
	})
}

// The cost of a call counts: its fee and its steps too. A new prefix is compared with the one that applied before.
func TestTheCostOfACallIsComparedWithTheRatesInForce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		base := w.someCard("m", "known", "provider", "prefix,cost,mcd,pulse,connect,status\n44,0.01,60,60,0,open\n49,0.01,1,1,0.05,open\n4479,,1,1,,blocked\n33,0.01,1,1,0,open\n")
		for _, c := range []struct{ name, file, want string }{
			{"steps of an hour", "prefix,mcd,pulse\n44,3600,3600\n", "[44=0.6 call 0.01]"},
			{"a fee that rises", "prefix,connect\n49,50\n", "[49=50.01 call 0.06]"},
			{"a new fee", "prefix,connect\n33,5\n", "[33=5.01 call 0.01]"},
			{"a dear prefix below a cheap one", "prefix,cost\n447,1.2\n", "[447=1.2 under 44 0.01]"},
			{"a prefix that opens", "prefix,cost,status\n4479,1.2,open\n", "[4479=1.2 under 44 0.01]"},
			{"a price with its fee", "prefix,cost\n49,0.02\n", "[]"},
			{"finer steps", "prefix,mcd,pulse\n44,1,1\n", "[]"},
			{"a new prefix below none", "prefix,cost\n7,1.2\n", "[]"},
		} {
			got, _ := w.importInto("m", "known", "mode=amend&nanp=false&base="+base, c.file)
			var body problemBody
			must(t, json.Unmarshal([]byte(got.body), &body))
			asked := []string{}
			for _, q := range body.Questions {
				text := q.Choices[0].Value
				for _, m := range body.Revisions[0].Rises {
					if strings.HasPrefix(text, m.Prefix+"=") {
						if m.Call {
							text += " call"
						}
						if m.Under != "" {
							text += " under " + m.Under
						}
						text += " " + m.Was
					}
				}
				asked = append(asked, text)
			}
			if fmt.Sprint(asked) != c.want {
				t.Errorf("%s: %s, want %s\n%s", c.name, asked, c.want, got.body)
			}
			if len(asked) == 1 {
				confirm := queryOf("confirm", strings.Fields(asked[0])[0])
				if got, _ := w.importInto("m", "known", "mode=amend&nanp=false&base="+base+"&"+confirm, c.file); got.status != 200 {
					t.Errorf("%s, confirmed: %d %s", c.name, got.status, got.body)
				}
			}
		}
	})
}

// No import opens a blocked prefix unasked by leaving it without a rate, whatever a profile has answered before.
func TestAnImportThatOpensABlockedPrefixAsks(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const deck = "prefix,cost,pulse,status\n44,0.01,1,open\n447,0.011,1,open\n4479,0.9,1,blocked\n4480,0.9,1,blocked\n49,0.01,1,open\n"
		base := w.someCard("m", "known", "provider", deck)
		const removes = "prefix,cost,change\n44,0.011,Increase\n4479,,%s\n"
		amend := "mode=amend&base=" + base + "&map=change%3Dstatus:remove"
		got, _ := w.importInto("m", "known", amend+"&nanp=false&profile=weekly&apply=true&confirm=opened:4479", fmt.Sprintf(removes, "Withdrawn"))
		got.want(200)
		for _, c := range []struct{ name, query, file, want string }{
			{"a replacement without them", "mode=replace", "prefix,cost,pulse\n44,0.01,1\n447,0.011,1\n49,0.01,1\n", "[opened:4479 opened:4480]"},
			{"a replacement that skips an open line", "mode=replace&skip_refused=true", strings.ReplaceAll(strings.Replace(deck, "4479,0.9,1,blocked", "4479,0.9,x,open", 1), "4480,0.9", "4480,"), "[opened:4479]"},
			{"an amendment that removes one", amend, fmt.Sprintf(removes, "Withdrawn"), "[opened:4479]"},
			{"an amendment whose rate has ended", amend, fmt.Sprintf(removes, "Expired"), "[opened:4479]"},
			{"a profile that removes", "mode=amend&confirm=overlap:44&confirm=overlap:4479&profile=weekly&base=" + base, fmt.Sprintf(removes, "Withdrawn"), "[opened:4479]"},
			{"a replacement without a status", "mode=replace", "prefix,cost,pulse\n44,0.01,1\n447,0.011,1\n4479,0.9,1\n4480,0.9,1\n49,0.01,1\n", "[opened:4479 opened:4480]"},
			{"a replacement with empty states", "mode=replace", strings.ReplaceAll(deck, "blocked", ""), "[opened:4479 opened:4480]"},
			{"a replacement with longer prefixes", "mode=replace", "prefix,cost,pulse,status\n44,0.01,1,\n447,0.011,1,\n44791,0.9,1,\n4480,,1,blocked\n49,0.01,1,\n", "[opened:4479 opened:44791]"},
			{"an amendment with a longer prefix", "mode=amend&base=" + base, "prefix,cost\n44801,0.9\n", "[opened:44801]"},
			{"an amendment with a later one", "mode=amend&base=" + base, "prefix,cost,effective date\n44801,0.9," + w.clock().Add(48*time.Hour).Format(time.RFC3339) + "\n", "[opened:44801]"},
			{"an amendment that says so", "mode=amend&base=" + base, "prefix,cost,status\n44801,0.9,open\n", "[]"},
			{"a replacement that says so", "mode=replace", strings.ReplaceAll(deck, "blocked", "open"), "[]"},
			{"a replacement with them", "mode=replace", deck, "[]"},
		} {
			for _, apply := range []string{"", "&apply=true"} {
				query := c.query + "&nanp=false&confirm=overlap:44&confirm=overlap:4479" + apply
				if strings.Contains(c.query, "confirm") {
					query = c.query + "&nanp=false" + apply
				}
				got, _ := w.importInto("m", "known", query, c.file)
				if apply != "" && c.want == "[]" {
					got.want(200)
					continue
				}
				asked := []string{}
				if got.status == 422 {
					var body problemBody
					must(t, json.Unmarshal([]byte(got.body), &body))
					for _, q := range body.Questions {
						asked = append(asked, q.Choices[0].Value)
						query += "&confirm=" + q.Choices[0].Value
						if q.Code != "opened" || q.Choices[0].Effect == "" {
							t.Errorf("%s: %+v", c.name, q)
						}
					}
				}
				if fmt.Sprint(asked) != c.want {
					t.Errorf("%s: %s, want %s\n%s", c.name, asked, c.want, got.body)
				}
				if apply != "" {
					continue
				}
				if got, _ := w.importInto("m", "known", query, c.file); got.status != 200 {
					t.Errorf("%s, confirmed: %d %s", c.name, got.status, got.body)
				}
			}
		}
	})
}

// Many prefixes that are opened are one question. Its answer opens no others, however many they are.
func TestManyOpenedPrefixesAreOneQuestion(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		deck := "prefix,cost,status\n44,0.01,open\n"
		for n := range 130 {
			deck += fmt.Sprintf("44%03d,,blocked\n", n)
		}
		w.someCard("m", "known", "provider", deck)
		const query, file = "mode=replace&nanp=false&confirm=removed", "prefix,cost\n44,0.01\n"
		ask := func(file string) string {
			got, _ := w.importInto("m", "known", query, file)
			var body problemBody
			must(t, json.Unmarshal([]byte(got.body), &body))
			if got.status != 422 || len(body.Questions) != 1 || !strings.HasPrefix(body.Questions[0].Choices[0].Value, "opened:130-prefixes-") && !strings.HasPrefix(body.Questions[0].Choices[0].Value, "opened:129-prefixes-") {
				t.Fatalf("%d %s", got.status, got.body)
			}
			return body.Questions[0].Choices[0].Value
		}
		name, others := ask(file), map[string]string{
			"one stays blocked":       file + "44000,,blocked\n",
			"one stays, another goes": file + "44001,,blocked\n",
			"another prefix opens":    file + "44001,,blocked\n440020,0.01,\n",
			"they open later":         strings.ReplaceAll(strings.ReplaceAll(file, "cost\n", "cost,effective date\n"), "0.01\n", "0.01,"+w.clock().Add(48*time.Hour).Format(time.RFC3339)+"\n"),
		}
		for what, other := range others {
			if strings.Contains(other, "blocked") {
				other = strings.Replace(strings.ReplaceAll(other, "0.01\n", "0.01,\n"), "cost\n", "cost,status\n", 1)
			}
			if got := ask(other); got == name {
				t.Errorf("%s: %s too", what, got)
			}
			if got, _ := w.importInto("m", "known", query+"&confirm="+name, other); got.status != 422 {
				t.Errorf("%s: %d %s", what, got.status, got.body)
			}
		}
		if got, report := w.importInto("m", "known", query+"&confirm="+name, file); got.status != 200 || report.Revisions[0].Removed != 130 {
			t.Errorf("confirmed: %d %s", got.status, got.body)
		}
	})
}

// Too many doubtful prices to confirm one by one need other limits, and the message says where they are set. The limits of
// one answer hold for all dates of a file together.
func TestManyDoubtsNameTheWayOut(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		day := func(n int) string { return w.clock().Add(time.Duration(n) * 24 * time.Hour).Format(time.RFC3339) }
		deck := func(cost string, days ...int) string {
			text := "prefix,cost,effective date\n"
			for i, day := range days {
				at := ""
				if day > 0 {
					at = w.clock().Add(time.Duration(day) * 24 * time.Hour).Format(time.RFC3339)
				}
				for n := range 120 {
					text += fmt.Sprintf("44%03d,%s,%s\n", n+200*i, cost, at)
				}
			}
			return text
		}
		base := w.someCard("m", "known", "provider", deck("0.01", 0, 0, 0))
		for _, c := range []struct {
			days []int
			want string
		}{
			{[]int{0}, "20 more prices change as much: if they are right, set the limit row of a profile"},
			{[]int{0, 2, 3}, "260 more prices change as much"},
		} {
			got, _ := w.importInto("m", "known", "mode=amend&nanp=false&confirm=prices&base="+base, deck("0.1", c.days...))
			var body problemBody
			must(t, json.Unmarshal([]byte(got.body), &body))
			if got.status != 422 || len(body.Questions) != 100 || !strings.Contains(got.body, c.want) {
				t.Errorf("%d %d questions, want %s: %s", got.status, len(body.Questions), c.want, got.body)
			}
		}
		blocked, opened := "prefix,cost,status\n44,0.01,open\n", "prefix,cost,effective date\n"
		for n := range 22 {
			blocked += fmt.Sprintf("44%03d,,blocked\n", n)
			opened += fmt.Sprintf("44%03d1,0.01,%s\n", n, day(2+n%2))
		}
		base = w.someCard("m", "closed", "provider", blocked)
		got, _ := w.importInto("m", "closed", "mode=amend&nanp=false&base="+base, opened)
		if n := strings.Count(got.body, `"value":"opened:11-prefixes-`); got.status != 422 || n != 2 {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// Rates that the importer may not read are not compared, and the answer does not depend on them.
func TestNumbersOfOthersAreNotCompared(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.someCard("b", "theirs", "customer", numbersDeck(1))
		w.someCard("m", "bought", "provider", numbersDeck(1))
		w.someCard("a", "mine", "customer", "")
		if got, _ := w.importInto("a", "mine", "mode=replace&nanp=false", numbersDeck(60)); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// Amendments of different prefixes do not hold each other. A prefix that two of them change is a question at import.
func TestAmendmentsThatOverlap(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		base := w.someCard("m", "known", "provider", numbersDeck(1))
		amend := func(base, prefix, price string, days int, confirm string) (answered, importBody) {
			at := w.clock().Add(time.Duration(days) * 24 * time.Hour).Format(time.RFC3339)
			return w.importInto("m", "known", "mode=amend&apply=true&schedule=true&nanp=false&base="+base+confirm, "prefix,cost,effective date\n"+prefix+","+price+","+at+"\n")
		}
		got, later := amend(base, "211", "0.002", 2, "")
		got.want(200)
		got, sooner := amend(base, "212", "0.002", 1, "")
		got.want(200)
		got, _ = amend(base, "211", "0.0015", 3, "")
		if got.status != 422 || !strings.Contains(got.body, `"value":"overlap:211"`) || !strings.Contains(got.body, later.Revisions[0].ID) {
			t.Errorf("%d %s", got.status, got.body)
		}
		got, on := amend(later.Revisions[0].ID, "211", "0.0015", 3, "")
		got.want(200)
		got, last := amend(base, "211", "0.0016", 4, "&confirm=overlap:211")
		got.want(200)
		withdrawn := w.do("m", "PATCH", "/v1/cards/{known}/revisions/"+later.Revisions[0].ID, `{"status":"draft"}`).want(200)
		if want := `"amended_by":["` + on.Revisions[0].ID + `"]`; !strings.Contains(withdrawn.body, want) {
			t.Errorf("%s", withdrawn.body)
		}
		w.do("m", "PATCH", "/v1/cards/{known}/revisions/"+later.Revisions[0].ID, `{}`, "If-Match", withdrawn.header.Get("ETag")).want(200)
		w.do("m", "DELETE", "/v1/cards/{known}/revisions/"+later.Revisions[0].ID, "").refused(409, on.Revisions[0].ID)
		for day, want := range []struct{ revision, costs string }{
			{sooner.Revisions[0].ID, "0.001 0.002"}, {sooner.Revisions[0].ID, "0.001 0.002"}, {on.Revisions[0].ID, "0.0015 0.002"}, {last.Revisions[0].ID, "0.0016 0.002"},
		} {
			w.pass(24 * time.Hour)
			w.passTime()
			if got := w.get("m", "/v1/cards/{known}/revisions/"+want.revision).object(); got["status"] != store.RevisionActive {
				t.Errorf("day %d: %v", day+1, got)
			}
			if got := strings.Join(w.get("m", "/v1/cards/{known}/rates?limit=2").column("cost"), " "); got != want.costs {
				t.Errorf("day %d: %s, want %s", day+1, got, want.costs)
			}
		}
	})
}
