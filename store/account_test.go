package store_test

import (
	"errors"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

func TestAccountsFormTrees(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		if c.below.Depth != 2 || c.below.TenantID != c.master.ID || c.below.Kind != store.Reseller || c.below.Status != store.Active {
			t.Errorf("got %+v", c.below)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			chain := must(tx.AccountChain(ctx, c.below.ID))
			if len(chain) != 3 || chain[0].ID != c.below.ID || chain[1].ID != c.reseller.ID || chain[2].ID != c.master.ID {
				t.Errorf("got %+v", chain)
			}
		})
		create := func(tenant string, a store.Account) error {
			return s.Write(ctx, tenant, func(tx *store.Tx) error { _, err := tx.CreateAccount(ctx, a); return err })
		}
		refused(t, create(c.master.ID, store.Account{Name: "X", ParentID: c.stranger.ID}), fault.ErrInvalid, "parent_id")
		refused(t, create(c.master.ID, store.Account{Name: "X"}), fault.ErrInvalid, "parent_id")
		refused(t, create(c.master.ID, store.Account{Name: "X", Kind: store.Master}), fault.ErrInvalid, "kind")
		refused(t, create("", store.Account{Name: "X", Kind: store.Master, ParentID: c.master.ID}), fault.ErrInvalid, "kind")
		refused(t, create("", store.Account{Name: "X", ParentID: c.master.ID}), fault.ErrInvalid, "parent_id")
	})
}

func TestAnAccountChangesWhatItMay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		update := func(id string, p store.AccountPatch) error {
			return c.write(func(tx *store.Tx) error { _, err := tx.UpdateAccount(ctx, id, p); return err })
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			a := must(tx.UpdateAccount(ctx, c.reseller.ID, store.AccountPatch{Version: 1, Currency: ptr("USD"), Email: ptr("a@b.example"),
				Status: ptr(store.Suspended), Ceiling: ptr(store.Access{"*": "r", "customer": "durc"})}))
			if kept := must(tx.Account(ctx, a.ID)); kept.Version != 2 || kept.Currency != "USD" || kept.Status != store.Suspended ||
				kept.Ceiling["customer"] != "crud" || kept.Name != "Reseller" || kept.ExternalID != "r-1" {
				t.Errorf("got %+v", kept)
			}
		})
		refused(t, update(c.reseller.ID, store.AccountPatch{Version: 1, Name: ptr("Late")}), fault.ErrConflict, "version")
		refused(t, update(c.reseller.ID, store.AccountPatch{Currency: ptr("EUR")}), fault.ErrConflict, "currency")
		refused(t, update(c.reseller.ID, store.AccountPatch{Currency: ptr("")}), fault.ErrConflict, "currency")
		refused(t, update(c.sibling.ID, store.AccountPatch{ExternalID: ptr("r-1")}), fault.ErrConflict, "external_id")
		refused(t, update(c.stranger.ID, store.AccountPatch{Name: ptr("Mine")}), fault.ErrNotFound, "")
		refused(t, update("acc_none", store.AccountPatch{}), fault.ErrNotFound, "")
		refused(t, update("a\x00b", store.AccountPatch{}), fault.ErrNotFound, "")
		refused(t, update("a\xffb", store.AccountPatch{}), fault.ErrNotFound, "")
		err := update(c.below.ID, store.AccountPatch{ExternalID: ptr("r-1")})
		refused(t, err, fault.ErrConflict, "external_id")
		var why *store.ReasonError
		if !errors.As(err, &why) || why.Code != store.ReasonExternalIDTaken {
			t.Errorf("got %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateAccount(ctx, c.reseller.ID, store.AccountPatch{Ceiling: ptr(store.Access(nil)), ExternalID: ptr("")}))
			if kept := must(tx.Account(ctx, c.reseller.ID)); kept.Ceiling != nil || kept.ExternalID != "" {
				t.Errorf("got %+v", kept)
			}
		})
	})
}

func TestMalformedFieldsAreRefusedByName(t *testing.T) {
	t.Parallel()
	long := string(make([]rune, 201))
	for _, test := range []struct {
		name, field string
		err         error
	}{
		{"account without a name", "name", (&store.Account{Kind: "reseller", Status: "active"}).Validate()},
		{"account of blanks", "name", (&store.Account{Kind: "reseller", Status: "active", Name: " \t"}).Validate()},
		{"account of another kind", "kind", (&store.Account{Kind: "agent", Status: "active", Name: "x"}).Validate()},
		{"account of another status", "status", (&store.Account{Kind: "reseller", Status: "gone", Name: "x"}).Validate()},
		{"name with NUL", "name", (&store.Account{Kind: "reseller", Status: "active", Name: "a\x00"}).Validate()},
		{"name of invalid UTF-8", "name", (&store.Account{Kind: "reseller", Status: "active", Name: "a\xff"}).Validate()},
		{"name that is too long", "name", (&store.Account{Kind: "reseller", Status: "active", Name: "x" + long}).Validate()},
		{"lowercase currency", "currency", (&store.Account{Kind: "reseller", Status: "active", Name: "x", Currency: "eur"}).Validate()},
		{"currency of nobody", "currency", (&store.Account{Kind: "reseller", Status: "active", Name: "x", Currency: "XYQ"}).Validate()},
		{"no currency", "currency", (&store.Account{Kind: "reseller", Status: "active", Name: "x", Currency: "XXX"}).Validate()},
		{"email with a name", "email", (&store.Account{Kind: "reseller", Status: "active", Name: "x", Email: "A <a@b.example>"}).Validate()},
		{"ceiling of a master", "ceiling", (&store.Account{Kind: "master", Status: "active", Name: "x", Ceiling: store.Access{"*": "r"}}).Validate()},
		{"ceiling with letters of its own", "ceiling", (&store.Account{Kind: "reseller", Status: "active", Name: "x", Ceiling: store.Access{"*": "x"}}).Validate()},
		{"group with a starred row", "rows", (&store.Group{Name: "x", Lend: "none", Rows: store.Access{"*": "r"}}).Validate()},
		{"group with an uppercase area", "rows", (&store.Group{Name: "x", Lend: "none", Rows: store.Access{"Card": "r"}}).Validate()},
		{"group with an empty word", "rows", (&store.Group{Name: "x", Lend: "none", Rows: store.Access{"card//provider": "r"}}).Validate()},
		{"group with a slash at the end", "rows", (&store.Group{Name: "x", Lend: "none", Rows: store.Access{"card/": "r"}}).Validate()},
		{"group lent twice to one", "lend_to", (&store.Group{Name: "x", Lend: "some", LentTo: []string{"a", "a"}}).Validate()},
		{"group with another access", "default_access", (&store.Group{Name: "x", Lend: "none", DefaultAccess: "rw"}).Validate()},
		{"login that is no address", "login", (&store.User{Status: "active", Login: "bob", Groups: []string{"g"}}).Validate()},
		{"user without a group", "groups", (&store.User{Status: "active", Login: "a@b.example"}).Validate()},
		{"address without a mask", "ip_allow", (&store.User{Status: "active", Login: "a@b.example", Groups: []string{"g"}, IPAllow: []string{"10.0.0.1"}}).Validate()},
		{"zone of nowhere", "time_zone", (&store.User{Status: "active", Login: "a@b.example", Groups: []string{"g"}, TimeZone: "Europe/Atlantis"}).Validate()},
		{"zone of this machine", "time_zone", (&store.User{Status: "active", Login: "a@b.example", Groups: []string{"g"}, TimeZone: "Local"}).Validate()},
		{"zone that is a path", "time_zone", (&store.User{Status: "active", Login: "a@b.example", Groups: []string{"g"}, TimeZone: "../../etc/passwd"}).Validate()},
		{"customer with another status", "status", (&store.Customer{Name: "x", Status: "new"}).Validate()},
		{"rate without a prefix", "prefix", (&store.Rate{Pulse: 1}).Validate()},
		{"rate with a plus", "prefix", (&store.Rate{Prefix: "+49", Pulse: 1}).Validate()},
		{"rate with other digits", "prefix", (&store.Rate{Prefix: "٤٩", Pulse: 1}).Validate()},
		{"rate with sixteen digits", "prefix", (&store.Rate{Prefix: "1234567890123456", Pulse: 1}).Validate()},
		{"rate below nothing", "cost", (&store.Rate{Prefix: "49", Pulse: 1, Cost: -1}).Validate()},
		{"interstate rate below nothing", "inter", (&store.Rate{Prefix: "49", Pulse: 1, Inter: ptr[int64](-1)}).Validate()},
		{"rate without a step", "pulse", (&store.Rate{Prefix: "49"}).Validate()},
	} {
		t.Run(test.name, func(t *testing.T) { refused(t, test.err, fault.ErrInvalid, test.field) })
	}
}

func TestMalformedCardsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*store.Card){
		"kind":             func(c *store.Card) { c.Kind = "tariff" },
		"name":             func(c *store.Card) { c.Name = "" },
		"carrier":          func(c *store.Card) { c.Carrier = "Upstream" },
		"currency":         func(c *store.Card) { c.Currency = "" },
		"direction":        func(c *store.Card) { c.Direction = "both" },
		"tech_prefix":      func(c *store.Card) { c.TechPrefix = "12 34" },
		"rate_precision":   func(c *store.Card) { c.RatePrecision = 11 },
		"rate_rounding":    func(c *store.Card) { c.RateRounding = "bankers" },
		"charge_precision": func(c *store.Card) { c.ChargePrecision = -1 },
		"charge_rounding":  func(c *store.Card) { c.ChargeRounding = "" },
		"notes":            func(c *store.Card) { c.Notes = "\x00" },
	} {
		card := newCard(store.Account{}, schema.CustomerCard)
		if err := card.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&card)
		refused(t, card.Validate(), fault.ErrInvalid, field)
	}
}

func TestTheSoleTenantIsKnownUntilThereIsAnother(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.SoleTenant(ctx)
		refused(t, err, fault.ErrNotFound, "")
		var first store.Account
		mustWrite(t, s, "", func(tx *store.Tx) {
			first = must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "One"}))
			must(tx.CreateAccount(ctx, store.Account{ParentID: first.ID, Name: "Below"}))
		})
		if got := must(s.SoleTenant(ctx)); got != first.ID {
			t.Errorf("got %s", got)
		}
		mustWrite(t, s, "", func(tx *store.Tx) {
			must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Two"}))
		})
		_, err = s.SoleTenant(ctx)
		refused(t, err, fault.ErrAmbiguous, "")
	})
}
