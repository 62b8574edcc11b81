package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	verrors "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// contract is the OpenAPI document that every exchange of the tests is held to. A
// request that succeeds must be one that the document describes, and so must every
// answer. Exchanges of the same shape are checked once.
var contract = sync.OnceValues(func() (*apiContract, error) {
	text, err := (&Server{routes: bindRoutes(routes())}).describe()
	if err == nil {
		text, err = closed(text)
	}
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	v := validator.NewValidatorFromV3Model(&model.Model, config.WithoutSecurityValidation(),
		config.WithBodyDecoder(mediaNDJSON, content.DecoderFunc(textOf)), config.WithFormatAssertions())
	return &apiContract{validator: v, model: &model.Model, checked: map[string]bool{}}, nil
})

// textOf takes a body as a text.
func textOf(in *content.DecodeInput) (any, error) {
	text, err := io.ReadAll(in.Body)
	return string(text), err
}

// closed forbids properties that a schema does not name. Clients must ignore such
// properties, but resellerd must not send them.
func closed(text []byte) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	closeObjects(doc["components"].(map[string]any)["schemas"])
	return json.Marshal(doc)
}

func closeObjects(value any) {
	object, _ := value.(map[string]any)
	if _, has := object["properties"].(map[string]any); has && object["additionalProperties"] == nil {
		object["additionalProperties"] = false
	}
	for _, inner := range object {
		closeObjects(inner)
	}
}

type apiContract struct {
	validator validator.Validator
	model     *v3.Document
	mu        sync.Mutex
	checked   map[string]bool
}

// send sends a request to a server, and holds the request and its answer to the
// OpenAPI document. Every request of the tests goes through it, except those to routes
// that exist only in a test.
func send(t testing.TB, s *Server, req *http.Request) *http.Response {
	t.Helper()
	var asked []byte
	if req.Body != nil {
		var err error
		asked, err = io.ReadAll(req.Body)
		must(t, err)
		req.Body = io.NopCloser(bytes.NewReader(asked))
	}
	res, err := s.App().Test(req, -1)
	must(t, err)
	told, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	res.Body = io.NopCloser(bytes.NewReader(told))
	if len(s.routes) != len(routes()) {
		return res // routes of this test
	}
	c, err := contract()
	must(t, err)
	for _, fault := range c.faults(req, asked, res, told) {
		t.Errorf("%s %s %s: %d %.600s: not as /openapi.json says: %s", req.Method, req.URL, asked, res.StatusCode, told, fault)
	}
	return res
}

// faults returns what differs from the document.
func (c *apiContract) faults(req *http.Request, asked []byte, res *http.Response, told []byte) (faults []string) {
	if req.Method == http.MethodHead || req.Method == http.MethodOptions || c.seen(req, asked, res, told) {
		return nil
	}
	template, op := c.operation(req)
	refused := res.StatusCode == http.StatusMethodNotAllowed || bytes.Contains(told, []byte(problemType+kindNoRoute.code))
	if refused {
		return nil // before it reached a route
	}
	if op == nil {
		if res.StatusCode != http.StatusNotFound {
			faults = append(faults, "there is no such operation")
		}
		return faults
	}
	again := req.Clone(req.Context())
	asked, accepted := acceptedRows(req, asked, told)
	again.Body = io.NopCloser(bytes.NewReader(asked))
	if res.StatusCode < 300 && accepted {
		faults = append(faults, c.requestFaults(again, op, asked)...)
	}
	return append(faults, c.answerFaults(template, again, op, res, told)...)
}

// acceptedRows returns a body without the rows of a bulk request that were refused. It
// reports whether there is another row, and true for other requests.
func acceptedRows(req *http.Request, asked, told []byte) ([]byte, bool) {
	var rows struct {
		Items []json.RawMessage `json:"items"`
	}
	var answers struct{ Items []struct{ Problem any } }
	if !strings.HasSuffix(req.URL.Path, "/bulk") || json.Unmarshal(asked, &rows) != nil ||
		json.Unmarshal(told, &answers) != nil || len(answers.Items) != len(rows.Items) {
		return asked, true
	}
	left := rows.Items[:0]
	for i, row := range rows.Items {
		if answers.Items[i].Problem == nil {
			left = append(left, row)
		}
	}
	rows.Items = left
	text, err := json.Marshal(rows)
	return text, err == nil && len(left) > 0
}

// operation finds the operation that a request is for.
func (c *apiContract) operation(req *http.Request) (template string, op *v3.Operation) {
	path := strings.Split(req.URL.EscapedPath(), "/")
	best := -1
	for name, item := range c.model.Paths.PathItems.FromOldest() {
		parts := strings.Split(name, "/")
		fixed := 0
		for i, part := range parts {
			switch {
			case len(path) != len(parts):
				fixed = -1
			case part == path[i] && fixed >= 0:
				fixed++
			case !strings.HasPrefix(part, "{"):
				fixed = -1
			}
			if fixed < 0 {
				break
			}
		}
		if found := item.GetOperations().GetOrZero(strings.ToLower(req.Method)); found != nil && fixed > best {
			template, op, best = name, found, fixed
		}
	}
	return template, op
}

func (c *apiContract) requestFaults(req *http.Request, op *v3.Operation, asked []byte) (faults []string) {
	for name := range req.URL.Query() {
		if strings.HasPrefix(req.URL.Path, "/v1/") && !slices.ContainsFunc(op.Parameters, func(p *v3.Parameter) bool { return p.In == "query" && searched(p.Name, name) }) {
			faults = append(faults, "undeclared parameter "+name)
		}
	}
	if len(asked) > 0 && op.RequestBody == nil && req.Method != http.MethodDelete {
		faults = append(faults, "undeclared body")
	}
	params := c.validator.GetParameterValidator()
	for _, check := range []func(*http.Request) (bool, []*verrors.ValidationError){
		params.ValidatePathParams, params.ValidateQueryParams, params.ValidateHeaderParams, c.validator.GetRequestBodyValidator().ValidateRequestBody,
	} {
		_, found := check(req)
		faults = append(faults, textsOf(found)...)
	}
	return faults
}

// searched reports whether a parameter is the declared one, or a search of several
// columns: name,email_contains for name_contains.
func searched(declared, name string) bool {
	if columns, ok := strings.CutSuffix(name, "_contains"); ok {
		columns, _, _ = strings.Cut(columns, ",")
		name = columns + "_contains"
	}
	return declared == name
}

func (c *apiContract) answerFaults(template string, req *http.Request, op *v3.Operation, res *http.Response, told []byte) (faults []string) {
	status := fmt.Sprint(res.StatusCode)
	declared := op.Responses.Codes.GetOrZero(status)
	if declared == nil && slices.Contains([]int{408, 413, 415, 431, 500}, res.StatusCode) {
		declared = op.Responses.Default
	}
	if declared == nil {
		return []string{"undeclared status"}
	}
	known := slices.Clone(plainHeaders)
	if declared.Headers != nil {
		for name := range declared.Headers.KeysFromOldest() {
			known = append(known, http.CanonicalHeaderKey(name))
		}
	}
	for name := range res.Header {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "Access-Control-") {
			faults = append(faults, "undeclared header "+name)
		}
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if len(told) > 0 && (declared.Content == nil || declared.Content.GetOrZero(media) == nil) {
		return append(faults, "undeclared media type "+media)
	}
	if !strings.HasSuffix(media, "json") || strings.HasPrefix(media, "application/vnd") {
		return faults
	}
	answer := &http.Response{StatusCode: res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(told))}
	_, found := c.validator.GetResponseBodyValidator().ValidateResponseBody(req, answer)
	return append(faults, textsOf(found)...)
}

// plainHeaders are the headers of HTTP itself, which every answer may have.
var plainHeaders = []string{"Content-Type", "Content-Length", "Date", "Connection", "Allow", "Cache-Control"}

func textsOf(found []*verrors.ValidationError) (texts []string) {
	for _, f := range found {
		text := f.Message + ": " + f.Reason
		for _, s := range f.SchemaValidationErrors {
			text += "; " + s.FieldPath + " " + s.Reason
		}
		texts = append(texts, text)
	}
	return texts
}

// seen reports whether an exchange of the same shape was checked before: the same
// method, path without ids, parameters, status, headers, and names and types of the
// values in both bodies.
func (c *apiContract) seen(req *http.Request, asked []byte, res *http.Response, told []byte) bool {
	var key strings.Builder
	for _, part := range strings.Split(req.URL.Path, "/") {
		if strings.ContainsAny(part, "_-") {
			part = "*"
		}
		key.WriteString("/" + part)
	}
	fmt.Fprintln(&key, req.Method, res.StatusCode, req.URL.RawQuery, res.Header.Get("Content-Type"))
	for _, h := range []http.Header{req.Header, res.Header} {
		names := make([]string, 0, len(h))
		for name := range h {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintln(&key, names)
	}
	for _, body := range [][]byte{asked, told} {
		var value any
		if json.Unmarshal(body, &value) == nil {
			all := map[string]bool{}
			shapeOf(all, "", value)
			names := make([]string, 0, len(all))
			for name := range all {
				names = append(names, name)
			}
			slices.Sort(names)
			fmt.Fprintln(&key, names)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.checked[key.String()]
	c.checked[key.String()] = true
	return was
}

// shapeOf collects the paths of a JSON value with their types. Words count by
// themselves, because an enum may name them.
func shapeOf(all map[string]bool, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		all[path+"{}"] = true
		for name, inner := range v {
			shapeOf(all, path+"."+name, inner)
		}
	case []any:
		all[path+"[]"] = true
		for _, inner := range v {
			shapeOf(all, path+"[]", inner)
		}
	case string:
		if len(v) > 24 || strings.ContainsAny(v, "-. ") {
			v = "text"
		}
		all[path+"="+v] = true
	default:
		all[fmt.Sprintf("%s:%T", path, v)] = true
	}
}
