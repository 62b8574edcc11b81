package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"resellerd/server/fair"
	"resellerd/server/feed"
	"resellerd/server/identity"
	"resellerd/server/session"
)

const (
	mediaEvents = "text/event-stream"
	// headerLastEvent holds the cursor of the last event that a reader of a stream got.
	headerLastEvent = "Last-Event-ID"

	defaultWait = 25 * time.Second
	mostWait    = 60 * time.Second
	// keepAlive is the time between two signs of life in a stream of events, and between
	// two checks of what depends on the clock.
	keepAlive = 15 * time.Second
	// policyCheck is the time until a waiting reader notices another policy.
	policyCheck = time.Second
)

type changesQuery struct {
	After string `query:"after" description:"the cursor of another answer; without it, the answer is a cursor for now"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" description:"items of an answer"`
	Wait  int    `query:"wait" minimum:"0" maximum:"60" default:"25" description:"seconds to wait for a change"`
}

type changesBody struct {
	Items  []feed.Item `json:"items" required:"true"`
	Reset  bool        `json:"reset,omitempty" description:"drop everything that you keep, and read it anew"`
	Cursor string      `json:"cursor" required:"true" description:"the next request's after; without items and reset, the one that was sent"`
}

// polling is a reader of changes, who may wait for the next one.
type polling struct {
	*inquiry
	reader *feed.Reader
	limit  int
	wait   time.Duration
	until  time.Time // when the wait ends; zero while the request is answered at once
	sent   string    // the sealed cursor of the last answer, which an empty answer repeats
	after  *feed.Cursor

	header fasthttp.RequestHeader // of the request
	from   netip.Addr
	scope  identity.Scope // that the route needs
}

// getChanges tells what changed of the data that the user sees. It waits until there is
// something to tell, and holds no connection of the database meanwhile.
func getChanges(r *exchange) error {
	p, err := r.polling()
	if err != nil {
		return err
	}
	place, err := r.take(r.Ctx, r.s.limiter.polls, "polls")
	if err != nil {
		return err
	}
	if r.media == mediaEvents {
		return r.sendEvents(p, place.Leave)
	}
	defer place.Leave()
	a, err := p.first()
	if err == nil && p.after != nil && a.Empty() && p.wait > 0 && r.c.Method() != fiber.MethodHead {
		a, err = p.next(p.wait)
	}
	if err != nil {
		return err
	}
	body, err := p.body(a)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// polling reads the request. Errors: 422.
func (r *exchange) polling() (*polling, error) {
	args, err := r.queryArgs()
	if err != nil {
		return nil, err
	}
	p := &polling{inquiry: &r.inquiry, limit: defaultLimit, wait: defaultWait}
	for _, a := range args {
		switch a.name {
		case "after":
			p.sent = a.value
		case "limit":
			p.limit, err = numberIn(a, 1, maxLimit)
		case "wait":
			var seconds int
			seconds, err = numberIn(a, 0, int(mostWait/time.Second))
			p.wait = time.Duration(seconds) * time.Second
		}
		if err != nil {
			return nil, err
		}
	}
	if last := r.header(headerLastEvent); last != "" && r.media == mediaEvents {
		p.sent = strings.Clone(last) // the stream outlives the request
	}
	if p.after, err = r.openChangesCursor(p.sent); err != nil {
		return nil, err
	}
	p.reader = &feed.Reader{Session: &p.Session, Source: r.s.feed, Keep: r.s.cfg.Keep.Changes, Turn: p.scanTurn}
	if r.Viewer != nil {
		p.wait = 0 // a preview shows one moment
		return p, nil
	}
	p.reader.Renew = p.renew
	r.c.Request().Header.CopyTo(&p.header)
	p.from, p.scope = r.remote(), r.route.scope
	return p, nil
}

// numberIn reads a parameter that is a whole number.
func numberIn(a queryArg, least, most int) (int, error) {
	n, err := strconv.Atoi(a.value)
	if err != nil || n < least || n > most {
		return 0, invalid(a.name, fmt.Sprintf("must be a number from %d to %d", least, most))
	}
	return n, nil
}

// openChangesCursor returns the cursor that a reader sent, nil for none. Errors: 422,
// the same for a cursor that was changed and for one of another user.
func (r *inquiry) openChangesCursor(sealed string) (*feed.Cursor, error) {
	if sealed == "" {
		return nil, nil
	}
	var c feed.Cursor
	plain, err := r.s.sealer.Open("changes", r.cursorBinding(""), sealed)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err != nil {
		return nil, invalid("after", "is not a cursor of this user")
	}
	return &c, nil
}

// remote returns the address of the connection, the zero value for none.
func (r *exchange) remote() netip.Addr {
	if conn, ok := r.c.Context().RemoteAddr().(*net.TCPAddr); ok {
		return conn.AddrPort().Addr()
	}
	return netip.Addr{}
}

// renew authenticates the request anew, with the present policy. Errors are those of a
// new request.
func (p *polling) renew() error {
	caller, err := p.s.authenticate(p.Ctx, &p.header)
	if err != nil {
		return err
	}
	if !caller.JWT && !caller.Limits.Admits(p.from) {
		return unauthorized("")
	}
	if !caller.Scopes.Has(p.scope) {
		return forbidden("the token lacks the scope " + p.scope.String())
	}
	if p.Engine = p.s.engines.Current(); p.Engine == nil {
		return unavailable(errors.New("no policy is loaded"))
	}
	p.Caller, p.Revision = caller, p.s.store.DataRevision()
	return p.LoadUser()
}

// errWaited ends a scan when the wait is over. What was found until then is the answer.
var errWaited = errors.New("the wait is over")

// scanTurn is feed.Reader.Turn. Its errors are those of inquiry.turn, and errWaited.
func (p *polling) scanTurn() (feed.Turn, error) {
	until := p.until
	if until.IsZero() {
		until = time.Now().Add(p.s.cfg.Limits.Request)
	}
	ctx, cancel := p.waiting(p.Ctx, until)
	defer cancel()
	place, err := p.s.limiter.scans.Enter(ctx, p.payer())
	if err != nil {
		return nil, busy(err)
	}
	return &pollTurn{place, p}, nil
}

// waiting returns a context that ends at a time; with errWaited if that is the end of the wait.
func (p *polling) waiting(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	if until.Equal(p.until) {
		return context.WithDeadlineCause(ctx, until, errWaited)
	}
	return context.WithDeadline(ctx, until)
}

// pollTurn is the turn of a scan, which ends with the wait.
type pollTurn struct {
	*fair.Place
	p *polling
}

// Yield implements feed.Turn.
func (t *pollTurn) Yield(ctx context.Context) error {
	if until := t.p.until; !until.IsZero() {
		if !time.Now().Before(until) {
			return errWaited
		}
		var cancel context.CancelFunc
		ctx, cancel = t.p.waiting(ctx, until)
		defer cancel()
	}
	return busy(t.Place.Yield(ctx))
}

// first answers at once.
func (p *polling) first() (feed.Answer, error) {
	if p.after == nil {
		return p.reader.Start()
	}
	return p.reader.After(*p.after, p.limit)
}

// next waits for something to tell, at most for a time. It wakes whenever any data
// changes, and returns only if the reader sees the change.
func (p *polling) next(wait time.Duration) (feed.Answer, error) {
	p.until = time.Now().Add(wait)
	end := time.NewTimer(wait)
	defer end.Stop()
	tick := time.NewTicker(policyCheck)
	defer tick.Stop()
	for {
		known := p.s.store.DataRevision()
		a, err := p.more()
		if errors.Is(err, errWaited) {
			return p.reader.Last()
		}
		if err != nil || !a.Empty() {
			return a, err
		}
		select {
		case <-p.Ctx.Done():
			return a, context.Cause(p.Ctx)
		case <-p.s.ending:
			return a, nil
		case <-end.C:
			return p.reader.Last()
		case <-p.s.store.Newer(known):
		case <-tick.C:
		}
	}
}

func (p *polling) more() (feed.Answer, error) {
	if p.Engine != p.s.engines.Current() {
		if a, err := p.reader.Renewed(); err != nil || !a.Empty() {
			return a, err
		}
	}
	return p.reader.More(p.limit)
}

// body is an answer as JSON. An empty answer has the cursor that was sent.
func (p *polling) body(a feed.Answer) ([]byte, error) {
	if p.sent == "" || !a.Empty() {
		plain, err := json.Marshal(a.Cursor)
		if err != nil {
			return nil, err
		}
		p.sent = p.s.sealer.Seal("changes", p.cursorBinding(""), plain)
	}
	if a.Items == nil {
		a.Items = []feed.Item{}
	}
	return json.Marshal(changesBody{a.Items, a.Reset, p.sent})
}

// sendEvents answers with a stream of events, each an answer. The stream ends after
// Limits.Stream, when the server ends, and when the user may not read any more.
func (r *exchange) sendEvents(p *polling, leave func()) error {
	r.c.Status(fiber.StatusOK).Set(fiber.HeaderContentType, mediaEvents)
	if r.c.Method() == fiber.MethodHead {
		leave()
		r.c.Response().SetBodyStream(strings.NewReader(""), -1)
		return nil
	}
	first, err := p.first()
	if err != nil {
		leave()
		return err
	}
	own := r.inquiry
	p.inquiry = &own
	p.reader.Session = &own.Session
	ctx, cancel := context.WithTimeout(context.Background(), r.s.cfg.Limits.Stream)
	p.Ctx = ctx
	in, out := io.Pipe()
	go func() {
		defer cancel()
		defer leave()
		defer func() {
			if panicked := recover(); panicked != nil {
				p.s.logger.Error("a streamed answer was cut off", "decision_id", p.DecisionID, "error", fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
			}
			_ = out.Close() // it has no error
		}()
		p.events(out, first)
	}()
	r.c.Response().SetBodyStream(&streamBody{PipeReader: in, cancel: cancel}, -1)
	return nil
}

// events writes answers until the reader has gone or may not read any more. A preview
// gets one answer. The end of a stream means nothing: the reader asks again.
func (p *polling) events(out io.Writer, a feed.Answer) {
	w := bufio.NewWriter(out)
	err := p.event(w, a)
	for err == nil && p.reader.Renew != nil {
		if a, err = p.next(keepAlive); err != nil {
			break
		}
		if p.s.draining.Load() && a.Empty() {
			break
		}
		err = p.event(w, a)
	}
	var denied *session.DeniedError
	if err != nil && problemOf(err).kind.status >= 500 && !errors.Is(err, io.ErrClosedPipe) && p.Ctx.Err() == nil || errors.As(err, &denied) {
		p.s.logger.Error("a streamed answer was cut off", "decision_id", p.DecisionID, "error", err)
	}
}

// event writes one event, or a sign of life for an empty answer that has no new cursor.
func (p *polling) event(w *bufio.Writer, a feed.Answer) error {
	if a.Empty() && p.sent != "" {
		_, _ = w.WriteString(":\n\n")
		return w.Flush()
	}
	body, err := p.body(a)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "id: %s\ndata: %s\n\n", p.sent, body)
	return w.Flush()
}
