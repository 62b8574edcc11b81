//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store/storetest"
)

// balancer is the configuration of deploy/README.md, on sockets and with short
// intervals. It never repeats a request.
const balancer = `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  retries 0
frontend panel
  bind unix@%[1]s/panel
  default_backend resellerd
backend resellerd
  http-reuse always
  option httpchk GET /readyz
  default-server check inter 200ms fall 2 rise 1
  server r0 %[2]s
  server r1 %[3]s
  server r2 %[4]s
frontend state
  bind unix@%[1]s/state
  stats enable
  stats uri /
`

// replicas are three processes behind a load balancer.
type replicas struct {
	t      *testing.T
	dir    string
	args   []string
	addrs  [3]string
	served [3]*exec.Cmd
	client *http.Client // of the sockets of the load balancer
}

func startReplicas(t *testing.T, haproxy string, args ...string) *replicas {
	t.Helper()
	dir, err := os.MkdirTemp("", "resellerd-") //nolint:usetesting // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &replicas{t: t, dir: dir, args: args}
	r.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, strings.TrimSuffix(addr, ":80")))
		}}}
	for i := range r.addrs {
		r.addrs[i] = "127.0.0.1:0"
		r.start(i)
	}
	config := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, balancer, dir, r.addrs[0], r.addrs[1], r.addrs[2]), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), haproxy, "-f", config)
	cmd.Stderr = newOutput()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	for i := range r.addrs {
		r.waitFor(i, "UP")
	}
	return r
}

// start starts a replica, at its former address if it has had one.
func (r *replicas) start(i int) {
	r.t.Helper()
	r.served[i], r.addrs[i], _ = process(r.t, "1024", append([]string{"serve", "--listen", r.addrs[i]}, r.args...)...)
}

// restart replaces the process of a replica.
func (r *replicas) restart(i int) {
	r.t.Helper()
	if err := r.served[i].Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.served[i].Wait(); err != nil {
		r.t.Errorf("replica %d ended with %v", i, err)
	}
	r.start(i)
	r.waitFor(i, "UP")
}

// waitFor waits until the load balancer says that a replica has this state.
func (r *replicas) waitFor(i int, state string) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, text, err := r.get("state", "/;csv"); err == nil {
			for line := range strings.Lines(text) {
				if f := strings.Split(line, ","); len(f) > 17 && f[1] == fmt.Sprintf("r%d", i) && strings.HasPrefix(f[17], state) {
					return
				}
			}
		}
	}
	r.t.Fatalf("replica %d is never %s", i, state)
}

func (r *replicas) get(socket, path string, headers ...string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+socket+path, nil)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// A panel sends requests while each of three replicas is replaced. It loses none.
func TestARollingRestartBehindALoadBalancerLosesNoRequest(t *testing.T) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil || !depth.Full() {
		t.Skip("skipped: needs haproxy and RESELLERD_TEST_DEPTH=full")
	}
	database := storetest.Postgres(t)
	made, code := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
	if code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	const token = "a-token-of-the-panel"
	r := startReplicas(t, haproxy, "--policy-timeout", "10s", "--panel-tokens", made.Account+":"+token+" data",
		"--decision-log", "none", "--database", database, "--drain-time", "5s")
	var asked, lost atomic.Int64
	var stop atomic.Bool
	var panel sync.WaitGroup
	for range 8 {
		panel.Go(func() {
			for !stop.Load() || asked.Load() < 10_000 {
				status, body, err := r.get("panel", "/v1/me", "Authorization", "Bearer "+token, "Resellerd-User", "admin")
				asked.Add(1)
				if err != nil || status != http.StatusOK {
					lost.Add(1)
					t.Errorf("%d %s %v", status, body, err)
				}
			}
		})
	}
	for i := range r.addrs {
		r.restart(i)
	}
	stop.Store(true)
	panel.Wait()
	t.Logf("lost %d of %d requests", lost.Load(), asked.Load())
}
