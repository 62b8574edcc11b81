package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of one attempt.
const (
	dialTime   = 5 * time.Second
	headerTime = 15 * time.Second
	wholeTime  = 20 * time.Second
	mostHeader = 16 << 10
	mostAnswer = 4 << 10 // bytes of an answer that are read
	// drainTime is how long a message that is on its way may be answered when the process
	// stops, and how long the outcome may be stored then. At worst, another process has taken the
	// lease meanwhile: then the outcome is not stored, and the message is sent again, with the
	// same id.
	drainTime = heldFor
)

// outliving returns a context that goes on for drainTime after the end of ctx.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, cancel) })
	return longer, func() { stop(); cancel() }
}

// outcome is what became of an attempt.
type outcome struct {
	delivered bool
	gone      bool          // the receiver wants no more messages
	error     string        // a short code; "" if it was delivered
	after     time.Duration // the receiver wants no attempt before; 0 if it says nothing
	answered  bool          // the receiver has answered
}

// sender sends messages. It follows no redirect, uses no proxy and keeps no connection.
type sender struct {
	guard *Guard
	roots *x509.CertPool
}

// newSender returns a sender to the addresses that a guard admits. roots are the
// authorities that it trusts; nil for those of the system.
func newSender(g *Guard, roots *x509.CertPool) *sender { return &sender{g, roots} }

// post is one attempt to deliver a message.
type post struct {
	url, id, body string
	// ready is called when the connection stands, right before the message is sent. Its
	// error ends the attempt.
	ready func(context.Context) error
	// signed returns the time and the signatures of the message.
	signed func() (at time.Time, signatures string, err error)
}

// send makes an attempt. Its errors are those of ready and signed, and the end of ctx before
// the message was sent: nothing was sent then. What was sent may still be answered after the
// end of ctx.
func (s *sender) send(ctx context.Context, p post) (outcome, error) {
	going, stop := outliving(ctx)
	defer stop()
	going, cut := context.WithTimeout(going, wholeTime)
	defer cut()
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	target, err := url.Parse(p.url)
	if err != nil || target.Scheme != "https" {
		return outcome{error: unreachable}, nil
	}
	conn, code := s.connect(ctx, target)
	if code != "" {
		return outcome{error: code}, nil
	}
	defer func() { _ = conn.Close() }() // the transport has closed it already
	if err := p.ready(ctx); err != nil {
		return outcome{}, err
	}
	at, signatures, err := p.signed()
	if err != nil {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	req, err := http.NewRequestWithContext(going, http.MethodPost, p.url, strings.NewReader(p.body))
	if err != nil {
		return outcome{error: unreachable}, nil
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"resellerd"},
		"Webhook-Id": {p.id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signatures},
	}
	answer, err := over(conn).RoundTrip(req)
	if err != nil {
		return outcome{error: s.codeOf(err, conn.RemoteAddr())}, nil
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostAnswer) // the status says everything
	status := answer.StatusCode
	if status >= 200 && status <= 299 {
		return outcome{delivered: true, answered: true}, nil
	}
	return outcome{gone: status == http.StatusGone, error: "status_" + strconv.Itoa(status), after: retryAfter(answer.Header.Get("Retry-After"), at), answered: true}, nil
}

// connect opens a connection to a receiver, or says why there is none.
func (s *sender) connect(ctx context.Context, target *url.URL) (conn *tls.Conn, code string) {
	port := target.Port()
	if port == "" {
		port = "443"
	}
	dialer := &net.Dialer{Timeout: dialTime, Control: s.guard.control}
	plain, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		var failed *net.OpError
		if errors.As(err, &failed) {
			return nil, s.codeOf(err, failed.Addr)
		}
		return nil, s.codeOf(err, nil)
	}
	conn = tls.Client(plain, &tls.Config{ServerName: target.Hostname(), RootCAs: s.roots, MinVersion: tls.VersionTLS12})
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close() // the error of the handshake is the one that matters
		return nil, s.codeOf(err, plain.RemoteAddr())
	}
	return conn, ""
}

// over is a transport that sends one request over a connection.
func over(conn net.Conn) *http.Transport {
	dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	return &http.Transport{
		DialTLSContext: dial, ResponseHeaderTimeout: headerTime, MaxResponseHeaderBytes: mostHeader, DisableKeepAlives: true, DisableCompression: true,
	}
}

// unreachable is the code of a receiver that was not reached. It says nothing about
// networks that are not public: neither what is there, nor which of them are allowed.
const unreachable = "unreachable"

// codeOf names the cause of a failure. It says more than unreachable only about public
// addresses.
func (s *sender) codeOf(err error, at net.Addr) string {
	var authority *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case !s.public(at):
		return unreachable
	case errors.As(err, &authority), errors.As(err, &alert), errors.As(err, &record):
		return "tls"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection"
}

func (s *sender) public(at net.Addr) bool {
	if at == nil {
		return false
	}
	addr, err := netip.ParseAddrPort(at.String())
	return err == nil && new(Guard).Admits(addr.Addr().Unmap())
}

// mostAfter bounds the time that a receiver may ask for.
const mostAfter = 24 * time.Hour

// retryAfter reads the header of this name: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	seconds, err := strconv.Atoi(text)
	after := time.Duration(min(seconds, int(mostAfter/time.Second))) * time.Second
	if err != nil {
		date, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		after = date.Sub(now)
	}
	return min(max(after, 0), mostAfter)
}

// pauses are the times between two attempts, which take about three days together.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// pause returns the time until the next attempt, after a number of them. dead means that
// there is none. jitter, from 0 to 1, makes it up to a tenth longer.
func pause(attempts int, after time.Duration, jitter float64) (time.Duration, bool) {
	if attempts > len(pauses) {
		return 0, true
	}
	wait := pauses[max(attempts, 1)-1]
	return max(wait+time.Duration(jitter*float64(wait)/10), after), false
}
