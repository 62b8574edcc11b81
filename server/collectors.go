package server

import (
	"database/sql"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/policies/bounded"
	"resellerd/server/fair"
	"resellerd/store"
	"resellerd/store/lookup"
)

// policyInfo shows the policy revision in force at the time of the scrape. Older
// revisions therefore do not stay in the metrics.
type policyInfo struct {
	engines *EngineHolder
	desc    *prometheus.Desc
}

func newPolicyInfo(name, help string, engines *EngineHolder) *policyInfo {
	return &policyInfo{engines: engines, desc: prometheus.NewDesc(name, help, []string{"revision", "source"}, nil)}
}

// Describe implements prometheus.Collector.
func (p *policyInfo) Describe(out chan<- *prometheus.Desc) { out <- p.desc }

// Collect implements prometheus.Collector.
func (p *policyInfo) Collect(out chan<- prometheus.Metric) {
	if e := p.engines.Current(); e != nil {
		out <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, 1, e.Revision(), e.Source())
	}
}

// storeCollector shows the store's data revision, its memory for look-ups and
// its connection pools.
type storeCollector struct {
	store    *store.Store
	revision *prometheus.Desc
	lost     *prometheus.Desc
	replica  *prometheus.Desc
	pools    []poolMetric
	rates    []rateMetric
}

// rateMetric is one metric of the memory for look-ups.
type rateMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(lookup.MemoryStats) int64
}

func rateMetrics() []rateMetric {
	metric := func(name, help string, kind prometheus.ValueType, value func(lookup.MemoryStats) int64) rateMetric {
		return rateMetric{prometheus.NewDesc("resellerd_rate_memory_"+name, help, nil, nil), kind, value}
	}
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	return []rateMetric{
		metric("bytes", "Bytes of rates that look-ups keep in memory.", gauge, func(m lookup.MemoryStats) int64 { return m.Bytes }),
		metric("budget_bytes", "Bytes of rates that look-ups may keep in memory.", gauge, func(m lookup.MemoryStats) int64 { return m.Budget }),
		metric("revisions", "Revisions whose rates are in memory.", gauge, func(m lookup.MemoryStats) int64 { return int64(m.Revisions) }),
		metric("waiting", "Revisions that wait to be read into memory.", gauge, func(m lookup.MemoryStats) int64 { return int64(m.Waiting) }),
		metric("loads_total", "Revisions that were read into memory.", counter, func(m lookup.MemoryStats) int64 { return m.Loads }),
		metric("failures_total", "Revisions that did not fit into memory or could not be read.", counter, func(m lookup.MemoryStats) int64 { return m.Failures }),
		metric("evictions_total", "Revisions and views that were evicted.", counter, func(m lookup.MemoryStats) int64 { return m.Evictions }),
		metric("hits_total", "Cards that look-ups found in memory.", counter, func(m lookup.MemoryStats) int64 { return m.FromMemory }),
		metric("misses_total", "Cards that look-ups read from the database.", counter, func(m lookup.MemoryStats) int64 { return m.FromStorage }),
	}
}

// poolMetric is one metric of a connection pool.
type poolMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(sql.DBStats) float64
}

func newStoreCollector(st *store.Store) *storeCollector {
	pool := func(name, help string, kind prometheus.ValueType, value func(sql.DBStats) float64) poolMetric {
		return poolMetric{prometheus.NewDesc("resellerd_store_"+name, help, []string{"pool"}, nil), kind, value}
	}
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	return &storeCollector{
		store:    st,
		rates:    rateMetrics(),
		revision: prometheus.NewDesc("resellerd_store_data_revision", "The newest data revision that is known.", nil, nil),
		lost: prometheus.NewDesc("resellerd_store_history_lost_total",
			"Number of times the database lacked commits that this process had read.", nil, nil),
		replica: prometheus.NewDesc("resellerd_store_replica_reads_total",
			"Reads for the replica: answered there, or by the primary because the replica lacked a commit (behind) or did not answer (failed).", []string{"result"}, nil),
		pools: []poolMetric{
			pool("connections_open", "Open connections.", gauge, func(s sql.DBStats) float64 { return float64(s.OpenConnections) }),
			pool("connections_in_use", "Connections in use.", gauge, func(s sql.DBStats) float64 { return float64(s.InUse) }),
			pool("connections_max", "Connections that may be open; 0 means no limit.", gauge, func(s sql.DBStats) float64 { return float64(s.MaxOpenConnections) }),
			pool("waits_total", "Number of waits for a connection.", counter, func(s sql.DBStats) float64 { return float64(s.WaitCount) }),
			pool("wait_seconds_total", "Time spent in waits for a connection.", counter, func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() }),
		},
	}
}

// Describe implements prometheus.Collector.
func (c *storeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.revision
	out <- c.lost
	out <- c.replica
	for _, m := range c.pools {
		out <- m.desc
	}
	for _, m := range c.rates {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(c.revision, prometheus.GaugeValue, float64(c.store.Revision()))
	out <- prometheus.MustNewConstMetric(c.lost, prometheus.CounterValue, float64(c.store.HistoryLost()))
	reads := c.store.ReplicaReads()
	for result, n := range map[string]int64{"answered": reads.Answered, "behind": reads.Behind, "failed": reads.Failed} {
		out <- prometheus.MustNewConstMetric(c.replica, prometheus.CounterValue, float64(n), result)
	}
	memory := c.store.RateMemory()
	for _, m := range c.rates {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.value(memory)))
	}
	for pool, stats := range c.store.Stats() {
		for _, m := range c.pools {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(stats), pool)
		}
	}
}

// limiterCollector shows how much the limiter has in progress.
type limiterCollector struct {
	limiter                         *limiter
	places, held, awaiting, refused *prometheus.Desc
}

func newLimiterCollector(l *limiter) *limiterCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("resellerd_limiter_"+name, help, []string{"kind"}, nil)
	}
	return &limiterCollector{
		limiter:  l,
		places:   desc("places", "Files, jobs, polls, scans and turns that there may be at a time, and writes of one tenant, with those of masters."),
		held:     desc("held", "Files, jobs, polls, scans, turns and writes in progress."),
		awaiting: desc("waiting", "Requests that wait for a file, job, poll, scan, turn or write to end."),
		refused:  desc("refused_total", "Requests that got no file, job, poll, scan, turn or write: the share of their account was used up, or they ended before."),
	}
}

// countedQueue is a queue, or those of all tenants.
type countedQueue interface {
	Count() (held, waiting int)
	Refused() int64
	Size() fair.Size
}

// Describe implements prometheus.Collector.
func (c *limiterCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.places
	out <- c.held
	out <- c.awaiting
	out <- c.refused
}

// Collect implements prometheus.Collector.
func (c *limiterCollector) Collect(out chan<- prometheus.Metric) {
	for kind, q := range map[string]countedQueue{"files": c.limiter.files, "jobs": c.limiter.jobs, "polls": c.limiter.polls, "scans": c.limiter.scans, "turns": c.limiter.turns, "writes": c.limiter.writes} {
		out <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(q.Refused()), kind)
		held, waiting := q.Count()
		for desc, n := range map[*prometheus.Desc]int{c.places: q.Size().Places + q.Size().Reserve, c.held: held, c.awaiting: waiting} {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), kind)
		}
	}
}

// cacheCollector shows the bytes of the caches.
type cacheCollector struct {
	server         *Server
	bytes, evicted *prometheus.Desc
}

func newCacheCollector(s *Server) *cacheCollector {
	return &cacheCollector{s, prometheus.NewDesc("resellerd_cache_bytes",
		"Estimated bytes of a cache: rows, statements, plans, decisions, filters, changes.", []string{"cache"}, nil),
		prometheus.NewDesc("resellerd_cache_evictions_total",
			"Values that a cache dropped to make room: rows, statements, plans, filters, changes.", []string{"cache"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *cacheCollector) Describe(out chan<- *prometheus.Desc) { out <- c.bytes; out <- c.evicted }

// Collect implements prometheus.Collector.
func (c *cacheCollector) Collect(out chan<- prometheus.Metric) {
	for name, use := range c.server.cacheUse() {
		out <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(use.Bytes), name)
		out <- prometheus.MustNewConstMetric(c.evicted, prometheus.CounterValue, float64(use.Evicted), name)
	}
	out <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(c.server.memory.Bytes()), "decisions")
}

// cacheUse returns the use of each cache.
func (s *Server) cacheUse() map[string]bounded.Use {
	all := map[string]bounded.Use{}
	if e := s.engines.Current(); e != nil {
		all["plans"] = e.CacheUse()
	}
	if s.filters != nil { // nil in tests
		all["filters"] = s.filters.Use()
	}
	if s.store != nil { // nil in tests that only listen
		all["changes"] = s.feed.CacheUse()
		all["rows"], all["statements"] = s.store.CacheUse()
	}
	return all
}
