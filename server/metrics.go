package server

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/server/transport"
	"resellerd/store"
)

// metrics are the server's collectors. Labels are bounded: a route's pattern, a
// declared area or an annotated reason. An account, card or decision is never a
// label.
type metrics struct {
	decisions     *prometheus.CounterVec
	denials       *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	cardViews     *prometheus.CounterVec
	reloads       *prometheus.CounterVec
	settings      *prometheus.CounterVec
	connections   prometheus.Gauge
	refused       *prometheus.CounterVec
	lastSuccess   prometheus.Gauge
	pinned        *prometheus.GaugeVec
	logEntries    *prometheus.CounterVec
	shipped       *prometheus.CounterVec
	disagreements *prometheus.CounterVec
	unlisted      *unlistedAreas
	panels        *prometheus.CounterVec
	refusedTokens *prometheus.CounterVec
	requests      *prometheus.HistogramVec

	checks, filters prometheus.Observer

	mu       sync.RWMutex
	children map[decisionLabels]prometheus.Counter
}

type decisionLabels struct {
	area, action, mode string
	outcome            policies.Outcome
}

var (
	decisionBuckets = []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 1}
	requestBuckets  = []float64{5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1, 5, 30, 300}
)

// A bucket of a native histogram ends at most at 1.2 times its start. A histogram that
// would need more buckets than nativeBuckets makes them wider.
const (
	nativeFactor  = 1.2
	nativeBuckets = 80
)

// exemplarAbove is how long a request takes at least that is shown as an exemplar.
const exemplarAbove = 100 * time.Millisecond

// newMetrics creates the collectors and registers them. It also registers those
// of the process, of Go, of the store and of the policy in force.
func newMetrics(reg prometheus.Registerer, st *store.Store, engines *EngineHolder) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "resellerd_" + name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "resellerd_" + name, Help: help, Buckets: buckets,
			NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: nativeBuckets}, labels)
		reg.MustRegister(h)
		return h
	}
	m := &metrics{
		decisions:   counter("decisions_total", "Decisions.", "area", "action", "mode", "outcome"),
		denials:     counter("denials_total", "Reasons of denials.", "reason"),
		duration:    histogram("decision_duration_seconds", "Time for a decision: check or filter.", decisionBuckets, "kind"),
		cardViews:   counter("card_views_total", "Cards shown, by view.", "view"),
		reloads:     counter("policy_reloads_total", "Attempts to put a policy into force: success or failure.", "result"),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "resellerd_connections", Help: "Open connections of clients."}),
		refused:     counter("connections_refused_total", "Connections that were closed at once, by the limit: all or address.", "limit"),
		settings:    counter("setting_reloads_total", "Attempts to read a setting again while the server runs: success or failure.", "setting", "result"),
		logEntries:  counter("decision_log_entries_total", "Entries of the decision log: written or dropped.", "result"),
		shipped:     counter("decision_log_shipped_total", "Entries for OPA's decision log plugin: handed_on or dropped.", "result"),
		unlisted: &unlistedAreas{counter: counter("unlisted_areas_total",
			"Questions of resellers about areas that policy data does not name, at most 100 areas by name.", "area")},
		disagreements: counter("disagreements_total", "Decisions that the panel made differently and sent as context.panel_decision.", "area"),
		panels:        counter("panel_token_requests_total", "Requests with a panel token, by the token's name.", "name"),
		refusedTokens: counter("panel_token_refusals_total", "Requests with a panel token that is not good for them, by the token's name and the reason: expired, network or origin. They are not among the requests.", "name", "reason"),
		requests:      histogram("http_request_duration_seconds", "Time to answer a request.", requestBuckets, "route", "method", "code"),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "resellerd_policy_last_success_timestamp_seconds", Help: "Time of the last success in putting a policy into force."}),
		pinned: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "resellerd_policy_pinned", Help: "1 if an older policy stays in force, otherwise 0, by cause: the last attempt failed (failure), it is pinned (pin), or the new one gives more and waits (confirm)."}, []string{"cause"}),
		children: map[decisionLabels]prometheus.Counter{},
	}
	m.checks, m.filters = m.duration.WithLabelValues("check"), m.duration.WithLabelValues("filter")
	for _, result := range []string{"success", "failure"} {
		m.reloads.WithLabelValues(result)
	}
	for _, limit := range []string{"all", "address"} {
		m.refused.WithLabelValues(limit)
	}
	for _, cause := range []string{causeFailure, "pin", "confirm"} {
		m.pinned.WithLabelValues(cause)
	}
	reg.MustRegister(m.lastSuccess, m.pinned, m.connections, newPolicyInfo("resellerd_policy_info", "The policy in force; the value is 1.", engines), newStoreCollector(st),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// counting makes a quota count its connections.
func (m *metrics) counting(q *transport.Quota) *transport.Quota {
	q.Opened, q.Closed = m.connections.Inc, m.connections.Dec
	q.Refused = func(limit string) { m.refused.WithLabelValues(limit).Inc() }
	return q
}

// logCount returns a counter of decision log entries with this result.
func (m *metrics) logCount(result string) func(entries int) {
	child := m.logEntries.WithLabelValues(result)
	return func(entries int) { child.Add(float64(entries)) }
}

// Decision counts one check.
func (m *metrics) Decision(e *policies.Engine, known map[string]policies.Reason, area string, in *input.Input, d policies.Decision, took time.Duration) {
	walked{m}.Decision(e, known, area, in, d, took)
	m.countUnlisted(e, area, in)
}

// countUnlisted counts a question of a reseller about an area of the panel that policy
// data does not name.
func (m *metrics) countUnlisted(e *policies.Engine, area string, in *input.Input) {
	if area == resource.OtherArea && modeOf(in.Subject.Facts) == "reseller" {
		m.unlisted.count(e, resource.AreaName(in))
	}
}

// walked counts the decisions about the candidates of a search. A caller did not name
// these areas, so that they are no labels.
type walked struct{ *metrics }

// Decision counts one check.
func (m walked) Decision(e *policies.Engine, known map[string]policies.Reason, area string, in *input.Input, d policies.Decision, took time.Duration) {
	m.count(e, area, in, d.Outcome)
	m.checks.Observe(took.Seconds())
	if d.Outcome == policies.OutcomeAllow {
		return
	}
	for _, reason := range d.Reasons {
		if _, annotated := known[reason]; annotated {
			m.denials.WithLabelValues(reason).Inc()
		}
	}
}

// Filter counts one list.
func (m *metrics) Filter(e *policies.Engine, area string, in *input.Input, outcome policies.Outcome, took time.Duration) {
	m.count(e, area, in, outcome)
	m.filters.Observe(took.Seconds())
	m.countUnlisted(e, area, in)
}

// Unrecorded counts a decision that could not be logged.
func (m *metrics) Unrecorded() { m.logEntries.WithLabelValues("dropped").Inc() }

func (m *metrics) count(e *policies.Engine, area string, in *input.Input, outcome policies.Outcome) {
	labels := decisionLabels{area: area, action: actionLabel(e, in.Action.Name), mode: modeOf(in.Subject.Facts), outcome: outcome}
	m.mu.RLock()
	child, ok := m.children[labels]
	m.mu.RUnlock()
	if !ok {
		child = m.decisions.WithLabelValues(labels.area, labels.action, labels.mode, string(outcome))
		m.mu.Lock()
		m.children[labels] = child
		m.mu.Unlock()
	}
	child.Inc()
}

// cardView counts cards shown in a view: provider, customer or translated.
func (m *metrics) cardView(view string, n int) {
	switch view {
	case "provider", "customer", "translated":
		m.cardViews.WithLabelValues(view).Add(float64(n))
	}
}

// disagree counts a panel's own decision that differs from this server's.
func (m *metrics) disagree(area string) { m.disagreements.WithLabelValues(area).Inc() }

// routeTimings holds a route's histograms, by status.
type routeTimings struct {
	mu     sync.RWMutex
	byCode map[int]prometheus.Observer
}

// observe counts one request of a route. A slow request leaves its decision id as an
// exemplar, unless the id is "".
func (m *metrics) observe(rt *boundRoute, status int, took time.Duration, decisionID string) {
	t := &rt.timings
	t.mu.RLock()
	child, ok := t.byCode[status]
	t.mu.RUnlock()
	if !ok {
		child = m.requests.WithLabelValues(rt.path, rt.method, strconv.Itoa(status))
		t.mu.Lock()
		if t.byCode == nil {
			t.byCode = map[int]prometheus.Observer{}
		}
		t.byCode[status] = child
		t.mu.Unlock()
	}
	if e, ok := child.(prometheus.ExemplarObserver); ok && decisionID != "" && took >= exemplarAbove {
		e.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"decision_id": decisionID})
		return
	}
	child.Observe(took.Seconds())
}

// exemplar returns the decision id that an exemplar may hold: none without an address of
// the metrics' own, because all callers can then read them, and none without a decision.
func (r *exchange) exemplar() string {
	if r.s.ops == nil || r.Engine == nil {
		return ""
	}
	return r.DecisionID
}

// envoy counts one question of Envoy.
func (m *metrics) envoy(status int, took time.Duration) {
	m.requests.WithLabelValues(envoyCheck, "POST", strconv.Itoa(status)).Observe(took.Seconds())
}

func modeOf(f *input.Facts) string {
	switch {
	case f == nil:
		return "none"
	case f.Account.Kind == "master":
		return "master"
	}
	return "reseller"
}

var standardActions = map[string]bool{
	"create": true, "read": true, "update": true, "delete": true, "assign": true, "activate": true,
	"build": true, "preview": true, "accept_losses": true, "open": true,
}

// actionLabel returns the action if the policy knows it, or else "other".
func actionLabel(e *policies.Engine, name string) string {
	if standardActions[name] {
		return name
	}
	if _, declared := e.Catalog("action", name); declared {
		return name
	}
	return "other"
}
