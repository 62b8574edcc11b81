package store

import (
	"context"
	"errors"
)

// Part runs a part of the transaction. If fn returns an error, everything that the part
// wrote is undone, Part returns the error, and the transaction can go on. Constraints
// that the database defers are checked at the end of the transaction. If the part cannot
// be undone, Part returns a PartError, and the transaction must end.
func (tx *Tx) Part(ctx context.Context, fn func() error) error {
	changed := tx.changed
	if err := tx.mark(ctx, "SAVEPOINT part"); err != nil {
		return &PartError{err}
	}
	failed := fn()
	if failed != nil {
		if err := tx.mark(ctx, "ROLLBACK TO SAVEPOINT part"); err != nil {
			return &PartError{errors.Join(err, failed)}
		}
		tx.changed = changed
	}
	if err := tx.mark(ctx, "RELEASE SAVEPOINT part"); err != nil {
		return &PartError{errors.Join(err, failed)}
	}
	return failed
}

// PartError says that a part of a transaction could not begin or end.
type PartError struct{ Err error }

// Error is the cause's.
func (e *PartError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PartError) Unwrap() error { return e.Err }

// NeedsWork reports whether an error of a transaction's method means that WriteLong will
// run it again, after long work. The function must return such an error.
func NeedsWork(err error) bool { return workOf(err) != nil || errors.Is(err, errLapsed) }
