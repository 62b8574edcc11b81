package bench

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// BenchmarkFirstAccess measures GET /v1/me of users whose profile nobody had before, each
// with access to 100 areas, and the second request of each. Half of the areas are the
// panel's own.
func BenchmarkFirstAccess(b *testing.B) {
	const users = 300
	r := rand.New(rand.NewPCG(1, 1))
	rows := []seed.Row{seed.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier"}),
		seed.Account("reseller", store.Account{ParentID: "carrier", Name: "Reseller"})}
	for i := range users {
		access := schema.Access{}
		for n := range 50 {
			for _, area := range []string{"customer", "panel"} {
				access[fmt.Sprintf("%s/part%d", area, n)] = []string{"r", "cr", "ru", "rd", "cru", "crud"}[r.IntN(6)]
			}
		}
		of := fmt.Sprint(i)
		rows = append(rows, seed.Group("group "+of, store.Group{AccountID: "reseller", Name: "Group " + of, DefaultAccess: "r", Rows: access}),
			seed.User("user "+of, store.User{AccountID: "reseller", Login: of + "@reseller.test", Name: "User", Groups: []string{"group " + of}}))
	}
	database := storetest.SQLite(b)
	s := storetest.Open(b, database, store.Options{})
	names := storetest.Fill(b, s, rows...)
	address, _ := resellerd(b, database, "--decision-log", filepath.Join(b.TempDir(), "decisions.ndjson"))
	var first, again []time.Duration
	for i := range users {
		d := &decks{b: b, user: names.ID(fmt.Sprint("user ", i))}
		for _, times := range []*[]time.Duration{&first, &again} {
			*times = append(*times, d.ask("GET", "http://"+address+"/v1/me", "", `"panel/part49":`))
		}
	}
	for name, times := range map[string][]time.Duration{"first": first[10:], "again": again[10:]} { // the first ones begin cold
		slices.Sort(times)
		median, slow := times[len(times)/2], times[len(times)*99/100]
		b.Logf("%s: median %.2f ms, 99th percentile %.2f ms", name, median.Seconds()*1000, slow.Seconds()*1000)
		b.ReportMetric(median.Seconds()*1000, name+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}
