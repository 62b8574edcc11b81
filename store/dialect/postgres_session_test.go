package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"resellerd/store/fault"
)

// pooler runs each statement of any connection in one of its sessions.
type pooler struct {
	sessions []string
	next     func(client, statement int) int
	full     int // the most connections that it accepts; 0 for any number
	clients  int
}

func (p *pooler) open(context.Context) (pqConn, error) {
	if p.full > 0 && p.clients == p.full {
		return nil, errors.New("too many clients")
	}
	p.clients++
	return &pooled{pooler: p, client: p.clients - 1}, nil
}

type pooled struct {
	pqConn
	pooler     *pooler
	client     int
	statements int
}

func (c *pooled) session() *string {
	c.statements++
	return &c.pooler.sessions[c.pooler.next(c.client, c.statements)]
}

func (c *pooled) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	session := c.session()
	if query == setSession {
		*session = args[0].Value.(string)
	}
	return &oneText{text: *session}, nil
}

func (c *pooled) Close() error { return nil }

type oneText struct {
	text string
	done bool
}

func (r *oneText) Columns() []string { return []string{"text"} }
func (r *oneText) Close() error      { return nil }
func (r *oneText) Next(into []driver.Value) error {
	if r.done {
		return io.EOF
	}
	into[0], r.done = r.text, true
	return nil
}

func TestConnectionsThatAreNoSessionsAreRefused(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct {
		pooler
		refused bool
	}{
		"each connection has a session":  {pooler{next: func(client, _ int) int { return client }}, false},
		"no second connection to be had": {pooler{full: 1, next: func(client, _ int) int { return client }}, false},
		"all share one session":          {pooler{next: func(int, int) int { return 0 }}, true},
		"statements take turns":          {pooler{next: func(_, statement int) int { return statement % 3 }}, true},
		"a session that has a mark": {
			pooler{sessions: []string{"other", "", ""}, next: func(client, _ int) int { return client }}, true},
		"a busy session is missed at first": {
			pooler{next: func(client, statement int) int { return client * max(0, 3-statement) }}, true},
		"a session that another connection marked": {
			pooler{sessions: []string{"", "", "other"}, next: func(client, statement int) int {
				if client == 0 && statement > 4 {
					return 2
				}
				return client
			}}, true},
	} {
		if c.sessions == nil {
			c.sessions = make([]string, 3)
		}
		conn, err := c.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = claimSession(t.Context(), conn, c.open)
		if errors.Is(err, errPooler) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", about, err)
		}
		if c.refused && !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v is not ErrUnavailable", about, err)
		}
	}
}
