package rego

import (
	"fmt"
	"strings"
)

// Finding is one thing wrong with a policy tree. Code groups findings; Line
// is 0 when the file as a whole is meant, and File is empty when the tree is.
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

// LoadError tells why a tree was refused.
type LoadError struct{ Findings []Finding }

// Error lists the findings, a line each.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "policy tree refused: " + strings.Join(lines, "\n")
}
