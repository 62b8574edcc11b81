package server

import (
	"reflect"
	"strings"

	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store/cardfile"
)

// schemaNames are the names of schemas whose Go types have a name that says too little
// outside of their package.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[accountMade]():               "AccountCreated",
	reflect.TypeFor[accountWritten]():            "AccountWithWarnings",
	reflect.TypeFor[groupWritten]():              "GroupWithWarnings",
	reflect.TypeFor[problemError]():              "FieldFault",
	reflect.TypeFor[rowInTheWay]():               "RowInTheWay",
	reflect.TypeFor[auditBody]():                 "AuditEntry",
	reflect.TypeFor[exportBody]():                "AuditExport",
	reflect.TypeFor[billingBody]():               "Billing",
	reflect.TypeFor[billedBody]():                "BilledCard",
	reflect.TypeFor[billedColumns]():             "BilledRevision",
	reflect.TypeFor[buildFields]():               "BuildOptions",
	reflect.TypeFor[bulkNew[customerNew]]():      "CustomersCreate",
	reflect.TypeFor[bulkNew[customerUpdate]]():   "CustomersUpdate",
	reflect.TypeFor[bulkNew[userNew]]():          "UsersCreate",
	reflect.TypeFor[bulkNew[userUpdate]]():       "UsersUpdate",
	reflect.TypeFor[bulkBody[customerBody]]():    "CustomersWritten",
	reflect.TypeFor[bulkBody[userBody]]():        "UsersWritten",
	reflect.TypeFor[bulkRow[customerBody]]():     "CustomerWritten",
	reflect.TypeFor[bulkRow[userBody]]():         "UserWritten",
	reflect.TypeFor[bulkPut[accountNamed]]():     "AccountsPut",
	reflect.TypeFor[putRow[accountNamed]]():      "AccountPutByName",
	reflect.TypeFor[bulkPut[groupNamed]]():       "GroupsPut",
	reflect.TypeFor[putRow[groupNamed]]():        "GroupPutByName",
	reflect.TypeFor[bulkPut[userNamed]]():        "UsersPut",
	reflect.TypeFor[putRow[userNamed]]():         "UserPutByName",
	reflect.TypeFor[bulkPut[customerNamed]]():    "CustomersPut",
	reflect.TypeFor[putRow[customerNamed]]():     "CustomerPutByName",
	reflect.TypeFor[bulkPut[cardNamed]]():        "CardsPut",
	reflect.TypeFor[putRow[cardNamed]]():         "CardPutByName",
	reflect.TypeFor[bulkBody[accountMade]]():     "AccountsWritten",
	reflect.TypeFor[bulkRow[accountMade]]():      "AccountWritten",
	reflect.TypeFor[bulkBody[groupWritten]]():    "GroupsWritten",
	reflect.TypeFor[bulkRow[groupWritten]]():     "GroupWritten",
	reflect.TypeFor[bulkBody[cardBody]]():        "CardsWritten",
	reflect.TypeFor[bulkRow[cardBody]]():         "CardWritten",
	reflect.TypeFor[accountNamed]():              "AccountByName",
	reflect.TypeFor[groupNamed]():                "GroupByName",
	reflect.TypeFor[userNamed]():                 "UserByName",
	reflect.TypeFor[customerNamed]():             "CustomerByName",
	reflect.TypeFor[cardNamed]():                 "CardByName",
	reflect.TypeFor[customerUpdate]():            "CustomerUpdateByID",
	reflect.TypeFor[userUpdate]():                "UserUpdateByID",
	reflect.TypeFor[builtBody]():                 "BuildResult",
	reflect.TypeFor[batchAnswer]():               "EvaluationAnswer",
	reflect.TypeFor[batchRequest]():              "EvaluationsRequest",
	reflect.TypeFor[batchResponse]():             "EvaluationsResponse",
	reflect.TypeFor[destinationsDoc]():           "Destinations",
	reflect.TypeFor[destinationsMade]():          "DestinationCount",
	reflect.TypeFor[diffBody]():                  "RevisionDiff",
	reflect.TypeFor[diffSum]():                   "DiffTotals",
	reflect.TypeFor[earns]():                     "Earnings",
	reflect.TypeFor[filterAnswer]():              "FilterAnswer",
	reflect.TypeFor[filterBody]():                "Filter",
	reflect.TypeFor[filterMask]():                "ColumnMask",
	reflect.TypeFor[filterRequest]():             "FilterRequest",
	reflect.TypeFor[filtersRequest]():            "FiltersRequest",
	reflect.TypeFor[findingBody]():               "ProofFinding",
	reflect.TypeFor[importBody]():                "ImportReport",
	reflect.TypeFor[importedBody]():              "ImportedRevision",
	reflect.TypeFor[linkFields]():                "CardValidity",
	reflect.TypeFor[longerBody]():                "LongerPrefixes",
	reflect.TypeFor[lookupBody]():                "LookupResult",
	reflect.TypeFor[lookupCheapest]():            "CheapestCard",
	reflect.TypeFor[lookupNew]():                 "LookupCall",
	reflect.TypeFor[lookupsBody]():               "LookupResults",
	reflect.TypeFor[lookupsNew]():                "LookupRequest",
	reflect.TypeFor[meBody]():                    "ActingUser",
	reflect.TypeFor[meAccount]():                 "ActingAccount",
	reflect.TypeFor[meColumns]():                 "ActingColumns",
	reflect.TypeFor[override]():                  "LossAcceptance",
	reflect.TypeFor[parentDoc]():                 "CardParent",
	reflect.TypeFor[parentName]():                "ProofParent",
	reflect.TypeFor[problemBody]():               "Problem",
	reflect.TypeFor[proofFields]():               "ProofOptions",
	reflect.TypeFor[rebuildBody]():               "RebuildResult",
	reflect.TypeFor[rebuildFields]():             "RebuildOptions",
	reflect.TypeFor[rebuiltBody]():               "RebuiltCard",
	reflect.TypeFor[rateChange]():                "RateChange",
	reflect.TypeFor[revision]():                  "ActiveRevision",
	reflect.TypeFor[ruleDoc]():                   "ProfitRule",
	reflect.TypeFor[rulesDoc]():                  "ProfitRules",
	reflect.TypeFor[cardfile.Choice]():           "ImportChoice",
	reflect.TypeFor[cardfile.Lines]():            "ImportLines",
	reflect.TypeFor[cardfile.Mapped]():           "ImportColumn",
	reflect.TypeFor[cardfile.Note]():             "ImportNote",
	reflect.TypeFor[cardfile.Question]():         "ImportQuestion",
	reflect.TypeFor[cardfile.Refusal]():          "RefusedLine",
	reflect.TypeFor[insight.Cut]():               "AccessCut",
	reflect.TypeFor[insight.Giver]():             "AccessGiver",
	reflect.TypeFor[insight.Grounds]():           "PolicyGrounds",
	reflect.TypeFor[insight.Letter]():            "AccessLetter",
	reflect.TypeFor[insight.Rehearsal]():         "DryRun",
	reflect.TypeFor[insight.Remains]():           "AccountRemains",
	reflect.TypeFor[insight.Thing]():             "ExplainedResource",
	reflect.TypeFor[session.Changed]():           "ColumnChange",
	reflect.TypeFor[subjectSearch]():             "SubjectSearchRequest",
	reflect.TypeFor[resourceSearch]():            "ResourceSearchRequest",
	reflect.TypeFor[actionSearch]():              "ActionSearchRequest",
	reflect.TypeFor[searchAnswer[foundEntity]](): "EntitySearchResponse",
	reflect.TypeFor[searchAnswer[foundAction]](): "ActionSearchResponse",
	reflect.TypeFor[wantedPage]():                "SearchPageRequest",
	reflect.TypeFor[searchPage]():                "SearchPage",
}

// shapeSuffixes are the ends of the names of shapes, and what schemas have instead.
var shapeSuffixes = []struct{ shape, schema string }{
	{"Body", ""}, {"Doc", ""}, {"New", "Create"}, {"Fields", "Update"}, {"Change", "Update"},
}

// schemaName names the schema of a type. Clients are generated from these names.
func schemaName(t reflect.Type) string {
	if name, named := schemaNames[t]; named {
		return name
	}
	name := t.Name()
	if strings.HasPrefix(name, "page[") {
		return schemaName(t.Field(0).Type.Elem()) + "List"
	}
	if t.PkgPath() == reflect.TypeFor[Server]().PkgPath() {
		for _, s := range shapeSuffixes {
			if short, ok := strings.CutSuffix(name, s.shape); ok && short != "" {
				name = short + s.schema
				break
			}
		}
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
