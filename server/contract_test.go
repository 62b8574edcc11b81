package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	verrors "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// contract is the OpenAPI document that every exchange of the tests is held to. A
// request that succeeds must be one that the document describes, and so must every
// answer. A request that is refused for its form must not be one that the document
// describes. Exchanges of the same shape are checked once.
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
	right, wrong := judged(req, asked, res.StatusCode, told)
	for _, body := range right {
		faults = append(faults, c.requestFaults(req, op, body)...)
	}
	for _, body := range wrong {
		if len(c.requestFaults(req, op, body)) == 0 {
			faults = append(faults, fmt.Sprintf("it allows %.300s, and beyondSchemas has no reason for that", body))
		}
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(asked))
	return append(faults, c.answerFaults(template, again, op, res, told)...)
}

// judged returns the bodies that the document must allow, and those that it must not. Of
// a bulk request, each row is judged by itself.
func judged(req *http.Request, asked []byte, status int, told []byte) (right, wrong [][]byte) {
	var rows struct{ Items []json.RawMessage }
	var answers struct {
		Items []struct{ Problem *problemBody }
	}
	var refusal problemBody
	switch {
	case status < 300 && strings.HasSuffix(req.URL.Path, "/bulk") && json.Unmarshal(asked, &rows) == nil &&
		json.Unmarshal(told, &answers) == nil && len(answers.Items) == len(rows.Items):
		var done [][]byte
		for i, row := range rows.Items {
			if p := answers.Items[i].Problem; p == nil {
				done = append(done, row)
			} else if p.ofForm() {
				wrong = append(wrong, fmt.Appendf(nil, `{"items":[%s]}`, row))
			}
		}
		if len(done) > 0 {
			right = [][]byte{fmt.Appendf(nil, `{"items":[%s]}`, bytes.Join(done, []byte(",")))}
		}
	case status < 300:
		right = [][]byte{asked}
	case json.Unmarshal(told, &refusal) == nil && refusal.ofForm():
		wrong = [][]byte{asked}
	}
	return right, wrong
}

// ofForm reports whether a refusal is one for the form of the request, which a client that
// was generated from the document finds without a request.
func (p *problemBody) ofForm() bool {
	if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusBadRequest || p.Questions != nil {
		return false
	}
	details := []string{p.Detail}
	if len(p.Errors) > 0 {
		details = details[:0]
		for _, fault := range p.Errors {
			details = append(details, fault.Detail)
		}
	}
	return slices.ContainsFunc(details, func(text string) bool {
		return formFaults.MatchString(text) && !slices.ContainsFunc(beyondSchemas, func(rule beyondSchema) bool { return rule.detail.MatchString(text) })
	})
}

// formFaults are the texts of refusals for the form of a value, or for its absence. Other
// texts are about what a value refers to, or what its user may do.
var formFaults = regexp.MustCompile(`must (be|have) |is longer than|has more than|is missing|is given more than once|has no value|is not (a known|an ISO|an IANA|an email|a prefix|between)|has an? (entry|area|blank)`)

// beyondSchema is a rule that no schema can state, or none that clients could use.
type beyondSchema struct {
	detail *regexp.Regexp // of its refusals
	why    string
}

var beyondSchemas = []beyondSchema{
	{regexp.MustCompile(`does not belong to this (list|question)\.$|^after is not a cursor|^cursor belongs to a revision|^Resellerd-At-Least is not a revision|^plan is not known`),
		"a sealed text is opened"},
	{regexp.MustCompile(`(does not name|names) an? |does not exist\.$|is not one of groups\.$|not directly below|is not a customer|is not a provider card|is not assigned to|another direction|exchange rate`),
		"a reference is looked up"},
	{regexp.MustCompile(`is not a known (parameter|field)|^sort must be one of|cannot be (used to select|compared)|is for who reads|names no reference|the policy (reads|does not read)|cannot express this filter`),
		"the policy decides what a user can name"},
	{regexp.MustCompile(`in the (future|past)\.$|^at is before the time|valid_to must be after`), "the clock decides"},
	{regexp.MustCompile(`cannot be combined|appl(ies|y) only to|does not fit together|given together|is only for|is not for a stream|is part of the plan|is given beside|is needed because|for mysql\.$|^external_id must be|\.(type|value) is (missing|too small)|dialect must be one of|own data\.$|lists itself\.$|a list of 1 to 100 objects\.$|^(evaluations\.[0-9]+\.)?(subject|action|resource) is missing\.$`),
		"what one value may be depends on another"},
	{regexp.MustCompile(`^Idempotency-Key was already used|has several tenants|no active revision|is one profile more|names more than|takes at most 20 filters|cannot be applied`),
		"what is stored, or the number of rows or parameters, decides"},
	{regexp.MustCompile(`^status must be (active or paused|draft)|at least one group\.$`), "what an answer says can be sent back"},
	{regexp.MustCompile(`^url has an address`), "the network of the server decides"},
	{regexp.MustCompile(`refused line|^The file |PREFIX=PRICE|documented form|a fault in entry|has invalid text`), "a file, or what is said of its cells, is no JSON"},
	{regexp.MustCompile(`^The JSON is malformed|^The gzip body`), "readers of JSON and gzip find it earlier, or never"},
	{regexp.MustCompile(`more than once\.$|has the prefix [0-9]+ twice`), "elements are equal in one member, and headers have no number"},
	{regexp.MustCompile(`is not an (ISO 4217 code|IANA time zone|email address)\.$|the code of a currency|CIDR notation\.$|begins like an id of resellerd\.$|^(filters\.[0-9]+\.)?columns\.`), "the exact grammar has no pattern that clients could use"},
	{regexp.MustCompile(`more than accents\.$`), "accents have no pattern"},
	{regexp.MustCompile(`^options\.evaluations_semantic must be`), "the options of AuthZEN are open"},
	{regexp.MustCompile(`^name must have 1 to 64 letters`), "the names in paths have no patterns"},
	{regexp.MustCompile(`^If-Match is the tag of one row|^[A-Z][A-Za-z-]+ (is too long|has invalid text)`), "a request may have headers that no operation names"},
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
	faults = append(faults, queryFaults(req, op)...)
	if op.RequestBody == nil && len(asked) > 0 && string(asked) != "{}" {
		faults = append(faults, "undeclared body")
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(asked))
	params := c.validator.GetParameterValidator()
	for _, check := range []func(*http.Request) (bool, []*verrors.ValidationError){
		params.ValidatePathParams, params.ValidateQueryParams, params.ValidateHeaderParams, c.validator.GetRequestBodyValidator().ValidateRequestBody,
	} {
		_, found := check(req)
		faults = append(faults, textsOf(found)...)
	}
	return faults
}

// queryFaults are the faults that the validator does not look for: repeated parameters, and
// what the elements of a list and truth values may be.
func queryFaults(req *http.Request, op *v3.Operation) (faults []string) {
	for _, p := range op.Parameters {
		values, sent := req.URL.Query()[p.Name]
		if p.In != "query" || !sent {
			continue
		}
		of := p.Schema.Schema()
		switch {
		case slices.Contains(of.Type, "array"):
			if p.Explode != nil && !*p.Explode {
				values = strings.Split(strings.Join(values, ","), ",")
			}
			if of.MaxItems != nil && len(values) > int(*of.MaxItems) {
				faults = append(faults, p.Name+" has too many values")
			}
			of = of.Items.A.Schema()
		case len(values) > 1:
			faults = append(faults, p.Name+" is given more than once")
		}
		for _, value := range values {
			if !allows(of, value) {
				faults = append(faults, fmt.Sprintf("%s: %q", p.Name, value))
			}
		}
	}
	return faults
}

// allows reports whether a schema allows the text of a parameter.
func allows(of *base.Schema, value string) bool {
	for _, word := range of.Enum {
		if word.Value == value {
			return true
		}
	}
	var err error
	switch {
	case of.Format == "date-time":
		_, err = time.Parse(time.RFC3339Nano, value)
	case slices.Contains(of.Type, "boolean") && value != "true" && value != "false":
		return false
	}
	return err == nil && len(of.Enum) == 0 && (of.Pattern == "" || regexp.MustCompile(of.Pattern).MatchString(value)) && (of.MinLength == nil || int64(len(value)) >= *of.MinLength)
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
