package check

import (
	"strings"

	"resellerd/policies/rego"
)

// hints say what to do about findings by their code; lint rules have theirs
// beside them.
var hints = map[string]string{
	"syntax":                     "mend the syntax: the tree is Rego v1, and cannot be read like this",
	"compile":                    "mend it: the tree does not compile, and `serve` refuses it",
	"builtin":                    "do without it in rules that decide about rows: ask with ==, !=, <, in, startswith and the like",
	"data":                       "mend the data file",
	"entrypoint":                 "define data.reseller.main.decision as an object whose allow is the rule data.reseller.main.allow",
	"shape":                      "let the decision be an object of allow, reasons, and where rows are shown view and columns",
	"schema":                     "this is resellerd's own fault: report it",
	"value":                      "let the rule yield true or nothing, and let its definitions exclude one another",
	"else":                       "write the else as a rule of its own, with what excludes it",
	"column":                     "name a column of the type: see schemas/input/schema.json",
	"with":                       "move the with to where the row is not read",
	"every":                      "list the conditions: a filter cannot repeat one over a column",
	"comprehension":              "ask with in, or compare: a filter cannot build a collection of a row",
	"aggregate":                  "ask with in, or compare: a filter cannot count or sum up a row",
	"below":                      "ask x in input.subject.below, and nothing else of it",
	"same":                       "write both sides out from input",
	"filter":                     "see \"Writing a rule that becomes a filter\" in policies/README.md",
	"sql":                        "compare columns with values of their own type, and sets with in",
	"slow":                       "ask what is known first, and drop iterations over what is large: too slow is denied",
	"types":                      "mend the name or the type: the schema of inputs does not have it",
	"data-schema":                "mend the value: see schemas/data/schema.json",
	"unreachable":                "drop the rule, or use it; annotate it with \"entrypoint: true\" if somebody else asks for it",
	"metadata":                   "mend the annotation",
	"package-metadata":           "write # METADATA with title and description above the package",
	"rule-metadata":              "write # METADATA with a title above the rule; with scope: document if it has several definitions",
	"reason-metadata":            "write # METADATA with title, description and custom.code, and give rego.metadata.rule().custom.code",
	"reason-unique":              "give the reason a code of its own, or hand on the other one",
	"invalid-metadata-attribute": "mend the key, or put it under custom",
	"ambiguous-scope":            "say scope: document for all definitions, or scope: rule for this one",
	"no-defined-entrypoint":      "write entrypoint: true in the annotation of package reseller.main",
}

// details are hints on what OPA's compiler says.
var details = []struct{ says, hint string }{
	{"is unsafe", "give the variable a value before it is used: with some, := or ==; a misspelt name is unsafe, too"},
	{"unused", "drop it, or use it; an argument that is not needed is called _"},
	{"conflicting rule", "keep data and rules apart: a data file and a rule stand on one path"},
	{"undefined function", "mend the name of the function, or import its package"},
	{"is recursive", "break the circle: a rule cannot depend on itself"},
	{"input.context.time", "use input.context.time"},
	{"is not available", "do without it: a decision depends on its input and the tree alone"},
	{"must not shadow", "rename it: input and data mean one thing"},
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
