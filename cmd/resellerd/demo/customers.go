package demo

import (
	"context"
	"fmt"
	"strings"

	"resellerd/store"
)

// buyers lists customers: first the carrier's own, then those of each reseller.
var buyers = [][]string{
	{
		"Alder Freight", "Beacon Insurance", "Cobalt Hotels", "Dunmore Foods", "Elmstead Clinics", "Fairway Logistics",
		"Granite Software", "Harbourside Travel", "Ironbark Mining", "Juniper Retail",
	},
	{
		"Kingsley Estates", "Larkfield Schools", "Marlow Taxis", "Norbury Dental", "Oakham Law", "Pembroke Motors",
		"Quayside Lettings", "Rowan Care Homes", "Silverdale Tools", "Thornbury Print", "Upwell Farms",
	},
	{
		"Viña Los Robles", "Transportes Wayra", "Xalapa Importadora", "Clínica Yungas", "Zapallar Hoteles", "Minera Aconcagua",
		"Banco Bellavista", "Cafetales Chirripó", "Distribuidora Delta", "Editorial Estero",
	},
	{
		"Fietsen Van Dam", "Gracht Advocaten", "Haven Logistiek", "Isala Zorg", "Jansen Bouw", "Kaas & Zonen",
		"Linde Makelaars", "Molen Bakkerij", "Noordzee Vis", "Oranje Reizen",
	},
}

func (b *builder) customers(ctx context.Context) error {
	for i, account := range append([]store.Account{b.master}, b.resellers...) {
		for n, name := range buyers[i] {
			if err := b.customer(ctx, account, name, n+1); err != nil {
				return err
			}
		}
	}
	b.world.Customer = b.buyers[b.resellers[0].ID][0].ID
	return nil
}

func (b *builder) customer(ctx context.Context, account store.Account, name string, n int) error {
	c := store.Customer{
		AccountID: account.ID, Name: name, Currency: account.Currency,
		Email:      fmt.Sprintf("billing@customer-%d.%s.example", n, strings.ToLower(strings.Fields(account.PublicName)[0])),
		ExternalID: fmt.Sprintf("C-%04d", n),
	}
	switch n % 7 {
	case 3:
		c.Notes = "pays by direct debit, credit limit reviewed in March"
	case 5:
		c.Status = store.Suspended
	}
	c, err := b.tx.CreateCustomer(ctx, c)
	if err != nil {
		return err
	}
	b.buyers[account.ID] = append(b.buyers[account.ID], c)
	return b.made(ctx, account.ID, "customer", c.ID)
}
