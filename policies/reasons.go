package policies

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Reason explains a code that denials carry. Its texts come from the METADATA
// of the rule.
type Reason struct {
	Title, Description string
	File               string
	Line               int
}

// Reasons returns the reason codes in the annotations of rules (custom.code).
// The caller may change the map.
func (e *Engine) Reasons() map[string]Reason { return maps.Clone(e.reasons) }

// readReasons collects the annotated codes of a tree. If several rules have the
// same code, the first one by file and line explains it.
func readReasons(modules map[string]*ast.Module) map[string]Reason {
	reasons := map[string]Reason{}
	for _, module := range modules {
		for _, a := range module.Annotations {
			code, ok := a.Custom["code"].(string)
			if !ok || a.Location == nil {
				continue
			}
			r := Reason{Title: a.Title, Description: a.Description, File: a.Location.File, Line: a.Location.Row}
			if old, seen := reasons[code]; !seen || before(r, old) {
				reasons[code] = r
			}
		}
	}
	return reasons
}

func before(a, b Reason) bool {
	if a.File != b.File {
		return a.File < b.File
	}
	return a.Line < b.Line
}
