package policies

import (
	"embed"
	"io/fs"
)

//go:embed data.json reseller system
var tree embed.FS

// Embedded returns the policy tree that stands beside this package: its Rego,
// the tests of that Rego, and its data.
func Embedded() fs.FS { return tree }
