package server

import "strings"

// operationText names a route for generated clients, and describes it beyond its
// summary.
type operationText struct{ id, description string }

const textOfBulk = "Each row is decided and answered by itself, also in a dry run: the answer is 200, and `status` of each row says what became of it. With `atomic=true`, a refused row is the answer to the whole request."

const textOfNamed = "If a row that the user sees has the external id, the request changes the columns of its body, like PATCH, and the answer is 200. Otherwise it creates the row, like POST, and the answer is 201."

// operationTexts are the names and descriptions of routes, by method and path. A route
// without an entry is named after its path.
var operationTexts = map[string]operationText{
	"GET /v1/me": {"getActingUser", "Build the panel's menu from `access` and `default_access`: they say which areas the user may open."},

	"GET /v1/accounts":                             {"listAccounts", "The user sees its own account and those below."},
	"POST /v1/accounts":                            {"createAccount", "The body may carry a first group and a first user. Either all of them are created, or nothing."},
	"PUT /v1/accounts/by-external-id/:external_id": {"putAccountByExternalID", textOfNamed},
	"PUT /v1/accounts/bulk":                        {"putAccountsInBulk", textOfBulk},
	"GET /v1/accounts/:id":                         {"getAccount", "An account that the user does not see is answered like one that does not exist."},
	"PATCH /v1/accounts/:id":                       {"updateAccount", "The status `closed` takes an account out of use. A dry run lists what remains of it: customers, cards in force, schedules, drafts and accounts below."},

	"GET /v1/groups":                             {"listGroups", "The groups of the accounts that the user sees, and those that an account above lends them."},
	"POST /v1/groups":                            {"createGroup", "A group gives its users access, by area. The row with the longest matching name counts."},
	"POST /v1/groups/default-reseller":           {"createDefaultResellerGroup", "The group of the account from the template for resellers. A second request answers with the same group."},
	"PUT /v1/groups/by-external-id/:external_id": {"putGroupByExternalID", textOfNamed},
	"PUT /v1/groups/bulk":                        {"putGroupsInBulk", textOfBulk},
	"GET /v1/groups/:id":                         {"getGroup", "`rows` holds the access by area, `default_access` that of all other areas."},
	"PATCH /v1/groups/:id":                       {"updateGroup", "A dry run lists the users who would gain or lose access."},
	"DELETE /v1/groups/:id":                      {"deleteGroup", "A group with users is not deleted: move them to another group before."},

	"GET /v1/users":                             {"listUsers", "Logins are unique within an account. Find one with `login` and `account_id`."},
	"POST /v1/users":                            {"createUser", "A user without groups may do nothing. The groups must not give more than the acting user has."},
	"POST /v1/users/bulk":                       {"createUsersInBulk", textOfBulk},
	"PATCH /v1/users/bulk":                      {"updateUsersInBulk", textOfBulk},
	"PUT /v1/users/by-external-id/:external_id": {"putUserByExternalID", textOfNamed},
	"PUT /v1/users/bulk":                        {"putUsersInBulk", textOfBulk},
	"GET /v1/users/:id":                         {"getUser", "`groups` are the ids of its groups, and `group_ends` the times at which it leaves some of them."},
	"PATCH /v1/users/:id":                       {"updateUser", "A disabled user gets 403 `unknown_user` from then on."},
	"DELETE /v1/users/:id":                      {"deleteUser", "The user can act no more from the next request on. The audit trail keeps its id."},

	"GET /v1/customers":                             {"listCustomers", "With `Accept: text/csv` or `application/x-ndjson`, the answer is a file of all rows."},
	"POST /v1/customers":                            {"createCustomer", "`external_id` is the id in the panel, and unique within the tenant."},
	"POST /v1/customers/bulk":                       {"createCustomersInBulk", textOfBulk},
	"PATCH /v1/customers/bulk":                      {"updateCustomersInBulk", textOfBulk},
	"PUT /v1/customers/by-external-id/:external_id": {"putCustomerByExternalID", textOfNamed},
	"PUT /v1/customers/bulk":                        {"putCustomersInBulk", textOfBulk},
	"GET /v1/customers/:id":                         {"getCustomer", "Columns that the policy does not show to the user are left out."},
	"PATCH /v1/customers/:id":                       {"updateCustomer", "A field that is not sent stays as it is."},
	"DELETE /v1/customers/:id":                      {"deleteCustomer", "Its places on cards end with it."},
	"GET /v1/customers/:id/cards":                   {"listCardsOfCustomer", "The cards that the customer is on, as far as the user sees them."},
	"GET /v1/customers/:id/billing":                 {"getBilling", "A call is rated at its start. What changes later does not change the answer for a past time. `/v1/cards/{id}/rates?at=` has the rates."},

	"GET /v1/cards":                             {"listCards", "A card that was assigned to the user's account is a provider card, with the prices of the account above as costs. `kind` filters by the kind as seen."},
	"POST /v1/cards":                            {"createCard", "A new card has no rates. Import them, or name its `parents` and build it."},
	"POST /v1/cards/rebuild":                    {"rebuildCards", "A card is stale when a card that it is built from has changed. Each card is built in a transaction of its own."},
	"PUT /v1/cards/by-external-id/:external_id": {"putCardByExternalID", textOfNamed},
	"PUT /v1/cards/bulk":                        {"putCardsInBulk", textOfBulk},
	"GET /v1/cards/:id":                         {"getCard", "An assigned card is shown as a provider card, with the prices of the account above as costs."},
	"PATCH /v1/cards/:id":                       {"updateCard", "Changes of `parents` and roundings take effect when the card is built again."},
	"DELETE /v1/cards/:id":                      {"deleteCard", "Its revisions, its assignments and the places of customers on it are deleted with it."},

	"GET /v1/cards/:id/rates":        {"listRates", "Sorted by prefix. With another media type in `Accept`, the answer is a file of the whole card."},
	"GET /v1/cards/:id/profit-rules": {"getProfitRules", "The rules in the order in which they were sent."},
	"PUT /v1/cards/:id/profit-rules": {"replaceProfitRules", "Rules apply when the card is built. The longest matching rule counts; of equally long ones, the later one."},
	"POST /v1/cards/:id/build":       {"buildCard", "Prices are those of the card's parents, changed by its profit rules."},
	"POST /v1/cards/:id/proof":       {"proveCard", "Compares the card with what its parents cost, for every prefix, jurisdiction and length of a call."},
	"POST /v1/cards/:id/import": {"importRates", "Without `apply`, nothing is written: the answer shows how the file is understood, and what would change. " +
		"422 with `questions` means that the file leaves something open; each choice of a question names the parameter that answers it."},

	"GET /v1/cards/:id/revisions":                     {"listRevisions", "The newest comes first. One is active; drafts, scheduled, held and archived ones are listed, too."},
	"GET /v1/cards/:id/revisions/:revision":           {"getRevision", "`status` says whether it is a draft, scheduled, held, active or archived."},
	"PATCH /v1/cards/:id/revisions/:revision":         {"cancelActivation", "The status `draft` takes a scheduled or held revision out of the schedule."},
	"DELETE /v1/cards/:id/revisions/:revision":        {"deleteRevision", "Only a revision that was never in force is deleted."},
	"POST /v1/cards/:id/revisions/:revision/activate": {"activateRevision", "With `live_at`, at that time. If calls would sell at a loss, the answer is 409 until the request accepts losses."},
	"GET /v1/cards/:id/revisions/:revision/diff":      {"compareRevisions", "`with` names the revision to compare with. Each item is a prefix that is new, removed, dearer, cheaper or changed otherwise."},
	"POST /v1/cards/:id/rollback":                     {"rollBackCard", "Activates the revision that was active before. A second request takes it back."},

	"GET /v1/cards/:id/assignments":                {"listAssignments", "The accounts that the card is assigned to."},
	"PUT /v1/cards/:id/assignments/:account_id":    {"assignCard", "The account sees the card as a provider card."},
	"DELETE /v1/cards/:id/assignments/:account_id": {"withdrawCard", "The assignment ends now. Its past is kept."},
	"GET /v1/cards/:id/customers":                  {"listCustomersOfCard", "The customers on the card, as far as the user sees them."},
	"PUT /v1/cards/:id/customers/:customer_id":     {"putCustomerOnCard", "A customer in another currency needs `accept_currency`."},
	"DELETE /v1/cards/:id/customers/:customer_id":  {"takeCustomerOffCard", "The entry ends now. Its past is kept."},

	"GET /v1/lookup":       {"lookUpCall", "The longest prefix counts. The answer has the cost, the selling price and the user's earnings, as far as the user may see them."},
	"POST /v1/lookup":      {"lookUpCalls", "Each number is answered by itself, with the price of each card that the user sees."},
	"GET /v1/destinations": {"listDestinations", "The names that the account gives to prefixes. Builds of its cards use them."},
	"PUT /v1/destinations": {"replaceDestinations", "Replaces all names at once."},

	"GET /v1/import-profiles":          {"listImportProfiles", "The answers that files of a supplier need, kept by name."},
	"GET /v1/import-profiles/:name":    {"getImportProfile", "`answers` are the parameters that imports with this profile take."},
	"PUT /v1/import-profiles/:name":    {"putImportProfile", "An import of the supplier's next file with `profile` asks only about what changed."},
	"DELETE /v1/import-profiles/:name": {"deleteImportProfile", "Imports that name it are refused from then on."},

	"GET /v1/audit":        {"listAuditEntries", "Each entry shows the values before and after, of the columns that the reader may see now."},
	"GET /v1/audit/export": {"exportAuditEntries", "Each entry comes once, in the order of commits. Ask again with `after`, at once if there is `more`. With `Accept: application/x-ndjson`, each line is an entry, and the last line is the cursor."},
	"GET /v1/changes": {"listChanges", "Take a cursor without `after`, read your lists, then ask with `after`. The request waits until there is a change that the user sees, or until `wait` ends. " +
		"A row that changed several times is told once. With `Accept: text/event-stream`, the answer is a stream of such answers."},
	"GET /v1/webhooks":                                {"listWebhooks", "The webhooks of the accounts that the user sees."},
	"POST /v1/webhooks":                               {"createWebhook", "The first message is a reset: read your lists then. `secret` is in no other answer, nor in a repeated one; a webhook gets a new one with `/rotate`."},
	"GET /v1/webhooks/:id":                            {"getWebhook", "The secret is not shown: it was in the answer that created the webhook."},
	"PATCH /v1/webhooks/:id":                          {"updateWebhook", "A webhook that had ended begins with a reset. A message that waits is tried again at once."},
	"DELETE /v1/webhooks/:id":                         {"deleteWebhook", "No message begins after the answer."},
	"POST /v1/webhooks/:id/rotate":                    {"rotateWebhookSecret", "Until `overlap` has passed, the secret before also signs each message."},
	"GET /v1/webhooks/:id/dead-letters":               {"listDeadLetters", "What a message says is for its receiver alone."},
	"POST /v1/webhooks/:id/dead-letters/:letter/send": {"sendDeadLetter", "It has the same `webhook-id`, and is sent once, not before `next_at`. If it is out of date by then, it is deleted."},
	"GET /v1/preview/:user":                           {"previewUser", "The user's access by area, and the first rows of each type as the user sees them. Previews are audited."},
	"GET /v1/decisions/:id":                           {"explainDecision", "The id is in the header `Resellerd-Decision-ID` and in every problem."},
	"POST /v1/filters": {"makeFilters", "The answer is a condition for the `WHERE` of the panel's own query, with its arguments, and the columns that the page may show. " +
		"A row passes exactly when `/access/v1/evaluation` allows it. With `filters`, one request covers several tables."},
	"POST /access/v1/evaluation":             {"evaluateAccess", "A denial is 200 with `decision: false`. `Resellerd-Reasons: true` adds the reasons."},
	"POST /access/v1/evaluations":            {"postAccessEvaluations", "Up to 1,000 questions in one request. Each is answered by itself, in the order of the questions."},
	"GET /.well-known/authzen-configuration": {"getWellKnownAuthzenConfiguration", "The addresses of the standard decision API, as AuthZEN says."},
	"POST /access/v1/search/subject":         {"searchSubjects", "Users of the store, and entities of the policy's catalog. A page decides about 250 candidates at most, so it may be shorter than its limit."},
	"POST /access/v1/search/resource":        {"searchResources", "Stored rows come from the same filter as lists. Areas and entities of the policy's catalog are decided one by one. The panel's own rows are not found here: see `context.hint`."},
	"POST /access/v1/search/action":          {"searchActions", "The standard actions and those of the policy's catalog."},
	"GET /forward-auth":                      {"forwardAuth", "nginx, Traefik, Caddy and Envoy ask this about each request. `--forward-auth` says where the method and the path stand. Any method and a suffix of the path are accepted."},
	"GET /livez":                             {"getLiveness", "For the supervisor of the process."},
	"GET /readyz":                            {"getReadiness", "For the load balancer."},
	"GET /metrics":                           {"getMetrics", "In the text format of Prometheus. With `--metrics-listen`, only there."},
	"GET /openapi.json":                      {"getOpenAPI", "This document."},
	"GET /docs":                              {"getDocs", "The documentation, for a browser."},
	"GET /docs/:page":                        {"getPage", "In Markdown. It needs no token, and says nothing of the data."},
	"GET /llms.txt":                          {"getIndex", "In Markdown, for programs that read documentation."},
}

// tagText describes a tag of operations. Its reader is who needs it first.
type tagText struct{ name, reader, description string }

// The readers of the document.
const (
	forPanel    = "Panel developer"
	forSecurity = "Security team"
	forOperator = "Operator"
)

// tagTexts are the tags of operations, in the order of the document.
var tagTexts = []tagText{
	{"me", forPanel, "The acting user, and what it may do."},
	{"accounts", forPanel, "The carrier and its resellers."},
	{"groups", forPanel, "Access by area, for the users of a group."},
	{"users", forPanel, "The people who use the panel."},
	{"customers", forPanel, "The companies that make calls."},
	{"cards", forPanel, "Prices: their revisions, imports, builds, assignments and customers."},
	{"lookup", forPanel, "What a call costs and sells for."},
	{"decisions", forSecurity, "Ask the policy, and read why it decided so."},
	{"preview", forSecurity, "The panel as another user sees it."},
	{"changes", forPanel, "What changed, for panels that keep rows."},
	{"webhooks", forPanel, "Changes, delivered to an address of yours."},
	{"audit", forSecurity, "Who changed what."},
	{"operations", forOperator, "Probes, metrics and this document."},
}

// operationID names the operation of a route.
func operationID(rt *route) string {
	if text, named := operationTexts[rt.method+" "+rt.path]; named {
		return text.id
	}
	id := strings.ToLower(rt.method)
	for _, word := range strings.FieldsFunc(rt.path, func(r rune) bool { return strings.ContainsRune("/:.-_", r) }) {
		if word != "v1" {
			id += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return id
}
