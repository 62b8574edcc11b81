package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"resellerd/server/record"
	"resellerd/store"
	"resellerd/store/storetest"
)

// The resellers of a carrier that lists areas get only areas that policy data names,
// whatever their groups give. The same group gives the carrier's own users all areas.
func TestResellersGetOnlyListedAreas(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.write(w.id("M"), func(tx *store.Tx) error {
			g, err := tx.CreateGroup(tctx, store.Group{AccountID: w.id("M"), Name: "Everything", DefaultAccess: "crud", Lend: store.LendAll})
			if err != nil {
				return err
			}
			for user, account := range map[string]string{"strong": "A", "staff": "M"} {
				w.name(user)
				if _, err := tx.CreateUser(tctx, store.User{AccountID: w.id(account), Login: user + "@example.com", Groups: []string{g.ID}}); err != nil {
					return err
				}
			}
			return nil
		})
		may := func(user, area string) bool {
			body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"area","id":%q}}`, w.id(user), area)
			return field(t, w.do("", "POST", "/access/v1/evaluation", body, headerUser, "").want(200).body, "decision") == true
		}
		menu := func(user string) map[string]any {
			return field(t, w.get(user, "/v1/me").want(200).body, "access").(map[string]any)
		}
		want := func(when string, unlisted bool) {
			t.Helper()
			for area, want := range map[string]bool{"cdr": true, "support-ticket": true, "customer": true, "sip-admin": unlisted, "sip-admin/did": unlisted, "policy": false} {
				if got := may("strong", area); got != want {
					t.Errorf("%s, a reseller may read %s: %v", when, area, got)
				}
				if !may("staff", area) {
					t.Errorf("%s, the carrier's staff may not read %s", when, area)
				}
			}
			if _, shown := menu("strong")["customer"]; !shown {
				t.Errorf("%s, the menu lacks customers: %v", when, menu("strong"))
			}
			row := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"sip-admin","id":"1","properties":{"account_id":"{A}"}}}`, w.id("strong"))
			if got := field(t, w.do("", "POST", "/access/v1/evaluation", row, headerUser, "").want(200).body, "decision") == true; got != unlisted {
				t.Errorf("%s, a reseller may read a row of sip-admin: %v", when, got)
			}
		}
		want("before", true)
		_, err := storetest.SQL(t, w.store).Exec("UPDATE accounts SET listed_areas = (1 = 1) WHERE id = '" + w.id("M") + "'")
		must(t, err)
		w.do("m", "PATCH", "/v1/customers/{mega}", `{"notes":"new"}`).want(200) // a new data revision
		want("where areas are listed", false)

		lines := metricLines(w.get("", "/metrics").body, "resellerd_unlisted_areas_total")
		if want := []string{`resellerd_unlisted_areas_total{area="sip-admin"} 4`, `resellerd_unlisted_areas_total{area="sip-admin/did"} 2`}; !slices.Equal(lines, want) {
			t.Errorf("counted %v, want %v", lines, want)
		}
		for i := range 2 * mostUnlisted {
			may("strong", fmt.Sprintf("area-%d", i))
		}
		if lines := metricLines(w.get("", "/metrics").body, "resellerd_unlisted_areas_total"); len(lines) != mostUnlisted+1 {
			t.Errorf("%d areas have a label of their own", len(lines))
		}
	})
}

// A recorded decision says whether areas are listed.
func TestARecordKeepsThatAreasAreListed(t *testing.T) {
	t.Parallel()
	doc := map[string]any{"subject": map[string]any{"type": "user", "id": "u", "account": map[string]any{"kind": "reseller", "listed_areas": true}}}
	if in := record.QuestionOf(doc); !in.Subject.Facts.Account.ListedAreas {
		t.Error("forgotten")
	}
	if strings.Contains(fmt.Sprint(record.QuestionOf(map[string]any{"subject": map[string]any{"account": map[string]any{}}}).Document()), "listed_areas") {
		t.Error("made up")
	}
}
