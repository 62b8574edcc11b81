package policies

import (
	"embed"
	"io/fs"
)

//go:embed data.json mutants.yaml reseller system
var embedded embed.FS

// Embedded returns the policy tree that stands beside this package: its Rego,
// the tests of that Rego, and its data.
func Embedded() fs.FS { return embedded }

//go:embed schemas
var schemas embed.FS

// Schemas returns the JSON Schemas that stand beside the tree, a folder each
// for what it describes: input and data.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemas, "schemas")
	if err != nil {
		return schemas // cannot be: the name is valid
	}
	return sub
}
