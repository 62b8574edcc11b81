package bench

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const token = "bench-panel-token-0123456789abcdef"

// binary builds resellerd once for all benchmarks.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "resellerd-bench-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "resellerd")
	build := exec.Command("go", "build", "-o", path, "resellerd/cmd/resellerd")
	build.Stderr = os.Stderr
	return path, build.Run()
})

// resellerd starts the sidecar over a store and waits until it is ready. It returns
// the address and how long the start took.
func resellerd(b testing.TB, database string, flags ...string) (address string, took time.Duration) {
	b.Helper()
	if _, err := binary(); err != nil { // build before the clock starts
		b.Fatal(err)
	}
	start := time.Now()
	address, _ = serving(b, database, flags...)
	return address, time.Since(start)
}

// serving starts the sidecar and waits until it is ready.
func serving(b testing.TB, database string, flags ...string) (address string, cmd *exec.Cmd) {
	b.Helper()
	path, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--database", database}, flags...)
	cmd = exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "RESELLERD_PANEL_TOKENS="+token)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	run(b, cmd)
	return readyAddress(b, stderr), cmd
}

// readyAddress reads the log up to the line that contains the address.
func readyAddress(b testing.TB, stderr io.Reader) string {
	b.Helper()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }() // keep the pipe empty
			return line.Addr
		}
		b.Log(lines.Text())
	}
	b.Fatal("resellerd ended before it was ready")
	return ""
}

// peerBinary returns the path of this test binary. The peers are tests that serve
// only if a benchmark starts them.
func peerBinary(b testing.TB) string {
	b.Helper()
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	return path
}

func readAll(b testing.TB, r io.Reader) string {
	b.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// run starts a peer that ends with the benchmark.
func run(b testing.TB, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
	})
}

// freePort returns an address that nothing listens on.
func freePort(b testing.TB) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor waits until a peer answers at url.
func waitFor(b testing.TB, url string) {
	b.Helper()
	for range 200 {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("%s does not answer", url)
}
