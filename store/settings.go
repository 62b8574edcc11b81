package store

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
)

// keySetting is the name of the store key in the table of settings.
const keySetting = "store_key"

// Key returns the store's secret of 32 random bytes. It is generated once, and
// every process on this database uses the same one. Cursors, ETags and sealed
// revisions are made with it. It never leaves the process.
func (s *Store) Key(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails, by its contract
	type setting struct{ Value []byte }
	read := func() (setting, error) {
		return dialect.SelectOne[setting](ctx, s.dialect, s.db.Read, "SELECT value FROM settings WHERE name = ?", keySetting)
	}
	if kept, err := read(); err == nil {
		return kept.Value, nil
	}
	text := "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
	if s.dialect.Mark == '$' {
		text = sqlx.Rebind(sqlx.DOLLAR, text)
	}
	if _, err := s.db.Write.ExecContext(ctx, text, keySetting, fresh); err != nil {
		return nil, fmt.Errorf("store key: %w", s.dialect.TranslateIn(ctx, err))
	}
	kept, err := read()
	if err != nil {
		return nil, fmt.Errorf("store key: %w", err)
	}
	return kept.Value, nil
}
