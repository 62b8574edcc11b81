package store

import "resellerd/store/schema"

// Access and the other types are the rows, their patches and their values. See
// package schema.
type (
	Access        = schema.Access
	Account       = schema.Account
	AccountPatch  = schema.AccountPatch
	Card          = schema.Card
	CardPatch     = schema.CardPatch
	Customer      = schema.Customer
	CustomerPatch = schema.CustomerPatch
	Group         = schema.Group
	GroupPatch    = schema.GroupPatch
	Parent        = schema.Parent
	Strings       = schema.Strings
	User          = schema.User
	UserPatch     = schema.UserPatch
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
