package session

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/store"
	"resellerd/store/fault"
)

// Actor is a user of the store, as the policy reads it. It is immutable and shared by
// requests.
type Actor struct {
	Subject *store.Subject
	Facts   *input.Facts
	Log     record.FactsText
	menu    atomic.Pointer[menu] // the last answer about all areas
}

// menu is the access by area of a user who calls from one address through one panel.
type menu struct {
	ip, panel string
	access    map[string][]string
}

// UserActive reports whether the user itself may act.
func (a *Actor) UserActive() bool { return a.Subject.User.Status == store.Active }

// AccountActive reports whether the user's account and each account above it are
// active.
func (a *Actor) AccountActive() bool { return a.Subject.Status == store.Active }

// Users finds users and derives the facts of each once. The store decides how fresh a
// subject is, and returns the same subject until its data changes. Facts are kept in
// their subject, so that both are evicted together. Users is safe for concurrent use.
type Users struct {
	store  *store.Store
	logger *slog.Logger
	known  *record.Policies
	unread atomic.Int64 // questions of LiesBelow that the store did not answer
}

// NewUsers returns the users of a store.
func NewUsers(st *store.Store, logger *slog.Logger, known *record.Policies) *Users {
	return &Users{store: st, logger: logger, known: known}
}

// derived is an actor, and the policy whose mask its text was written under.
type derived struct {
	engine *policies.Engine
	actor  *Actor
}

// Find returns a user of the store, as the policy reads it. It returns
// fault.ErrNotFound, fault.ErrAmbiguous, or the store's error if the store cannot
// answer.
func (c *Users) Find(ctx context.Context, e *policies.Engine, tenant, ref string) (*Actor, error) {
	sub, err := c.store.Subject(ctx, tenant, ref)
	if err != nil {
		return nil, err
	}
	return c.of(e, sub), nil
}

func (c *Users) of(e *policies.Engine, sub *store.Subject) *Actor {
	if kept, ok := sub.Derived.Load().(derived); ok && kept.engine == e {
		return kept.actor
	}
	a := &Actor{Subject: sub, Facts: c.factsOf(sub)}
	if held := c.known.Of(e); held.Err == nil && held.Static {
		a.Log = record.NewFactsText(held.Mask, a.Facts)
	}
	sub.Derived.Store(derived{e, a})
	return a
}

// IsUnknown reports whether err says that ref names no user, or more than one.
func IsUnknown(err error) bool {
	return errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrAmbiguous)
}

// FindAt finds a user as of the moment m, with the accounts that exist then. Its
// errors are those of Find.
func (c *Users) FindAt(ctx context.Context, m *store.Moment, ref string) (*Actor, error) {
	sub, err := m.Subject(ctx, ref)
	if err != nil {
		return nil, err
	}
	facts, own, above := *c.factsOf(sub), sub.Account.ID, IdsAbove(sub)
	facts.Leaf, facts.Below = false, func(account string) bool {
		if slices.Contains(above, account) {
			return false
		}
		ok, err := m.Below(ctx, own, account)
		return ok && err == nil
	}
	return &Actor{Subject: sub, Facts: input.NewFacts(facts)}, nil
}

// FindPast returns a user as of a past time, with its groups and the accounts that existed
// then. Its facts have no ip_allow, so that decisions tell what the user may do from its own
// networks. It returns nil if there was no such user.
func (c *Users) FindPast(p *store.Past, id string) (*Actor, []store.Group) {
	sub, groups, is := p.Subject(id)
	if !is {
		return nil, nil
	}
	facts, own := *c.factsOf(sub), sub.Account.ID
	delete(facts.User, "ip_allow")
	facts.Leaf, facts.Below = false, func(account string) bool { return p.Below(own, account) }
	return &Actor{Subject: sub, Facts: input.NewFacts(facts)}, groups
}

// IsAmbiguous reports whether err says that ref names more than one user.
func IsAmbiguous(err error) bool { return errors.Is(err, fault.ErrAmbiguous) }

// factsOf returns what the policy reads about a subject. The facts include the user's
// address list, which the policy compares. They do not include its login and name.
func (c *Users) factsOf(sub *store.Subject) *input.Facts {
	u, a := sub.User, sub.Account
	user := map[string]any{"id": u.ID, "account_id": u.AccountID, "status": u.Status}
	if u.ExternalID != "" {
		user["external_id"] = u.ExternalID
	}
	if len(u.IPAllow) > 0 {
		user["ip_allow"] = texts(u.IPAllow)
	}
	groups := make([]input.Group, len(sub.Groups))
	for i, g := range sub.Groups {
		groups[i] = input.Group{ID: g.ID, Template: g.Template}
	}
	return input.NewFacts(input.Facts{
		User: user,
		Account: input.AccountFacts{ID: a.ID, ParentID: a.ParentID, TenantID: a.TenantID,
			Kind: a.Kind, Status: sub.Status, Depth: a.Depth, ListedAreas: sub.Chain[len(sub.Chain)-1].ListedAreas},
		Access: AccessNames(sub.Access), Groups: groups, Leaf: sub.Leaf,
		Branch: sub.Chain[max(0, len(sub.Chain)-2)].ID,
		Below:  c.below(sub),
	})
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}

// below returns a function that reports whether an account is in the subject's
// subtree. It answers without the store for the subject's own account and for the
// accounts above.
func (c *Users) below(sub *store.Subject) func(string) bool {
	own, leaf, above := sub.Account.ID, sub.Leaf, IdsAbove(sub)
	return func(account string) bool {
		if account == own || leaf || slices.Contains(above, account) {
			return account == own
		}
		return c.LiesBelow(own, account)
	}
}

// IdsAbove lists the ids of the accounts above the subject's account.
func IdsAbove(sub *store.Subject) []string {
	ids := make([]string, 0, len(sub.Chain))
	for _, a := range sub.Chain[1:] {
		ids = append(ids, a.ID)
	}
	return ids
}

// LiesBelow asks the store whether account is below own in the current account tree.
// If the store cannot answer, it returns false.
func (c *Users) LiesBelow(own, account string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), belowPatience)
	defer cancel()
	ok, err := c.store.Below(ctx, own, account)
	if err != nil {
		c.unread.Add(1)
		c.logger.Error("the accounts above a user cannot be read", "error", err)
	}
	return ok && err == nil
}

// Unread counts how often LiesBelow could not ask the store.
func (c *Users) Unread() int64 { return c.unread.Load() }

// belowPatience limits one question about the account tree.
const belowPatience = time.Second

// AccessNames expands the store's letters: "cr" becomes create and read.
func AccessNames(access store.Access) map[string][]string {
	names := make(map[string][]string, len(access))
	for area, letters := range access {
		names[area] = actionNames(letters)
	}
	return names
}

func actionNames(letters string) []string {
	names := []string{}
	for _, action := range AccessActions {
		if strings.Contains(letters, action[:1]) {
			names = append(names, action)
		}
	}
	return names
}

// AccessActions are the names of the four access letters.
var AccessActions = []string{"create", "read", "update", "delete"}
