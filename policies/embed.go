package policies

import (
	"embed"
	"io/fs"
)

//go:embed embed.go
var tree embed.FS

// Embedded returns the policy tree that stands beside this package: its Rego
// and its data files.
func Embedded() fs.FS { return tree }
