package check

import (
	"slices"
)

// lintRule finds one kind of problem in a file. If the linter Regal has a
// similar rule, code is Regal's code. A comment "# regal ignore:code" on the
// line or the line above then suppresses the finding in both.
type lintRule struct {
	code string
	hint string // how to fix it
	look func(f *file)
}

var lintRules = slices.Concat(bugRules, idiomRules, importRules, styleRules, testRules)
