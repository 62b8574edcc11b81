package storetest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Bouncer is a pgbouncer in front of a PostgreSQL database.
type Bouncer struct {
	URL string // of the database, through pgbouncer

	dir, server string
	ran         *exec.Cmd
}

// Pooler returns a pgbouncer, not yet started, in front of the database at a
// URL from Postgres. Without pgbouncer the test is skipped or fails; see the
// package comment.
func Pooler(t testing.TB, at string) *Bouncer {
	t.Helper()
	if _, err := exec.LookPath("pgbouncer"); err != nil {
		if os.Getenv("RESELLERD_TEST_REQUIRE_POSTGRES") == "1" {
			t.Fatal("pgbouncer is required and not there")
		}
		t.Skip("skipped: there is no pgbouncer")
	}
	u, err := url.Parse(at)
	need(t, err)
	dir, err := os.MkdirTemp("/tmp", "resellerd-pooler-") //nolint:usetesting // a socket's path is short
	need(t, err)
	b := &Bouncer{dir: dir, server: u.Query().Get("host")}
	if b.server == "" {
		b.server = u.Hostname()
	}
	t.Cleanup(func() {
		b.Stop(t)
		need(t, os.RemoveAll(dir))
	})
	b.URL = "postgres://postgres@" + u.Path + "?" + url.Values{"host": {dir}, "sslmode": {"disable"}}.Encode()
	return b
}

const bouncerSettings = `[databases]
* = host=%[1]s port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = %[2]s
auth_type = any
pool_mode = %[3]s
logfile = %[2]s/log
pidfile = %[2]s/pid
`

// Start runs pgbouncer in a mode: session, transaction or statement.
func (b *Bouncer) Start(t testing.TB, mode string) {
	t.Helper()
	settings := filepath.Join(b.dir, "settings")
	text := fmt.Sprintf(bouncerSettings, b.server, b.dir, mode)
	need(t, os.WriteFile(settings, []byte(text), 0o644)) // readable for the user that pgbouncer runs as
	b.ran = exec.Command("pgbouncer", "-q", settings)
	b.ran.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	need(t, leaveRoot(b.ran.SysProcAttr, b.dir))
	need(t, b.ran.Start())
	for late := time.Now().Add(patience); execute(b.URL, "SELECT 1") != nil; {
		if time.Now().After(late) {
			log, _ := os.ReadFile(filepath.Join(b.dir, "log")) // without the log, the message alone must do
			t.Fatalf("pgbouncer does not answer:\n%s", log)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Stop ends pgbouncer and all connections through it.
func (b *Bouncer) Stop(t testing.TB) {
	t.Helper()
	if b.ran == nil {
		return
	}
	need(t, b.ran.Process.Kill())
	_ = b.ran.Wait() // always an error, because it was killed
	b.ran = nil
	_ = os.Remove(filepath.Join(b.dir, "pid")) // may not exist yet
}
