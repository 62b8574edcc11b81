package policies

import (
	"embed"
	"io/fs"
)

//go:embed data.json mutants.yaml reseller system
var embedded embed.FS

// Embedded returns the policy tree beside this package: its Rego, the Rego
// tests, and its data.
func Embedded() fs.FS { return embedded }

// Page is the page for people who review or change policies, in Markdown.
//
//go:embed README.md
var Page string

//go:embed schemas
var schemas embed.FS

// Schemas returns the JSON Schemas of the tree. The folder input describes
// the input, and the folder data describes the data.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemas, "schemas")
	if err != nil {
		return schemas // cannot happen: the name is valid
	}
	return sub
}
