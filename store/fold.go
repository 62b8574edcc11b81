package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/jmoiron/sqlx"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// fold stores the folded texts of a row that was just written. The database has
// cleared those of the texts before.
func (tx *Tx) fold(ctx context.Context, table, id string, row any) error {
	folded := schema.Folded(row)
	if folded == "" {
		return nil
	}
	_, err := tx.exec(ctx, "UPDATE "+table+" SET folded = ? WHERE id = ?", folded, id)
	return err
}

// foldsTexts is the version of the migration that adds the column folded.
const foldsTexts = 13

// foldedSetting says that every row has its folded texts.
const foldedSetting = "folded"

// foldSlice is how many rows are folded in one transaction.
const foldSlice = 500

// foldAll folds the texts of the rows that were written before the column folded
// existed. It does so in slices, so that other writers wait for no more than one. It
// can be ended and started again at any time.
func (s *Store) foldAll(ctx context.Context) error {
	var done int
	err := s.db.Read.GetContext(ctx, &done, s.dialect.Rebind("SELECT count(*) FROM settings WHERE name = ?"), foldedSetting)
	if err != nil || done > 0 {
		return s.dialect.TranslateIn(ctx, err)
	}
	err = errors.Join(
		foldTable[Account](ctx, s, "accounts"), foldTable[Group](ctx, s, "groups"), foldTable[User](ctx, s, "users"),
		foldTable[Customer](ctx, s, "customers"), foldTable[Card](ctx, s, "cards"))
	if err == nil {
		_, err = s.db.Write.ExecContext(ctx, s.dialect.Rebind("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"),
			foldedSetting, []byte{1})
	}
	return s.dialect.TranslateIn(ctx, err)
}

// foldTable folds the texts of one table, by id.
func foldTable[Row any](ctx context.Context, s *Store, table string) error {
	read := []string{"id", "version"}
	for _, name := range schema.TextColumns(reflect.TypeFor[Row]()) {
		read = append(read, "COALESCE("+name+", '') AS "+name)
	}
	text := "SELECT " + strings.Join(read, ", ") + " FROM " + table + " WHERE id > ? AND folded IS NULL ORDER BY id LIMIT ?"
	after := ""
	for {
		rows, err := dialect.SelectAll[Row](ctx, s.dialect, s.db.Read, text, after, foldSlice)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := foldRows(ctx, s, table, rows); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		after, _ = identity(&rows[len(rows)-1])
		if err := coop.Yield(ctx); err != nil {
			return err
		}
	}
}

// foldRows folds a slice of rows. It leaves out a row that has changed since it was
// read: its writer has folded it.
func foldRows[Row any](ctx context.Context, s *Store, table string, rows []Row) error {
	return inTx(ctx, s.db.Write, func(tx *sqlx.Tx) error {
		for i := range rows {
			folded := schema.Folded(rows[i])
			if folded == "" {
				continue
			}
			id, version := identity(&rows[i])
			_, err := tx.ExecContext(ctx, tx.Rebind("UPDATE "+table+" SET folded = ? WHERE id = ? AND version = ?"), folded, id, version)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// identity returns the id and the version of a row.
func identity(row any) (id string, version int64) {
	value := reflect.ValueOf(row).Elem()
	return value.FieldByName("ID").String(), value.FieldByName("Version").Int()
}

func inTx(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}
