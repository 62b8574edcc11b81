package server

// route is one line of the API: the same line makes the HTTP route and its
// entry in the OpenAPI document.
type route struct {
	method string
	path   string // Fiber pattern, "/v1/customers/:id"
	scope  scope
	open   access
	handle func(*call) error
	doc    operation
}

// access says who may knock at a route.
type access uint8

const (
	doorActing access = iota // a panel or a user's token, with an active acting user
	doorAsking               // a panel or a user's token; the subject is in the body
	doorPublic               // anyone
)

// operation documents a route. Query and body are structs with `query` and
// `json` tags; response is the body of the success status.
type operation struct {
	summary  string
	tag      string
	query    any      // zero value of a struct with query tags, or nil
	body     any      // zero value of the request body, or nil
	response any      // zero value of the response body, or nil
	status   int      // of success; default 200
	produces []string // media types beside application/json
	headers  []string // request headers beside the common ones
}

// routes is the map of the house.
func routes() []route {
	return []route{
		{"GET", "/v1/me", scopeData, doorActing, getMe, operation{summary: "The acting user and its access", tag: "me", response: meBody{}}},

		{"POST", "/access/v1/evaluation", scopeDecide, doorAsking, evaluate, evaluationDoc},

		{"GET", "/livez", scopeNone, doorPublic, livez, operation{summary: "Alive", tag: "operations", response: probeBody{}}},
		{"GET", "/readyz", scopeNone, doorPublic, readyz, operation{summary: "Ready to decide", tag: "operations", response: probeBody{}}},
		{"GET", "/metrics", scopeNone, doorPublic, getMetrics, operation{summary: "Prometheus metrics", tag: "operations", produces: []string{"text/plain"}}},
		{"GET", "/openapi.json", scopeNone, doorPublic, getOpenAPI, operation{summary: "This document", tag: "operations", produces: []string{"application/json"}}},
		{"GET", "/docs", scopeNone, doorPublic, getDocs, operation{summary: "This document, to read", tag: "operations", produces: []string{"text/html"}}},
	}
}
