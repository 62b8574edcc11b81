// Package tracing sends traces of requests to a collector, as OpenTelemetry spans over
// OTLP. A trace holds the route, the status, the decision id and times. It holds no user,
// account, path, query, body or address.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"resellerd/store/span"
)

// Config says where traces go.
type Config struct {
	URL     string  // of the collector, such as http://collector:4318/v1/traces; "" means no traces
	Sample  float64 // fraction of the requests without a sampled parent that are traced, 0 to 1
	Version string  // of the program
	Logger  *slog.Logger
}

// Validate returns an error for a URL that is not absolute http or https.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return fmt.Errorf("trace URL %q: want an address such as http://collector:4318/v1/traces", c.URL)
	}
	return nil
}

// Bounds of the spans that wait for the collector. Further spans are dropped.
const (
	maxWaiting = 4096
	maxBatch   = 512
	sendEvery  = time.Second
	sendWithin = 10 * time.Second
)

// Tracer traces requests. A nil Tracer traces none, at no cost. It is safe for concurrent
// use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns the tracer that c configures, nil for none. It does not wait for the
// collector.
func New(c Config) (*Tracer, error) {
	if c.URL == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(c.URL), otlptracehttp.WithTimeout(sendWithin))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Logger.Warn("traces cannot be sent", "error", err) }))
	return newTracer(c, sdk.NewBatchSpanProcessor(exporter, sdk.WithMaxQueueSize(maxWaiting), sdk.WithMaxExportBatchSize(maxBatch),
		sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendWithin))), nil
}

func newTracer(c Config, to sdk.SpanProcessor) *Tracer {
	provider := sdk.NewTracerProvider(
		sdk.WithSpanProcessor(to),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "resellerd"), attribute.String("service.version", c.Version))),
	)
	return &Tracer{provider, provider.Tracer(span.Scope)}
}

// Shutdown sends the spans that wait, until ctx ends.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request that began at start. parent is the W3C trace
// context (a traceparent header) of a trusted caller, "" for none. An invalid one counts
// as none. Parts of the request begin with span.Begin and the context that Request
// returns. Without a Tracer, Request returns ctx and span.None.
func (t *Tracer) Request(ctx context.Context, route, parent string, start time.Time) (context.Context, trace.Span) {
	if t == nil {
		return ctx, span.None
	}
	from := context.Background() // the parent is remote, and its cancellation none of ours
	if parent != "" {
		from = propagation.TraceContext{}.Extract(from, propagation.MapCarrier{"traceparent": parent})
	}
	_, s := t.tracer.Start(from, route, trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindServer))
	if !s.IsRecording() {
		return ctx, span.None
	}
	return trace.ContextWithSpan(ctx, s), s
}

// Done ends the span of a request. route has the method and the pattern of the path.
func Done(s trace.Span, route, decisionID string, status int) {
	method, pattern, _ := strings.Cut(route, " ")
	s.SetAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", pattern),
		attribute.Int("http.response.status_code", status), attribute.String("resellerd.decision_id", decisionID))
	if status >= 500 {
		s.SetStatus(codes.Error, "")
	}
	s.End()
}
