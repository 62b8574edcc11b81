package transport

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scriptedListener returns the given errors in turn. For nil it returns a connection.
type scriptedListener struct {
	net.Listener
	script []error
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	err := l.script[0]
	l.script = l.script[1:]
	if err == nil {
		return &net.TCPConn{}, nil
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
}

func (l *scriptedListener) Close() error { return nil }

func TestALackOfFileDescriptorsIsWaitedForAndLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(0, 0)
	var pauses []time.Duration
	from := &scriptedListener{}
	l := NewPatientListener(from, Options{Fresh: &FreshConns{}, Quota: &Quota{}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
	l.after = func(d time.Duration) <-chan time.Time {
		pauses = append(pauses, d)
		now = now.Add(d)
		over := make(chan time.Time)
		close(over)
		return over
	}
	accept := func(script ...error) {
		t.Helper()
		from.script = script
		if conn, err := l.Accept(); err != nil || conn == nil {
			t.Fatalf("%v", err)
		}
	}
	many := make([]error, 20)
	for i := range many {
		many[i] = syscall.EMFILE
	}
	accept(append(many, nil)...)
	if len(pauses) != 20 || pauses[0] != 5*time.Millisecond || pauses[1] != 10*time.Millisecond || pauses[19] != time.Second {
		t.Errorf("pauses %v", pauses)
	}
	accept(syscall.ENFILE, nil) // the same episode, although one connection was accepted
	accept(nil)
	lines := func() int { return strings.Count(log.String(), "no connection can be accepted") }
	if lines() != 1 {
		t.Errorf("%d lines for one episode:\n%s", lines(), &log)
	}
	now = now.Add(acceptEpisode)
	accept(syscall.ENOMEM, syscall.ENOBUFS, syscall.EPERM, syscall.ECONNABORTED, nil)
	if lines() != 2 {
		t.Errorf("%d lines for two episodes:\n%s", lines(), &log)
	}
	from.script = []error{syscall.EBADF}
	if _, err := l.Accept(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a listener that is broken: %v", err)
	}
}

func TestClosingAListenerEndsItsWait(t *testing.T) {
	t.Parallel()
	l := NewPatientListener(&scriptedListener{script: []error{syscall.EMFILE}}, Options{Fresh: &FreshConns{}, Quota: &Quota{}, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	waiting := make(chan struct{})
	l.after = func(time.Duration) <-chan time.Time {
		close(waiting)
		return nil
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	<-waiting
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}
