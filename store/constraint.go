package store

import (
	"errors"

	"resellerd/store/fault"
)

// refusals maps each constraint to an error that the writer of a row can
// understand. The key of a unique constraint is its name in PostgreSQL and its
// columns in SQLite. The key of a trigger or check is its name in both.
var refusals = map[string]fault.FieldError{
	"account_kept":           {Kind: fault.ErrConflict, Field: "", Text: "accounts are closed, never deleted"},
	"account_place":          {Kind: fault.ErrInvalid, Field: "parent_id", Text: "does not fit the account's kind and tenant"},
	"account_place_fixed":    {Kind: fault.ErrConflict, Field: "parent_id", Text: "cannot change: an account keeps its place in the tree"},
	"account_currency_fixed": {Kind: fault.ErrConflict, Field: "currency", Text: "cannot change once it is set"},
	"account_tree_true":      {Kind: fault.ErrConflict, Field: "", Text: "the account tree follows the accounts"},

	"group_owner_fixed":                     {Kind: fault.ErrConflict, Field: "account_id", Text: "cannot change: a group stays with its account"},
	"group_in_use":                          {Kind: fault.ErrConflict, Field: "lend_to", Text: "cannot exclude accounts whose users are in the group"},
	"user_groups_group":                     {Kind: fault.ErrConflict, Field: "", Text: "users are still in the group"},
	"group_loans_below":                     {Kind: fault.ErrInvalid, Field: "lend_to", Text: "has an account that is not directly below"},
	"groups_external_id":                    {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},
	"groups.account_id, groups.external_id": {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},
	"group_loan_fixed":                      {Kind: fault.ErrConflict, Field: "lend_to", Text: "cannot change in place: replace the loan"},

	"users_login":                                 {Kind: fault.ErrConflict, Field: "login", Text: "is taken"},
	"users_login_key":                             {Kind: fault.ErrConflict, Field: "login", Text: "is taken"},
	"users.account_id, users.login_key":           {Kind: fault.ErrConflict, Field: "login", Text: "is taken"},
	"users.account_id, users.login":               {Kind: fault.ErrConflict, Field: "login", Text: "is taken"},
	"user_external_id_form":                       {Kind: fault.ErrInvalid, Field: "external_id", Text: "is malformed"},
	"users_in_a_group":                            {Kind: fault.ErrInvalid, Field: "groups", Text: "must have at least one group"},
	"user_account_fixed":                          {Kind: fault.ErrConflict, Field: "account_id", Text: "cannot change: a user stays with its account"},
	"user_group_usable":                           {Kind: fault.ErrInvalid, Field: "groups", Text: "has a group that the account neither owns nor may use"},
	"user_group_fixed":                            {Kind: fault.ErrConflict, Field: "groups", Text: "cannot change in place: replace the membership"},
	"customer_owner_immutable":                    {Kind: fault.ErrConflict, Field: "account_id", Text: "cannot change: a customer stays with its account"},
	"customers_external_id":                       {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},
	"customers.account_id, customers.external_id": {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},

	"card_owner_fixed":                    {Kind: fault.ErrConflict, Field: "account_id", Text: "cannot change: a card keeps its account and kind"},
	"card_currency_fixed":                 {Kind: fault.ErrConflict, Field: "currency", Text: "cannot change once the card has a revision"},
	"card_carrier":                        {Kind: fault.ErrInvalid, Field: "carrier", Text: "applies only to provider cards"},
	"cards_external_id":                   {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},
	"cards.account_id, cards.external_id": {Kind: fault.ErrConflict, Field: "external_id", Text: "is taken"},

	"assignments_card":        {Kind: fault.ErrInvalid, Field: "card_id", Text: "is not a customer card of the assigning account"},
	"assignments_below":       {Kind: fault.ErrInvalid, Field: "account_id", Text: "is not directly below the card's owner"},
	"card_customers_card":     {Kind: fault.ErrInvalid, Field: "card_id", Text: "is not a customer card of the customer's account"},
	"card_customers_customer": {Kind: fault.ErrInvalid, Field: "customer_id", Text: "is not a customer of the card's account"},

	"revision_active":                 {Kind: fault.ErrConflict, Field: "", Text: "the card has an active revision"},
	"revisions_one_active":            {Kind: fault.ErrConflict, Field: "", Text: "the card has an active revision"},
	"rates_revision":                  {Kind: fault.ErrInvalid, Field: "revision_id", Text: "does not name a revision"},
	"revision_card_fixed":             {Kind: fault.ErrConflict, Field: "card_id", Text: "cannot change: a revision keeps its card and number"},
	"rates_pkey":                      {Kind: fault.ErrInvalid, Field: "prefix", Text: "is given more than once"},
	"rates.revision_id, rates.prefix": {Kind: fault.ErrInvalid, Field: "prefix", Text: "is given more than once"},
	"rate_prefix":                     {Kind: fault.ErrInvalid, Field: "prefix", Text: "must have 1 to 15 digits"},

	"audit_kept":          {Kind: fault.ErrConflict, Field: "", Text: "audit entries cannot be changed or deleted"},
	"data_revision_rises": {Kind: fault.ErrConflict, Field: "", Text: "the data revision must rise by one"},
}

// externalIDs are the constraints that make external ids unique in the tenant.
var externalIDs = map[string]bool{
	"users_tenant_external_id": true, "accounts_tenant_external_id": true,
	"accounts_external_id": true, "accounts.parent_id, accounts.external_id": true,
}

// explain turns a violated constraint into an ErrConflict or ErrInvalid that names
// the field. The error quotes neither the database nor any row.
func explain(err error) error {
	var c *fault.ConstraintError
	if !errors.As(err, &c) {
		return err
	}
	if externalIDs[c.Name] {
		return refused(ReasonExternalIDTaken, "external_id", "is taken")
	}
	if known, ok := refusals[c.Name]; ok {
		return &known
	}
	switch c.Kind {
	case fault.Unique:
		return fault.Conflict("", "a value is taken that must be unique")
	case fault.ForeignKey:
		return fault.Conflict("", "the row refers to a row that does not exist, or another row refers to it")
	case fault.Trigger:
		return fault.Conflict("", "the database refuses the change")
	}
	return fault.Invalid("", "a value is out of range")
}
