package seed_test

import (
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

func carriers() []seed.Row {
	return []seed.Row{
		seed.Account("one", store.Account{Kind: store.Master, Name: "One"}),
		seed.Group("staff", store.Group{AccountID: "one", Name: "Staff"}),
		seed.User("clerk", store.User{AccountID: "one", Login: "clerk@x.example", Groups: []string{"staff"}}),
		seed.Account("two", store.Account{Kind: store.Master, Name: "Two"}),
		seed.Customer("customer", store.Customer{AccountID: "two", Name: "Customer"}),
	}
}

func TestIdsFollowFromNames(t *testing.T) {
	t.Parallel()
	n := &seed.Names{}
	storetest.EachWith(t, store.Options{NewID: n.NewID}, func(t *testing.T, st *store.Store) {
		if err := seed.Fill(t.Context(), st, n, carriers()...); err != nil {
			t.Fatal(err)
		}
		for name, kind := range map[string]string{"one": "account", "staff": "group", "clerk": "user", "two": "account", "customer": "customer"} {
			if n.ID(name) != seed.ID(kind, name) {
				t.Errorf("%s has the id %s", name, n.ID(name))
			}
		}
	})
}

func TestAnErrorNamesTheRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for name, row := range map[string]seed.Row{
			"customer of another tenant": seed.Customer("lost", store.Customer{AccountID: "one", Name: "Lost"}),
			"user in no group":           seed.User("lost", store.User{AccountID: "two", Login: "x@x.example", Groups: []string{"absent"}}),
			"account below none":         seed.Account("lost", store.Account{ParentID: "absent", Name: "Lost"}),
		} {
			err := seed.Fill(t.Context(), st, &seed.Names{}, append(carriers(), row)...)
			if err == nil || !strings.HasPrefix(err.Error(), "lost: ") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}
