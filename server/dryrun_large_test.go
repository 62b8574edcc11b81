package server

import (
	"fmt"
	"testing"

	"resellerd/server/insight"
	"resellerd/store"
)

// A dry run that does not compare all rows says so. Of rows that the write cannot touch,
// and that the same plan shows, it says nothing.
func TestADryRunSaysWhatItDidNotCompare(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "seller", store.Group{Rows: store.Access{"customer": "crud", "card/customer": "r"}})
		many := func(n int) {
			w.write(w.id("M"), func(tx *store.Tx) error {
				for i := range n {
					if _, err := tx.CreateCustomer(tctx, store.Customer{AccountID: w.id("A"), Name: fmt.Sprint("customer ", i)}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		differs := func(rows string) (insight.AreaDifference, bool) {
			t.Helper()
			d := w.do("m", "PATCH", "/v1/groups/{seller.group}?dry_run=true", `{"rows":`+rows+`}`).rehearsal()
			for _, area := range d.of(w.id("seller")).Areas {
				if area.Area == "customer" {
					return area, true
				}
			}
			return insight.AreaDifference{}, false
		}
		const blind, alike = `{"customer":["create","read","update","delete"]}`, `{"customer":["create","read","update","delete"],"card/customer":["read"],"cdr":["read"]}`
		if d, _ := differs(blind); len(d.Shown) != 1 || d.Counted || d.Unread {
			t.Errorf("of a few rows: %+v", d)
		}
		many(600)
		if d, _ := differs(blind); !d.Unread || d.Counted || d.Visible != nil {
			t.Errorf("of hundreds of rows: %+v", d)
		}
		if d, said := differs(alike); said {
			t.Errorf("of hundreds of rows that stay as they are: %+v", d)
		}
		many(5000)
		if d, _ := differs(blind); !d.Counted || d.Visible != nil {
			t.Errorf("of thousands of rows: %+v", d)
		}
		if d, said := differs(alike); said {
			t.Errorf("of thousands of rows that stay as they are: %+v", d)
		}
	})
}
