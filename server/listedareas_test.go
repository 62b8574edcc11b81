package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"resellerd/policies/areas"
	"resellerd/server/record"
	"resellerd/server/resource"
	"resellerd/store"
	"resellerd/store/storetest"
)

// The resellers of a carrier that lists areas get only areas that policy data names,
// whatever their groups give. The same group gives the carrier's own users all areas.
func TestResellersGetOnlyListedAreas(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.hireStrong()
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
			if got := fmt.Sprint(menu("strong")["cdr"]); !unlisted && got != "[create read update delete]" {
				t.Errorf("%s, the menu has of cdr %s", when, got)
			}
			row := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"sip-admin","id":"1","properties":{"account_id":"{A}"}}}`, w.id("strong"))
			if got := field(t, w.do("", "POST", "/access/v1/evaluation", row, headerUser, "").want(200).body, "decision") == true; got != unlisted {
				t.Errorf("%s, a reseller may read a row of sip-admin: %v", when, got)
			}
		}
		want("before", true)
		w.listAreas(t)
		want("where areas are listed", false)

		lines := metricLines(w.get("", "/metrics").body, "resellerd_unlisted_areas_total")
		if want := []string{`resellerd_unlisted_areas_total{area="sip-admin"} 4`, `resellerd_unlisted_areas_total{area="sip-admin/did"} 2`}; !slices.Equal(lines, want) {
			t.Errorf("counted %v, want %v", lines, want)
		}
		filter := fmt.Sprintf(`{"user":%q,"area":"billing","dialect":"sqlite",`+cdrColumns+`}`, w.id("strong"))
		w.do("", "POST", "/v1/filters", filter, headerUser, "").want(200)
		if lines := metricLines(w.get("", "/metrics").body, "resellerd_unlisted_areas_total"); !slices.Contains(lines, `resellerd_unlisted_areas_total{area="billing"} 1`) {
			t.Errorf("a filter is not counted: %v", lines)
		}
		for i := range 2 * mostUnlisted {
			may("strong", fmt.Sprintf("area-%d", i))
		}
		if lines := metricLines(w.get("", "/metrics").body, "resellerd_unlisted_areas_total"); len(lines) != mostUnlisted+1 {
			t.Errorf("%d areas have a label of their own", len(lines))
		}
	})
}

// hireStrong makes users strong of A and staff of M, whose group gives every area.
func (w *world) hireStrong() {
	w.t.Helper()
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
}

// listAreas makes M a carrier whose resellers get only listed areas, as init makes one.
func (w *world) listAreas(t *testing.T) {
	t.Helper()
	_, err := storetest.SQL(t, w.store).Exec("UPDATE accounts SET listed_areas = (1 = 1) WHERE id = '" + w.id("M") + "'")
	must(t, err)
	w.do("m", "PATCH", "/v1/customers/{mega}", `{"notes":"new"}`).want(200) // a new data revision
}

func TestTheMenuIsWhatIsDecided(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.hireStrong()
		for _, user := range []string{"strong", "staff", "a"} {
			w.menuIsWhatIsDecided(t, "before", user)
		}
		w.listAreas(t)
		for _, user := range []string{"strong", "staff", "a", "m", "clerk"} {
			w.menuIsWhatIsDecided(t, "where areas are listed", user)
		}
	})
}

// menuIsWhatIsDecided holds /v1/me to the evaluations of every area that policy data or
// resellerd names, and of areas below and beside them.
func (w *world) menuIsWhatIsDecided(t *testing.T, when, user string) {
	t.Helper()
	me := w.get(user, "/v1/me").want(200).object()
	access := map[string][]string{}
	texts := func(list any) (names []string) {
		for _, one := range list.([]any) {
			names = append(names, one.(string))
		}
		return names
	}
	for area, list := range me["access"].(map[string]any) {
		access[area] = texts(list)
	}
	named := maps.Clone(w.server.engines.Current().Areas())
	maps.Copy(named, resource.OwnAreas)
	for area := range maps.Clone(named) {
		named[area+"/below"] = true
	}
	named["sip-admin"] = true
	for area := range named {
		at, has := access[area]
		for above := areas.Above(area); !has && above != ""; above = areas.Above(above) {
			at, has = access[above]
		}
		if !has {
			at = texts(me["default_access"])
		}
		for _, action := range []string{"create", "read", "update", "delete"} {
			body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":%q},"resource":{"type":"area","id":%q}}`, w.id(user), action, area)
			got := field(t, w.do("", "POST", "/access/v1/evaluation", body, headerUser, "").want(200).body, "decision") == true
			if told := slices.Contains(at, action); told != got {
				t.Errorf("%s, %s: %s on %s is %v, and the menu says %v", when, user, action, area, got, told)
			}
		}
	}
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
