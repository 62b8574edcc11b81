package bench

import (
	"fmt"
	"testing"

	"resellerd/store"
)

// world is a carrier with one reseller that has a sales user, a customer of
// the reseller's and one that is not.
type world struct {
	user, customer, foreign string
}

func newWorld(b *testing.B, s *store.Store) (w world) {
	b.Helper()
	write(b, s, "", func(tx *store.Tx) error {
		m, err := tx.CreateAccount(b.Context(), store.Account{Kind: store.Master, Name: "Carrier", Status: store.Active})
		if err != nil {
			return err
		}
		group := store.DefaultResellerGroup()
		group.AccountID = m.ID
		if group, err = tx.CreateGroup(b.Context(), group); err != nil {
			return err
		}
		for i := range 3 {
			if err := w.addReseller(b, tx, m.ID, group.ID, i); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

// addReseller adds reseller i with a user and a customer. The first one's are
// the viewer's own, the last one's customer is foreign to it.
func (w *world) addReseller(b *testing.B, tx *store.Tx, master, group string, i int) error {
	a, err := tx.CreateAccount(b.Context(), store.Account{ParentID: master, Kind: store.Reseller, Name: fmt.Sprintf("Reseller %d", i), Status: store.Active})
	if err != nil {
		return err
	}
	u, err := tx.CreateUser(b.Context(), store.User{
		AccountID: a.ID, Login: fmt.Sprintf("sales%d@reseller.test", i), Name: "Sales", Status: store.Active, Groups: []string{group},
	})
	if err != nil {
		return err
	}
	c, err := tx.CreateCustomer(b.Context(), store.Customer{AccountID: a.ID, Name: "Customer", Status: store.Active})
	if err != nil {
		return err
	}
	if i == 0 {
		w.user, w.customer = u.ID, c.ID
	}
	w.foreign = c.ID
	return nil
}

func write(b *testing.B, s *store.Store, tenant string, fn func(*store.Tx) error) {
	b.Helper()
	if err := s.Write(b.Context(), tenant, fn); err != nil {
		b.Fatal(err)
	}
}
