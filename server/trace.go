package server

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"resellerd/server/tracing"
	"resellerd/store/span"
)

// headerTraceParent is the trace context of W3C.
const headerTraceParent = "traceparent"

// beginTrace begins the span of a request that began at start, if requests are traced.
// parent is the trace context of the caller, "" for none.
func (r *inquiry) beginTrace(parent string, start time.Time) {
	r.Ctx, r.whole = r.s.tracer.Request(r.Ctx, r.From.Name, parent, start)
	r.Traced = r.whole.IsRecording()
}

// traceCaller is beginTrace once it is known who the caller is. Only a panel may say
// which trace a request belongs to.
func (r *exchange) traceCaller(start time.Time) {
	if r.s.tracer == nil {
		return
	}
	parent := ""
	if r.Caller.TokenID != "" && !r.Caller.JWT {
		parent = soleHeader(&r.c.Request().Header, headerTraceParent)
	}
	r.beginTrace(parent, start)
	if r.Traced {
		span.Begin(r.Ctx, "authenticate", trace.WithTimestamp(start)).End()
	}
}

// endTrace ends the span of a request. That of a streamed answer ends before the stream.
func (r *inquiry) endTrace(status int) {
	if r.Traced {
		tracing.Done(r.whole, r.From.Name, r.DecisionID, status)
	}
}

// endTraces sends the traces that wait for the collector, for at most two seconds.
func (s *Server) endTraces(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.tracer.Shutdown(ctx); err != nil {
		s.logger.Warn("the last traces were not sent", "error", err)
	}
}
