package server

import (
	"iter"
	"net/url"
	"slices"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
)

// A search for a text that a row shows finds the row, in every column that can be
// searched: also where texts are not kept folded, and in upper and lower case.
func TestASearchFindsTheTextsThatAreShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		names := []string{"España", "Perú", "Canada", "CÔTE D'IVOIRE", "Ελλάδα 100%_"}
		w.write(w.id("M"), func(tx *store.Tx) error {
			r, err := tx.CreateRevision(tctx, w.id("gold"), ratesNamed(names))
			if err == nil {
				_, err = tx.ActivateRevision(tctx, store.AllRates, w.id("gold"), r.ID)
			}
			return err
		})
		w.do("m", "PATCH", "/v1/customers/{mega}", `{"name":"Müller & Söhne","notes":"Straße 1"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"name":"Größe","public_name":"Médium"}`).want(200)
		lists := map[string]string{
			"account": "/v1/accounts", "group": "/v1/groups", "user": "/v1/users", "customer": "/v1/customers", "card": "/v1/cards",
			"audit": "/v1/audit", "rate": "/v1/cards/{gold}/rates", "revision": "/v1/cards/{gold}/revisions",
		}
		asked := 0
		for typ, path := range lists {
			for _, user := range []string{"m", "a"} {
				if user == "a" && typ == "account" {
					continue
				}
				asked += searchRows(t, w, user, typ, path)
			}
		}
		if asked < 100 {
			t.Errorf("only %d searches", asked)
		}
		for text, want := range map[string][]string{
			"españa": {"España"}, "ESPAñA": {"España"}, "per": {"Perú"}, "PERú": {"Perú"}, "cÔte d'i": {"CÔTE D'IVOIRE"},
			"espana": nil, "canadá": nil, "%_": {"Ελλάδα 100%_"}, "côte": nil,
		} {
			got := w.get("m", "/v1/cards/{gold}/rates?name_contains="+url.QueryEscape(text)).column("name")
			if !slices.Equal(got, append([]string{}, want...)) {
				t.Errorf("%s: got %v, want %v", text, got, want)
			}
		}
		if found := w.get("m", "/v1/cards/{gold}/rates?prefix_contains=%C3%A9").column("prefix"); len(found) > 0 {
			t.Errorf("prefixes with an accent: %v", found)
		}
		w.get("m", "/v1/customers?name_contains=%CC%81").refused(422, `"field":"name_contains"`)
	})
}

// searchRows searches every shown text of some rows of a list. It returns the number of
// searches.
func searchRows(t *testing.T, w *world, user, typ, path string) (asked int) {
	t.Helper()
	rows := w.get(user, path+"?limit=5").items()
	for _, c := range schema.Info(typ).Columns {
		if !c.Search || c.Kind != schema.Text || c.Whole() {
			continue
		}
		for _, row := range rows {
			text, _ := row[c.Name].(string)
			for _, form := range []string{text, schema.Lower(text), asciiUpper(text)} {
				if text == "" {
					continue
				}
				asked++
				found := w.get(user, path+"?limit=1000&"+c.Name+"_contains="+url.QueryEscape(form)).items()
				if !slices.ContainsFunc(found, func(one map[string]any) bool { return one[c.Name] == text }) {
					t.Errorf("%s: %s_contains=%s does not find %s", user, c.Name, form, text)
				}
			}
		}
	}
	return asked
}

func asciiUpper(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, text)
}

// ratesNamed are rates with these names.
func ratesNamed(names []string) iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for i, name := range names {
			if !yield(store.Rate{Prefix: string(rune('1' + i)), Name: name, Pulse: 1}, nil) {
				return
			}
		}
	}
}
