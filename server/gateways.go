package server

import (
	"resellerd/policies"
	"resellerd/policies/gateway"
	"resellerd/policies/input"
	"resellerd/server/session"
)

// ReasonUnmapped is the reason for the denial of a request that policy data does not map.
const ReasonUnmapped = "unmapped"

// isRoute reports whether a question is about a route of a gateway.
func (r *inquiry) isRoute(q question) bool {
	return q.resource.typ == gateway.RouteType && r.Engine.Gateway().Routes()
}

// answerRoute decides a gateway's question about a route: everything that the route needs
// must be allowed. The first denial is the answer.
func (r *inquiry) answerRoute(q question) (policies.Decision, error) {
	asked, mapped := r.Engine.Gateway().Route(q.resource.id, q.action, q.resource.properties)
	if !mapped {
		in := r.questionInput(q)
		if err := r.loadQuestioned(in, q); err != nil {
			return policies.Decision{}, err
		}
		return r.unmapped(in)
	}
	var d policies.Decision
	for _, one := range asked {
		about := q
		about.action, about.resource = one.Action, entity{typ: one.Type, id: one.ID}
		var err error
		if d, err = r.answerOne(about); err != nil || !d.Allow {
			return d, err
		}
	}
	return d, nil
}

// unmapped records the denial of a request that policy data does not map.
func (r *inquiry) unmapped(in *input.Input) (policies.Decision, error) {
	d := policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{ReasonUnmapped}}
	d = r.RecordAs(session.DecidedByServer, in, d, r.Now())
	return d, d.Err
}
