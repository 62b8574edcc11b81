package server

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/server/insight"
	"resellerd/store/cardfile"
)

// answers describes the answers of an operation by their status.
func (d *document) answers(rt *route) object {
	doc := rt.doc
	status := cmp.Or(doc.status, http.StatusOK)
	all := object{strconv.Itoa(status): object{
		"description": http.StatusText(status), "headers": answerHeadersOf(rt, status), "content": d.contents(rt),
	}}
	success := all[strconv.Itoa(status)].(object)
	if len(success["content"].(object)) == 0 {
		delete(success, "content")
	}
	switch {
	case status == http.StatusOK:
	case doc.dry:
		all["200"] = d.rehearsal(rt)
	case doc.again:
		all["200"] = object{"description": "A row that existed.", "headers": answerHeadersOf(rt, http.StatusOK), "content": d.contents(rt)}
	}
	if slices.Contains(doc.headers, fiber.HeaderIfNoneMatch) {
		all["304"] = object{"description": "The row is as the ETag in If-None-Match says.", "headers": answerHeadersOf(rt, http.StatusNotModified)}
	}
	if rt.path == "/readyz" {
		all["503"] = object{"description": "Not ready.", "content": success["content"]}
	}
	for _, status := range refusals(rt) {
		all[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + refusalName(status)}
	}
	if rt.open != forAnyone {
		all["default"] = object{"$ref": "#/components/responses/Problem"}
	}
	return all
}

// rehearsal describes the answer 200 to a write that usually has another status.
func (d *document) rehearsal(rt *route) object {
	text, schema, headers := "With dry_run=true: what the write would change, for whom.", d.dryRun(), answerHeadersOf(rt, 0)
	if rt.doc.again {
		text += " Without it: the row that existed."
		schema, headers = d.orDryRun(d.shapes.of(reflect.TypeOf(rt.doc.response))), answerHeadersOf(rt, http.StatusOK)
	}
	return object{"description": text, "headers": headers, "content": object{fiber.MIMEApplicationJSON: object{"schema": schema}}}
}

// contents describes the bodies of an answer, by media type.
func (d *document) contents(rt *route) object {
	contents := object{}
	if rt.doc.response != nil {
		schema := d.shapes.of(reflect.TypeOf(rt.doc.response))
		if rt.doc.dry && !rt.doc.bulk && cmp.Or(rt.doc.status, http.StatusOK) == http.StatusOK {
			schema = d.orDryRun(schema)
		}
		contents[fiber.MIMEApplicationJSON] = object{"schema": schema}
	}
	for _, media := range rt.doc.produces {
		contents[media] = object{"schema": fileSchema(media)}
	}
	return contents
}

// fileSchema returns the schema of a body that is a file.
func fileSchema(media string) object {
	switch media {
	case mediaNDJSON:
		return object{"type": "string", "description": "one JSON object on each line"}
	case cardfile.MediaXLSX:
		return object{"type": "string", "format": "binary"}
	case fiber.MIMEApplicationJSON, cardfile.MediaJSON:
		return object{"type": "object"}
	}
	return object{"type": "string"}
}

func (d *document) dryRun() object { return d.shapes.of(reflect.TypeFor[insight.Rehearsal]()) }

// orDryRun returns the schema of an answer which, with dry_run=true, is another.
func (d *document) orDryRun(schema object) object {
	ref, _ := schema["$ref"].(string)
	name := strings.TrimPrefix(ref, "#/components/schemas/") + "OrDryRun"
	d.shapes.named[name] = object{"anyOf": []any{schema, d.dryRun()},
		"description": "with dry_run=true, what the write would change, for whom"}
	return object{"$ref": "#/components/schemas/" + name}
}

// refusals lists the statuses of the problems that callers of a route should expect.
// Other problems are possible on every route.
func refusals(rt *route) (statuses []int) {
	if rt.open == forAnyone {
		if !(&boundRoute{route: *rt}).probe() {
			statuses = append(statuses, http.StatusNotAcceptable)
		}
		if rt.path == metadataPath {
			statuses = append(statuses, http.StatusNotFound)
		}
		return statuses
	}
	if rt.open == forProxies {
		return []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable}
	}
	tagged, sent := rt.scope == identity.ScopeWrite, rt.doc.body != nil || rt.doc.upload
	return slices.DeleteFunc(slices.Clone(expected), func(status int) bool {
		switch status {
		case http.StatusNotFound, http.StatusUnprocessableEntity:
			return !strings.HasPrefix(rt.path, "/v1/")
		case http.StatusPreconditionFailed:
			return !tagged
		case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			return !sent
		}
		return false
	})
}

// expected are the statuses of problems that callers should expect on some routes.
var expected = []int{400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 429, 503}

// refusalName names the component of the problems with a status: "NotFound".
func refusalName(status int) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
}

// problems describes the answers with a problem, by the name of their component.
func (d *document) problems() object {
	all := object{"Problem": d.problemAnswer(0, "Any other problem (RFC 9457).")}
	for _, k := range problemKinds {
		if !slices.Contains(expected, k.status) {
			continue
		}
		text := "`" + problemType + k.code + "`: " + k.when
		if was, known := all[refusalName(k.status)].(object); known {
			was["description"] = was["description"].(string) + "\n\n" + text
			continue
		}
		all[refusalName(k.status)] = d.problemAnswer(k.status, text)
	}
	return all
}

func (d *document) problemAnswer(status int, text string) object {
	headers := object{}
	for _, name := range []string{headerRequestID, headerDecisionID, headerPolicy, headerRevision, headerPreview,
		headerBudget, headerBudgetPolicy, fiber.HeaderVary} {
		headers[name] = headerRef(name)
	}
	if status == http.StatusUnauthorized {
		headers[fiber.HeaderWWWAuthenticate] = headerRef(fiber.HeaderWWWAuthenticate)
	}
	if _, again := retryAfter[status]; again || status == 0 {
		headers[fiber.HeaderRetryAfter] = headerRef(fiber.HeaderRetryAfter)
	}
	return object{"description": text, "headers": headers, "content": object{
		problemMediaType: object{"schema": d.shapes.of(reflect.TypeFor[problemBody]())}}}
}

// answerHeaders describes the headers of answers.
var answerHeaders = map[string]string{
	fiber.HeaderETag:            "The tag of the row as the user sees it. It changes when something that the user sees changes.",
	fiber.HeaderLocation:        "The path of the new row.",
	fiber.HeaderRetryAfter:      "The number of seconds after which the caller may try again.",
	fiber.HeaderWWWAuthenticate: "The kind of token that the route needs.",
	fiber.HeaderVary:            "Accept, if the route has several media types.",
	headerBudget:                "How many more of these requests the account may have in progress.",
	headerBudgetPolicy:          "How many of these requests an account may have in progress.",
	headerRequestID:             "The X-Request-ID of the request, or another one if it had other characters.",
	headerDecisionID:            "The id of the decision, for GET /v1/decisions/{id}. Only for panel tokens.",
	headerPolicy:                "The revision of the policy that decided. Only for panel tokens.",
	headerRevision:              "The data revision of the answer, for Resellerd-At-Least. Only for panel tokens.",
	headerUserID:                "The id of the user who sends the request.",
	headerAccountID:             "The id of the user's account.",
	headerPreview:               "true, if the answer shows what another user would see.",

	fiber.HeaderContentSecurityPolicy: "The page loads nothing from other hosts.",
	fiber.HeaderContentDisposition:    "The name under which to save a file.",
}

func headerRef(name string) object { return object{"$ref": "#/components/headers/" + headerName(name)} }

// answerHeadersOf lists the headers of an answer with a status; 0 is a dry run.
func answerHeadersOf(rt *route, status int) object {
	names := []string{headerRequestID}
	if rt.open == forProxies {
		names = append(names, headerUserID, headerAccountID)
	} else if rt.open != forAnyone {
		names = append(names, headerDecisionID, headerPolicy, headerRevision)
	}
	if rt.open == asUser && rt.method == fiber.MethodGet {
		names = append(names, headerPreview)
	}
	tagged := rt.scope == identity.ScopeWrite || slices.Contains(rt.doc.headers, fiber.HeaderIfNoneMatch)
	if tagged && rt.doc.response != nil && !rt.doc.bulk && status != 0 {
		names = append(names, fiber.HeaderETag)
	}
	if status == http.StatusCreated {
		names = append(names, fiber.HeaderLocation)
	}
	if rt.doc.upload || rt.doc.job || rt.doc.waits || slices.Contains(rt.doc.produces, mediaNDJSON) {
		names = append(names, headerBudget, headerBudgetPolicy)
	}
	if rt.path == "/docs" {
		names = append(names, fiber.HeaderContentSecurityPolicy)
	}
	if len(offersOf(rt.doc)) > 1 {
		names = append(names, fiber.HeaderVary)
	}
	if slices.Contains(rt.doc.produces, mediaCSV) {
		names = append(names, fiber.HeaderContentDisposition)
	}
	headers := object{}
	for _, name := range names {
		headers[name] = headerRef(name)
	}
	return headers
}
