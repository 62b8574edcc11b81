package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/store/cardfile"
)

// document is the OpenAPI 3.1 document while it is written. It comes from the table of
// routes and the shapes of their bodies, so that it cannot differ from them. The tests
// of this package hold every request and answer to it.
type document struct {
	shapes shapes
	paths  map[string]object
}

// describe creates the OpenAPI document. That takes far longer than the rest of a
// start. The document is therefore created once, on its first request.
func (s *Server) describe() ([]byte, error) {
	d := &document{paths: map[string]object{}, shapes: newShapes()}
	operations := make([]object, len(s.routes))
	for i, rt := range s.routes {
		operations[i] = d.operation(&rt.route)
	}
	components := object{"responses": d.problems(), "headers": headerComponents(), "parameters": parameterComponents()}
	d.shapes.requests = true // their names depend on those of answers
	for i, rt := range s.routes {
		if body := d.body(&rt.route); body != nil {
			operations[i]["requestBody"] = body
		}
	}
	if d.shapes.err != nil {
		return nil, fmt.Errorf("openapi: %w", d.shapes.err)
	}
	known, err := examples()
	if err != nil {
		return nil, fmt.Errorf("openapi: examples: %w", err)
	}
	for _, op := range operations {
		known[op["operationId"].(string)].illustrate(op)
	}
	d.shapes.named["Problem"].(object)["properties"].(object)["type"] = problemTypes()
	components["schemas"], components["securitySchemes"] = d.shapes.named, securitySchemes
	whole := object{
		"openapi": "3.1.0",
		"info": object{"title": "resellerd", "version": "1",
			"description": "Decisions, and rows already filtered, masked and translated, for a panel and its resellers."},
		"servers": []object{{"url": cmp.Or(s.cfg.PublicURL, "/")}}, "paths": d.paths, "components": components,
	}
	whole["tags"], whole["x-tagGroups"] = tags()
	return json.MarshalIndent(whole, "", " ")
}

// operation adds the operation of a route, without the body of its request.
func (d *document) operation(rt *route) object {
	path, _ := openPath(rt.path)
	op := object{
		"operationId": operationID(rt), "summary": rt.doc.summary, "tags": []string{rt.doc.tag},
		"responses": d.answers(rt), "security": securityOf(rt),
	}
	if text := strings.TrimSpace(operationTexts[rt.method+" "+rt.path].description + " " + lacking(rt)); text != "" {
		op["description"] = text
	}
	if parameters := d.parameters(rt); len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if d.paths[path] == nil {
		d.paths[path] = object{}
	}
	d.paths[path][strings.ToLower(rt.method)] = op
	return op
}

// uploadMedia are the media types of files of rates. resellerd finds out the format by
// itself, so that any other type is as good.
var uploadMedia = []string{mediaCSV, mediaNDJSON, cardfile.MediaXLSX, cardfile.MediaJSON, fiber.MIMEOctetStream}

// body describes the body of a request, nil for none.
func (d *document) body(rt *route) object {
	switch {
	case rt.doc.upload:
		contents := object{}
		for _, media := range uploadMedia {
			contents[media] = object{"schema": fileSchema(media)}
		}
		return object{"description": "The file of rates itself, not a form. With plan, there is no body.", "content": contents}
	case rt.doc.body == nil:
		return nil
	}
	schema := d.shapes.of(reflect.TypeOf(rt.doc.body))
	name := strings.TrimPrefix(schema["$ref"].(string), "#/components/schemas/")
	required := d.shapes.named[name].(object)["required"] != nil
	contents := object{fiber.MIMEApplicationJSON: object{"schema": schema}}
	switch {
	case rt.doc.bulk && rt.method == fiber.MethodPatch:
		row := reflect.TypeOf(rt.doc.body).Field(0).Type.Elem()
		answer, _ := reflect.TypeOf(rt.doc.response).Field(0).Type.Elem().FieldByName("Row")
		d.shapes.readOnly(d.shapes.named[d.shapes.inputs[row]].(object), answer.Type.Elem())
	case rt.method == fiber.MethodPatch:
		d.shapes.readOnly(d.shapes.named[name].(object), reflect.TypeOf(rt.doc.response))
		contents[mediaMergePatch] = object{"schema": d.shapes.merging(name)}
	case rt.method == fiber.MethodPut:
		d.shapes.readOnly(d.shapes.named[name].(object), reflect.TypeOf(rt.doc.response))
	}
	return object{"required": required, "content": contents}
}

// securitySchemes are the ways to identify the caller and the acting user.
var securitySchemes = object{
	"panelToken": object{"type": "http", "scheme": "bearer", "description": "A panel token. The panel names the acting user in another header."},
	"actingUser": object{"type": "apiKey", "in": "header", "name": headerUser, "description": "The id or the external id of the acting user, beside a panel token."},
	"actingUserToken": object{"type": "apiKey", "in": "header", "name": headerUserJWT,
		"description": "The acting user's own JWT, beside a panel token and in place of Resellerd-User; if both are sent, Resellerd-User must be the sub of the JWT. If the panel must send it, a panel cannot act for a user who has not signed in."},
	"userToken": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's own JWT, without a panel token. It acts only for that user."},
}

// securityOf lists the combinations of security schemes that open a route.
func securityOf(rt *route) []map[string][]string {
	none := []string{}
	if rt.open == forAnyone {
		return []map[string][]string{}
	}
	if rt.open == forProxies {
		return []map[string][]string{{"userToken": none}}
	}
	ways := []map[string][]string{{"panelToken": none}}
	if rt.open == asUser {
		ways = []map[string][]string{{"panelToken": none, "actingUser": none}, {"panelToken": none, "actingUserToken": none}}
	}
	if identity.ScopeUser.Has(rt.scope) {
		ways = append(ways, map[string][]string{"userToken": none})
	}
	return ways
}

// tags lists the tags with their descriptions, and groups them by reader.
func tags() (all, groups []object) {
	for _, t := range tagTexts {
		all = append(all, object{"name": t.name, "description": t.description})
		if n := len(groups); n == 0 || groups[n-1]["name"] != t.reader {
			groups = append(groups, object{"name": t.reader, "tags": []string{}})
		}
		group := groups[len(groups)-1]
		group["tags"] = append(group["tags"].([]string), t.name)
	}
	return all, groups
}

func headerComponents() object {
	all := object{}
	for name, text := range answerHeaders {
		all[headerName(name)] = object{"description": text, "schema": object{"type": "string"}}
	}
	return all
}

func parameterComponents() object {
	all := object{}
	for name, header := range requestHeaders {
		all[headerName(name)] = object{"name": name, "in": "header", "description": header["description"], "schema": header["schema"]}
	}
	return all
}

// problemTypes is the schema of the type of a problem.
func problemTypes() object {
	types := make([]string, len(problemKinds))
	for i, k := range problemKinds {
		types[i] = problemType + k.code
	}
	return object{"type": "string", "enum": types, "description": "Programs should decide by it."}
}

// openPath turns "/v1/cards/:id" into "/v1/cards/{id}", and returns the names of
// its parameters.
func openPath(path string) (string, []string) {
	var params []string
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			params = append(params, name)
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/"), params
}

// getOpenAPI answers with the OpenAPI document.
func getOpenAPI(r *exchange) error {
	document, err := r.s.openapi()
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, document)
}
