package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"resellerd/store"
)

// policyInfo shows the revision in force at the time of the scrape, so that no
// older one stays behind.
type policyInfo struct {
	engines *EngineHolder
	desc    *prometheus.Desc
}

func newPolicyInfo(engines *EngineHolder) *policyInfo {
	return &policyInfo{engines: engines, desc: prometheus.NewDesc("resellerd_policy_info",
		"The policy in force; the value is 1.", []string{"revision", "source"}, nil)}
}

// Describe implements prometheus.Collector.
func (p *policyInfo) Describe(out chan<- *prometheus.Desc) { out <- p.desc }

// Collect implements prometheus.Collector.
func (p *policyInfo) Collect(out chan<- prometheus.Metric) {
	if e := p.engines.Current(); e != nil {
		out <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, 1, e.Revision(), e.Source())
	}
}

// newStoreCollector shows how far the store's data has come.
func newStoreCollector(st *store.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "resellerd_store_data_revision", Help: "The newest data revision known.",
	}, func() float64 { return float64(st.Revision()) })
}
