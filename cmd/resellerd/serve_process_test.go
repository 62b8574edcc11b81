//go:build unix

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const processArgs = "RESELLERD_TEST_PROCESS_ARGS"

// TestProcess is resellerd itself, in a process that another test starts.
func TestProcess(t *testing.T) {
	args := os.Getenv(processArgs)
	if args == "" {
		t.Skip("a process for another test to start")
	}
	os.Args = append([]string{"resellerd"}, strings.Split(args, "\n")...)
	main()
}

// process starts resellerd with at most this many open files, and waits for its
// line "ready". The process is killed when the test ends.
func process(t *testing.T, files string, args ...string) (cmd *exec.Cmd, addr string, stderr *output) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stderr = newOutput()
	cmd = exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n "$1" && exec "$0" -test.run '^TestProcess$'`, self, files)
	cmd.Env = append(os.Environ(), processArgs+"="+strings.Join(args, "\n"))
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	waitForLog(t, stderr, `"msg":"ready"`)
	return cmd, readyAddr(stderr.String()), stderr
}

// waitForLog waits until a text is in the log.
func waitForLog(t *testing.T, log *output, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(log.String(), text) {
		select {
		case <-late:
			t.Fatalf("no %q in the log:\n%s", text, log)
		case <-log.line:
		}
	}
}

func TestAHangUpAndTooManyConnectionsDoNotEndTheProcess(t *testing.T) {
	tokens := write(t, "tokens", "acc_x:the-first-token-of-all data")
	cmd, addr, stderr := process(t, "64", "serve", "--listen", "127.0.0.1:0", "--policy-timeout", "10s", "--drain-time", "0s",
		"--panel-token-file", tokens, "--decision-log", "none", "--database", newDatabase(t))
	alive := func(when string) {
		t.Helper()
		if status, _ := get(t, "http://"+addr+"/livez"); status != http.StatusOK {
			t.Errorf("%s: /livez answers %d", when, status)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	hangUp := func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	waitForLog(t, stderr, `"setting":"panel_tokens"`)
	alive("after a hang-up")
	var conns []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	const lack = "no connection can be accepted"
	waitForLog(t, stderr, lack)
	hangUp()
	for _, conn := range conns {
		conn.Close()
	}
	alive("after too many connections")
	if n := strings.Count(stderr.String(), lack); n != 1 {
		t.Errorf("%d log lines, want 1:\n%s", n, stderr)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v:\n%s", err, stderr)
	}
}
