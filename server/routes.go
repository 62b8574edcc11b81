package server

import (
	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/server/insight"
	"resellerd/store/cardfile"
)

// route is one line of the API. It defines the HTTP route and its entry in the
// OpenAPI document.
type route struct {
	method string
	path   string // Fiber pattern, "/v1/customers/:id"
	scope  identity.Scope
	open   access
	handle func(*exchange) error
	doc    operation
}

// access sets who may call a route.
type access uint8

const (
	asUser        access = iota // a panel or a user's token, with an active acting user
	forProxies                  // a proxy asks about the request of a user's token
	subjectInBody               // a panel or a user's token; the subject is in the body
	forAnyone                   // anyone
)

// operation documents a route. Query and body are structs with `query` and
// `json` tags; response is the body of the success status.
type operation struct {
	summary  string
	tag      string
	query    any      // zero value of a struct with query tags, or nil
	body     any      // zero value of the request body, or nil
	response any      // zero value of the response body, or nil
	status   int      // of success; default 200
	produces []string // media types besides application/json
	headers  []string // request headers besides the common ones
	dry      bool     // takes ?dry_run=true
	again    bool     // answers 200 with a row that exists
	upload   bool     // the body is a file that the handler reads
	job      bool     // long work, of which an account may have few at a time
	lists    bool     // a list, whose parameters the handler checks
	waits    bool     // the answer may wait for something to tell
	bulk     bool     // many rows, each with an answer of its own; a dry run answers alike
}

// routes is the complete route table.
func routes() []route {
	return []route{
		{"GET", "/v1/me", identity.ScopeData, asUser, getMe, operation{summary: "The acting user and its access", tag: "me", query: meQuery{}, response: meBody{}}},

		{"GET", "/v1/accounts", identity.ScopeData, asUser, listOf("account"), list("Accounts: the own one and those below", "accounts", page[accountBody]{})},
		{"POST", "/v1/accounts", identity.ScopeWrite, asUser, postAccount, made("A reseller account, with a first group and user if wanted", "accounts", accountNew{}, accountMade{})},
		{"PUT", "/v1/accounts/by-external-id/:external_id", identity.ScopeWrite, asUser, putNamed(namedAccount), again(put("An account, created or changed by its external id", "accounts", accountNamed{}, accountMade{}))},
		{"PUT", "/v1/accounts/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNamed(namedAccount, "/v1/accounts/by-external-id/:external_id"))), bulk("Create or change up to 1,000 accounts by their external ids, each decided by itself", "accounts", bulkPut[accountNamed]{}, bulkBody[accountMade]{})},
		{"GET", "/v1/accounts/:id", identity.ScopeData, asUser, oneOf("account"), one("An account", "accounts", accountBody{})},
		{"PATCH", "/v1/accounts/:id", identity.ScopeWrite, asUser, updateOf(accountWriter), rehearsed(changes("Change, suspend or close an account", "accounts", accountChange{}, accountWritten{}))},

		{"GET", "/v1/groups", identity.ScopeData, asUser, listOf("group"), list("Groups: own ones, those below, those lent", "groups", page[groupBody]{})},
		{"POST", "/v1/groups", identity.ScopeWrite, asUser, postGroup, rehearsed(made("A group", "groups", groupNew{}, groupWritten{}))},
		{"POST", "/v1/groups/default-reseller", identity.ScopeWrite, asUser, postDefaultReseller, again(rehearsed(made("A group from the template for resellers; the one that there is, if the account has one", "groups", templateGroupNew{}, groupWritten{})))},
		{"PUT", "/v1/groups/by-external-id/:external_id", identity.ScopeWrite, asUser, putNamed(namedGroup), again(rehearsed(put("A group, created or changed by its external id", "groups", groupNamed{}, groupWritten{})))},
		{"PUT", "/v1/groups/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNamed(namedGroup, "/v1/groups/by-external-id/:external_id"))), bulk("Create or change up to 1,000 groups by their external ids, each decided by itself", "groups", bulkPut[groupNamed]{}, bulkBody[groupWritten]{})},
		{"GET", "/v1/groups/:id", identity.ScopeData, asUser, oneOf("group"), one("A group", "groups", groupBody{})},
		{"PATCH", "/v1/groups/:id", identity.ScopeWrite, asUser, updateOf(groupWriter), rehearsed(changes("Change a group", "groups", groupFields{}, groupWritten{}))},
		{"DELETE", "/v1/groups/:id", identity.ScopeWrite, asUser, deleteOf(groupWriter), rehearsed(removes("Delete a group that no user is in", "groups"))},

		{"GET", "/v1/users", identity.ScopeData, asUser, listOf("user"), list("Users of the own account and those below", "users", page[userBody]{})},
		{"POST", "/v1/users", identity.ScopeWrite, asUser, postUser, rehearsed(made("A user", "users", userNew{}, userBody{}))},
		{"POST", "/v1/users/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNewUsers)), bulk("Up to 1,000 new users, each decided by itself", "users", bulkNew[userNew]{}, bulkBody[userBody]{})},
		{"PATCH", "/v1/users/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkUsers)), bulk("Change up to 1,000 users, each decided by itself", "users", bulkNew[userUpdate]{}, bulkBody[userBody]{})},
		{"PUT", "/v1/users/by-external-id/:external_id", identity.ScopeWrite, asUser, putNamed(namedUser), again(rehearsed(put("A user, created or changed by its external id", "users", userNamed{}, userBody{})))},
		{"PUT", "/v1/users/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNamed(namedUser, "/v1/users/by-external-id/:external_id"))), bulk("Create or change up to 1,000 users by their external ids, each decided by itself", "users", bulkPut[userNamed]{}, bulkBody[userBody]{})},
		{"GET", "/v1/users/:id", identity.ScopeData, asUser, oneOf("user"), one("A user", "users", userBody{})},
		{"PATCH", "/v1/users/:id", identity.ScopeWrite, asUser, updateOf(userWriter), rehearsed(changes("Change or disable a user", "users", userFields{}, userBody{}))},
		{"DELETE", "/v1/users/:id", identity.ScopeWrite, asUser, deleteOf(userWriter), rehearsed(removes("Delete a user", "users"))},

		{"GET", "/v1/customers", identity.ScopeData, asUser, listOf("customer"), asFile(list("Customers of the own account and those below; as CSV or NDJSON all of them", "customers", page[customerBody]{}))},
		{"POST", "/v1/customers", identity.ScopeWrite, asUser, postCustomer, made("A customer", "customers", customerNew{}, customerBody{})},
		{"POST", "/v1/customers/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNewCustomers)), bulk("Up to 1,000 new customers, each decided by itself", "customers", bulkNew[customerNew]{}, bulkBody[customerBody]{})},
		{"PATCH", "/v1/customers/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkCustomers)), bulk("Change up to 1,000 customers, each decided by itself", "customers", bulkNew[customerUpdate]{}, bulkBody[customerBody]{})},
		{"PUT", "/v1/customers/by-external-id/:external_id", identity.ScopeWrite, asUser, putNamed(namedCustomer), again(put("A customer, created or changed by its external id", "customers", customerNamed{}, customerBody{}))},
		{"PUT", "/v1/customers/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNamed(namedCustomer, "/v1/customers/by-external-id/:external_id"))), bulk("Create or change up to 1,000 customers by their external ids, each decided by itself", "customers", bulkPut[customerNamed]{}, bulkBody[customerBody]{})},
		{"GET", "/v1/customers/:id", identity.ScopeData, asUser, oneOf("customer"), one("A customer", "customers", customerBody{})},
		{"PATCH", "/v1/customers/:id", identity.ScopeWrite, asUser, updateOf(customerWriter), changes("Change a customer; its account is fixed", "customers", customerChange{}, customerBody{})},
		{"DELETE", "/v1/customers/:id", identity.ScopeWrite, asUser, deleteOf(customerWriter), removes("Delete a customer, also from its cards", "customers")},
		{"GET", "/v1/customers/:id/cards", identity.ScopeData, asUser, cardsOf, list("The cards that a customer is on now, as seen from the own side", "customers", page[cardBody]{})},
		{"GET", "/v1/customers/:id/billing", identity.ScopeData, asUser, getBilling, operation{summary: "The cards and revisions that rate a customer's calls which start at a time", tag: "customers", query: billingQuery{}, response: billingBody{}}},

		{"GET", "/v1/cards", identity.ScopeData, asUser, listOf("card"), list("Cards, as seen from the own side", "cards", page[cardBody]{})},
		{"POST", "/v1/cards", identity.ScopeWrite, asUser, postCard, made("A card", "cards", cardNew{}, cardBody{})},
		{"POST", "/v1/cards/rebuild", identity.ScopeWrite, asUser, postRebuild, operation{summary: "Build every stale card of the own account anew, each by itself", tag: "cards", body: rebuildFields{}, response: rebuildBody{}, produces: []string{mediaNDJSON}}},
		{"PUT", "/v1/cards/by-external-id/:external_id", identity.ScopeWrite, asUser, putNamed(namedCard), again(put("A card, created or changed by its external id", "cards", cardNamed{}, cardBody{}))},
		{"PUT", "/v1/cards/bulk", identity.ScopeWrite, asUser, asJob(bulkOf(bulkNamed(namedCard, "/v1/cards/by-external-id/:external_id"))), bulk("Create or change up to 1,000 cards by their external ids, each decided by itself", "cards", bulkPut[cardNamed]{}, bulkBody[cardBody]{})},
		{"GET", "/v1/cards/:id", identity.ScopeData, asUser, oneOf("card"), one("A card, as seen from the own side", "cards", cardBody{})},
		{"PATCH", "/v1/cards/:id", identity.ScopeWrite, asUser, updateOf(cardWriter), changes("Change a card", "cards", cardChange{}, cardBody{})},
		{"DELETE", "/v1/cards/:id", identity.ScopeWrite, asUser, deleteOf(cardWriter), removes("Delete a card that has no active revision", "cards")},
		{"GET", "/v1/cards/:id/rates", identity.ScopeData, asUser, getRates, tagged(operation{summary: "Rates of the active revision; as CSV, NDJSON, XLSX or open rate card JSON the whole card", tag: "cards", query: rateQuery{}, response: page[rateBody]{}, lists: true, produces: []string{mediaCSV, mediaNDJSON, cardfile.MediaXLSX, cardfile.MediaJSON}})},
		{"GET", "/v1/cards/:id/profit-rules", identity.ScopeData, asUser, getRules, tagged(read("A card's profit rules", "cards", rulesDoc{}))},
		{"PUT", "/v1/cards/:id/profit-rules", identity.ScopeWrite, asUser, putRules, changes("Replace a card's profit rules", "cards", rulesDoc{}, rulesDoc{})},
		{"POST", "/v1/cards/:id/build", identity.ScopeWrite, asUser, asJob(postBuild), job(made("A new revision of a card, built from its parents", "cards", buildFields{}, builtBody{}))},
		{"POST", "/v1/cards/:id/proof", identity.ScopeData, asUser, postProof, operation{summary: "Whether any call on a card costs more than it sells for", tag: "cards", query: proofQuery{}, body: proofFields{}, response: proofBody{}, produces: []string{mediaNDJSON}}},
		{"GET", "/v1/cards/:id/revisions", identity.ScopeData, asUser, listRevisions, list("The revisions of a card; of an assigned one, what is in force", "cards", page[revisionBody]{})},
		{"GET", "/v1/cards/:id/revisions/:revision", identity.ScopeData, asUser, getRevision, one("A revision", "cards", revisionBody{})},
		{"PATCH", "/v1/cards/:id/revisions/:revision", identity.ScopeWrite, asUser, onRevision((*writing).cancelSchedule, answerCancelled), changes("Make a scheduled or held revision a draft again", "cards", revisionFields{}, cancelledBody{})},
		{"DELETE", "/v1/cards/:id/revisions/:revision", identity.ScopeWrite, asUser, onRevision((*writing).dropRevision, answerNothing), removes("Delete a revision that was never in force", "cards")},
		{"POST", "/v1/cards/:id/revisions/:revision/activate", identity.ScopeWrite, asUser, onRevision((*writing).activate, answerRevision), changes("Put a revision in force, now or at a time", "cards", activation{}, revisionBody{})},
		{"GET", "/v1/cards/:id/revisions/:revision/diff", identity.ScopeData, asUser, getDiff, operation{summary: "What a revision changes; as NDJSON all of it", tag: "cards", query: diffQuery{}, response: diffBody{}, produces: []string{mediaNDJSON}}},
		{"POST", "/v1/cards/:id/rollback", identity.ScopeWrite, asUser, rollBackCard, changes("Put in force again what was before", "cards", override{}, revisionBody{})},
		{"POST", importPath, identity.ScopeWrite, asUser, postImport, importDoc},
		{"GET", "/v1/cards/:id/assignments", identity.ScopeData, asUser, listLinks(assignmentLink), list("The accounts a card is assigned to", "cards", page[assignmentBody]{})},
		{"PUT", "/v1/cards/:id/assignments/:account_id", identity.ScopeWrite, asUser, putLink(assignmentLink), rehearsed(changes("Assign a customer card to an account directly below", "cards", linkFields{}, assignmentBody{}))},
		{"DELETE", "/v1/cards/:id/assignments/:account_id", identity.ScopeWrite, asUser, deleteLink(assignmentLink), rehearsed(removes("Withdraw a card", "cards"))},
		{"GET", "/v1/cards/:id/customers", identity.ScopeData, asUser, listLinks(customerLink), list("The customers on a card", "cards", page[cardCustomerBody]{})},
		{"PUT", "/v1/cards/:id/customers/:customer_id", identity.ScopeWrite, asUser, putLink(customerLink), changes("Put a customer on a card", "cards", linkFields{}, cardCustomerBody{})},
		{"DELETE", "/v1/cards/:id/customers/:customer_id", identity.ScopeWrite, asUser, deleteLink(customerLink), removes("Take a customer off a card", "cards")},

		{"GET", "/v1/lookup", identity.ScopeData, asUser, getLookup, operation{summary: "What a call costs and sells for, on every card", tag: "lookup", query: lookupQuery{}, response: lookupBody{}}},
		{"POST", "/v1/lookup", identity.ScopeData, asUser, postLookup, operation{summary: "The same for up to 1,000 calls, streamed", tag: "lookup", query: lookupTime{}, body: lookupsNew{}, response: lookupsBody{}, produces: []string{mediaNDJSON}}},

		{"GET", "/v1/destinations", identity.ScopeData, asUser, getDestinations, operation{summary: "What the own account calls the places that prefixes lead to", tag: "cards", query: pageQuery{}, response: page[destinationBody]{}, lists: true}},
		{"PUT", "/v1/destinations", identity.ScopeWrite, asUser, putDestinations, operation{summary: "Replace what the own account calls places", tag: "cards", body: destinationsDoc{}, response: destinationsMade{}, headers: []string{headerIdempotency}}},

		{"GET", "/v1/import-profiles", identity.ScopeData, asUser, getImportProfiles, operation{summary: "The own account's rules for reading suppliers' files", tag: "cards", query: pageQuery{}, response: page[importProfileBody]{}, lists: true}},
		{"GET", "/v1/import-profiles/:name", identity.ScopeData, asUser, getImportProfile, one("Rules for reading a supplier's files", "cards", importProfileBody{})},
		{"PUT", "/v1/import-profiles/:name", identity.ScopeWrite, asUser, onProfile((*writing).putProfile, answerProfile), rehearsed(changes("Create or replace rules for reading a supplier's files", "cards", importProfileNew{}, importProfileBody{}))},
		{"DELETE", "/v1/import-profiles/:name", identity.ScopeWrite, asUser, onProfile((*writing).dropProfile, answerNothing), rehearsed(removes("Delete rules for reading a supplier's files", "cards"))},

		{"GET", "/v1/audit", identity.ScopeData, asUser, getAudit, list("Who did what", "audit", page[auditBody]{})},
		{"GET", "/v1/audit/export", identity.ScopeData, asUser, exportAudit, operation{summary: "Who did what, from the oldest entry on, with a cursor to go on from", tag: "audit", query: exportQuery{}, response: exportBody{}, produces: []string{mediaNDJSON}}},

		{"GET", "/v1/changes", identity.ScopeData, asUser, getChanges, operation{summary: "What changed of the data that the user sees", tag: "changes", query: changesQuery{}, response: changesBody{}, waits: true, produces: []string{mediaEvents}}},

		{"GET", "/v1/webhooks", identity.ScopeData, asUser, listOf("webhook"), list("Where changes are delivered", "webhooks", page[webhookBody]{})},
		{"POST", "/v1/webhooks", identity.ScopeWrite, asUser, postWebhook, made("A webhook, with the secret that signs its messages", "webhooks", webhookNew{}, webhookMade{})},
		{"GET", "/v1/webhooks/:id", identity.ScopeData, asUser, oneOf("webhook"), one("A webhook", "webhooks", webhookBody{})},
		{"PATCH", "/v1/webhooks/:id", identity.ScopeWrite, asUser, updateOf(webhookWriter), changes("Change, pause or resume a webhook", "webhooks", webhookFields{}, webhookBody{})},
		{"DELETE", "/v1/webhooks/:id", identity.ScopeWrite, asUser, deleteOf(webhookWriter), removes("Delete a webhook with everything that waits", "webhooks")},
		{"POST", "/v1/webhooks/:id/rotate", identity.ScopeWrite, asUser, postRotation, changes("Give a webhook a new secret", "webhooks", rotation{}, webhookMade{})},
		{"GET", "/v1/webhooks/:id/dead-letters", identity.ScopeData, asUser, listDeadLetters, list("The messages of a webhook that were not delivered", "webhooks", page[deadLetterBody]{})},
		{"POST", "/v1/webhooks/:id/dead-letters/:letter/send", identity.ScopeWrite, asUser, postDeadLetter, changes("Send a dead letter again", "webhooks", nil, webhookBody{})},

		{"GET", "/v1/preview/:user", identity.ScopePreview, asUser, asJob(getPreview), job(operation{summary: "What a user may do and sees", tag: "preview", query: previewQuery{}, response: insight.Preview{}})},
		{"GET", "/v1/decisions/:id", identity.ScopeData, asUser, getDecision, read("Why a decision was made as it was", "decisions", insight.Explanation{})},

		{"POST", "/access/v1/evaluation", identity.ScopeDecide, subjectInBody, evaluate, evaluationDoc},
		{"POST", "/access/v1/evaluations", identity.ScopeDecide, subjectInBody, evaluateBatch, batchDoc},
		{"POST", "/access/v1/search/subject", identity.ScopeDecide, subjectInBody, searchFor(searchedSubject), searchDoc("Which subjects may do this? (AuthZEN)", subjectSearch{}, searchAnswer[foundEntity]{})},
		{"POST", "/access/v1/search/resource", identity.ScopeDecide, subjectInBody, searchFor(searchedResource), searchDoc("Which resources may this subject act on? (AuthZEN)", resourceSearch{}, searchAnswer[foundEntity]{})},
		{"POST", "/access/v1/search/action", identity.ScopeDecide, subjectInBody, searchFor(searchedAction), searchDoc("Which actions may this subject do? (AuthZEN)", actionSearch{}, searchAnswer[foundAction]{})},
		{"POST", "/v1/filters", identity.ScopeFilter, subjectInBody, postFilters, filtersDoc},
		{"GET", forwardAuthPath, identity.ScopeNone, forProxies, forwardAuth, forwardAuthDoc},
		{"GET", metadataPath, identity.ScopeNone, forAnyone, getMetadata, metadataDoc},

		{"GET", "/livez", identity.ScopeNone, forAnyone, livez, operation{summary: "Alive", tag: "operations", response: probeBody{}}},
		{"GET", "/readyz", identity.ScopeNone, forAnyone, readyz, operation{summary: "Ready to decide", tag: "operations", response: probeBody{}}},
		{"GET", "/metrics", identity.ScopeNone, forAnyone, getMetrics, operation{summary: "Prometheus metrics", tag: "operations", produces: metricFormats}},
		{"GET", "/openapi.json", identity.ScopeNone, forAnyone, getOpenAPI, operation{summary: "This document", tag: "operations", produces: []string{"application/json"}}},
		{"GET", "/docs", identity.ScopeNone, forAnyone, getDocs, operation{summary: "This document, to read", tag: "operations", produces: []string{"text/html"}}},
		{"GET", "/docs/:page", identity.ScopeNone, forAnyone, getPage, operation{summary: "A page of the documentation", tag: "operations", produces: []string{mediaMarkdown}}},
		{"GET", "/llms.txt", identity.ScopeNone, forAnyone, getIndex, operation{summary: "The pages of the documentation", tag: "operations", produces: []string{mediaMarkdown}}},
	}
}

// Constructors for the usual kinds of operation of the data API.

func list(summary, tag string, response any) operation {
	return tagged(operation{summary: summary, tag: tag, query: listQuery{}, response: response, lists: true})
}

// asFile marks a list that can also be answered as a file of all rows.
func asFile(op operation) operation {
	op.produces = []string{mediaCSV, mediaNDJSON}
	return op
}

func read(summary, tag string, response any) operation {
	return operation{summary: summary, tag: tag, response: response}
}

// one is a read that shows the rows which its row refers to, if the caller wants them.
func one(summary, tag string, response any) operation {
	return tagged(operation{summary: summary, tag: tag, query: expandQuery{}, response: response})
}

// tagged marks a read whose answer has a tag.
func tagged(op operation) operation {
	op.headers = []string{fiber.HeaderIfNoneMatch}
	return op
}

func made(summary, tag string, body, response any) operation {
	return operation{summary: summary, tag: tag, body: body, response: response, status: 201, headers: []string{headerIdempotency}}
}

// put is a write that creates a row or changes it.
func put(summary, tag string, body, response any) operation {
	return operation{summary: summary, tag: tag, body: body, response: response, status: 201, headers: writeHeaders}
}

func changes(summary, tag string, body, response any) operation {
	return operation{summary: summary, tag: tag, body: body, response: response, headers: writeHeaders}
}

func bulk(summary, tag string, body, response any) operation {
	return job(operation{summary: summary, tag: tag, query: bulkQuery{}, body: body, response: response, headers: []string{headerIdempotency}, dry: true, bulk: true})
}

func removes(summary, tag string) operation {
	return operation{summary: summary, tag: tag, status: 204, headers: writeHeaders}
}

// job marks long work.
func job(op operation) operation {
	op.job = true
	return op
}

// rehearsed marks a write that supports a dry run.
func rehearsed(op operation) operation {
	op.query, op.dry = dryRunQuery{}, true
	return op
}

// again marks a write that answers 200 with what an earlier one made.
func again(op operation) operation {
	op.again = true
	return op
}

var writeHeaders = []string{fiber.HeaderIfMatch, headerIdempotency}
