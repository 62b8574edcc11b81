package server

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/policies"
	"resellerd/server/decisionlog"
	"resellerd/store"
)

// reading is a metric whose values are read at the time of the scrape.
type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(show func(value float64, labels ...string))
}

// readings implement prometheus.Collector.
type readings []reading

// gauge and counter add a metric.
func (r *readings) gauge(name, help string, read func(show func(float64, ...string)), labels ...string) {
	*r = append(*r, reading{prometheus.NewDesc("resellerd_"+name, help, labels, nil), prometheus.GaugeValue, read})
}

func (r *readings) counter(name, help string, read func(show func(float64, ...string)), labels ...string) {
	*r = append(*r, reading{prometheus.NewDesc("resellerd_"+name, help, labels, nil), prometheus.CounterValue, read})
}

// Describe implements prometheus.Collector.
func (r readings) Describe(out chan<- *prometheus.Desc) {
	for _, one := range r {
		out <- one.desc
	}
}

// Collect implements prometheus.Collector.
func (r readings) Collect(out chan<- prometheus.Metric) {
	for _, one := range r {
		one.read(func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(one.desc, one.kind, value, labels...)
		})
	}
}

// Build identifies the program: its version, and the commit that it was built from.
type Build struct{ Version, Commit string }

// WithBuild shows the build in the metrics.
func WithBuild(b Build) Option { return func(s *Server) { s.program = b } }

// readings are the metrics of the state of the server and its store.
func (s *Server) readings() (r readings) {
	r.gauge("build_info", "The program; the value is 1.", func(show func(float64, ...string)) {
		show(1, s.program.Version, s.program.Commit, runtime.Version())
	}, "version", "commit", "go")
	s.readStore(&r)
	s.readCounts(&r)
	s.readLog(&r)
	r.gauge("certificate_expiry_timestamp_seconds", "Time at which the certificate expires, or one of its chain.", func(show func(float64, ...string)) {
		showTime(show, s.certificate.Expires())
	})
	r.gauge("key_set_read_timestamp_seconds", "Time at which the key set of users' tokens was last read.", func(show func(float64, ...string)) {
		if s.jwt != nil {
			showTime(show, s.jwt.Loaded())
		}
	})
	return r
}

// showTime shows a time unless it is zero.
func showTime(show func(float64, ...string), at time.Time) {
	if !at.IsZero() {
		show(float64(at.UnixMilli()) / 1e3)
	}
}

func (s *Server) readStore(r *readings) {
	r.gauge("store_up", "1 if the database has confirmed the data revision lately enough to answer from caches, otherwise 0.", func(show func(float64, ...string)) {
		if _, fresh := s.store.Confirmed(); fresh {
			show(1)
		} else {
			show(0)
		}
	})
	r.gauge("store_confirmed_seconds", "Seconds since the database confirmed the data revision; +Inf if it has not since the start or a loss of history.", func(show func(float64, ...string)) {
		ago, _ := s.store.Confirmed()
		if ago < 0 {
			show(math.Inf(1))
			return
		}
		show(ago.Seconds())
	})
	r.gauge("store_blocked_seconds", "Seconds since a write got its lock, while others wait for it; 0 if writes are not blocked.", func(show func(float64, ...string)) {
		show(s.store.Blocked().Seconds())
	})
	r.counter("store_lock_failures_total", "Waits for the lock of writers that ended without it, by kind of work.", func(show func(float64, ...string)) {
		for work, w := range s.store.LockWaits() {
			show(float64(w.Failed), work)
		}
	}, "work")
	r.counter("store_swept_revisions_total", "Revisions without a card that were deleted: drafts of work that ended early, and revisions that users deleted.", func(show func(float64, ...string)) {
		show(float64(s.store.Swept()))
	})
}

func (s *Server) readCounts(r *readings) {
	counted := func(read func(c *store.Counts, show func(float64, ...string))) func(func(float64, ...string)) {
		return func(show func(float64, ...string)) {
			if c := s.counts.Load(); c != nil {
				read(c, show)
			}
		}
	}
	r.gauge("schedules", "Scheduled revisions, counted every minute: pending, or late because their time has come.", counted(func(c *store.Counts, show func(float64, ...string)) {
		show(float64(c.Scheduled), "pending")
		show(float64(c.Late), "late")
	}), "state")
	r.gauge("schedules_held", "Revisions that their schedule could not activate, counted every minute, by reason.", counted(func(c *store.Counts, show func(float64, ...string)) {
		showByReason(show, c.Held, s.knownReasons())
	}), "reason")
	r.gauge("cards_stale", "Cards that should be built again, counted every minute, by reason.", counted(func(c *store.Counts, show func(float64, ...string)) {
		showByReason(show, c.Stale, map[string]bool{store.StaleChanged: true, store.StaleWithdrawn: true})
	}), "reason")
	r.gauge("revisions_at_loss", "Active revisions whose losses somebody accepted, counted every minute.", counted(func(c *store.Counts, show func(float64, ...string)) {
		show(float64(c.AtLoss))
	}))
	r.gauge("break_glass_users", "Active users who were created for an emergency and whose time is not over, counted every minute.", counted(func(c *store.Counts, show func(float64, ...string)) {
		show(float64(c.Emergency))
	}))
}

// showByReason shows each known reason, and all others together as "other".
func showByReason(show func(float64, ...string), counts map[string]int, known map[string]bool) {
	other := 0
	for reason, n := range counts {
		if !known[reason] {
			other += n
		}
	}
	for reason := range known {
		show(float64(counts[reason]), reason)
	}
	show(float64(other), "other")
}

// knownReasons returns the reasons that the server gives, and those that the policy in
// force annotates.
func (s *Server) knownReasons() map[string]bool {
	known := map[string]bool{policies.ReasonNotVisible: true}
	for _, r := range Reasons() {
		known[r.Code] = true
	}
	if e := s.engines.Current(); e != nil {
		for reason := range s.views.Of(e).Reasons {
			known[reason] = true
		}
	}
	return known
}

func (s *Server) readLog(r *readings) {
	state := func() decisionlog.State {
		if s.log == nil {
			return decisionlog.State{}
		}
		return s.log.State()
	}
	r.gauge("decision_log_pending_bytes", "Bytes of entries that wait to be written to the decision log.", func(show func(float64, ...string)) {
		show(float64(state().Pending))
	})
	r.gauge("decision_log_buffer_bytes", "Bytes of entries that may wait to be written to the decision log.", func(show func(float64, ...string)) {
		show(float64(s.cfg.DecisionLogBuffer))
	})
	r.gauge("decision_log_failing_seconds", "Seconds since the decision log could be written and made durable; 0 if it can.", func(show func(float64, ...string)) {
		if since := state().Failing; !since.IsZero() {
			show(s.now().Sub(since).Seconds())
			return
		}
		show(0)
	})
	r.gauge("decision_log_checkpoint_timestamp_seconds", "Time of the last checkpoint of the decision log.", func(show func(float64, ...string)) {
		showTime(show, state().Checkpoint)
	})
}

// timings are summaries without quantiles, read at the time of the scrape.
type timings struct {
	desc *prometheus.Desc
	read func(show func(count int64, took time.Duration, label string))
}

func newTimings(name, help, label string, read func(show func(int64, time.Duration, string))) timings {
	return timings{prometheus.NewDesc("resellerd_"+name, help, []string{label}, nil), read}
}

// Describe implements prometheus.Collector.
func (t timings) Describe(out chan<- *prometheus.Desc) { out <- t.desc }

// Collect implements prometheus.Collector.
func (t timings) Collect(out chan<- prometheus.Metric) {
	t.read(func(count int64, took time.Duration, label string) {
		out <- prometheus.MustNewConstSummary(t.desc, uint64(max(0, count)), took.Seconds(), nil, label)
	})
}

func (s *Server) lockTimings() timings {
	return newTimings("store_lock_wait_seconds", "Waits for the lock of writers, by kind of work.", "work", func(show func(int64, time.Duration, string)) {
		for work, w := range s.store.LockWaits() {
			show(w.Count, w.Time, work)
		}
	})
}

func (s *Server) compileTimings() timings {
	return newTimings("policy_compile_seconds", "Compilations of the policy in force, by kind: tree (its load), plan (for a request), or partial (a plan without the rules that no filter can express for its subject; only counted).", "kind", func(show func(int64, time.Duration, string)) {
		if e := s.engines.Current(); e != nil {
			for kind, c := range e.CompileTimes() {
				show(c.Count, c.Time, kind)
			}
		}
	})
}

// countEvery is the time between two counts of the rows that need attention.
const countEvery = time.Minute

// keepCounted counts the rows that need attention, until ctx ends.
func (s *Server) keepCounted(ctx context.Context) {
	for ctx.Err() == nil {
		s.recount(ctx)
		rest(ctx, countEvery, nil)
	}
}

// recount counts once. Without an answer of the database, there are no counts.
func (s *Server) recount(ctx context.Context) {
	c, err := s.store.Count(ctx)
	if err != nil {
		s.counts.Store(nil)
		if ctx.Err() == nil {
			s.logger.Warn("scheduled, held and stale rows cannot be counted for the metrics", "error", err)
		}
		return
	}
	s.counts.Store(&c)
}
