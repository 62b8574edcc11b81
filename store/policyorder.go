package store

import (
	"context"
	"fmt"
	"regexp"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// PolicyOrder says what every process on this database must do about its policy.
type PolicyOrder struct {
	// Pin is the revision of the policy that stays in force. "" means none.
	Pin string
	// Confirmed is the revision of the policy that may come into force although it
	// gives more. "" means none.
	Confirmed string
}

// The names of the order in the table of settings.
const (
	pinSetting       = "policy_pin"
	confirmedSetting = "policy_confirmed"
)

var policyRevision = regexp.MustCompile(`^[0-9a-f]{32}$`)

// PolicyOrder returns the order in force. A schema that is too old for one has none.
func (s *Store) PolicyOrder(ctx context.Context) (PolicyOrder, error) {
	type setting struct {
		Name  string
		Value []byte
	}
	all, err := dialect.SelectAll[setting](ctx, s.dialect, s.pool, "SELECT name, value FROM settings WHERE name IN (?, ?)", pinSetting, confirmedSetting)
	if s.dialect.Absent(err) {
		return PolicyOrder{}, nil
	}
	if err != nil {
		return PolicyOrder{}, fmt.Errorf("policy order: %w", err)
	}
	var order PolicyOrder
	for _, one := range all {
		if one.Name == pinSetting {
			order.Pin = string(one.Value)
		} else {
			order.Confirmed = string(one.Value)
		}
	}
	return order, nil
}

// PinPolicy pins the policy with this revision; "" releases the pin. It returns
// ErrInvalid for a text that cannot be a revision.
func (s *Store) PinPolicy(ctx context.Context, revision string) error {
	return s.orderPolicy(ctx, pinSetting, revision)
}

// ConfirmPolicy lets the policy with this revision come into force. It replaces the
// last confirmation. It returns ErrInvalid for a text that cannot be a revision.
func (s *Store) ConfirmPolicy(ctx context.Context, revision string) error {
	return s.orderPolicy(ctx, confirmedSetting, revision)
}

func (s *Store) orderPolicy(ctx context.Context, name, revision string) error {
	if revision != "" && !policyRevision.MatchString(revision) {
		return fault.Invalid("revision", "must have 32 characters of 0-9 and a-f")
	}
	_, err := s.db.Write.ExecContext(ctx, s.dialect.Rebind(
		"INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"), name, []byte(revision))
	if err != nil {
		return fmt.Errorf("policy order: %w", s.dialect.TranslateIn(ctx, err))
	}
	return nil
}
