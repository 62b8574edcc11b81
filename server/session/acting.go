package session

import (
	"errors"
	"fmt"

	"resellerd/server/identity"
	"resellerd/store/fault"
)

// Caller is who sent the request and for whom. All strings are copies.
type Caller struct {
	TokenID  string // names the panel token or the JWT in logs
	Tenant   string // the token's tenant; empty: any
	Scopes   identity.Scope
	JWT      bool   // a user's own token, nothing beside it
	UserRef  string // acting user, by id or external id; empty if none was named
	ClientIP string
	As       string // Resellerd-As
}

// SubjectUser is the type of a subject that is a user of the store.
const SubjectUser = "user"

// ReasonUnknownUser is the one reason of a user who may not act.
const ReasonUnknownUser = "unknown_user"

// ErrNoUser says that a session which needs an acting user has none.
var ErrNoUser = errors.New("an acting user is required")

// UnknownUserError refuses an acting user who is unknown, disabled, ambiguous or
// suspended. Which of them, the cause tells the log, and nobody else.
type UnknownUserError struct{ Cause error }

func newUnknownUser(cause error) error { return &UnknownUserError{cause} }

// Error tells the true reason, for the log.
func (e *UnknownUserError) Error() string { return ReasonUnknownUser + ": " + e.Cause.Error() }

// Unwrap is the cause.
func (e *UnknownUserError) Unwrap() error { return e.Cause }

// Why an acting user is refused: recorded in the log, never told to the caller.
var (
	ErrNotActive        = errors.New("user is not active")
	ErrAccountNotActive = errors.New("account or one above it is not active")
)

// TrueReason is the code the decision log holds for a refused user.
func TrueReason(cause error) string {
	switch {
	case errors.Is(cause, ErrNotActive):
		return "user_disabled"
	case errors.Is(cause, ErrAccountNotActive):
		return "account_suspended"
	}
	return ReasonUnknownUser
}

// LoadUser loads the acting user of a request for data, or refuses it. Unknown,
// disabled, ambiguous and suspended users get the same answer.
func (r *Session) LoadUser() error {
	if r.Caller.UserRef == "" {
		return ErrNoUser
	}
	a, err := r.activeUser(r.Caller.Tenant, r.Caller.UserRef)
	if err != nil {
		return err
	}
	r.Actor = a
	r.Subject, r.Facts = a.Subject, a.Facts
	return nil
}

// activeUser finds a user who may act.
func (r *Session) activeUser(tenant, ref string) (*Actor, error) {
	a, err := r.Users.Find(r.Ctx, r.Engine, tenant, ref)
	switch {
	case IsUnknown(err):
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, err))
	case err != nil:
		return nil, errors.Join(fault.ErrUnavailable, err)
	case !a.UserActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, ErrNotActive))
	case !a.AccountActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, ErrAccountNotActive))
	}
	return a, nil
}
