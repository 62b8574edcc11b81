package server

import "resellerd/server/resource"

// Schema is what the policies of the tests know of the store.
var Schema = resource.Schema
