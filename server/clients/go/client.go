// Package resellerd asks resellerd what a user of a panel may see and do. It needs the
// standard library alone. Copy the folder into your own module.
//
// A denial is a value, and a failure is an error: show nothing then, and never fall
// back to the panel's own data.
package resellerd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"resellerd/server/clients/go/api"
)

// Client calls resellerd with the token of a panel. It keeps connections open, and is
// safe for concurrent use.
type Client struct {
	base, token string
	http        *http.Client
}

// New returns a client for http://127.0.0.1:8080 or unix:/run/resellerd.sock. The timeout
// is for a whole request.
func New(url, token string, timeout time.Duration) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 32, ForceAttemptHTTP2: true}
	if path, ok := strings.CutPrefix(url, "unix:"); ok {
		url = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return &Client{base: strings.TrimSuffix(url, "/"), token: token,
		http: &http.Client{Transport: transport, Timeout: timeout}}
}

// From says where a user acts from.
type From struct {
	IP  string // the address that the user acts from
	JWT string // the user's own token, for --require-user-jwt
}

// As returns the user who is signed in to the panel, by its id or external id. Take it
// from the panel's session, never from a value that a browser sent.
func (c *Client) As(user string, from From) *User {
	return &User{client: c, id: user, from: from}
}

// RefusedError is a refusal of resellerd: the status 404 is a row that does not exist
// for this user.
type RefusedError struct {
	Status  int
	Problem api.Problem
}

func (e *RefusedError) Error() string {
	if e.Problem.Detail != nil {
		return *e.Problem.Detail
	}
	return e.Problem.Title
}

// send sends a request and returns the answer to it with its body, if it succeeded.
func (c *Client) send(ctx context.Context, method, path string, header http.Header, body any) (http.Header, []byte, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, nil, err
		}
		sent = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return nil, nil, err
	}
	req.Header = header
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, err
	}
	if res.StatusCode < 300 {
		return res.Header, text, nil
	}
	refused := &RefusedError{Status: res.StatusCode}
	if err := json.Unmarshal(text, &refused.Problem); err != nil {
		return nil, nil, fmt.Errorf("resellerd answered %d: %w", res.StatusCode, err)
	}
	return nil, nil, refused
}
