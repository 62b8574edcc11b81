package bench

import (
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"resellerd/store"
	"resellerd/store/storetest"
)

// BenchmarkShadow compares the time of a check with and without a shadow that repeats
// every decision. Requests come at a fixed rate, half of the capacity without a
// shadow, however long the answers take. The shadow is first the policy itself, then
// one that always disagrees, and then one that takes as long as allowed.
func BenchmarkShadow(b *testing.B) {
	database := storetest.SQLite(b)
	w := newWorld(b, storetest.Open(b, database, store.Options{}))
	log := func(name string) string { return filepath.Join(b.TempDir(), name) }
	shadows := []struct{ name, tree string }{
		{"the same policy", "../../policies"}, {"one that disagrees", "testdata/disagrees"}, {"a slow one", "testdata/slow"},
	}
	plain, _ := resellerd(b, database, "--decision-log", log("plain"))
	pacers := []*pacer{newPacer(plain, question(w.user, w.customer))}
	for _, s := range shadows {
		address, _ := resellerd(b, database, "--decision-log", log("shadow"), "--shadow-policies", s.tree)
		waitForMetric(b, address, "resellerd_shadow_policy_info")
		pacers = append(pacers, newPacer(address, question(w.user, w.customer)))
	}
	for _, p := range pacers { // warm up; after that, the first pacer measures the capacity
		p.run(b, 0, time.Second)
	}
	capacity := pacers[0].run(b, 0, time.Duration(seconds())*time.Second).perSecond
	half := capacity / 2
	medians, slow := make([][]float64, len(pacers)), make([][]float64, len(pacers))
	for range rounds() {
		for i, p := range pacers {
			got := p.run(b, half, time.Duration(seconds())*time.Second)
			medians[i] = append(medians[i], got.median)
			slow[i] = append(slow[i], got.slow)
		}
	}
	b.Logf("capacity without a shadow %.0f req/s, paced at %.0f", capacity, half)
	for i := range pacers {
		name := "without"
		if i > 0 {
			name = shadows[i-1].name
		}
		median, p99 := middle(medians[i]), middle(slow[i])
		b.Logf("%-20s median %6.1f µs, 99th percentile %7.1f µs", name, median, p99)
		if i > 0 {
			report(b, name+" / without, median", median/middle(medians[0]))
			report(b, name+" / without, 99th percentile", p99/middle(slow[0]))
			b.Log(metrics(b, pacers[i].address, `(?m)^resellerd_shadow_(decisions|disagreements)_total.*$`))
		}
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// pacer sends one question repeatedly.
type pacer struct {
	address, body string
	client        *fasthttp.HostClient
}

func newPacer(address, body string) *pacer {
	return &pacer{address: address, body: body, client: &fasthttp.HostClient{Addr: address, MaxConns: connections}}
}

// paced is the result of a run: times in microseconds, and requests per second.
type paced struct{ median, slow, perSecond float64 }

// run sends pace requests per second for a time. 0 sends as fast as answers come.
func (p *pacer) run(b *testing.B, pace float64, during time.Duration) paced {
	b.Helper()
	var mu sync.Mutex
	var took []float64
	var senders sync.WaitGroup
	start := time.Now()
	for i := range connections {
		senders.Go(func() {
			mine := p.send(b, start, i, pace, during)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	senders.Wait()
	if len(took) == 0 {
		b.Fatal("nothing was answered")
	}
	slices.Sort(took)
	return paced{took[len(took)/2], took[len(took)*99/100], float64(len(took)) / time.Since(start).Seconds()}
}

// send sends the requests of one connection.
func (p *pacer) send(b *testing.B, start time.Time, i int, pace float64, during time.Duration) []float64 {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	var took []float64
	for n := 0; time.Since(start) < during; n++ {
		if pace > 0 {
			at := time.Duration((float64(n) + float64(i)/connections) * connections / pace * float64(time.Second))
			time.Sleep(time.Until(start.Add(at)))
		}
		req.Reset()
		req.Header.SetMethod("POST")
		req.SetRequestURI("http://" + p.address + "/access/v1/evaluation")
		req.Header.SetContentType("application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		req.SetBodyString(p.body)
		sent := time.Now()
		if err := p.client.Do(req, resp); err != nil || resp.StatusCode() != 200 || string(resp.Body()) != `{"decision":true}` {
			b.Errorf("%v %d %s", err, resp.StatusCode(), resp.Body())
			return took
		}
		took = append(took, float64(time.Since(sent).Nanoseconds())/1e3)
	}
	return took
}

// metrics returns the matching lines of a server's metrics.
func metrics(b *testing.B, address, pattern string) string {
	b.Helper()
	_, text, err := fasthttp.Get(nil, "http://"+address+"/metrics")
	if err != nil {
		b.Fatal(err)
	}
	lines := ""
	for _, line := range regexp.MustCompile(pattern).FindAllString(string(text), -1) {
		lines += "\n    " + line
	}
	return lines
}

func waitForMetric(b *testing.B, address, name string) {
	b.Helper()
	for range 600 {
		if metrics(b, address, "(?m)^"+name) != "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("%s has no %s after half a minute", address, name)
}
