package storetest

import (
	"net/url"
	"testing"
)

// Line is the way to a database on a PostgreSQL server. It can fall silent: then it
// forwards nothing in either direction, and still accepts connections.
type Line struct {
	URL    string // of the database, through the line
	Direct string // the same without the line

	proxy *proxy
}

// SilentLine returns a new database with the current schema, and the way to it. The
// server is the temporary cluster, even if RESELLERD_TEST_DATABASE names another one.
func SilentLine(t testing.TB) *Line {
	t.Helper()
	_ = needServer(t)
	server, err := throwaway()
	need(t, err)
	at := copyOf(t, server.url(), untouched)
	need(t, migrate(at))
	u, err := url.Parse(at)
	need(t, err)
	l := &Line{Direct: at, proxy: openProxy(t, server.dir, server.dir)}
	l.URL = "postgres://postgres@" + l.proxy.listener.Addr().String() + u.Path + "?sslmode=disable"
	return l
}

// FallSilent stops forwarding.
func (l *Line) FallSilent() { l.proxy.fallSilent() }

// FallSilentAt stops forwarding at the next request that contains text.
func (l *Line) FallSilentAt(text string) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.proxy.silentAt = text
}

// FallSilentAfter forwards the next request that contains text, and then nothing.
func (l *Line) FallSilentAfter(text string) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.proxy.silentAfter = text
}

// Speak makes the line forward again. It first forwards the bytes that arrived while the
// line was silent.
func (l *Line) Speak() { l.proxy.speak() }
