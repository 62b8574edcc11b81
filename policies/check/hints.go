package check

import (
	"strings"

	"resellerd/policies/rego"
)

// hints says how to fix a finding, by its code. Lint rules carry their own
// hints.
var hints = map[string]string{
	"unlisted-area":              "if resellers may have the area, add it to limits.reseller_areas; if not, give it an empty row in limits.reseller_ceiling",
	"mark":                       "save the file as UTF-8 without a byte order mark",
	"file":                       "make the file readable, or correct the link: `serve` reads it as well",
	"lookup":                     "look up less data by a column, or by a value of the user",
	"groups":                     "write count(input.subject.groups), or iterate over the groups",
	"conflict":                   "make the conditions of the definitions exclusive",
	"told":                       "give the reason only if the row is visible",
	"missing-data":               "add the data file, or remove the reference",
	"twice":                      "remove one of the two: the last one would count",
	"misspelt":                   "correct the name; if it is meant, name the area in catalog.area of the data",
	"unknown-column":             "correct the name: a column that no type has is never shown",
	"syntax":                     "correct the syntax; the tree must be Rego v1",
	"compile":                    "correct it: the tree does not compile, so `serve` refuses it",
	"builtin":                    "remove it from rules about rows: use ==, !=, <, in, startswith and similar",
	"data":                       "correct the data file",
	"entrypoint":                 "define data.reseller.main.decision as an object whose allow is the rule data.reseller.main.allow",
	"shape":                      "make the decision an object with allow, reasons, and for rows view and columns",
	"schema":                     "this is a fault of resellerd: report it",
	"value":                      "make the rule true or undefined, and its definitions exclusive",
	"else":                       "write the else as a rule of its own, with the opposite condition",
	"column":                     "name a column of the type: see schemas/input/schema.json",
	"with":                       "use with only where the row is not read",
	"every":                      "list the conditions: a filter cannot repeat one over a column",
	"comprehension":              "use in, or compare: a filter cannot build a collection from a row",
	"aggregate":                  "use in, or compare: a filter cannot count or sum over a row",
	"below":                      "use input.subject.below only as x in input.subject.below",
	"same":                       "write both sides from input in full",
	"filter":                     "see \"Writing a rule that becomes a filter\" in policies/README.md",
	"sql":                        "compare columns with values of their own type, and sets with in",
	"slow":                       "put known conditions first, and avoid iterations over large sets: a slow evaluation denies",
	"types":                      "correct the name or the type: the schema of the input does not have it",
	"data-schema":                "correct the value: see schemas/data/schema.json",
	"unreachable":                "remove the rule, or use it; annotate it with \"entrypoint: true\" if others ask for it",
	"metadata":                   "correct the annotation",
	"package-metadata":           "write # METADATA with title and description above the package",
	"rule-metadata":              "write # METADATA with a title above the rule; with scope: document if it has several definitions",
	"reason-metadata":            "write # METADATA with title, description and custom.code, and give rego.metadata.rule().custom.code",
	"reason-unique":              "give the reason a code of its own, or return the other reason",
	"invalid-metadata-attribute": "correct the key, or put it under custom",
	"ambiguous-scope":            "write scope: document for all definitions, or scope: rule for this one",
	"no-defined-entrypoint":      "write entrypoint: true in the annotation of package reseller.main",
}

// details holds hints for messages of OPA's compiler.
var details = []struct{ says, hint string }{
	{"is unsafe", "give the variable a value before it is used: with some, := or ==; a misspelt name is unsafe, too"},
	{"unused", "remove it, or use it; name an unused argument _"},
	{"conflicting rule", "separate data and rules: a data file and a rule have the same path"},
	{"undefined function", "correct the name of the function, or import its package"},
	{"is recursive", "remove the cycle: a rule cannot depend on itself"},
	{"input.context.time", "use input.context.time"},
	{"is not available", "remove it: a decision depends only on its input and the tree"},
	{"must not shadow", "rename it: input and data have a fixed meaning"},
}

func hint(f rego.Finding) string {
	if f.Code == "compile" || f.Code == "builtin" {
		for _, d := range details {
			if strings.Contains(f.Message, d.says) {
				return d.hint
			}
		}
	}
	for _, rule := range lintRules {
		if rule.code == f.Code {
			return rule.hint
		}
	}
	return hints[f.Code]
}
