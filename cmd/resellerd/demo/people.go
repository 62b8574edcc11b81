package demo

import (
	"context"

	"resellerd/store"
)

// resellers of the carrier, each with the external ids of its first user and of a
// colleague who only sells.
var resellers = []struct {
	name, public, external, currency, domain string
	owner, seller                            string
}{
	{"Brightcall Ltd", "Brightcall", "R-1001", "USD", "brightcall.example", "brightcall-owner", "brightcall-sales"},
	{"Andes Voz SpA", "Andes Voz", "R-1002", "USD", "andesvoz.example", "andes-owner", "andes-sales"},
	{"Kestrel Voice BV", "Kestrel Voice", "R-1003", "EUR", "kestrel.example", "kestrel-owner", "kestrel-sales"},
}

func (b *builder) people(ctx context.Context) error {
	if err := b.masterAccount(ctx); err != nil {
		return err
	}
	lent := store.DefaultResellerGroup()
	lent.AccountID = b.master.ID
	group, err := b.group(ctx, lent)
	if err != nil {
		return err
	}
	for i := range resellers {
		if err := b.reseller(ctx, i, group.ID); err != nil {
			return err
		}
	}
	b.world.Master, b.world.Reseller, b.world.Stranger = "halyard-admin", resellers[0].owner, resellers[1].owner
	b.world.Seller = resellers[0].seller
	return nil
}

// masterAccount creates the carrier itself, with an administrator and a support desk.
// The desk may read everything but the policy and provider cards, and may create and
// update support tickets.
func (b *builder) masterAccount(ctx context.Context) (err error) {
	b.master, err = b.tx.CreateAccount(ctx, store.Account{
		ListedAreas: true,
		Kind:        store.Master, Name: "Halyard Telecom Inc", PublicName: "Halyard", Email: "noc@halyard.example", Currency: "USD",
	})
	if err != nil {
		return err
	}
	b.world.Tenant = b.master.ID
	full, err := b.group(ctx, store.Group{AccountID: b.master.ID, Name: "Full access", DefaultAccess: "crud"})
	if err != nil {
		return err
	}
	b.owners[b.master.ID], err = b.user(ctx, b.master.ID, "halyard-admin", "admin@halyard.example", "Mara Lindqvist", full.ID)
	if err != nil {
		return err
	}
	desk, err := b.group(ctx, store.Group{
		AccountID: b.master.ID, Name: "Support desk", DefaultAccess: "r",
		Rows: store.Access{"support-ticket": "cru", "policy": "", "card/provider": ""},
	})
	if err != nil {
		return err
	}
	_, err = b.user(ctx, b.master.ID, "halyard-support", "support@halyard.example", "Tomas Okafor", desk.ID)
	return err
}

// reseller creates an account below the carrier. Its owner is in the group that the
// carrier lends, and its seller is in a narrower group of the reseller's own.
func (b *builder) reseller(ctx context.Context, i int, lent string) error {
	r := resellers[i]
	account, err := b.tx.CreateAccount(ctx, store.Account{
		ParentID: b.master.ID, Name: r.name, PublicName: r.public, Email: "office@" + r.domain,
		Currency: r.currency, ExternalID: r.external,
	})
	if err == nil {
		err = b.made(ctx, account.ID, "account", account.ID)
	}
	if err != nil {
		return err
	}
	b.resellers = append(b.resellers, account)
	owner, err := b.user(ctx, account.ID, r.owner, "owner@"+r.domain, r.public+" owner", lent)
	if err != nil {
		return err
	}
	b.owners[account.ID] = owner
	sales, err := b.group(ctx, store.Group{
		AccountID: account.ID, Name: "Sales", Rows: store.Access{"customer": "cru", "card/customer": "r"},
	})
	if err != nil {
		return err
	}
	_, err = b.user(ctx, account.ID, r.seller, "sales@"+r.domain, r.public+" sales", sales.ID)
	return err
}

func (b *builder) group(ctx context.Context, g store.Group) (store.Group, error) {
	g, err := b.tx.CreateGroup(ctx, g)
	if err == nil {
		err = b.made(ctx, g.AccountID, "group", g.ID)
	}
	return g, err
}

func (b *builder) user(ctx context.Context, account, external, login, name string, groups ...string) (store.User, error) {
	u, err := b.tx.CreateUser(ctx, store.User{
		AccountID: account, ExternalID: external, Login: login, Name: name, Groups: groups, TimeZone: "UTC",
	})
	if err == nil {
		err = b.made(ctx, account, "user", u.ID)
	}
	return u, err
}
