package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
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
)

// outcome is what became of an attempt.
type outcome struct {
	delivered bool
	gone      bool          // the receiver wants no more messages
	error     string        // a short code; "" if it was delivered
	after     time.Duration // the receiver wants no attempt before; 0 if it says nothing
}

// sender sends messages. It follows no redirect, uses no proxy and keeps no connection.
type sender struct{ client *http.Client }

// newSender returns a sender to the addresses that a guard admits. roots are the
// authorities that it trusts; nil for those of the system.
func newSender(g *Guard, roots *x509.CertPool) *sender {
	dialer := &net.Dialer{Timeout: dialTime, Control: g.control}
	return &sender{&http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: headerTime, MaxResponseHeaderBytes: mostHeader,
			DisableKeepAlives: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       wholeTime,
	}}
}

// send makes one attempt.
func (s *sender) send(ctx context.Context, target, id, body string, at time.Time, secrets []Secret) outcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil || req.URL.Scheme != "https" {
		return outcome{error: "address"}
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"resellerd"},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {sign(secrets, id, at, []byte(body))},
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return outcome{error: codeOf(err)}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostAnswer) // the status says everything
	code := answer.StatusCode
	if code >= 200 && code <= 299 {
		return outcome{delivered: true}
	}
	return outcome{gone: code == http.StatusGone, error: "status_" + strconv.Itoa(code), after: retryAfter(answer.Header.Get("Retry-After"), at)}
}

// codeOf names the cause of a failure. It says nothing about the network here.
func codeOf(err error) string {
	var dns *net.DNSError
	var authority *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, errRefused):
		return "address"
	case errors.As(err, &dns):
		return "name"
	case errors.As(err, &authority), errors.As(err, &alert), errors.As(err, &record):
		return "tls"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection"
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
