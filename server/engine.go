package server

import (
	"bytes"
	"context"

	"resellerd/policies"
	"resellerd/server/replay"
)

// EngineHolder holds the policy in force. A new revision replaces the old one as
// a whole; a request keeps the engine that it started with. Without an engine,
// the server is not ready and refuses every request.
type EngineHolder = policies.Holder

// PolicyLoaded counts an attempt to put a policy in force; err is nil if it
// succeeded.
func (s *Server) PolicyLoaded(err error) {
	s.metrics.reloads.WithLabelValues(resultOf(err)).Inc()
	if err != nil {
		s.metrics.pinned.WithLabelValues(causeFailure).Set(1)
		return
	}
	if e := s.engines.Current(); e != nil { // an alert can tell the first denial from none
		for reason := range s.views.Of(e).Reasons {
			s.metrics.denials.WithLabelValues(reason)
		}
	}
	s.metrics.pinned.WithLabelValues(causeFailure).Set(0)
	s.metrics.lastSuccess.SetToCurrentTime()
}

// causeFailure is the cause of an older policy in force that a failed attempt leaves.
const causeFailure = "failure"

// PolicyHeld shows that a cause begins or ends to hold changes of the policy back.
func (s *Server) PolicyHeld(cause string, holds bool) {
	value := 0.0
	if holds {
		value = 1
	}
	s.metrics.pinned.WithLabelValues(cause).Set(value)
}

// sampled is how many remembered decisions PolicyGains decides again.
const sampled = 100

// PolicyGains decides the latest remembered decisions again with another policy. It
// returns how many of them it can decide, and how many denials become allows. A list
// that would show more rows counts as such. A masked decision cannot be decided again.
func (s *Server) PolicyGains(ctx context.Context, e *policies.Engine) (gains, of int) {
	lines := bytes.Join(s.memory.Latest(sampled), nil) // each line has its end
	report, err := replay.Run(ctx, e, []replay.Source{{Name: "memory", Reader: bytes.NewReader(lines)}}, replay.Options{})
	if err != nil {
		return 1, 1 // nothing is known, so that a person decides
	}
	for _, g := range report.Groups {
		if g.Kind == replay.DenyToAllow || g.Direction == "wider" || g.Direction == "other" {
			gains += g.Count
		}
	}
	return gains, report.Same + report.Flipped
}
