package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/fault"
)

// problemKind is one row of the error table.
type problemKind struct {
	code   string // last part of the RFC 9457 type
	status int
	title  string
	when   string // whole sentences, for the page of panel developers
}

// The complete error table. Callers handle errors by these codes.
var (
	kindBadRequest = problemKind{"bad_request", 400, "The request cannot be read",
		"The JSON is malformed, or a parameter or header has no meaning."}
	kindUnauthorized = problemKind{"unauthorized", 401, "No valid token or acting user",
		"The token is missing or invalid, or no acting user is named."}
	kindForbidden = problemKind{"forbidden", 403, "Not allowed",
		"The user sees the row and may not do this, or may not enter the area: see `reasons`. Without reasons, `detail` says why: the token lacks a scope for the route or the `field`, a panel token came with an `Origin` header, a header or question is not for this caller, a preview would write, the user could not see the new row, or no decision could be made."}
	kindUnknownUser = problemKind{"unknown_user", 403, "The acting user is not known or not active",
		"The acting user is unknown, disabled, ambiguous or suspended. Only the log says which."}
	kindNotFound = problemKind{"not_found", 404, "Not found",
		"The row does not exist, or not for this user."}
	kindNoRoute = problemKind{"unknown_route", 404, "No such path",
		"The API has no such path. Paths are case-sensitive and have no slash at the end."}
	kindMethod = problemKind{"method_not_allowed", 405, "Method not allowed",
		"The path has other methods: see `Allow`."}
	kindNotAcceptable = problemKind{"not_acceptable", 406, "No acceptable media type",
		"No media type in `Accept` is available here."}
	kindTimeout = problemKind{"request_timeout", 408, "The request did not arrive in time",
		"The whole request did not arrive in time."}
	kindConflict = problemKind{"conflict", 409, "Conflict with existing data",
		"Something visible is in the way, such as a login that is taken. See `field` and, if there are any, `reasons`."}
	kindRevisionLost = problemKind{"revision_lost", 409, "The data revision is lost",
		"The database does not have the commit of `Resellerd-At-Least`. An older copy has replaced it, or more than 65,536 commits have followed. Drop the stored revision and repeat the request."}
	kindStale = problemKind{"precondition_failed", 412, "The row has changed since it was read",
		"The row has changed since the `ETag` in `If-Match` was read."}
	kindTooLarge = problemKind{"content_too_large", 413, "The request body is too large",
		"The body is over the limit, packed or unpacked."}
	kindMediaType = problemKind{"unsupported_media_type", 415, "Unsupported media type",
		"The body is not JSON, or has another encoding than gzip."}
	kindInvalid = problemKind{"invalid", 422, "A field is not valid",
		"`field` is not valid, or refers to something that does not exist for this user."}
	kindBusy = problemKind{"too_many_requests", 429, "Too many requests",
		"The account has as many files, long requests, waiting writes or sorted streams as it may have. `RateLimit` says how many more it may have. `Retry-After` says when to try again."}
	kindHeadersTooLarge = problemKind{"headers_too_large", 431, "The request headers are too large",
		"The request line and headers are over the limit."}
	kindInternal = problemKind{"internal", 500, "Internal error",
		"A fault of resellerd. The log has it under the `decision_id`."}
	kindUnavailable = problemKind{"unavailable", 503, "Not available now",
		"The database does not answer, no policy is loaded, the data is older than `Resellerd-At-Least`, or there is too much work in progress. `Retry-After` says when to try again."}
)

var problemKinds = []problemKind{
	kindBadRequest, kindUnauthorized, kindForbidden, kindUnknownUser, kindNotFound, kindNoRoute, kindMethod,
	kindNotAcceptable, kindTimeout, kindConflict, kindRevisionLost, kindStale, kindTooLarge, kindMediaType,
	kindInvalid, kindBusy, kindHeadersTooLarge, kindInternal, kindUnavailable,
}

// ErrorDoc documents a type of problem: its code, and when callers get it.
type ErrorDoc struct {
	Code        string // last part of the RFC 9457 type
	Status      int
	Title, When string
}

// Errors documents every type of problem that the server answers with.
func Errors() []ErrorDoc {
	docs := make([]ErrorDoc, len(problemKinds))
	for i, k := range problemKinds {
		docs[i] = ErrorDoc{Code: k.code, Status: k.status, Title: k.title, When: k.when}
	}
	return docs
}

// problem is an error with an answer. Cause is logged, never sent.
type problem struct {
	kind    problemKind
	detail  string // whole sentences, which are shown without the field
	field   string
	reasons []string
	cause   error
	errors  []bodyFault // of single fields; then field and detail follow from them

	inTheWay *rowInTheWay // that the write conflicts with; nil if unknown

	questions []cardfile.Question // that a file leaves open
	mapping   []cardfile.Mapped   // of the columns of that file
	revisions []importedBody      // what the file would change
}

func (p *problem) Error() string {
	text := p.kind.code
	if _, detail := p.told(); detail != "" {
		text += ": " + detail
	}
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

func (p *problem) Unwrap() error { return p.cause }

// told returns the first field that is not valid, and the detail.
func (p *problem) told() (field, detail string) {
	if len(p.errors) == 0 {
		return p.field, p.detail
	}
	return p.errors[0].field, details(p.errors)
}

// badRequest is the problem of a malformed request. text describes the fault.
func badRequest(text string) error {
	return &problem{kind: kindBadRequest, detail: fault.Sentence("", text)}
}

// malformed says what is wrong with a value that cannot be read. The text continues
// its name.
func malformed(name, text string) error {
	return &problem{kind: kindBadRequest, detail: fault.Sentence(name, text)}
}

// unauthorized answers 401. Text never says whether a token was close.
func unauthorized(text string) error {
	return &problem{kind: kindUnauthorized, detail: fault.Sentence("", text)}
}

// forbidden answers 403 where no policy was asked: a missing scope, a header
// that this caller may not send.
func forbidden(text string) error {
	return &problem{kind: kindForbidden, detail: fault.Sentence("", text)}
}

// unknownUser is the same answer for an acting user who is unknown, disabled,
// ambiguous or suspended. Cause holds the true reason, for the log.
func unknownUser(cause error) error {
	return &problem{kind: kindUnknownUser, reasons: []string{session.ReasonUnknownUser}, cause: cause}
}

// notFound is the same answer for an absent row and for one that is not visible.
func notFound() error { return &problem{kind: kindNotFound} }

// invalid describes the fault in a field of the body or query ("" for the whole
// of it).
func invalid(field, text string) error {
	return &problem{kind: kindInvalid, field: field, detail: fault.Sentence(field, text)}
}

// stale answers a failed If-Match.
func stale() error { return &problem{kind: kindStale} }

// unavailable answers 503; the caller may retry.
func unavailable(cause error) error { return &problem{kind: kindUnavailable, cause: cause} }

// denied turns a denial into its answer: 404 if the resource is not visible, or
// else 403 with the reasons. An error outcome has no reasons.
func denied(d policies.Decision) error {
	if slices.Contains(d.Reasons, policies.ReasonNotVisible) {
		return notFound()
	}
	if errors.Is(d.Err, session.ErrNotRecorded) {
		return d.Err
	}
	if d.Outcome == policies.OutcomeError {
		return &problem{kind: kindForbidden, detail: "No decision could be made.", cause: d.Err}
	}
	return &problem{kind: kindForbidden, reasons: d.Reasons}
}

// problemOf returns the answer to any error. An error that is not listed is
// internal.
func problemOf(err error) *problem {
	if p := refusalOf(err); p != nil {
		return p
	}
	var p *problem
	var fe *fiber.Error
	var bad *fault.FieldError
	var why *store.ReasonError
	var waited *fault.WaitError
	switch {
	case errors.As(err, &waited):
		return &problem{kind: kindUnavailable, detail: fault.Sentence("", waited.Error()), cause: err}
	case errors.Is(err, fault.ErrUnavailable): // this comes first: it can wrap any other error
		return &problem{kind: kindUnavailable, cause: err}
	case errors.Is(err, store.ErrRatesHidden):
		return &problem{kind: kindForbidden, detail: "The acting user may not read all rates that this request needs.",
			reasons: []string{session.ReasonRatesHidden}, cause: err}
	case errors.As(err, &why):
		p = problemOf(why.Err)
		p.reasons, p.cause = []string{why.Code}, err
		if all := storedFaults(err); len(all) > 0 {
			p.errors = all
		}
		return p
	case errors.As(err, &bad):
		return fieldProblem(bad, err)
	case errors.Is(err, fault.ErrNotFound):
		return &problem{kind: kindNotFound, cause: err}
	case errors.Is(err, fault.ErrConflict):
		return &problem{kind: kindConflict, cause: err}
	case errors.Is(err, fault.ErrInvalid):
		return &problem{kind: kindInvalid, cause: err}
	case errors.Is(err, session.ErrNotRecorded),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &problem{kind: kindUnavailable, cause: err}
	case errors.As(err, &fe):
		return &problem{kind: kindOfStatus(fe.Code), cause: err}
	}
	return &problem{kind: kindInternal, cause: err}
}

// refusalOf returns the answer to a refusal by a handler or a session, or nil
// for any other error.
func refusalOf(err error) *problem {
	var p *problem
	var unknown *session.UnknownUserError
	var no *session.DeniedError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, session.ErrNoUser):
		err = unauthorized(session.ErrNoUser.Error())
	case errors.As(err, &unknown):
		err = unknownUser(unknown.Cause)
	case errors.As(err, &no):
		err = denied(no.Decision)
	case errors.Is(err, insight.ErrTargetNotActive), errors.Is(err, insight.ErrTargetAccountNotActive):
		err = forbidden(err.Error())
	}
	if errors.As(err, &p) {
		return p
	}
	return nil
}

func fieldProblem(bad *fault.FieldError, err error) *problem {
	kind := kindInvalid
	if errors.Is(bad, fault.ErrConflict) {
		kind = kindConflict
	}
	return &problem{kind: kind, field: bad.Field, detail: fault.Sentence(bad.Field, bad.Text), cause: err, errors: storedFaults(err)}
}

func kindOfStatus(status int) problemKind {
	for _, k := range problemKinds {
		if k.status == status {
			return k
		}
	}
	if status >= 400 && status < 500 {
		return kindBadRequest
	}
	return kindInternal
}

// problemBody is the document of RFC 9457. JSON has the fields in this order.
type problemBody struct {
	Type       string   `json:"type" description:"urn:resellerd:problem: and the code"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Detail     string   `json:"detail,omitempty"`
	Field      string   `json:"field,omitempty" description:"the field that is not valid"`
	DecisionID string   `json:"decision_id,omitempty"`
	Reasons    []string `json:"reasons,omitempty" description:"reason codes of the policy"`

	Errors []problemError `json:"errors,omitempty" description:"every fault of the body's fields, at most 100"`

	InTheWay *rowInTheWay `json:"in_the_way,omitempty" description:"the row that has the value which must be unique; only if the user is shown the row and the column"`

	Questions []cardfile.Question `json:"questions,omitempty" description:"what an import does not know; each choice is a parameter that answers the question"`
	Mapping   []cardfile.Mapped   `json:"mapping,omitempty" description:"the columns of the imported file"`
	Revisions []importedBody      `json:"revisions,omitempty" description:"what the import would change, if only numbers are doubtful"`
}

// problemError is one fault of a body.
type problemError struct {
	Pointer string `json:"pointer" required:"true" format:"json-pointer" description:"the field in the body (RFC 6901)"`
	Detail  string `json:"detail" required:"true"`
}

const (
	problemType      = "urn:resellerd:problem:"
	problemMediaType = "application/problem+json"
)

// retryAfter is the number of seconds after which a caller may retry, by status.
var retryAfter = map[int]int{http.StatusServiceUnavailable: 1, http.StatusTooManyRequests: 10}

// document is the problem as it is sent. takes are the fields that the body of the
// request may have.
func (p *problem) document(decisionID string, takes map[string]bool) problemBody {
	field, detail := p.told()
	return problemBody{
		Type: problemType + p.kind.code, Title: p.kind.title, Status: p.kind.status,
		Detail: detail, Field: field, DecisionID: decisionID, Reasons: p.reasons, Errors: pointers(p.errors, takes), InTheWay: p.inTheWay,
		Questions: p.questions, Mapping: p.mapping, Revisions: p.revisions,
	}
}

// write answers with the problem.
func (p *problem) write(c *fiber.Ctx, decisionID string, takes map[string]bool) error {
	body, err := json.Marshal(p.document(decisionID, takes))
	if err != nil {
		return err
	}
	c.Response().ResetBody()
	c.Response().Header.Del(fiber.HeaderContentDisposition) // of the file that was asked for
	c.Status(p.kind.status).Set(fiber.HeaderContentType, problemMediaType)
	if p.kind.status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="resellerd"`)
	}
	if seconds, again := retryAfter[p.kind.status]; again {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	}
	return c.Send(body)
}
