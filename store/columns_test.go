package store_test

import (
	"maps"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// unlisted are the table columns that no row struct has, because the store writes
// them separately.
var unlisted = map[string]bool{
	"revisions.recipe": true, "users.login_key": true,
	"accounts.folded": true, "groups.folded": true, "users.folded": true, "customers.folded": true, "cards.folded": true,
}

const selectColumns = `SELECT name, "notnull" = 0 FROM pragma_table_info($1)`

const selectColumnsOfPostgres = `SELECT column_name, is_nullable = 'YES' FROM information_schema.columns WHERE table_name = $1`

func TestRowsHaveTheColumnsOfTheirTables(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		text := selectColumns
		if s.Dialect() == "postgres" {
			text = selectColumnsOfPostgres
		}
		for table, columns := range store.RowColumns() {
			stored := map[string]bool{}
			rows := must(storetest.SQL(t, s).Query(text, table))
			for rows.Next() {
				var name string
				var nullable bool
				mustDo(rows.Scan(&name, &nullable))
				if !unlisted[table+"."+name] {
					stored[name] = nullable
				}
			}
			mustDo(rows.Err())
			if !maps.Equal(columns, stored) {
				t.Errorf("%s: the struct has the columns %v, the table %v (true: may be NULL)", table, columns, stored)
			}
		}
	})
}

// unlistable are the row columns that only the store uses.
var unlistable = map[string]bool{
	"accounts.version": true, "accounts.listed_areas": true, "groups.version": true, "users.version": true, "customers.version": true, "cards.version": true,
	"users.first_group_id": true, "revisions.card_id": true, "revisions.scheduled_from": true, "revisions.terms": true,
	"revisions.staged_by": true, "revisions.made_by": true, "revisions.staged_until": true,
	"rates.revision_id": true,
}

func TestListsHaveTheColumnsOfTheirRows(t *testing.T) {
	t.Parallel()
	shown := map[string]string{"row_count": "rows"}
	for _, typ := range schema.ByName {
		for column, nullable := range store.RowColumns()[typ.Table] {
			name := column
			if as, renamed := shown[name]; renamed {
				name = as
			}
			switch listed := typ.Column(name); {
			case listed == nil && !unlistable[typ.Table+"."+column]:
				t.Errorf("a list of type %s has no column %s", typ.Name, name)
			case listed != nil && listed.NotNull == nullable:
				t.Errorf("%s of type %s may be NULL in the table: %t", name, typ.Name, nullable)
			}
		}
	}
}
