package store

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
)

// keySetting is the name of the store key in the settings.
const keySetting = "store_key"

// Key is the store's secret of 32 random bytes, made once and the same for
// every process over this database. Cursors, ETags and sealed revisions are
// made with it; it never leaves the process.
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
