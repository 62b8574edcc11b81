package rego

import (
	"fmt"
	"strings"
)

// Finding is one problem of a policy tree. Code groups findings. Line is 0 if
// the finding concerns the whole file, and File is empty if it concerns the
// whole tree.
type Finding struct {
	Code    string
	File    string
	Line    int
	Message string
}

// String returns the finding as "file:line: message".
func (f Finding) String() string {
	switch {
	case f.File == "":
		return f.Message
	case f.Line == 0:
		return f.File + ": " + f.Message
	default:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
	}
}

// LoadError lists the reasons why a tree was refused.
type LoadError struct{ Findings []Finding }

// Error returns the findings, one per line.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "policy tree refused: " + strings.Join(lines, "\n")
}
