package server

import (
	"reflect"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// The shapes of the data API in the OpenAPI document. A representation holds
// only the columns that the policy shows to the reader. The columns are those of
// the stored rows.

// takes is part of the body of a write. Of an embedded row, such a body has only
// the columns that Patch can change.
type takes[Patch any] struct {
	Mark bodyMark `json:"_"`
}

// bodyMark marks a body as JSON if it has no other field with such a tag. It is no
// part of the body.
type bodyMark struct{}

func (takes[Patch]) patch() reflect.Type { return reflect.TypeFor[Patch]() }

// taken reports whether a shape has a field of the row that it embeds.
func taken(shape reflect.Type, field string) bool {
	if shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	body, limited := reflect.Zero(shape).Interface().(interface{ patch() reflect.Type })
	if !limited {
		return true
	}
	_, takes := body.patch().FieldByName(field)
	return takes
}

// fieldsTaken returns the names of the fields of a body, nil for no body.
func fieldsTaken(shape any) map[string]bool {
	if shape == nil {
		return nil
	}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(shape)) {
		column, stored := schema.FieldOf(f)
		name := jsonName(f)
		if f.Anonymous || name == "" || name == "_" || name == "-" {
			continue
		}
		if !stored || !column.Marked("hidden") && !column.Marked("unlisted") && taken(reflect.TypeOf(shape), f.Name) {
			names[name] = true
		}
	}
	return names
}

type pageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" description:"next or prev of another page"`
	Count  bool   `query:"count" description:"adds total"`
}

type listQuery struct {
	pageQuery
	expandQuery
	Sort string `query:"sort" description:"a shown column; with - before it, descending"`
}

type rateQuery struct {
	listQuery
	Revision string `query:"revision" description:"a revision other than the active one; only for the card's owner and the accounts above"`
	At       string `query:"at" format:"date-time" description:"the rates that were active at this time; for an assigned card, only while it was assigned"`
}

type page[T any] struct {
	Items []T    `json:"items" required:"true"`
	Next  string `json:"next,omitempty" description:"cursor of the next page; absent on the last"`
	Prev  string `json:"prev,omitempty" description:"cursor of the previous page; absent on the first"`
	Total *int   `json:"total,omitempty" description:"with count=true: the number of rows that the user sees"`
}

type accountFields struct {
	schema.Account
	takes[store.AccountPatch]
}

type accountChange struct {
	accountFields
	acceptance
}

type accountBody struct{ schema.Account }

type accountNew struct {
	ParentID      string `json:"parent_id,omitempty" description:"default: the actor's own account"`
	accountFields `required:"name" defaults:"status=active"`
	Group         *firstGroup `json:"group,omitempty" description:"a first group of the parent, lent only to the new account; template default-reseller starts from the template"`
	User          *userFields `json:"user,omitempty" description:"a first user, in the first group unless it names others"`
}

type accountWritten struct {
	accountBody
	warned
}

type accountMade struct {
	accountBody
	firstMade
	warned
}

type groupFields struct {
	schema.Group
	takes[store.GroupPatch]
	lending
}

type firstGroup struct {
	groupFields
	Template string `json:"template,omitempty" enum:"default-reseller"`
}

type lending struct {
	LendTo lentTo `json:"lend_to,omitempty" description:"none, all, or a list of accounts directly below"`
}

// lentTo is "none", "all", or a list of ids.
type lentTo any

type groupBody struct {
	schema.Group
	lending
}

type groupWritten struct {
	groupBody
	warned
}

type groupNew struct {
	AccountID   string `json:"account_id,omitempty" description:"default: the actor's own account"`
	groupFields `required:"name"`
}

// templateGroupNew is a group whose missing fields come from the template.
type templateGroupNew struct {
	AccountID string `json:"account_id,omitempty" description:"default: the actor's own account"`
	groupFields
}

type userFields struct {
	schema.User
	takes[store.UserPatch]
}

type userBody struct{ schema.User }

type userNew struct {
	AccountID  string `json:"account_id,omitempty" description:"default: the actor's own account"`
	userFields `required:"login,groups" defaults:"status=active"`
}

type webhookFields struct {
	schema.Webhook
	takes[store.WebhookPatch]
}

type webhookBody struct {
	schema.Webhook
	DeliveredAt *string `json:"delivered_at,omitempty" nullable:"true" format:"date-time" description:"when the last message was delivered"`
	Attempts    *int    `json:"attempts,omitempty" description:"of the message that waits"`
	NextAt      *string `json:"next_at,omitempty" nullable:"true" format:"date-time" description:"of the next attempt; nothing is sent before"`
	Error       *string `json:"error,omitempty" nullable:"true" description:"of the last attempt; undecided if what is to tell cannot be decided"`
	DeadLetters *int    `json:"dead_letters,omitempty" description:"how many there are"`
}

// webhookMade is a webhook with its secret, which no other answer has.
type webhookMade struct {
	webhookBody
	webhookSecret
}

type webhookSecret struct {
	Secret string `json:"secret,omitempty" description:"signs the messages; it is shown only once"`
}

type webhookNew struct {
	AccountID     string `json:"account_id,omitempty" description:"default: the actor's own account"`
	UserID        string `json:"user_id,omitempty" description:"the user whose rights decide what is delivered; default: the actor"`
	webhookFields `required:"url" defaults:"status=active"`
}

// rotation is the body of a request for a new secret.
type rotation struct {
	Overlap *int `json:"overlap,omitempty" minimum:"0" maximum:"604800" default:"86400" description:"seconds during which the secret before also signs"`
}

type deadLetterBody struct {
	ID       string  `json:"id" description:"the webhook-id of the message"`
	MadeAt   string  `json:"made_at" format:"date-time"`
	DiedAt   string  `json:"died_at" format:"date-time"`
	Attempts int     `json:"attempts"`
	Error    string  `json:"error" description:"of the last attempt"`
	SendAt   *string `json:"send_at,omitempty" nullable:"true" format:"date-time" description:"since when it waits to be sent again"`
}

type customerFields struct {
	schema.Customer
	takes[store.CustomerPatch]
}

type customerBody struct {
	schema.Customer
	Cards []string `json:"cards,omitempty" description:"the cards that the customer is on now"`
}

type customerNew struct {
	AccountID      string `json:"account_id,omitempty" description:"default: the actor's own account"`
	customerFields `required:"name" defaults:"status=active"`
}

type cardFields struct {
	schema.Card
	takes[store.CardPatch]
	cardRecipe
}

type cardRecipe struct {
	Parents     []parentDoc `json:"parents,omitempty" nullable:"answers" maxItems:"20" description:"the cards that it is built from: own provider cards or assigned cards; written as ids or as objects"`
	ProfitRules []ruleDoc   `json:"profit_rules,omitempty" nullable:"answers" maxItems:"1000"`
}

type parentDoc struct {
	CardID     string  `json:"card_id" required:"true"`
	Name       *string `json:"name,omitempty" nullable:"true" description:"as the card's owner sees it; null if it is no longer assigned"`
	Exchange   *string `json:"exchange,omitempty" nullable:"true" description:"value of 1 unit of the parent's currency in the card's currency, if they differ"`
	ExchangeAt *string `json:"exchange_at,omitempty" nullable:"true" format:"date-time" description:"when the rate was given"`
}

type ruleDoc struct {
	Match     string   `json:"match" required:"true" pattern:"^(\\*|\\^?[0-9]{1,15})$" description:"a prefix (that row alone), ^ and a prefix (it and all below), or *"`
	Type      *string  `json:"type,omitempty" nullable:"true" enum:"absolute,relative,percent,floor" description:"absolute: the price is the value; relative: cost plus value; percent: cost plus value per cent; floor: at least cost plus value, beside the rule that sets the price"`
	Value     *string  `json:"value,omitempty" nullable:"true" pattern:"^-?[0-9]{1,9}(\\.[0-9]{1,10})?$" description:"a decimal string; of percent, 20 is 20 % on top"`
	ApplyTo   []string `json:"apply_to,omitempty" nullable:"true" enum:"cost,inter,intra" description:"default: all"`
	Status    string   `json:"status,omitempty" enum:"profit,blocked" default:"profit"`
	MCD       *int     `json:"mcd,omitempty" nullable:"true" minimum:"0" maximum:"86400" description:"default: the largest of the parents'"`
	Pulse     *int     `json:"pulse,omitempty" nullable:"true" minimum:"1" maximum:"86400" description:"default: the largest of the parents'"`
	Connect   *string  `json:"connect,omitempty" nullable:"true" pattern:"^[0-9]{1,9}(\\.[0-9]{1,10})?$" description:"default: the largest of the parents'"`
	Precision *int     `json:"precision,omitempty" nullable:"true" minimum:"0" maximum:"10" description:"with rounding; default: the card's"`
	Rounding  *string  `json:"rounding,omitempty" nullable:"true" enum:"up,down,half_up,half_down"`
}

type rulesDoc struct {
	Items []ruleDoc `json:"items" required:"true" maxItems:"1000"`
}

type cardBody struct {
	schema.Card
	cardRecipe
	AssignedTo []string  `json:"assigned_to,omitempty"`
	Revision   *revision `json:"revision,omitempty" nullable:"true" description:"the active one"`
}

type revision struct {
	ID          string `json:"id"`
	Number      *int   `json:"number,omitempty"`
	ActivatedAt string `json:"activated_at" format:"date-time"`
	Rows        int    `json:"rows"`
}

type revisionFields struct {
	Status string `json:"status,omitempty" enum:"draft,scheduled,held,active,inactive,archived" description:"draft takes a revision back from its schedule; any other status must be the present one"`
}

// cancelledBody is a revision that is a draft again.
type cancelledBody struct {
	revisionBody
	AmendedBy []string `json:"amended_by,omitempty" description:"later amendments that are based on it and were never active; each loses its changes when it is activated before it"`
}

type revisionBody struct {
	ID             string  `json:"id"`
	Number         *int    `json:"number,omitempty" nullable:"true" description:"counts up from the first activation"`
	Status         string  `json:"status,omitempty" enum:"draft,scheduled,held,active,inactive,archived"`
	LiveAt         *string `json:"live_at,omitempty" nullable:"true" format:"date-time" description:"the time when a scheduled revision becomes active, when a held revision should have become active, or that a file gives for a draft"`
	ActivatedAt    *string `json:"activated_at,omitempty" nullable:"true" format:"date-time"`
	DeactivatedAt  *string `json:"deactivated_at,omitempty" nullable:"true" format:"date-time"`
	Rows           int     `json:"rows"`
	Origin         string  `json:"origin,omitempty" enum:"import,build"`
	BaseID         *string `json:"base_id,omitempty" nullable:"true" description:"the revision that it amends"`
	ScheduledBy    *string `json:"scheduled_by,omitempty" nullable:"true"`
	LossesAccepted *bool   `json:"losses_accepted,omitempty" description:"calls sell for less than they cost, or did when it was activated"`
	HeldReason     *string `json:"held_reason,omitempty" nullable:"true"`
	CreatedAt      string  `json:"created_at,omitempty" format:"date-time"`
}

type override struct {
	AcceptLosses bool `json:"accept_losses,omitempty" description:"accept that some calls sell for less than they cost"`
}

type activation struct {
	LiveAt *string `json:"live_at,omitempty" nullable:"true" format:"date-time" description:"the time to activate it; without a time, now"`
	override
}

type diffQuery struct {
	With   string `query:"with" description:"the revision to compare with; default: the active one"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" description:"next of the previous page"`
	Count  bool   `query:"count" description:"adds the sum"`
}

type diffBody struct {
	Items []rateChange `json:"items" required:"true"`
	Next  string       `json:"next,omitempty"`
	Sum   *diffSum     `json:"sum,omitempty"`
}

type rateChange struct {
	Prefix string    `json:"prefix"`
	Change string    `json:"change" enum:"created,removed,up,down,changed"`
	Before *rateText `json:"before,omitempty" description:"absent if it was created"`
	After  *rateText `json:"after,omitempty" description:"absent if it was removed"`
}

type diffSum struct {
	Created   int64 `json:"created"`
	Removed   int64 `json:"removed"`
	Up        int64 `json:"up"`
	Down      int64 `json:"down"`
	Changed   int64 `json:"changed"`
	Unchanged int64 `json:"unchanged"`
}

type cardChange struct {
	cardFields
	override
	acceptance
}

type cardNew struct {
	AccountID  string `json:"account_id,omitempty"`
	Kind       string `json:"kind,omitempty" enum:"provider,customer" default:"customer"`
	cardFields `required:"name,currency" defaults:"direction=termination,rate_precision=4,rate_rounding=half_up,charge_precision=4,charge_rounding=half_up,compact=max,routing=dearest"`
}

type validity struct {
	ValidFrom string  `json:"valid_from,omitempty" format:"date-time" description:"default: now"`
	ValidTo   *string `json:"valid_to,omitempty" nullable:"true" format:"date-time" description:"default: without end"`
}

// acceptance accepts that currencies differ.
type acceptance struct {
	AcceptCurrency bool `json:"accept_currency,omitempty" description:"go on although the currencies of a card and of an account or a customer differ"`
}

type linkFields struct {
	validity
	acceptance
}

type customerChange struct {
	customerFields
	acceptance
}

type assignmentBody struct {
	AccountID string `json:"account_id"`
	validity
}

type cardCustomerBody struct {
	CustomerID string `json:"customer_id"`
	validity
}

type rateBody struct{ schema.Rate }

type auditBody struct {
	ID       string                     `json:"id,omitempty"`
	At       string                     `json:"at,omitempty" format:"date-time"`
	Actor    *string                    `json:"actor,omitempty" nullable:"true"`
	Panel    *string                    `json:"panel,omitempty" nullable:"true" description:"the panel that made the request, by the name of its token; only for users of the master"`
	Account  string                     `json:"account,omitempty"`
	Action   string                     `json:"action,omitempty" enum:"create,update,delete,assign,build,activate,accept_losses,open,preview,prune,break_glass,erase"`
	Resource *auditResource             `json:"resource,omitempty"`
	Change   map[string]session.Changed `json:"change,omitempty" nullable:"true" description:"the values before and after, by column; only columns that the reader may see now"`
}

type auditResource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type lookupQuery struct {
	Number       string `query:"number" required:"true" pattern:"^[+ ]?([0-9]|0[1-9]|[1-9][0-9]|[0-9]{3,32}|00[0-9]{31,32})$" example:"442012345678" description:"1 to 32 digits, with or without + or 00 before the country code"`
	Seconds      int    `query:"seconds" minimum:"0" maximum:"86400" default:"60" description:"how long the call lasts"`
	Jurisdiction string `query:"jurisdiction" enum:"indeterminate,inter,intra" default:"indeterminate"`
	Exit         string `query:"exit" enum:"011" description:"remove the exit code 011 from the beginning of the number"`
	lookupTime
}

// lookupTime is the parameter of look-ups of the past.
type lookupTime struct {
	At string `query:"at" format:"date-time" description:"the start of past calls: the rates and the rounding of then, on the cards that the user sees now; default: now"`
}

type lookupsNew struct {
	Numbers []lookupNew `json:"numbers" required:"true" minItems:"1" maxItems:"1000" description:"1 to 1000"`
}

type lookupNew struct {
	Number       string `json:"number" required:"true" pattern:"^\\+?([0-9]|0[1-9]|[1-9][0-9]|[0-9]{3,32}|00[0-9]{31,32})$" description:"1 to 32 digits, with or without + or 00 before the country code"`
	Seconds      int    `json:"seconds,omitempty" minimum:"0" maximum:"86400" default:"60"`
	Jurisdiction string `json:"jurisdiction,omitempty" enum:"indeterminate,inter,intra" default:"indeterminate"`
	Exit         string `json:"exit,omitempty" enum:"011" description:"remove the exit code 011 from the beginning of the number"`
}

type lookupsBody struct {
	Items []lookupBody `json:"items" required:"true"`
}

type lookupBody struct {
	Number       string           `json:"number" description:"the number that was looked up, without + and 00"`
	Seconds      int              `json:"seconds"`
	Jurisdiction string           `json:"jurisdiction"`
	Cards        []lookupCard     `json:"cards" description:"every card whose rates the reader sees"`
	Cheapest     []lookupCheapest `json:"cheapest" description:"the cheapest of the cards that the reader buys on, one for each currency"`
}

type lookupCard struct {
	ID          string  `json:"id,omitempty"`
	Kind        string  `json:"kind,omitempty" enum:"provider,customer" description:"as the user sees it"`
	Name        string  `json:"name,omitempty" description:"as the user sees it"`
	Currency    string  `json:"currency,omitempty"`
	Role        string  `json:"role,omitempty" enum:"cost,sale,below" description:"cost: the reader buys on it; sale: the reader sells on it; below: an account below sells on it"`
	Status      string  `json:"status,omitempty" enum:"open,blocked,no_route" description:"blocked: the row is blocked; no_route: no row matches the number"`
	Prefix      string  `json:"prefix,omitempty" description:"the longest prefix that the number begins with"`
	Destination string  `json:"destination,omitempty" description:"the row's name"`
	Rate        string  `json:"rate,omitempty" description:"price of a minute"`
	Billed      int     `json:"billed,omitempty" description:"charged duration, in seconds"`
	Charge      *string `json:"charge,omitempty" nullable:"true" description:"price of the call, rounded as the card says; null above 922 million"`
	Earns       *earns  `json:"earns,omitempty" nullable:"true" description:"for an own customer card: what it earns with the call. null if it was not built from parents, if none of them is open for the number, or if a charge is not known to the reader"`
}

type earns struct {
	Least string `json:"least" description:"the card's charge less the charge of the dearest parent that is open; negative for a loss"`
	Most  string `json:"most" description:"the card's charge less the charge of the cheapest parent that is open"`
}

type lookupCheapest struct {
	Currency string `json:"currency"`
	ID       string `json:"id"`
	Charge   string `json:"charge"`
}
