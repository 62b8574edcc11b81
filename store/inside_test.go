package store

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// BulkReaders is how many of the connections for parallel reading are taken.
func (s *Store) BulkReaders() int { return len(s.bulkSlots) }

// CloseBulk has no connection be had for parallel reading.
func (s *Store) CloseBulk() error { return s.db.Bulk.Close() }

// MigrateTo brings the schema to a version that may not be the last.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	provider, err := s.provider()
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}

// IDKinds are the kinds of rows that RandomID knows a prefix for.
func IDKinds() []string { return slices.Sorted(maps.Keys(idPrefixes)) }

// RowColumns lists the columns that the struct of a table's rows has, and
// whether each may be NULL.
func RowColumns() map[string]map[string]bool {
	tables := map[string]map[string]bool{}
	for table, row := range map[string]reflect.Type{
		"accounts": reflect.TypeFor[Account](), "groups": reflect.TypeFor[Group](), "users": reflect.TypeFor[userRow](),
		"customers": reflect.TypeFor[Customer](), "cards": reflect.TypeFor[Card](), "revisions": reflect.TypeFor[Revision](),
		"profit_rules": reflect.TypeFor[ruleRow](), "rates": reflect.TypeFor[rateRow](),
	} {
		columns := map[string]bool{}
		for _, c := range columnsOf(row) {
			kind := c.Zero.Kind()
			columns[c.Name] = c.marked("null") || kind == reflect.Pointer || kind == reflect.Map
		}
		tables[table] = columns
	}
	return tables
}

// rateRow is a rate in its table.
type rateRow struct {
	RevisionID string `db:"revision_id"`
	Rate
}

// TestPatches applies an empty patch of each kind, which panics on a field that
// its row does not have.
func TestPatches(t *testing.T) {
	Apply(&AccountPatch{}, &Account{})
	Apply(&GroupPatch{}, &Group{})
	Apply(&UserPatch{}, &User{})
	Apply(&CustomerPatch{}, &Customer{})
	Apply(&CardPatch{}, &Card{})
}
