package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// target is a URL under load, and the requests that are sent to it in turn.
type target struct {
	name    string
	url     string
	method  string
	headers map[string]string
	bodies  []string
}

const connections = 32

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	badStatus = regexp.MustCompile(`Non-2xx or 3xx responses:\s+(\d+)`)
)

// rounds is how often each target is measured, and seconds is how long each time.
func rounds() int  { return setting("RESELLERD_BENCH_ROUNDS", 5) }
func seconds() int { return setting("RESELLERD_BENCH_SECONDS", 4) }

func setting(name string, byDefault int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return byDefault
}

// compare measures the targets in turn, round after round. It returns the median of
// each in requests per second.
func compare(b *testing.B, targets []target) []float64 {
	b.Helper()
	rates := make([][]float64, len(targets))
	for i, t := range targets { // one short warm-up each, which does not count
		load(b, t, 1)
		rates[i] = make([]float64, 0, rounds())
	}
	for range rounds() {
		for i, t := range targets {
			rates[i] = append(rates[i], load(b, t, seconds()))
		}
	}
	medians := make([]float64, len(targets))
	for i, r := range rates {
		slices.Sort(r)
		medians[i] = r[len(r)/2]
		b.Logf("%-28s %9.0f req/s   (%.0f to %.0f)", targets[i].name, medians[i], r[0], r[len(r)-1])
	}
	return medians
}

// load runs wrk against t and returns requests per second. The benchmark fails if any
// response is outside 2xx and 3xx, because refusals are not throughput.
func load(b *testing.B, t target, seconds int) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "wrk", "-t2", "-c"+strconv.Itoa(connections),
		"-d"+strconv.Itoa(seconds)+"s", "-s", script(b, t), t.url).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk %s: %v: %s", t.name, err, out)
	}
	if m := badStatus.FindSubmatch(out); m != nil {
		b.Fatalf("wrk %s: %s answers were refusals", t.name, m[1])
	}
	m := perSecond.FindSubmatch(out)
	if m == nil {
		b.Fatalf("wrk %s: no rate in its output: %s", t.name, out)
	}
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

// script writes the Lua script that sends the target's requests in turn.
func script(b *testing.B, t target) string {
	b.Helper()
	var lua bytes.Buffer
	fmt.Fprintf(&lua, "wrk.method = %q\n", t.method)
	for name, value := range t.headers {
		fmt.Fprintf(&lua, "wrk.headers[%q] = %q\n", name, value)
	}
	if len(t.bodies) > 0 {
		lua.WriteString("local bodies = {\n")
		for _, body := range t.bodies {
			fmt.Fprintf(&lua, "  [==[%s]==],\n", body)
		}
		lua.WriteString(`}
local requests, turn = {}, 0
function init(args)
  for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, body) end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
`)
	}
	path := filepath.Join(b.TempDir(), "load.lua")
	if err := os.WriteFile(path, lua.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
