package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/valid"
)

// maxDestinations is the most destinations that an account can have.
const maxDestinations = 100_000

// Destination is an account's name for a prefix and for all longer prefixes without
// a name of their own.
type Destination struct {
	Prefix string
	Name   string
}

// Validate returns an ErrInvalid that names the first invalid field.
func (d *Destination) Validate() error {
	var check valid.Checks
	if !valid.Digits(d.Prefix, valid.MaxPrefix) {
		check.Refuse("prefix", "must have 1 to %d digits", valid.MaxPrefix)
	}
	check.Required("name", d.Name, valid.MaxName)
	return check.Err
}

const selectDestinations = "SELECT prefix, name FROM destinations WHERE account_id = ? ORDER BY prefix"

// Destinations lists an account's destinations, in the order of prefixes.
func (tx *Tx) Destinations(ctx context.Context, account string) ([]Destination, error) {
	all, err := dialect.SelectAll[Destination](ctx, tx.store.dialect, tx.tx, selectDestinations, account)
	if err != nil {
		return nil, fmt.Errorf("destinations: %w", err)
	}
	return all, nil
}

// DestinationPage lists at most limit destinations of an account that follow the
// prefix after. It also returns the account's total number of destinations.
func (s *Store) DestinationPage(ctx context.Context, account, after string, limit int) (page []Destination, total int, err error) {
	page, err = dialect.SelectAll[Destination](ctx, s.dialect, s.pool,
		"SELECT prefix, name FROM destinations WHERE account_id = ? AND prefix > ? ORDER BY prefix LIMIT ?", account, after, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("destinations: %w", err)
	}
	type count struct{ N int }
	n, err := dialect.SelectOne[count](ctx, s.dialect, s.pool, "SELECT count(*) AS n FROM destinations WHERE account_id = ?", account)
	if err != nil {
		return nil, 0, fmt.Errorf("destinations: %w", err)
	}
	return page, n.N, nil
}

// SetDestinations replaces the destinations of an account of the tenant. It returns
// ErrInvalid for an unknown account, for too many destinations, for a prefix that
// occurs twice, and for an invalid destination, with the number (from 1) of the
// first one.
func (tx *Tx) SetDestinations(ctx context.Context, account string, all []Destination) error {
	if err := tx.owner(ctx, account); err != nil {
		return fmt.Errorf("destinations: %w", err)
	}
	if len(all) > maxDestinations {
		return fmt.Errorf("destinations: %w", fault.Invalid("destinations", fmt.Sprintf("has more than %d entries", maxDestinations)))
	}
	all = slices.Clone(all)
	if err := checkDestinations(all); err != nil {
		return fmt.Errorf("destinations: %w", err)
	}
	slices.SortFunc(all, func(a, b Destination) int { return strings.Compare(a.Prefix, b.Prefix) })
	for i := range all {
		if i > 0 && all[i].Prefix == all[i-1].Prefix {
			return fmt.Errorf("destinations: %w", fault.Invalid("destinations", "has the prefix "+all[i].Prefix+" twice"))
		}
	}
	return tx.putDestinations(ctx, account, all)
}

// mostFaulty limits the destinations whose faults are told.
const mostFaulty = 100

// checkDestinations returns ErrInvalid with the faults of the first faulty destinations.
// A fault names its field as destinations[0].prefix.
func checkDestinations(all []Destination) error {
	var wrong fault.Several
	for i := range all {
		for _, bad := range fault.Fields(all[i].Validate()) {
			wrong = append(wrong, fault.Invalid(fmt.Sprintf("destinations[%d].%s", i, bad.Field), bad.Text))
		}
		if len(wrong) >= mostFaulty {
			break
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return wrong
}

func (tx *Tx) putDestinations(ctx context.Context, account string, all []Destination) error {
	if _, err := tx.exec(ctx, "DELETE FROM destinations WHERE account_id = ?", account); err != nil {
		return fmt.Errorf("destinations: %w", err)
	}
	_, err := tx.store.dialect.BulkInsert(ctx, tx.tx, "destinations", []string{"account_id", "prefix", "name"}, func() ([]any, error) {
		if len(all) == 0 {
			return nil, nil
		}
		d := all[0]
		all = all[1:]
		return []any{account, d.Prefix, d.Name}, nil
	})
	if err != nil {
		return fmt.Errorf("destinations: %w", tx.refused(ctx, err))
	}
	return nil
}
