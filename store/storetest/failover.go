package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Pair is a database on a PostgreSQL primary with a streaming standby. Its
// address can be moved from the primary to the standby.
type Pair struct {
	URL     string // through the movable address
	Primary string // directly, without the movable address
	Standby string

	proxy *proxy
}

// Failover returns a new database with the current schema on a primary with its
// own standby. The primary is the temporary cluster, even if
// RESELLERD_TEST_DATABASE names another server.
func Failover(t testing.TB) *Pair {
	t.Helper()
	_ = needServer(t)
	primary, err := throwaway()
	need(t, err)
	name := freshName()
	need(t, execute(primary.url(), "CREATE DATABASE "+name+" TEMPLATE "+untouched))
	at, err := inDatabase(primary.url(), name)
	need(t, err)
	need(t, migrate(at))
	standby, err := startCluster(primary.dir)
	need(t, err)
	t.Cleanup(func() {
		if err := standby.stop(); err != nil {
			t.Errorf("standby: %v", err)
		}
		if err := execute(primary.url(), fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop: %v", err)
		}
	})
	p := &Pair{Primary: at, proxy: openProxy(t, primary.dir, standby.dir)}
	p.Standby, err = inDatabase(standby.url(), name)
	need(t, err)
	p.URL = "postgres://postgres@" + p.proxy.listener.Addr().String() + "/" + name + "?sslmode=disable"
	return p
}

// CatchUp waits until the standby has caught up. The cluster commits before it writes
// its log, so the last inserted position counts.
func (p *Pair) CatchUp(t testing.TB) {
	t.Helper()
	var end string
	need(t, ask(p.Primary, "SELECT pg_current_wal_insert_lsn()", &end))
	eventually(t, p.Standby, "SELECT pg_last_wal_replay_lsn() >= '"+end+"'")
}

// Lag waits until the standby has caught up, and then stops its replication.
func (p *Pair) Lag(t testing.TB) {
	t.Helper()
	p.CatchUp(t)
	need(t, execute(p.Standby, "ALTER SYSTEM SET primary_conninfo = ''"))
	need(t, execute(p.Standby, "SELECT pg_reload_conf()"))
	eventually(t, p.Standby, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver)")
}

// Promote makes the standby accept writes.
func (p *Pair) Promote(t testing.TB) {
	t.Helper()
	need(t, execute(p.Standby, "SELECT pg_promote()"))
	eventually(t, p.Standby, "SELECT NOT pg_is_in_recovery()")
}

// Move closes all connections and sends new ones to the standby. It does not
// close a connection whose answer is held.
func (p *Pair) Move() { p.proxy.move() }

// HoldCommit holds the answer to the next commit until release is called.
// arrived is closed when the commit is done and its answer is held.
func (p *Pair) HoldCommit(t testing.TB) (arrived <-chan struct{}, release func()) {
	h := &heldAnswer{arrived: make(chan struct{}), released: make(chan struct{})}
	p.proxy.mu.Lock()
	defer p.proxy.mu.Unlock()
	p.proxy.hold = h
	release = sync.OnceFunc(func() { close(h.released) })
	t.Cleanup(release)
	return h.arrived, release
}

// FallSilent makes the movable address forward nothing, until Speak.
func (p *Pair) FallSilent() { p.proxy.fallSilent() }

// Speak makes the movable address forward again.
func (p *Pair) Speak() { p.proxy.speak() }

type heldAnswer struct{ arrived, released chan struct{} }

func ask(at, query string, into any) error {
	db, err := sql.Open("postgres", at)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.QueryRowContext(context.Background(), query).Scan(into)
}

// patience is the time limit for waiting for another process. It is far more
// than a busy machine needs, so reaching it means a fault.
const patience = 5 * time.Minute

// eventually waits until the query returns true.
func eventually(t testing.TB, at, query string) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		var done bool
		need(t, ask(at, query, &done))
		if done {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("never came true: %s", query)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// proxy forwards TCP connections to one of two Unix sockets.
type proxy struct {
	listener net.Listener
	next     string

	mu   sync.Mutex
	to   string
	open map[net.Conn]bool
	hold *heldAnswer // for the next commit; nil for none

	silentAt    string        // forward nothing from the next request with this text on; "" for none
	silentAfter string        // the same, but forward that request
	silence     chan struct{} // closed when the proxy forwards again; nil while it forwards
}

func openProxy(t testing.TB, first, next string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	need(t, err)
	socket := func(dir string) string { return filepath.Join(dir, ".s.PGSQL.5432") }
	d := &proxy{listener: listener, to: socket(first), next: socket(next), open: map[net.Conn]bool{}}
	go d.serve()
	t.Cleanup(func() {
		_ = listener.Close() // ends serve
		d.speak()
		d.move()
	})
	return d
}

func (d *proxy) serve() {
	for {
		in, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		out, err := net.Dial("unix", d.to)
		if err == nil {
			d.open[in], d.open[out] = true, true
		}
		d.mu.Unlock()
		if err != nil {
			_ = in.Close() // as if the server were gone
			continue
		}
		go d.pass(in, requests{out, d})
		go d.pass(out, answers{in, out, d})
	}
}

// answers forwards the server's answers to the client.
type answers struct {
	net.Conn
	server net.Conn
	proxy  *proxy
}

func (a answers) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("COMMIT\x00")) {
		a.proxy.detain(a.Conn, a.server)
	}
	a.proxy.wait("")
	return a.Conn.Write(b)
}

// requests forwards the client's requests to the server.
type requests struct {
	net.Conn
	proxy *proxy
}

func (r requests) Write(b []byte) (int, error) {
	r.proxy.wait(string(b))
	defer r.proxy.sent(string(b))
	return r.Conn.Write(b)
}

// sent falls silent after a request, if that is due.
func (d *proxy) sent(request string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.silentAfter != "" && strings.Contains(request, d.silentAfter) {
		d.silentAfter, d.silence = "", make(chan struct{})
	}
}

// wait returns when the proxy forwards a request, or an answer if it is "".
func (d *proxy) wait(request string) {
	d.mu.Lock()
	if d.silentAt != "" && strings.Contains(request, d.silentAt) {
		d.silentAt, d.silence = "", make(chan struct{})
	}
	silence := d.silence
	d.mu.Unlock()
	if silence != nil {
		<-silence
	}
}

// detain waits while the answer on a connection is to be held.
func (d *proxy) detain(client, server net.Conn) {
	d.mu.Lock()
	h := d.hold
	if d.hold = nil; h != nil {
		delete(d.open, client)
		delete(d.open, server)
	}
	d.mu.Unlock()
	if h != nil {
		close(h.arrived)
		<-h.released
	}
}

func (d *proxy) pass(from, to net.Conn) {
	_, _ = io.Copy(struct{ io.Writer }{to}, from) // either end may close
	d.wait("")
	_ = from.Close()
	_ = to.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, from)
}

func (d *proxy) fallSilent() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silence = make(chan struct{})
}

func (d *proxy) speak() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.silentAt, d.silentAfter = "", ""; d.silence != nil {
		close(d.silence)
		d.silence = nil
	}
}

func (d *proxy) move() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = d.next
	for conn := range d.open {
		_ = conn.Close() // the other end notices
	}
}
