package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/server/strictjson"
)

// maxBatch is the greatest number of questions in a batch. A batch with more than
// freeBatch takes a turn of heavy work.
const (
	maxBatch  = 1000
	freeBatch = 32
)

// batch is an AuthZEN evaluations request (Authorization API 1.0, 5.2).
type batch struct {
	question         // the defaults
	have     members // the defaults that are present
	items    [][]byte
	stop     *bool // the decision after which the rest is not answered; nil for none
}

// stopsAt maps evaluations_semantic to the decision that ends the batch.
var stopsAt = map[string]*bool{"execute_all": nil, "deny_on_first_deny": new(bool), "permit_on_first_permit": func() *bool { yes := true; return &yes }()}

// parseBatch reads a request's body. A fault at its top level is a 400; questions are
// read one by one later.
func parseBatch(body []byte) (batch, error) {
	var b batch
	r := questionReader{Parser: strictjson.Parser{Data: body}}
	var listed, optioned bool
	err := r.whole("the body", func(name string) (*bool, func() error) {
		switch name {
		case "evaluations":
			return &listed, func() error { return r.items(&b.items) }
		case "options":
			return &optioned, func() error { return r.options(&b) }
		}
		return r.part(&b.question, &b.have, name)
	})
	return b, err
}

// items notes where each element of a list stands.
func (r *questionReader) items(into *[][]byte) error {
	if r.Next() != '[' {
		if _, err := r.Value(1); err != nil {
			return badRequest(err.Error())
		}
		return malformed("evaluations", "must be a list")
	}
	r.Pos++
	if r.Next() == ']' {
		r.Pos++
		return nil
	}
	for {
		if len(*into) == maxBatch {
			return malformed("evaluations", fmt.Sprintf("has more than %d questions", maxBatch))
		}
		r.Next()
		start := r.Pos
		if _, err := r.Value(1); err != nil {
			return badRequest(err.Error())
		}
		*into = append(*into, r.Data[start:r.Pos])
		more, err := r.More(']')
		if err != nil {
			return badRequest(err.Error())
		}
		if !more {
			return nil
		}
	}
}

func (r *questionReader) options(b *batch) error {
	var options map[string]any
	if err := r.properties("options", &options); err != nil {
		return err
	}
	semantic, sent := options["evaluations_semantic"]
	if !sent {
		return nil
	}
	name, _ := semantic.(string)
	stop, known := stopsAt[name]
	if !known {
		return malformed("options.evaluations_semantic", "must be execute_all, deny_on_first_deny or permit_on_first_permit")
	}
	b.stop = stop
	return nil
}

// at returns a question of the batch: what it gives replaces the defaults whole.
func (b *batch) at(i int) (question, error) {
	q, have := b.question, b.have
	var given question
	var own members
	r := questionReader{Parser: strictjson.Parser{Data: b.items[i]}}
	if err := r.whole("the question", func(name string) (*bool, func() error) { return r.part(&given, &own, name) }); err != nil {
		return q, err
	}
	if own[0] {
		q.subject = given.subject
	}
	if own[1] {
		q.action, q.actionProperties = given.action, given.actionProperties
	}
	if own[2] {
		q.resource = given.resource
	}
	if own[3] {
		q.context = given.context
	}
	for i := range have {
		have[i] = have[i] || own[i]
	}
	return q, have.complete()
}

// evaluateBatch answers POST /access/v1/evaluations. Each question is decided and
// recorded as a single one would be. A question that would be refused by itself is a
// denial with the error in its context.
func evaluateBatch(r *exchange) error {
	body, err := r.jsonBody()
	if err != nil {
		return err
	}
	b, err := parseBatch(body)
	if err != nil {
		return err
	}
	if len(b.items) == 0 {
		if err := b.have.complete(); err != nil {
			return err
		}
		d, err := r.answer(b.question)
		if err != nil {
			return err
		}
		return r.sendDecision(d, b.question)
	}
	answer := append(make([]byte, 0, 24*len(b.items)+20), `{"evaluations":[`...)
	for i := range b.items {
		if i == freeBatch {
			turn, err := r.turn(r.Ctx)
			if err != nil {
				return err
			}
			defer turn.Leave()
		}
		if i > 0 {
			answer = append(answer, ',')
		}
		var allowed bool
		if answer, allowed, err = r.appendItem(answer, &b, i); err != nil {
			return err
		}
		if b.stop != nil && *b.stop == allowed {
			break
		}
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, append(answer, "]}"...))
}

// appendItem appends the answer to one question. Only failures of the server are
// errors.
func (r *exchange) appendItem(dst []byte, b *batch, i int) (answer []byte, allowed bool, err error) {
	r.Actor, r.Subject, r.Facts = nil, nil, nil
	q, err := b.at(i)
	var d policies.Decision
	if err == nil {
		d, err = r.answer(q)
	}
	if err == nil {
		return r.appendDecision(dst, d, q), d.Allow, nil
	}
	p := problemOf(err)
	if p.kind.status >= http.StatusInternalServerError {
		return dst, false, err
	}
	text, err := json.Marshal(map[string]any{"error": map[string]any{"status": p.kind.status, "message": cmp.Or(p.detail, p.kind.title)}})
	return append(append(append(dst, `{"decision":false,"context":`...), text...), '}'), false, err
}

// batchDoc describes the endpoint in the OpenAPI document.
var batchDoc = operation{
	summary: "May this subject do these things? (AuthZEN Authorization API 1.0)", tag: "decisions",
	body: batchRequest{}, response: batchResponse{}, headers: []string{headerReasons},
}

type batchRequest struct {
	Subject     *evaluationEntity `json:"subject,omitempty" description:"default of all questions"`
	Action      *evaluationAction `json:"action,omitempty" description:"default of all questions"`
	Resource    *evaluationEntity `json:"resource,omitempty" description:"default of all questions"`
	Context     map[string]any    `json:"context,omitempty" description:"default of all questions"`
	Evaluations []any             `json:"evaluations,omitempty" maxItems:"1000" description:"questions, each an object with subject, action, resource and context; each of these replaces the default whole; without questions, the defaults are the question"`
	Options     map[string]any    `json:"options,omitempty" description:"evaluations_semantic: execute_all (the default), deny_on_first_deny or permit_on_first_permit"`
}

// AuthZEN has resellerd ignore fields that it does not know.
func (batchRequest) open() {}

type batchResponse struct {
	Evaluations []batchAnswer `json:"evaluations,omitempty" description:"in the order of the questions"`
	Decision    *bool         `json:"decision,omitempty" description:"the answer to a request without questions"`
	Context     any           `json:"context,omitempty"`
}

type batchAnswer struct {
	Decision bool           `json:"decision" required:"true"`
	Context  map[string]any `json:"context,omitempty" description:"reasons, if the question asks for them; error, if the question cannot be answered"`
}
