package server

import (
	"context"
	"encoding/csv"
	"fmt"
	"iter"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/cardfile"
)

func TestRatesAreReadAsTheirCardIs(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		page := w.get("a", "/v1/cards/{gold}/rates?sort=-prefix&limit=2&count=true")
		if got := page.column("prefix"); fmt.Sprint(got) != "[491 49]" {
			t.Errorf("prefixes %v", got)
		}
		if cost := page.items()[0]["cost"]; cost != "0.0246" {
			t.Errorf("cost %v", cost)
		}
		if got := page.object()["total"]; got != float64(3) {
			t.Errorf("total %v", got)
		}
		w.get("a", "/v1/cards/{gold}/rates?cursor="+page.object()["next"].(string)+"&sort=-prefix").want(200)
		w.get("a", "/v1/cards/{upstream}/rates").want(404)
		w.get("a", "/v1/cards/{silver}/rates").want(404)
		w.get("m", "/v1/cards/{upstream}/rates").want(200)
		w.get("a", "/v1/cards/{gold}/rates?revision=x").refused(422, "is not a known parameter")
		w.do("a", "GET", "/v1/cards/{gold}/rates", "", "Accept", "image/png").want(406)
	})
}

// Rates of a revision that the card does not have are no empty list, in any format.
func TestRatesOfAnUnknownRevisionAreAbsent(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.draft("gold")
		w.draft("bronze")
		for _, media := range []string{"application/json", "text/csv", "application/x-ndjson", cardfile.MediaXLSX, cardfile.MediaJSON} {
			get := func(user, query string) answered {
				return w.do(user, "GET", "/v1/cards/{gold}/rates?"+query, "", "Accept", media)
			}
			get("m", "revision={gold.draft}").want(200)
			for _, revision := range []string{"foo", "{bronze.draft}", "{gold}", "{absent}"} {
				got, absent := get("m", "revision="+revision), w.get("m", "/v1/cards/{gold}/revisions/"+revision)
				if was := decisionIDs.ReplaceAllString(absent.want(404).body, ""); decisionIDs.ReplaceAllString(got.want(404).body, "") != was {
					t.Errorf("%s: %s\n%s", revision, got.body, was)
				}
			}
			get("m", "revision=").refused(422, `"field":"revision"`)
			get("a", "revision=foo").refused(422, "is not a known parameter")
		}
	})
}

func TestAStreamSaysWhereItEnds(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		got := w.do("a", "GET", "/v1/cards/{gold}/rates", "", "Accept", "text/csv").want(200)
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(rows) != 5 {
			t.Fatalf("csv %v: %v", err, rows)
		}
		if rows[0][0] != "prefix" || rows[4][0] != "total" || rows[4][1] != "3" {
			t.Errorf("csv %v", rows)
		}
		if name := got.header.Get("Content-Disposition"); !strings.Contains(name, "Public gold.csv") {
			t.Errorf("file name %s", name)
		}
		lines := strings.Split(strings.TrimSpace(w.do("a", "GET", "/v1/cards/{gold}/rates", "", "Accept", "application/x-ndjson").want(200).body), "\n")
		if len(lines) != 4 || lines[3] != `{"rows":3}` {
			t.Errorf("ndjson %v", lines)
		}
		for _, query := range []string{"limit=1", "count=true", "expand=account", "cursor=x"} {
			name, _, _ := strings.Cut(query, "=")
			w.do("m", "GET", "/v1/customers?"+query, "", "Accept", "text/csv").refused(422, `"field":"`+name+`"`)
		}
		w.do("a", "GET", "/v1/cards/{gold}/rates?prefix_prefix=49", "", "Accept", "text/csv").want(200)
	})
}

func TestCellsOfAFileAreInert(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.write(w.id("M"), func(tx *store.Tx) error {
			rev, err := tx.CreateRevision(context.Background(), w.id("gold"), hostileRates())
			if err == nil {
				_, err = tx.ActivateRevision(context.Background(), store.AllRates, w.id("gold"), rev.ID)
			}
			return err
		})
		got := w.do("a", "GET", "/v1/cards/{gold}/rates", "", "Accept", "text/csv").want(200)
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Errorf("cell %q", cell)
				}
			}
		}
	})
}

func hostileRates() iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for i, name := range []string{"=1+1", "+1", "-1", "@x", "\t=1", `a,"b"`} {
			if !yield(store.Rate{Prefix: fmt.Sprint(10 + i), Name: name, Pulse: 1}, nil) {
				return
			}
		}
	}
}

func TestEveryFieldOfTheTranslatedView(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		card := w.get("a", "/v1/cards/{gold}").want(200).object()
		want := map[string]any{
			"id": w.id("gold"), "kind": "provider", "name": "Public gold", "carrier": "Meridian", "currency": "EUR",
			"direction": "termination", "rate_precision": float64(4), "rate_rounding": "half_up",
			"charge_precision": float64(4), "charge_rounding": "half_up", "public_notes": "To whom it may concern",
		}
		for column, value := range card {
			if column == "revision" {
				continue
			}
			if value != want[column] {
				t.Errorf("%s is %v, want %v", column, value, want[column])
			}
		}
		for column := range want {
			if _, ok := card[column]; !ok {
				t.Errorf("%s is not shown", column)
			}
		}
		revision, _ := card["revision"].(map[string]any)
		if len(revision) != 3 || revision["rows"] != float64(3) || revision["id"] == nil || revision["activated_at"] == nil {
			t.Errorf("revision %v", revision)
		}
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"public_name":null}`).want(200)
		if name := w.get("a", "/v1/cards/{gold}").object()["name"]; name != "Provider card "+w.id("gold") {
			t.Errorf("without a public name: %v", name)
		}
	})
}

// A refusal to show rates has the reasons of an evaluation, whether the policy refuses
// all rates or those of one card.
func TestARefusalToShowRatesHasTheReasonsOfAnEvaluation(t *testing.T) {
	t.Parallel()
	const refuse = "\nclosed if not data.reseller.areas.permits(\"card/rates\", \"read\")\n\n%s" +
		"\n# METADATA\n# title: Rates closed\n# description: The rates are closed.\n# custom:\n#   code: rates_closed\n" +
		"reasons contains rego.metadata.rule().custom.code if shut\n"
	for name, shut := range map[string]string{
		"all": "shut if closed\n", "of one card": "shut if {\n\tclosed\n\tinput.resource.public_name == \"Public gold\"\n}\n",
	} {
		engine := hidingEngine(t, "reseller/resource/rate/rate.rego", `allow if card.allow`,
			"allow if {\n\tcard.allow\n\tnot shut\n}", fmt.Sprintf(refuse, shut))
		eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
			w := fresh()
			eyed(w)
			told := w.do("m", "POST", "/access/v1/evaluation", `{"subject":{"type":"user","id":"{a.hidden}"},"action":{"name":"read"},
				"resource":{"type":"rate","id":"{gold}"},"context":{"reasons":true}}`).want(200)
			if !strings.Contains(told.body, `{"decision":false,"context":{"reasons":["rates_closed"]}}`) {
				t.Fatalf("%s: %s", name, told.body)
			}
			w.get("a.sees", "/v1/cards/{gold}/rates").want(200)
			for _, accept := range []string{"application/json", "text/csv"} {
				w.do("a.hidden", "GET", "/v1/cards/{gold}/rates", "", "Accept", accept).refused(403, `"reasons":["rates_closed"]`)
			}
			w.get("a.hidden", "/v1/cards/{silver}/rates").want(404)
			if name == "of one card" {
				w.get("a.hidden", "/v1/cards/{retail}/rates").want(200)
			}
		})
	}
}
