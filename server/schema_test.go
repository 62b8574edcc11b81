package server

import "resellerd/server/resource"

// Schema is the schema of the store that the policies of the tests use.
var Schema = resource.Schema
