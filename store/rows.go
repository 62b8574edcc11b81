package store

import "resellerd/store/schema"

// The rows, their patches and their values. See package schema.

type (
	// Access is schema.Access.
	Access = schema.Access
	// Account is schema.Account.
	Account = schema.Account
	// AccountPatch is schema.AccountPatch.
	AccountPatch = schema.AccountPatch
	// Card is schema.Card.
	Card = schema.Card
	// CardPatch is schema.CardPatch.
	CardPatch = schema.CardPatch
	// Customer is schema.Customer.
	Customer = schema.Customer
	// CustomerPatch is schema.CustomerPatch.
	CustomerPatch = schema.CustomerPatch
	// Group is schema.Group.
	Group = schema.Group
	// GroupPatch is schema.GroupPatch.
	GroupPatch = schema.GroupPatch
	// Parent is schema.Parent.
	Parent = schema.Parent
	// Strings is schema.Strings.
	Strings = schema.Strings
	// User is schema.User.
	User = schema.User
	// UserPatch is schema.UserPatch.
	UserPatch = schema.UserPatch
	// Webhook is schema.Webhook.
	Webhook = schema.Webhook
	// WebhookPatch is schema.WebhookPatch.
	WebhookPatch = schema.WebhookPatch
)

// The words of accesses, kinds, statuses and loans. See package schema.
const (
	AnyArea    = schema.AnyArea
	FullAccess = schema.FullAccess
	Master     = schema.Master
	Reseller   = schema.Reseller
	Active     = schema.Active
	Suspended  = schema.Suspended
	Closed     = schema.Closed
	Disabled   = schema.Disabled
	LendNone   = schema.LendNone
	LendAll    = schema.LendAll
	LendSome   = schema.LendSome
)

// Resolve returns the access that groups grant under ceilings. See schema.Resolve.
func Resolve(groups, ceilings []Access) Access { return schema.Resolve(groups, ceilings) }
