package server

import (
	"errors"
	"fmt"

	"resellerd/server/identity"
	"resellerd/store/fault"
)

// caller is who sent the request and for whom. All strings are copies.
type caller struct {
	tokenID  string // names the panel token or the JWT in logs
	tenant   string // the token's tenant; empty: any
	scopes   identity.Scope
	jwt      bool   // a user's own token, nothing beside it
	userRef  string // acting user, by id or external id; empty if none was named
	clientIP string
	as       string // Resellerd-As
}

// subjectUser is the type of a subject that is a user of the store.
const subjectUser = "user"

// reasonUnknownUser is the one reason of a user who may not act.
const reasonUnknownUser = "unknown_user"

// errNoUser says that a session which needs an acting user has none.
var errNoUser = errors.New("an acting user is required")

// unknownUserError refuses an acting user who is unknown, disabled, ambiguous or
// suspended. Which of them, the cause tells the log, and nobody else.
type unknownUserError struct{ cause error }

func newUnknownUser(cause error) error { return &unknownUserError{cause} }

func (e *unknownUserError) Error() string { return reasonUnknownUser + ": " + e.cause.Error() }

func (e *unknownUserError) Unwrap() error { return e.cause }

// Why an acting user is refused: recorded in the log, never told to the caller.
var (
	errNotActive        = errors.New("user is not active")
	errAccountNotActive = errors.New("account or one above it is not active")
)

// trueReason is the code the decision log holds for a refused user.
func trueReason(cause error) string {
	switch {
	case errors.Is(cause, errNotActive):
		return "user_disabled"
	case errors.Is(cause, errAccountNotActive):
		return "account_suspended"
	}
	return reasonUnknownUser
}

// loadUser loads the acting user of a request for data, or refuses it. Unknown,
// disabled, ambiguous and suspended users get the same answer.
func (r *core) loadUser() error {
	if r.caller.userRef == "" {
		return errNoUser
	}
	a, err := r.activeUser(r.caller.tenant, r.caller.userRef)
	if err != nil {
		return err
	}
	r.actor = a
	r.subject, r.facts = a.subject, a.facts
	return nil
}

// activeUser finds a user who may act.
func (r *core) activeUser(tenant, ref string) (*actor, error) {
	a, err := r.users.find(r.ctx, r.engine, tenant, ref)
	switch {
	case isUnknown(err):
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, err))
	case err != nil:
		return nil, errors.Join(fault.ErrUnavailable, err)
	case !a.userActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, errNotActive))
	case !a.accountActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, errAccountNotActive))
	}
	return a, nil
}
