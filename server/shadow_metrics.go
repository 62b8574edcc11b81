package server

import (
	"github.com/prometheus/client_golang/prometheus"
)

// shadowMetrics are there only with a shadow.
type shadowMetrics struct {
	disagreements             *prometheus.CounterVec
	reloads                   *prometheus.CounterVec
	compared, dropped, failed prometheus.Counter
}

func newShadowMetrics(reg prometheus.Registerer, engines *EngineHolder) *shadowMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "resellerd_shadow_" + name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	decisions := counter("decisions_total", "Decisions of the live policy, by what its shadow made of them.", "result")
	reg.MustRegister(&policyInfo{engines: engines, desc: prometheus.NewDesc("resellerd_shadow_policy_info",
		"The policy in the shadow; the value is 1.", []string{"revision", "source"}, nil)})
	return &shadowMetrics{
		disagreements: counter("disagreements_total", "Decisions that the shadow made otherwise.", "area", "kind"),
		reloads:       counter("policy_reloads_total", "Attempts to put a policy in the shadow.", "result"),
		compared:      decisions.WithLabelValues("compared"),
		dropped:       decisions.WithLabelValues("dropped"),
		failed:        decisions.WithLabelValues("error"),
	}
}

// ShadowLoaded counts an attempt to put a policy in the shadow; err is nil when
// it was.
func (s *Server) ShadowLoaded(err error) {
	if s.shadow == nil {
		return
	}
	result := "success"
	if err != nil {
		result = "failure"
	}
	s.shadow.metrics.reloads.WithLabelValues(result).Inc()
}
