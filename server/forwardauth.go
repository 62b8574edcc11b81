package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"resellerd/server/identity"
	"resellerd/server/session"
)

const forwardAuthPath = "/forward-auth"

// The headers that tell an upstream who the user is.
const (
	headerUserID    = "Resellerd-User-Id"
	headerAccountID = "Resellerd-Account-Id"
)

// ForwardAuth configures GET /forward-auth, which proxies ask about each request.
type ForwardAuth struct {
	// From says where the request stands: "METHOD-HEADER,URI-HEADER", or "path" for the
	// request line of /forward-auth/…. It is "" if there is no forward auth.
	From string
	// Cookie is the name of the cookie with a user's token. It counts for requests
	// without an Authorization header. "" for none.
	Cookie string
	// ClientIPHeader is the header with the client's address, "" for none. It counts
	// from TrustedProxies only: networks, and "unix" for the Unix socket.
	ClientIPHeader string
	TrustedProxies []string
}

// fromPath is the value of From for proxies that append the path.
const fromPath = "path"

var headerText = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func (f ForwardAuth) faults() (errs []error) {
	method, uri, pair := strings.Cut(f.From, ",")
	if f.From != "" && f.From != fromPath && (!pair || !headerText.MatchString(method) || !headerText.MatchString(uri) || strings.EqualFold(method, uri)) {
		errs = append(errs, fmt.Errorf("forward auth %q: want the names of two headers, METHOD,URI, or path", f.From))
	}
	if f.Cookie != "" && !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(f.Cookie) {
		errs = append(errs, fmt.Errorf("forward auth cookie %q: want a name of letters, digits, - and _", f.Cookie))
	}
	if f.ClientIPHeader != "" && !headerText.MatchString(f.ClientIPHeader) {
		errs = append(errs, fmt.Errorf("client ip header %q: want the name of a header", f.ClientIPHeader))
	}
	if (f.ClientIPHeader == "") != (len(f.TrustedProxies) == 0) {
		errs = append(errs, errors.New("client ip header: the header and the trusted proxies go together"))
	}
	for _, network := range f.TrustedProxies {
		if _, err := netip.ParsePrefix(network); err != nil && network != "unix" {
			errs = append(errs, fmt.Errorf("trusted proxy %q: want a network such as 10.0.0.0/8, or unix", network))
		}
	}
	return errs
}

// trusts reports whether a proxy may say what the address of its client is.
func (f ForwardAuth) trusts(peer net.Addr) bool {
	conn, tcp := peer.(*net.TCPAddr)
	for _, network := range f.TrustedProxies {
		if network == "unix" {
			if !tcp {
				return true
			}
			continue
		}
		if prefix, err := netip.ParsePrefix(network); tcp && err == nil && prefix.Contains(conn.AddrPort().Addr().Unmap()) {
			return true
		}
	}
	return false
}

// proxied is a request that a proxy asks about.
type proxied struct {
	method, target string // of the request line: a path, perhaps with a query
	token          []byte // of the user
	clientIP       string // "" if unknown
}

// forwardAuth answers a proxy: 204 if the user may send the request, 401 without a valid
// token, 403 if it may not.
func forwardAuth(r *exchange) error {
	if r.s.cfg.ForwardAuth.From == "" {
		return &problem{kind: kindNoRoute, detail: "Forward auth is off. Set --forward-auth."}
	}
	h := &r.c.Request().Header
	p := proxied{clientIP: r.forwardedIP(h)}
	var err error
	if p.token, err = r.forwardedToken(h); err != nil {
		return err
	}
	p.method, p.target = r.forwardedRequest(h)
	if err := r.authorize(r.Ctx, p); err != nil {
		return err
	}
	r.c.Set(headerUserID, r.Subject.User.ID)
	r.c.Set(headerAccountID, r.Subject.Account.ID)
	r.c.Status(fiber.StatusNoContent)
	return nil
}

// authorize decides whether the user of a token may send a request. Errors: 401, 403, and
// 503 if nobody can say.
func (r *inquiry) authorize(ctx context.Context, p proxied) error {
	s := r.s
	part := r.Part("authenticate")
	tenant, sub, err := s.verifyUser(ctx, p.token)
	part.End()
	if err != nil {
		return err
	}
	r.Caller = session.Caller{TokenID: "jwt", Tenant: tenant, Scopes: identity.ScopeUser, JWT: true, UserRef: sub, ClientIP: p.clientIP}
	if r.Engine = s.engines.Current(); r.Engine == nil {
		return unavailable(errors.New("no policy is loaded"))
	}
	r.Revision = s.store.DataRevision()
	if err := r.LoadUser(); err != nil {
		return err
	}
	asked, mapped := r.Engine.Gateway().Path(p.method, p.target)
	if !mapped {
		d, err := r.unmapped(r.Input("read", "area", ""))
		if err != nil {
			return unavailable(err)
		}
		return &problem{kind: kindForbidden, reasons: d.Reasons}
	}
	for _, one := range asked {
		if d := r.Decide(r.Input(one.Action, one.Type, one.ID)); !d.Allow {
			return session.DeniedOpenly(d) // a status that all proxies take for a denial
		}
	}
	return nil
}

// forwardedRequest returns the method and the target of the request that the proxy asks
// about. They are "", which nothing maps, if a header is missing or sent twice.
func (r *exchange) forwardedRequest(h *fasthttp.RequestHeader) (method, target string) {
	from := r.s.cfg.ForwardAuth.From
	suffix, ok := bytes.CutPrefix(h.RequestURI(), []byte(forwardAuthPath))
	if from == fromPath {
		return string(h.Method()), string(suffix)
	}
	if ok = ok && (len(suffix) == 0 || suffix[0] == '?'); !ok {
		return "", ""
	}
	methodHeader, uriHeader, _ := strings.Cut(from, ",")
	return soleHeader(h, methodHeader), soleHeader(h, uriHeader)
}

// soleHeader returns a copy of a header that is sent once, otherwise "".
func soleHeader(h *fasthttp.RequestHeader, name string) string {
	if len(h.PeekAll(name)) != 1 {
		return ""
	}
	return string(h.Peek(name))
}

// forwardedToken returns the user's token: that of the Authorization header or, without
// one, that of the configured cookie.
func (r *exchange) forwardedToken(h *fasthttp.RequestHeader) ([]byte, error) {
	name := r.s.cfg.ForwardAuth.Cookie
	if name == "" || len(h.PeekAll(fiber.HeaderAuthorization)) > 0 {
		return bearer(h)
	}
	var token []byte
	for key, value := range h.Cookies() {
		if string(key) != name {
			continue
		}
		if token != nil {
			return nil, unauthorized("the cookie " + name + " is sent more than once")
		}
		token = bytes.Clone(value)
	}
	if len(token) == 0 {
		return nil, unauthorized("a user's token is required")
	}
	return token, nil
}

// forwardedIP returns the client's address if a trusted proxy says it, otherwise "".
func (r *exchange) forwardedIP(h *fasthttp.RequestHeader) string {
	f := r.s.cfg.ForwardAuth
	if f.ClientIPHeader == "" || !f.trusts(r.c.Context().RemoteAddr()) {
		return ""
	}
	addr, err := netip.ParseAddr(soleHeader(h, f.ClientIPHeader))
	if err != nil {
		return ""
	}
	return addr.Unmap().String()
}

// forwardAuthDoc describes the endpoint in the OpenAPI document.
var forwardAuthDoc = operation{summary: "May this user send this request? For proxies", tag: "decisions", status: 204}
