package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	v := validator.NewValidatorFromV3Model(&model.Model, config.WithAuthenticationFunc(identified),
		config.WithBodyDecoder(mediaNDJSON, content.DecoderFunc(textOf)), config.WithFormatAssertions())
	return &apiContract{validator: v, model: &model.Model, checked: map[string]bool{}}, nil
})

// identified reports whether a request identifies its caller or its acting user in one of the ways that the document
// names. A user's own token has the form of a JWT, and a panel token has another one.
func identified(_ context.Context, in *config.AuthenticationInput) error {
	bearer, _ := strings.CutPrefix(in.Request.Header.Get("Authorization"), "Bearer ")
	is := in.Request.Header.Get(in.SecurityScheme.Name) != ""
	switch in.SecuritySchemeName {
	case "panelToken":
		is = bearer != "" && strings.Count(bearer, ".") != 2
	case "userToken":
		is = strings.Count(bearer, ".") == 2
	}
	if !is {
		return errors.New("it is not sent")
	}
	return nil
}

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
// OpenAPI document. The requests of the tests go through it, except those to routes that
// exist only in a test, those that measure memory, and those that are about connections:
// they are sent as bytes, or by a client of their own.
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
	if len(right) > 0 {
		_, found := c.validator.GetParameterValidator().ValidateSecurity(req)
		faults = append(faults, textsOf(found)...)
	}
	for _, body := range right {
		for _, found := range c.requestFaults(req, op, body) {
			faults = append(faults, found.text)
		}
	}
	name := strings.ToUpper(req.Method) + " " + template
	for _, one := range wrong {
		faults = append(faults, c.unfounded(name, req, op, one)...)
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(asked))
	return append(faults, c.answerFaults(template, again, op, res, told)...)
}

// refusedBody is a body that was refused for its form, with the refusal.
type refusedBody struct {
	body []byte
	told *problemBody
	row  bool // a row of a bulk request, which stands alone in the body
}

// judged returns the bodies that the document must allow, and those that were refused for their form. Of
// a bulk request, each row is judged by itself.
func judged(req *http.Request, asked []byte, status int, told []byte) (right [][]byte, wrong []refusedBody) {
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
				wrong = append(wrong, refusedBody{fmt.Appendf(nil, `{"items":[%s]}`, row), p, true})
			}
		}
		if len(done) > 0 {
			right = [][]byte{fmt.Appendf(nil, `{"items":[%s]}`, bytes.Join(done, []byte(",")))}
		}
	case status < 300:
		right = [][]byte{asked}
	case json.Unmarshal(told, &refusal) == nil && refusal.ofForm():
		wrong = []refusedBody{{asked, &refusal, false}}
	}
	return right, wrong
}

// ofForm reports whether a refusal may be one for the form of the request, which a client that
// was generated from the document finds without a request.
func (p *problemBody) ofForm() bool {
	return (p.Status == http.StatusUnprocessableEntity || p.Status == http.StatusBadRequest) && p.Questions == nil
}

// toldFault is one fault that a refusal names.
type toldFault struct{ pointer, field, detail string }

func (p *problemBody) faults() (all []toldFault) {
	for _, one := range p.Errors {
		all = append(all, toldFault{pointer: one.Pointer, detail: one.Detail})
	}
	if len(all) == 0 {
		all = []toldFault{{field: p.Field, detail: p.Detail}}
	}
	return all
}

// unfounded returns the faults of a refusal for which the document has none at the same place, and beyondSchemas no reason.
func (c *apiContract) unfounded(name string, req *http.Request, op *v3.Operation, one refusedBody) (faults []string) {
	found := c.requestFaults(req, op, one.body)
	for _, fault := range one.told.faults() {
		if one.row {
			fault.pointer = "/items/0" + fault.pointer
		}
		if slices.ContainsFunc(found, func(f requestFault) bool { return f.at(fault) }) || beyondSchemas.excuse(name, fault.detail) {
			continue
		}
		faults = append(faults, fmt.Sprintf("it allows %.300s at %q, which %s refuses with %q, and beyondSchemas has no reason for that; it refuses %v",
			one.body, fault.pointer+fault.field, name, fault.detail, found))
	}
	return faults
}

// requestFault is a fault that the document finds in a request.
type requestFault struct {
	path  string // a JSON pointer into the body; "" for the whole body, or for another part
	name  string // of a parameter
	whole bool   // there may be no body, or none of this type: any fault of the body is this one
	text  string
}

// at reports whether a fault is where a refusal says.
func (f requestFault) at(told toldFault) bool {
	switch {
	case told.pointer == "":
		return told.field == "" || f.name == told.field || f.name == "" && (f.path == "/"+told.field || strings.Contains(f.text, told.field))
	case f.name != "":
		return false
	case f.whole || strings.HasPrefix(f.path+"/", told.pointer+"/"):
		return true
	}
	parent, last := told.pointer[:strings.LastIndexByte(told.pointer, '/')], told.pointer[strings.LastIndexByte(told.pointer, '/')+1:]
	return f.path == parent && strings.Contains(f.text, "'"+strings.NewReplacer("~1", "/", "~0", "~").Replace(last)+"'")
}

// beyondSchema is a rule that no schema can state, or none that clients could use. It excuses a refusal only where the
// document has no fault at the same place.
type beyondSchema struct {
	of     *regexp.Regexp // the operations that have it: "POST /v1/customers"
	detail *regexp.Regexp // of its refusals
	why    string
	used   *atomic.Bool
}

type beyondSchemaList []beyondSchema

// excuse reports whether a rule beyond schemas refuses a request to an operation with this detail.
func (all beyondSchemaList) excuse(name, detail string) (is bool) {
	for _, rule := range all {
		if rule.of.MatchString(name) && rule.detail.MatchString(detail) {
			rule.used.Store(true)
			is = true
		}
	}
	return is
}

func beyond(of, detail, why string) beyondSchema {
	return beyondSchema{regexp.MustCompile(of), regexp.MustCompile(detail), why, new(atomic.Bool)}
}

var beyondSchemas = beyondSchemaList{
	beyond(`.`, `^Resellerd-At-Least is not a revision`, "a sealed text is opened"),
	beyond(`^GET /v1/`, `^cursor (does not belong to this list|belongs to a revision)`, "a sealed text is opened"),
	beyond(`^GET /v1/(changes|audit/export)$`, `^after is not a cursor`, "a sealed text is opened"),
	beyond(`^POST /access/v1/search/`, `^page\.token does not belong to this question`, "a sealed text is opened"),
	beyond(`^POST /v1/cards/\{id\}/import$`, `^plan is not known`, "a sealed text is opened"),
	beyond(`^(POST|PUT|PATCH) /v1/(accounts|groups|users|customers|cards|webhooks)`, `(account|parent|user)_id does not name an? (account|user)`, "a reference is looked up"),
	beyond(`^POST /v1/webhooks`, `^user_id names a user with ip_allow`, "a reference is looked up"),
	beyond(`^(POST|PUT|PATCH) /v1/(accounts|groups|users)`, `(groups has a group that does not exist|group_ends has a group that is not one of groups|names an account that is not directly below)\.$`, "a reference is looked up"),
	beyond(`^(POST|PUT|PATCH) /v1/cards`, `parents has a card (that does not exist|that is not assigned to the account|of the account that is not a provider card|of another direction)`, "a reference is looked up"),
	beyond(`^PUT /v1/cards/\{id\}/(assignments|customers)/`, `^account_id is not directly below the card's owner|^customer_id is not a customer of the card's account`, "a reference is looked up"),
	beyond(`^(POST /v1/cards/\{id\}/proof|GET /v1/cards/\{id\}/revisions/\{revision\}/diff)$`, `^(revision_id|with) does not name a revision of the card|^revision_id is missing: the card has no active revision`, "a reference is looked up"),
	beyond(`^(GET|PATCH|POST|PUT) /v1/`, `is not a known (parameter|field)\.$|^sort must be one of|cannot be used to (select|sort) by\.$`, "the policy decides what a user can name, and what is shown can be sent back"),
	beyond(`^(POST|PUT|PATCH) /v1/cards`, `external_id is for who reads provider and customer cards alike`, "the policy decides what a user can name"),
	beyond(`^POST /v1/filters$`, `(is missing: the (policy reads it|store has several tenants)|holds external ids, and the tenant has none|must name a column|must have (one of the types|a collation))`, "the policy and the store decide about columns"),
	beyond(`^POST /v1/filters$`, `area must (be the name of an area|not be a type)|dialect must be one of|for mysql\.$|^single_tenant is only for`, "what one value may be depends on another, or on the policy"),
	beyond(`^POST /v1/lookup$`, `^numbers must be a list of 1 to 100 objects when at is given`, "a past time takes fewer numbers"),
	beyond(`^(GET|POST) /v1/(cards/\{id\}/rates|customers/\{id\}/billing|lookup)$`, `^at (is in the future|is before the time|cannot be combined)`, "the clock decides, and one parameter excludes another"),
	beyond(`^(POST|PUT|PATCH) /v1/(users|cards)`, `must have times in the future|live_at must be in the future|valid_to must be after`, "the clock decides"),
	beyond(`^GET /v1/`, `is not for a stream, which holds all rows`, "the media type decides what a list takes"),
	beyond(`^POST /v1/cards/\{id\}/import$`, `is only for mode=|is part of the plan|is given beside a body|^skip_refused is needed|refused lines, which block|^The file |^Line [0-9]+: |PREFIX=PRICE`, "a file, or another parameter, decides"),
	beyond(`^PUT /v1/import-profiles/`, `has a fault in entry|^name must have 1 to 64 letters|is one profile more`, "a file's options are read as such, and names in paths have no patterns"),
	beyond(`^POST /v1/cards$`, `^carrier applies only to provider cards`, "what one value may be depends on another"),
	beyond(`^(POST|PUT|PATCH) /v1/cards`, `does not fit together|\.(rounding|value) is (missing|too small)`, "what one value of a rule may be depends on another"),
	beyond(`^POST /v1/accounts$`, `^group\.name is missing`, "a template may give what the group lacks"),
	beyond(`^PUT /v1/.*/by-external-id/`, `^(name|currency|login) is missing|^groups must have at least one group|^external_id must be the external id`, "what is stored, and the path, decide what a row needs"),
	beyond(`^(POST|PUT|PATCH) /v1/.*/bulk$`, `^items must be a list of 1 to`, "atomic requests have fewer rows"),
	beyond(`^POST /access/v1/`, `^(evaluations\.[0-9]+\.)?(subject|action|resource)(\.id)? is (missing|empty)`, "what an evaluation needs may stand in the whole request, and depends on the type"),
	beyond(`^POST /access/v1/evaluations$`, `^options\.evaluations_semantic must be`, "the options of AuthZEN are open"),
	beyond(`^(POST|PUT|PATCH) /v1/`, `^Idempotency-Key was already used`, "what is stored decides"),
	beyond(`^(POST|PATCH|PUT) /v1/(users|webhooks|cards/\{id\}/revisions)`, `^status must be (active or paused|draft)|at least one group\.$`, "what an answer says can be sent back"),
	beyond(`^(POST|PATCH) /v1/webhooks`, `^url has an address`, "the network of the server decides"),
	beyond(`^POST /`, `^The JSON is malformed|^The gzip body`, "readers of JSON and gzip find it earlier, or never"),
	beyond(`.`, `is (sent|given) more than once\.$`, "elements are equal in one member, and headers have no number"),
	beyond(`^PUT /v1/destinations$`, `has the prefix [0-9]+ twice`, "elements are equal in one member"),
	beyond(`^(GET|POST|PUT|PATCH) /v1/`, `(is not an (ISO 4217 code|IANA time zone)|the code of a currency.*|CIDR notation|begins like an id of resellerd)\.$`, "the exact grammar has no pattern that clients could use"),
	beyond(`^GET /v1/`, `must be a text with more than accents|has invalid text`, "accents have no pattern, and addresses may have any bytes"),
	beyond(`^(POST|PUT|PATCH) /v1/.*/bulk$`, `^If-Match is the tag of one row`, "a request may have headers that no operation names"),
	beyond(`^GET /v1/me$`, `^[A-Z][A-Za-z-]+ is too long`, "a request may have headers that no operation names"),
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

func (c *apiContract) requestFaults(req *http.Request, op *v3.Operation, asked []byte) (faults []requestFault) {
	for name := range req.URL.Query() {
		if strings.HasPrefix(req.URL.Path, "/v1/") && !slices.ContainsFunc(op.Parameters, func(p *v3.Parameter) bool { return p.In == "query" && searched(p.Name, name) }) {
			faults = append(faults, requestFault{name: name, text: "undeclared parameter " + name})
		}
	}
	faults = append(faults, queryFaults(req, op)...)
	if op.RequestBody == nil && len(asked) > 0 && string(asked) != "{}" {
		faults = append(faults, requestFault{whole: true, text: "undeclared body"})
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(asked))
	params := c.validator.GetParameterValidator()
	for _, check := range []func(*http.Request) (bool, []*verrors.ValidationError){
		params.ValidatePathParams, params.ValidateQueryParams, params.ValidateHeaderParams, c.validator.GetRequestBodyValidator().ValidateRequestBody,
	} {
		_, found := check(req)
		for _, f := range found {
			if f.ParameterName != "" || len(f.SchemaValidationErrors) == 0 {
				faults = append(faults, requestFault{name: f.ParameterName, whole: f.ParameterName == "" && len(asked) == 0, text: f.Message + ": " + f.Reason})
				continue
			}
			for _, s := range f.SchemaValidationErrors {
				faults = append(faults, requestFault{path: pathOf(s), text: s.Reason})
			}
		}
	}
	return faults
}

// pathOf is the JSON pointer to the value that does not match a schema. The validator does not say where the name of a
// property stands that may have any name: then the place of the schema does.
func pathOf(s *verrors.SchemaValidationFailure) string {
	steps := s.InstancePath // written as in a pointer
	if above, _, of := strings.Cut(s.KeywordLocation, "/propertyNames"); of && len(steps) == 0 {
		for _, found := range regexp.MustCompile(`/properties/([^/]+)`).FindAllStringSubmatch(above, -1) {
			steps = append(steps, found[1])
		}
	}
	return strings.Join(append([]string{""}, steps...), "/")
}

// queryFaults are the faults that the validator does not look for: repeated parameters, and
// what the elements of a list and truth values may be.
func queryFaults(req *http.Request, op *v3.Operation) (faults []requestFault) {
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
				faults = append(faults, requestFault{name: p.Name, text: p.Name + " has too many values"})
			}
			of = of.Items.A.Schema()
		case len(values) > 1:
			faults = append(faults, requestFault{name: p.Name, text: p.Name + " is given more than once"})
		}
		for _, value := range values {
			if !allows(of, value) {
				faults = append(faults, requestFault{name: p.Name, text: fmt.Sprintf("%s: %q", p.Name, value)})
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
// method, path without ids, parameters, status, headers, names and types of the
// values in both bodies, and faults.
func (c *apiContract) seen(req *http.Request, asked []byte, res *http.Response, told []byte) bool {
	var key strings.Builder
	for _, part := range strings.Split(req.URL.Path, "/") {
		if strings.ContainsAny(part, "_-") {
			part = "*"
		}
		key.WriteString("/" + part)
	}
	fmt.Fprintln(&key, req.Method, res.StatusCode, req.URL.RawQuery, req.Header.Get("Content-Type"), res.Header.Get("Content-Type"))
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
	for _, fault := range toldFaults(res.StatusCode, told) {
		fmt.Fprintln(&key, fault)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.checked[key.String()]
	c.checked[key.String()] = true
	return was
}

// toldFaults are the faults that an answer names: each of them is checked.
func toldFaults(status int, told []byte) (all []toldFault) {
	var body struct {
		problemBody
		Items []struct{ Problem *problemBody }
	}
	if json.Unmarshal(told, &body) != nil {
		return nil
	}
	for _, one := range body.Items {
		if one.Problem != nil && one.Problem.ofForm() {
			all = append(all, one.Problem.faults()...)
		}
	}
	if body.ofForm() && status == body.Status {
		all = append(all, body.faults()...)
	}
	return all
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
