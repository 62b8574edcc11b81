package session

import (
	"errors"
	"fmt"
	"slices"

	"resellerd/server/identity"
	"resellerd/store"
	"resellerd/store/fault"
)

// Caller says who sent the request and for which user. All strings are copies.
type Caller struct {
	TokenID  string // name of the panel token or the JWT in logs
	Panel    string // the name of the panel token in the audit trail; "" for none
	Tenant   string // the token's tenant; empty: every tenant
	Limits   identity.PanelLimits
	Scopes   identity.Scope
	JWT      bool   // a user's own token, without a panel token
	UserRef  string // acting user, by id or external id; empty if none was named
	ClientIP string
	As       string // Resellerd-As
}

// ActsFor reports whether the panel's token is good for a user.
func (c *Caller) ActsFor(sub *store.Subject) bool {
	l := c.Limits
	if l.ResellersOnly && sub.Account.Kind != store.Reseller {
		return false
	}
	return l.Account == "" || slices.ContainsFunc(sub.Chain, func(a store.Account) bool { return a.ID == l.Account })
}

// SubjectUser is the type of a subject that is a user of the store.
const SubjectUser = "user"

// ReasonUnknownUser is the only reason that the caller gets when a user may not act.
const ReasonUnknownUser = "unknown_user"

// ErrNoUser says that the session needs an acting user and has none.
var ErrNoUser = errors.New("an acting user is required")

// UnknownUserError refuses an acting user who is unknown, disabled, ambiguous or
// suspended. Cause says which of these applies. It is for the log only.
type UnknownUserError struct{ Cause error }

func newUnknownUser(cause error) error { return &UnknownUserError{cause} }

// Error returns the true reason, for the log.
func (e *UnknownUserError) Error() string { return ReasonUnknownUser + ": " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnknownUserError) Unwrap() error { return e.Cause }

// These errors say why an acting user is refused. The log records them, and the
// caller never sees them.
var (
	ErrNotActive        = errors.New("user is not active")
	ErrAccountNotActive = errors.New("account or one above it is not active")
	errNotForToken      = errors.New("the panel token is not for this user")
)

// TrueReason returns the code that the decision log records for a refused user.
func TrueReason(cause error) string {
	switch {
	case errors.Is(cause, ErrNotActive):
		return "user_disabled"
	case errors.Is(cause, ErrAccountNotActive):
		return "account_suspended"
	}
	return ReasonUnknownUser
}

// LoadUser loads the acting user of a request for data, or refuses the user. It
// returns ErrNoUser if the caller named none, and the same UnknownUserError for
// unknown, disabled, ambiguous and suspended users. It returns fault.ErrUnavailable
// if the store does not answer.
func (r *Session) LoadUser() error {
	if r.Caller.UserRef == "" {
		return ErrNoUser
	}
	defer r.Part("subject").End()
	a, err := r.activeUser(r.Caller.Tenant, r.Caller.UserRef)
	if err != nil {
		return err
	}
	r.Actor = a
	r.Subject, r.Facts = a.Subject, a.Facts
	return nil
}

// activeUser finds a user who may act. Its errors are those of LoadUser.
func (r *Session) activeUser(tenant, ref string) (*Actor, error) {
	a, err := r.Users.Find(r.Ctx, r.Engine, tenant, ref)
	switch {
	case IsUnknown(err):
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, err))
	case err != nil:
		return nil, errors.Join(fault.ErrUnavailable, err)
	case !r.Caller.ActsFor(a.Subject):
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, errNotForToken))
	case !a.UserActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, ErrNotActive))
	case !a.AccountActive():
		return nil, newUnknownUser(fmt.Errorf("user %q: %w", ref, ErrAccountNotActive))
	}
	return a, nil
}
