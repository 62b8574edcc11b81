package server

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"resellerd/server/session"
	"resellerd/server/tracing"
)

// traceSink is a collector of traces.
type traceSink struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	bytes strings.Builder
}

func newTraceSink(t *testing.T) *traceSink {
	s := &traceSink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &sent) != nil {
			t.Errorf("not OTLP: %v %q", err, body)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bytes.Write(body)
		for _, r := range sent.ResourceSpans {
			for _, scope := range r.ScopeSpans {
				s.spans = append(s.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// of returns the span of a route, and the names of its parts.
func (s *traceSink) of(t *testing.T, route string) (whole *otlp.Span, parts []string) {
	t.Helper()
	for _, one := range s.spans {
		if one.Name == route {
			whole = one
		}
	}
	if whole == nil {
		t.Fatalf("no span of %s", route)
	}
	names := map[string]bool{}
	for _, one := range s.spans {
		if string(one.ParentSpanId) == string(whole.SpanId) && string(one.TraceId) == string(whole.TraceId) {
			names[one.Name] = true
		}
	}
	return whole, slices.Sorted(maps.Keys(names))
}

func attributesOf(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[a.Key] = strings.Trim(strings.TrimPrefix(a.Value.String(), "string_value:"), `"`)
	}
	return all
}

const (
	tracedID     = "0af7651916cd43dd8448eb211c80319c"
	tracedParent = "b7ad6b7169203331"
	traceContext = "00-" + tracedID + "-" + tracedParent + "-01"
)

// A trace shows the parts of a request and nothing that names a user, an account or a row.
// A panel says which trace its request belongs to; a user's own token cannot.
func TestARequestIsTraced(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		sink, i := newTraceSink(t), newIssuer(t)
		cfg := Config{JWT: jwtConfig(t, w.id("M"), i.keys()), PanelTokens: worldToken, Limits: patient,
			ForwardAuth: ForwardAuth{From: "X-Method,X-URI"}, Traces: tracing.Config{URL: sink.URL + "/v1/traces", Sample: 1}}
		s, err := New(cfg, w.store, w.server.engines, WithClock(func() time.Time { return jwtNow }),
			WithDecisionWriter(io.Discard), WithLogger(slog.New(slog.DiscardHandler)))
		must(t, err)
		w.server = s
		id := w.do("a", "GET", "/v1/customers?limit=1", "", headerTraceParent, traceContext).want(200).header.Get(headerDecisionID)
		w.do("a", "GET", "/v1/customers/nobody-at-all", "").want(404)
		own := "Bearer " + i.token(t, w.id("a"))
		w.do("a", "GET", "/v1/me", "", "Authorization", own, headerUser, "", headerTraceParent, traceContext).want(200)
		w.do("a", "GET", "/forward-auth", "", "Authorization", own, headerUser, "", headerTraceParent, traceContext,
			"X-Method", "GET", "X-URI", "/secret-page").want(403)
		w.do("a", "GET", "/v1/cards", "", "Authorization", "Bearer wrong").want(401)
		must(t, s.Close())

		list, parts := sink.of(t, "GET /v1/customers")
		if want := []string{"authenticate", "decide", "log", "query", "subject", "view"}; !slices.Equal(parts, want) {
			t.Errorf("a list has the parts %q, want %q", parts, want)
		}
		if hex.EncodeToString(list.TraceId) != tracedID || hex.EncodeToString(list.ParentSpanId) != tracedParent {
			t.Errorf("the panel's trace context does not count: %x %x", list.TraceId, list.ParentSpanId)
		}
		want := map[string]string{"http.request.method": "GET", "http.route": "/v1/customers", "http.response.status_code": "int_value:200", "resellerd.decision_id": id}
		if got := attributesOf(list); !maps.Equal(got, want) {
			t.Errorf("attributes %q, want %q", got, want)
		}
		for route, status := range map[string]string{"GET /v1/me": "200", "GET /forward-auth": "403", "GET /v1/cards": "401", "GET /v1/customers/:id": "404"} {
			one, parts := sink.of(t, route)
			if attributesOf(one)["http.response.status_code"] != "int_value:"+status || !slices.Contains(parts, "authenticate") {
				t.Errorf("%s: %v, parts %q", route, attributesOf(one), parts)
			}
			if hex.EncodeToString(one.TraceId) == tracedID {
				t.Errorf("%s: a user's token chose the trace", route)
			}
		}
		for _, secret := range []string{w.id("a"), w.id("M"), "a@", "nobody-at-all", "secret-page", "limit=1", worldToken} {
			if strings.Contains(sink.bytes.String(), secret) {
				t.Errorf("a trace holds %q", secret)
			}
		}
	})
}

// Traces that no collector takes change no answer and hold up no shutdown.
func TestTracesWithoutACollector(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		cfg := Config{PanelTokens: worldToken, DecisionLog: "none", Limits: patient, Traces: tracing.Config{URL: "http://127.0.0.1:1/v1/traces", Sample: 1}}
		s, err := New(cfg, w.store, w.server.engines, WithLogger(slog.New(slog.DiscardHandler)))
		must(t, err)
		w.server = s
		w.get("a", "/v1/customers").want(200)
		must(t, s.Close())
	})
}

// A request that is not traced allocates nothing for traces.
func TestTracingCostsNothingWhenOff(t *testing.T) {
	r := &exchange{inquiry: inquiry{s: &Server{}, Session: session.Session{Ctx: context.Background()}}}
	if n := testing.AllocsPerRun(100, func() {
		r.traceCaller(time.Time{})
		r.Part("decide").End()
		r.endTrace(200)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
