package store

import (
	"context"
	"fmt"
	"regexp"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// ImportProfile holds an account's rules for reading the files of a supplier of cards of a
// kind. Its name is unique among them.
type ImportProfile struct {
	Kind      string // of the cards
	Name      string
	Rules     string        // JSON
	CreatedAt schema.Micros `db:"created_at"`
	UpdatedAt schema.Micros `db:"updated_at"`
}

// Limits of profiles.
const (
	maxProfiles = 500     // of an account
	maxProfile  = 1 << 20 // bytes
)

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const selectProfiles = "SELECT kind, name, rules, created_at, updated_at FROM import_profiles WHERE account_id = ?"

// ImportProfiles lists the profiles of an account, by name and kind.
func (tx *Tx) ImportProfiles(ctx context.Context, account string) ([]ImportProfile, error) {
	return importProfiles(ctx, tx.store.dialect, tx.tx, account)
}

// ImportProfiles lists the profiles of an account, by name and kind.
func (s *Store) ImportProfiles(ctx context.Context, account string) ([]ImportProfile, error) {
	return importProfiles(ctx, s.dialect, s.pool, account)
}

func importProfiles(ctx context.Context, d dialect.Dialect, on dialect.Execer, account string) ([]ImportProfile, error) {
	all, err := dialect.SelectAll[ImportProfile](ctx, d, on, selectProfiles+" ORDER BY name, kind", account)
	if err != nil {
		return nil, fmt.Errorf("import profiles: %w", err)
	}
	return all, nil
}

// ImportProfile returns a profile. It returns ErrNotFound if there is none.
func (tx *Tx) ImportProfile(ctx context.Context, account, kind, name string) (ImportProfile, error) {
	p, err := dialect.SelectOne[ImportProfile](ctx, tx.store.dialect, tx.tx, selectProfiles+" AND name = ? AND kind = ?", account, name, kind)
	if err != nil {
		return p, fmt.Errorf("import profile: %w", err)
	}
	return p, nil
}

// PutImportProfile creates or replaces a profile of an account of the tenant. It returns
// ErrInvalid for a malformed name, rules that are too long, and too many profiles.
func (tx *Tx) PutImportProfile(ctx context.Context, account string, p ImportProfile) error {
	if err := tx.owner(ctx, account); err != nil {
		return fmt.Errorf("import profile: %w", err)
	}
	if !profileName.MatchString(p.Name) {
		return fmt.Errorf("import profile: %w", fault.Invalid("name", "must have 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a letter or digit"))
	}
	if len(p.Rules) > maxProfile {
		return fmt.Errorf("import profile: %w", fault.Invalid("answers", fmt.Sprintf("has more than %d bytes", maxProfile)))
	}
	n, err := tx.exec(ctx, "UPDATE import_profiles SET rules = ?, updated_at = ? WHERE account_id = ? AND kind = ? AND name = ?", p.Rules, tx.now, account, p.Kind, p.Name)
	if err != nil || n > 0 {
		return err
	}
	all, err := tx.ImportProfiles(ctx, account)
	if err != nil {
		return err
	}
	if len(all) >= maxProfiles {
		return fmt.Errorf("import profile: %w", fault.Invalid("name", fmt.Sprintf("is one profile more than the %d of an account: delete some", maxProfiles)))
	}
	_, err = tx.exec(ctx, "INSERT INTO import_profiles (account_id, kind, name, rules, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
		account, p.Kind, p.Name, p.Rules, tx.now, tx.now)
	return err
}

// DeleteImportProfile deletes a profile. It returns ErrNotFound if there is none.
func (tx *Tx) DeleteImportProfile(ctx context.Context, account, kind, name string) error {
	n, err := tx.exec(ctx, "DELETE FROM import_profiles WHERE account_id = ? AND kind = ? AND name = ?", account, kind, name)
	if err == nil && n == 0 {
		err = fmt.Errorf("import profile: %w", fault.ErrNotFound)
	}
	return err
}
