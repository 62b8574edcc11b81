package server

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store/fault"
)

// evaluate answers POST /access/v1/evaluation: may this subject do this? A
// denial is a 200 with false. Reasons are added only if the caller asks for
// them.
func evaluate(r *exchange) error {
	q, err := r.readQuestion()
	if err != nil {
		return err
	}
	d, err := r.answer(q)
	if err != nil {
		return err
	}
	return r.sendDecision(d, q)
}

// readQuestion reads and checks the body. Each fault in it is a 400 that names
// the fault.
func (r *exchange) readQuestion() (question, error) {
	body, err := r.jsonBody()
	if err != nil {
		return question{}, err
	}
	return parseQuestion(body)
}

// jsonBody returns the body of an AuthZEN request. Errors: 400 for another media type,
// and those of body.
func (r *exchange) jsonBody() ([]byte, error) {
	if !jsonMediaType(r.c.Request().Header.ContentType()) {
		return nil, badRequest("the content type must be application/json")
	}
	return r.body()
}

// jsonMediaType reports whether a Content-Type is JSON.
func jsonMediaType(header []byte) bool {
	mediaType, _, _ := bytes.Cut(header, []byte(";"))
	return bytes.EqualFold(bytes.TrimSpace(mediaType), []byte(fiber.MIMEApplicationJSON))
}

// answer decides a question. One about a route passes if all that the route needs does.
func (r *inquiry) answer(q question) (policies.Decision, error) {
	if r.Engine.Gateway().Identity(q.subject.typ) {
		q.subject.typ = session.SubjectUser
	}
	if r.isRoute(q) {
		return r.answerRoute(q)
	}
	return r.answerOne(q)
}

// answerOne decides a question. The subject is known if it is a user of the store
// within the token's reach. The policy decides about every other subject.
func (r *inquiry) answerOne(q question) (policies.Decision, error) {
	in := r.questionInput(q)
	if err := r.loadQuestioned(in, q); err != nil {
		return policies.Decision{}, err
	}
	known, err := r.LoadRow(in)
	if err != nil {
		return policies.Decision{}, err
	}
	var d policies.Decision
	if known {
		d = r.Decide(in)
	} else {
		d = r.DecideAbsent(in)
	}
	if d.Allow && r.insight().IsPreview(in) {
		if d, err = r.insight().DecidePreview(in, d); err != nil {
			return policies.Decision{}, err
		}
	}
	if errors.Is(d.Err, session.ErrNotRecorded) {
		return policies.Decision{}, d.Err
	}
	r.compare(in, d, q.context)
	return d, nil
}

func (r *inquiry) questionInput(q question) *input.Input {
	in := r.Input(q.action, q.resource.typ, q.resource.id)
	in.Subject = input.Subject{Type: q.subject.typ, ID: q.subject.id, Properties: q.subject.properties}
	in.Action.Properties = q.actionProperties
	in.Resource.Properties = q.resource.properties
	in.Context.Properties = q.context
	return in
}

// loadQuestioned adds the store's facts about the subject. A user's own token
// may only ask about its own user.
func (r *inquiry) loadQuestioned(in *input.Input, q question) error {
	if r.ownOnly() && (q.subject.typ != session.SubjectUser || r.Caller.UserRef == "") {
		return forbidden("a user's token can only be used to ask about that user")
	}
	if q.subject.typ != session.SubjectUser {
		return nil
	}
	a, err := r.Users.Find(r.Ctx, r.Engine, r.Caller.Tenant, q.subject.id)
	if err != nil && !session.IsUnknown(err) {
		return unavailable(err)
	}
	if err == nil && !r.Caller.ActsFor(a.Subject) {
		a, err = nil, fmt.Errorf("user %q: %w", q.subject.id, fault.ErrNotFound)
	}
	if r.ownOnly() && !r.own(q.subject.id, a) {
		return forbidden("a user's token can only be used to ask about that user")
	}
	if err == nil {
		r.Actor, r.Subject, r.Facts = a, a.Subject, a.Facts
		in.Subject.ID, in.Subject.Facts = a.Subject.User.ID, a.Facts
	}
	return nil
}

// ownOnly reports whether the caller may ask only about its own user.
func (r *inquiry) ownOnly() bool { return r.Caller.JWT || r.s.cfg.JWT.RequireUser }

// own reports whether ref is the user that the token names. a is the user that
// the store knows by ref, or nil.
func (r *inquiry) own(ref string, a *session.Actor) bool {
	return ref == r.Caller.UserRef || a != nil && a.Subject.User.Named(r.Caller.UserRef)
}

// compare counts the decision if the panel sent a decision of its own that
// differs.
func (r *inquiry) compare(in *input.Input, d policies.Decision, context map[string]any) {
	if panel, sent := context["panel_decision"].(bool); sent && panel != d.Allow {
		r.s.metrics.disagree(resource.AreaOf(r.Engine, in, d))
	}
}

var (
	answerAllow = []byte(`{"decision":true}`)
	answerDeny  = []byte(`{"decision":false}`)
)

// sendDecision writes only the decision, and its reasons on request. A denial
// for a resource that is not visible has no reasons.
func (r *exchange) sendDecision(d policies.Decision, q question) error {
	body := bare(d)
	if r.wantsReasons(q) {
		body = r.appendDecision(nil, d, q)
	}
	h := &r.c.Response().Header
	h.SetContentType(fiber.MIMEApplicationJSON)
	r.c.Response().SetBodyRaw(body)
	return nil
}

// appendDecision appends the object of a decision.
func (r *exchange) appendDecision(dst []byte, d policies.Decision, q question) []byte {
	body := bare(d)
	if !r.wantsReasons(q) {
		return append(dst, body...)
	}
	dst = appendReasons(append(dst, body[:len(body)-1]...), d.Reasons)
	if unknown := r.unknownParts(q); !d.Allow && len(unknown) > 0 {
		dst = record.AppendStrings(append(dst, `,"unknown":`...), unknown)
	}
	return append(dst, "}}"...)
}

func bare(d policies.Decision) []byte {
	if d.Allow {
		return answerAllow
	}
	return answerDeny
}

func (r *exchange) wantsReasons(q question) bool {
	wanted, _ := q.context["reasons"].(bool)
	return wanted || string(r.c.Request().Header.Peek(headerReasons)) == "true"
}

func appendReasons(dst []byte, reasons []string) []byte {
	if slices.Contains(reasons, policies.ReasonNotVisible) {
		reasons = nil
	}
	dst = append(dst, `,"context":{"reasons":`...)
	return record.AppendStrings(dst, reasons)
}

// evaluationDoc describes the endpoint in the OpenAPI document.
var evaluationDoc = operation{
	summary: "May this subject do this? (AuthZEN Authorization API 1.0)", tag: "decisions",
	body: evaluationRequest{}, response: evaluationResponse{}, headers: []string{headerReasons},
}

type evaluationRequest struct {
	Subject  evaluationEntity `json:"subject" required:"true"`
	Action   evaluationAction `json:"action" required:"true"`
	Resource evaluationEntity `json:"resource" required:"true"`
	Context  map[string]any   `json:"context,omitempty"`
}

// AuthZEN has resellerd ignore fields that it does not know.
func (evaluationRequest) open() {}
func (evaluationEntity) open()  {}
func (evaluationAction) open()  {}

type evaluationEntity struct {
	Type       string         `json:"type" required:"true"`
	ID         string         `json:"id" required:"true"`
	Properties map[string]any `json:"properties,omitempty"`
}

type evaluationAction struct {
	Name       string         `json:"name" required:"true"`
	Properties map[string]any `json:"properties,omitempty"`
}

type evaluationResponse struct {
	Decision bool `json:"decision" required:"true"`
	Context  *struct {
		Reasons []string `json:"reasons"`
		Unknown []string `json:"unknown,omitempty" description:"of a denial, for panels: action.name or resource.type, if nothing declares them"`
	} `json:"context,omitempty"`
}
