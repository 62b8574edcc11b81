package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count deliveries.
type Metrics struct {
	deliveries *prometheus.CounterVec
	waiting    prometheus.Gauge
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "resellerd_webhook_deliveries_total",
			Help: "Attempts to deliver a message of a webhook: delivered or failed. Also messages that were given up (dead) and dead letters that were out of date (dropped)."}, []string{"result"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "resellerd_webhook_oldest_message_seconds",
			Help: "How long something has waited for its delivery: a message of a webhook, or changes that are not judged yet. Every process has the same value."}),
	}
	for _, result := range []string{"delivered", "failed", "dead", "dropped"} {
		m.deliveries.WithLabelValues(result)
	}
	reg.MustRegister(m.deliveries, m.waiting)
	return m
}

func (m *Metrics) count(result string) { m.deliveries.WithLabelValues(result).Inc() }

func (m *Metrics) oldest(age time.Duration) { m.waiting.Set(age.Seconds()) }
