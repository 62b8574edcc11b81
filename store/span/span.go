// Package span marks the parts of a traced request, so that a trace shows where the time
// went. It is a leaf: all layers may use it.
package span

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation in a trace.
const Scope = "resellerd"

// None is the span of a request that is not traced. It does nothing.
var None = trace.SpanFromContext(context.Background())

// Begin begins a part of the request that ctx belongs to. The caller ends it with End. It
// returns None if the request is not traced, and then allocates nothing.
func Begin(ctx context.Context, part string, opts ...trace.SpanStartOption) trace.Span {
	whole := trace.SpanFromContext(ctx)
	if !whole.IsRecording() {
		return None
	}
	_, s := whole.TracerProvider().Tracer(Scope).Start(ctx, part, opts...)
	return s
}
