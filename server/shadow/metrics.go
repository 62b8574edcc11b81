package shadow

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics exist only if there is a shadow.
type metrics struct {
	disagreements             *prometheus.CounterVec
	reloads                   *prometheus.CounterVec
	compared, dropped, failed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "resellerd_shadow_" + name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	decisions := counter("decisions_total", "Decisions of the live policy that the shadow compared, dropped or could not repeat (error).", "result")
	return &metrics{
		disagreements: counter("disagreements_total", "Decisions that the shadow made differently, by kind of difference.", "area", "kind"),
		reloads:       counter("policy_reloads_total", "Attempts to load the shadow policy: success or failure.", "result"),
		compared:      decisions.WithLabelValues("compared"),
		dropped:       decisions.WithLabelValues("dropped"),
		failed:        decisions.WithLabelValues("error"),
	}
}

// Loaded counts an attempt to load a policy into the shadow. err is nil on success.
func (h *Shadow) Loaded(err error) {
	if h == nil {
		return
	}
	result := "success"
	if err != nil {
		result = "failure"
	}
	h.metrics.reloads.WithLabelValues(result).Inc()
}
