package check

import (
	"slices"
)

// lintRule looks for one kind of thing in a file. Its code is the one of the
// linter Regal, where that has a rule like it; a comment "# regal ignore:code"
// on the line or above keeps both quiet.
type lintRule struct {
	code string
	hint string // what to do
	look func(f *file)
}

var lintRules = slices.Concat(bugRules, idiomRules, importRules, styleRules, testRules)
