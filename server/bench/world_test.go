package bench

import (
	"fmt"
	"testing"

	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// world is a carrier with three resellers. user and customer belong to the first
// reseller, and foreign is a customer of the last one.
type world struct {
	user, customer, foreign string
}

func newWorld(b *testing.B, s *store.Store) world {
	b.Helper()
	rows := carrier()
	for i := range 3 {
		of := fmt.Sprint(i)
		rows = append(rows,
			seed.Account("reseller "+of, store.Account{ParentID: "carrier", Name: "Reseller " + of}),
			seed.User("sales "+of, store.User{AccountID: "reseller " + of, Login: "sales" + of + "@reseller.test", Name: "Sales", Groups: []string{"resellers"}}),
			seed.Customer("customer "+of, store.Customer{AccountID: "reseller " + of, Name: "Customer"}))
	}
	names := storetest.Fill(b, s, rows...)
	return world{user: names.ID("sales 0"), customer: names.ID("customer 0"), foreign: names.ID("customer 2")}
}

// carrier returns a master with a group for the users of its resellers.
func carrier() []seed.Row {
	group := store.DefaultResellerGroup()
	group.AccountID = "carrier"
	return []seed.Row{
		seed.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier", PublicName: "The Carrier"}),
		seed.Group("resellers", group),
	}
}

func write(b testing.TB, s *store.Store, tenant string, fn func(*store.Tx) error) {
	b.Helper()
	if err := s.Write(b.Context(), tenant, fn); err != nil {
		b.Fatal(err)
	}
}
