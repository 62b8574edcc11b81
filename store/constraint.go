package store

import "errors"

// refusals says what each constraint means to who wrote the row. Unique keys
// go by their name in PostgreSQL and by their columns in SQLite, triggers and
// checks by their name in both.
var refusals = map[string]FieldError{
	"account_kept":                             {ErrConflict, "", "accounts are closed, never deleted"},
	"account_place":                            {ErrInvalid, "parent_id", "does not fit the account's kind and tenant"},
	"account_place_fixed":                      {ErrConflict, "parent_id", "an account stays where it was made"},
	"account_currency_fixed":                   {ErrConflict, "currency", "is fixed once set"},
	"account_tree_true":                        {ErrConflict, "", "the account tree follows the accounts"},
	"accounts_external_id":                     {ErrConflict, "external_id", "is taken"},
	"accounts.parent_id, accounts.external_id": {ErrConflict, "external_id", "is taken"},

	"group_owner_fixed": {ErrConflict, "account_id", "a group stays with its account"},
	"group_in_use":      {ErrConflict, "lend_to", "users are still in the group"},
	"user_groups_group": {ErrConflict, "", "users are still in the group"},
	"group_loans_below": {ErrInvalid, "lend_to", "names an account that is not directly below"},
	"group_loan_fixed":  {ErrConflict, "lend_to", "a loan is made anew, never changed"},

	"users_login":                                 {ErrConflict, "login", "is taken"},
	"users.account_id, users.login":               {ErrConflict, "login", "is taken"},
	"user_external_id_form":                       {ErrInvalid, "external_id", "is malformed"},
	"users_in_a_group":                            {ErrInvalid, "groups", "a user is in at least one group"},
	"user_account_fixed":                          {ErrConflict, "account_id", "a user stays with its account"},
	"user_group_usable":                           {ErrInvalid, "groups", "names a group that is neither the account's own nor lent to it"},
	"user_group_fixed":                            {ErrConflict, "groups", "a membership is made anew, never changed"},
	"customer_owner_immutable":                    {ErrConflict, "account_id", "a customer stays with its account"},
	"customers_external_id":                       {ErrConflict, "external_id", "is taken"},
	"customers.account_id, customers.external_id": {ErrConflict, "external_id", "is taken"},

	"card_owner_fixed":                    {ErrConflict, "account_id", "a card keeps its account and kind"},
	"card_currency_fixed":                 {ErrConflict, "currency", "is fixed once the card has a revision"},
	"card_carrier":                        {ErrInvalid, "carrier", "belongs to provider cards alone"},
	"cards_external_id":                   {ErrConflict, "external_id", "is taken"},
	"cards.account_id, cards.external_id": {ErrConflict, "external_id", "is taken"},

	"assignments_card":        {ErrInvalid, "card_id", "is no customer card of the assigning account"},
	"assignments_below":       {ErrInvalid, "account_id", "is not directly below the card's owner"},
	"card_customers_card":     {ErrInvalid, "card_id", "is no customer card of the customer's account"},
	"card_customers_customer": {ErrInvalid, "customer_id", "is no customer of the card's account"},

	"revision_active":                 {ErrConflict, "", "the card has an active revision"},
	"revisions_one_active":            {ErrConflict, "", "the card has an active revision"},
	"rates_revision":                  {ErrInvalid, "revision_id", "names no revision"},
	"revision_card_fixed":             {ErrConflict, "card_id", "a revision keeps its card and number"},
	"rates_pkey":                      {ErrInvalid, "prefix", "occurs twice"},
	"rates.revision_id, rates.prefix": {ErrInvalid, "prefix", "occurs twice"},
	"rate_prefix":                     {ErrInvalid, "prefix", "is not 1 to 15 digits"},

	"audit_kept":          {ErrConflict, "", "audit entries are only ever added"},
	"data_revision_rises": {ErrConflict, "", "the data revision rises by one"},
}

// userExternalID is the constraint that keeps external ids of users unique.
const userExternalID = "users_tenant_external_id"

// explain turns a constraint's refusal into an ErrConflict or ErrInvalid that
// names the field and quotes neither the database nor any row.
func explain(err error) error {
	var c *ConstraintError
	if !errors.As(err, &c) {
		return err
	}
	if c.Name == userExternalID {
		return refused(ReasonExternalIDTaken, "external_id", "is taken")
	}
	if known, ok := refusals[c.Name]; ok {
		return &known
	}
	switch c.Kind {
	case Unique:
		return conflict("", "is taken")
	case ForeignKey:
		return conflict("", "refers to something absent, or is still referred to")
	case Trigger:
		return conflict("", "is refused")
	}
	return invalid("", "is out of range")
}
