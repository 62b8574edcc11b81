package policies

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Reason explains a code that denials carry, as the METADATA of its rule says.
type Reason struct {
	Title, Description string
	File               string
	Line               int
}

// Reasons returns the reason codes that rules are annotated with (custom.code).
// The map is the caller's to keep.
func (e *Engine) Reasons() map[string]Reason { return maps.Clone(e.reasons) }

// readReasons collects the annotated codes of a tree. The first rule of a code,
// by file and line, explains it.
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
