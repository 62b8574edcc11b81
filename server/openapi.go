package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"resellerd/server/insight"

	"github.com/gofiber/fiber/v2"
	"github.com/swaggest/jsonschema-go"
	"github.com/swaggest/openapi-go"
	"github.com/swaggest/openapi-go/openapi31"

	"resellerd/store/schema"
)

// describe creates the OpenAPI 3.1 document from the route table, so that the
// two cannot differ. It takes far longer than the rest of a start. The document
// is therefore created once, on its first request.
func (s *Server) describe() ([]byte, error) {
	r := openapi31.NewReflector()
	r.DefaultOptions = append(r.DefaultOptions, jsonschema.InterceptDefName(schemaName),
		jsonschema.InterceptSchema(nameColumns), jsonschema.InterceptProp(describeColumn))
	r.AddTypeMapping(schema.Micros(0), time.Time{})
	r.AddTypeMapping(schema.Strings(nil), []string(nil))
	r.AddTypeMapping(schema.Access(nil), map[string][]string(nil))
	r.Spec.Info.WithTitle("resellerd").WithVersion("1").
		WithDescription("Decisions, and rows already filtered, masked and translated, for a panel and its resellers.")
	if s.cfg.PublicURL != "" {
		r.Spec.WithServers(openapi31.Server{URL: s.cfg.PublicURL})
	}
	r.Spec.SetHTTPBearerTokenSecurity("token", "", "A panel token, or a user's JWT.")
	for _, rt := range s.routes {
		if err := describeRoute(r, &rt.route); err != nil {
			return nil, fmt.Errorf("openapi %s: %w", rt.origin.Name, err)
		}
	}
	return json.MarshalIndent(r.Spec, "", "  ")
}

// schemaName names the schema of a type. The name does not depend on the package
// below this one that holds the type, because clients are generated from it.
func schemaName(t reflect.Type, name string) string {
	if below := reflect.TypeFor[Server]().PkgPath() + "/"; strings.HasPrefix(t.PkgPath(), below) {
		return "Server" + name[len(path.Base(t.PkgPath())):]
	}
	return name
}

// nameColumns gives the fields of a stored row the names of their columns.
func nameColumns(p jsonschema.InterceptSchemaParams) (stop bool, err error) {
	if p.Context.PropertyNameTag == "json" {
		p.Context.PropertyNameAdditionalTags = []string{"db"}
	}
	return false, nil
}

// describeColumn sets the JSON type of a stored row's field.
func describeColumn(p jsonschema.InterceptPropParams) error {
	f, stored := schema.FieldOf(p.Field)
	switch {
	case p.Field.Type == reflect.TypeFor[bodyMark]():
		return jsonschema.ErrSkipProperty
	case !stored:
	case f.Marked("hidden"), f.Marked("unlisted"), !taken(p.ParentSchema.ReflectType, p.Field.Name):
		return jsonschema.ErrSkipProperty
	case p.Processed:
		p.PropertySchema.Type = nil
		if f.Kind() == schema.Money {
			p.PropertySchema.Format = nil
		}
		if f.Null() && f.Kind() != schema.AccessRows {
			p.PropertySchema.AddType(jsonschema.Null)
		}
		if f.Kind() == schema.Letters {
			p.PropertySchema.WithItems(*(&jsonschema.Items{}).WithSchemaOrBool(jsonschema.String.ToSchemaOrBool()))
		}
		p.PropertySchema.AddType(jsonTypes[f.Kind()])
	}
	return nil
}

// jsonTypes maps the kinds of columns to their JSON types.
var jsonTypes = map[schema.Kind]jsonschema.SimpleType{
	schema.Text: jsonschema.String, schema.Money: jsonschema.String, schema.Time: jsonschema.String,
	schema.Integer: jsonschema.Integer, schema.Boolean: jsonschema.Boolean,
	schema.JSON: jsonschema.Array, schema.Letters: jsonschema.Array, schema.AccessRows: jsonschema.Object,
}

// describeRoute adds one operation.
func describeRoute(r *openapi31.Reflector, rt *route) error {
	path, params := openPath(rt.path)
	oc, err := r.NewOperationContext(rt.method, path)
	if err != nil {
		return err
	}
	doc := rt.doc
	oc.SetSummary(doc.summary)
	oc.SetTags(doc.tag)
	oc.SetID(operationID(rt))
	if fields := parameters(rt, params); fields != nil {
		oc.AddReqStructure(fields)
	}
	if doc.query != nil {
		oc.AddReqStructure(doc.query)
	}
	if doc.body != nil {
		oc.AddReqStructure(doc.body)
	}
	describeResponses(oc, rt)
	if rt.open != forAnyone {
		oc.AddSecurity("token")
	}
	return r.AddOperation(oc)
}

func describeResponses(oc openapi.OperationContext, rt *route) {
	doc := rt.doc
	status := doc.status
	if status == 0 {
		status = http.StatusOK
	}
	if doc.response != nil || len(doc.produces) == 0 {
		oc.AddRespStructure(doc.response, openapi.WithHTTPStatus(status), func(cu *openapi.ContentUnit) {
			cu.Description = http.StatusText(status)
		})
	}
	if doc.dry && status != http.StatusOK {
		var rehearsal any = insight.Rehearsal{}
		if doc.again {
			rehearsal = jsonschema.AnyOf(rehearsal, doc.response)
		}
		oc.AddRespStructure(rehearsal, openapi.WithHTTPStatus(http.StatusOK), func(cu *openapi.ContentUnit) {
			cu.Description = "With dry_run=true: what the write would change, for whom."
		})
	}
	for _, mediaType := range doc.produces {
		oc.AddRespStructure(nil, openapi.WithHTTPStatus(status), openapi.WithContentType(mediaType))
	}
	if rt.open != forAnyone {
		oc.AddRespStructure(problemBody{}, openapi.WithContentType(problemMediaType), func(cu *openapi.ContentUnit) {
			cu.IsDefault = true
			cu.Description = "A problem (RFC 9457)."
		})
	}
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

// operationID joins the method and the path with underscores: "get_v1_cards_id".
func operationID(rt *route) string {
	words := strings.FieldsFunc(rt.path, func(r rune) bool { return strings.ContainsRune("/:.-", r) })
	return strings.ToLower(rt.method) + "_" + strings.Join(words, "_")
}

// commonHeaders may be sent to every route with an acting user.
var commonHeaders = []string{headerUser, headerUserJWT, headerClientIP, headerAtLeast, headerRequestID}

// parameters creates a struct with one field for each path parameter and header,
// as the reflector expects. It returns nil if there are none.
func parameters(rt *route, params []string) any {
	var fields []reflect.StructField
	add := func(tag string) {
		fields = append(fields, reflect.StructField{
			Name: "F" + strconv.Itoa(len(fields)), Type: reflect.TypeFor[string](), Tag: reflect.StructTag(tag)})
	}
	for _, name := range params {
		add(fmt.Sprintf(`path:%q`, name))
	}
	headers := rt.doc.headers
	if rt.open == asUser {
		headers = append(headers[:len(headers):len(headers)], commonHeaders...)
		if rt.method == fiber.MethodGet {
			headers = append(headers, headerAs)
		}
	}
	for _, name := range headers {
		add(fmt.Sprintf(`header:%q`, name))
	}
	if len(fields) == 0 {
		return nil
	}
	return reflect.New(reflect.StructOf(fields)).Elem().Interface()
}

// getOpenAPI answers with the OpenAPI document.
func getOpenAPI(r *exchange) error {
	document, err := r.s.openapi()
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, document)
}
