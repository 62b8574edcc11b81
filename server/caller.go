package server

import (
	"context"
	"fmt"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/server/strictjson"
)

// The headers that identify the caller and the acting user, and those that go
// with the answer.
const (
	headerUser     = "Resellerd-User"
	headerUserJWT  = "Resellerd-User-JWT"
	headerAs       = "Resellerd-As"
	headerClientIP = "Resellerd-Client-IP"
	headerAtLeast  = "Resellerd-At-Least"
	headerReasons  = "Resellerd-Reasons"

	headerDecisionID = "Resellerd-Decision-ID"
	headerPolicy     = "Resellerd-Policy"
	headerRevision   = "Resellerd-Revision"
	headerPreview    = "Resellerd-Preview"
	headerRequestID  = "X-Request-ID"
)

// authenticate identifies the caller; it does not load the acting user. Errors
// are 401, or 403 for headers that this caller may not send.
//
// It reads only the headers. Call it before the body is read: trailer fields at
// the end of a body are added to the headers.
func (s *Server) authenticate(ctx context.Context, h *fasthttp.RequestHeader) (session.Caller, error) {
	secret, err := bearer(h)
	if err != nil {
		return session.Caller{}, err
	}
	if t, ok := s.tokens.Load().Find(secret); ok {
		if t.Limits.Expired(s.now) {
			return session.Caller{}, s.refuseToken(t.ID, "expired", unauthorized(""))
		}
		return s.panelCaller(ctx, h, t)
	}
	if s.jwt == nil {
		return session.Caller{}, unauthorized("")
	}
	tenant, sub, err := s.verifyUser(ctx, secret)
	if err != nil {
		return session.Caller{}, err
	}
	return userCaller(h, tenant, sub)
}

// tokenRefused is the refusal of a panel token that exists. The answer does not name the
// token, and the log does.
type tokenRefused struct {
	error
	token string
}

func (e *tokenRefused) Unwrap() error { return e.error }

// refuseToken counts the refusal of a panel token: of one that has expired, that came
// from another network, or that came with an Origin.
func (s *Server) refuseToken(token, reason string, refusal error) error {
	s.metrics.refusedTokens.WithLabelValues(token, reason).Inc()
	return &tokenRefused{fmt.Errorf("panel token %s: %s: %w", token, reason, refusal), token}
}

// panelCaller reads the headers that a panel may send.
func (s *Server) panelCaller(ctx context.Context, h *fasthttp.RequestHeader, t *identity.PanelToken) (session.Caller, error) {
	if len(h.PeekAll(fiber.HeaderOrigin)) > 0 {
		return session.Caller{}, s.refuseToken(t.ID, "origin", forbidden("a panel token may not be used by a page in a browser, which sends "+fiber.HeaderOrigin))
	}
	who := session.Caller{TokenID: t.ID, Tenant: t.Tenant, Scopes: t.Scopes, Limits: t.Limits}
	if t.Named {
		who.Panel = t.ID
	}
	for _, field := range []struct {
		name string
		into *string
	}{{headerUser, &who.UserRef}, {headerClientIP, &who.ClientIP}, {headerAs, &who.As}} {
		value, err := oneHeader(h, field.name)
		if err != nil {
			return session.Caller{}, err
		}
		*field.into = value
	}
	token, err := oneHeader(h, headerUserJWT)
	switch {
	case err != nil:
		return session.Caller{}, err
	case token == "" && s.cfg.JWT.RequireUser:
		return session.Caller{}, unauthorized("a user's token is required in addition to the panel token")
	case token == "":
		return who, nil
	case s.jwt == nil:
		return session.Caller{}, unauthorized("user tokens are not configured")
	}
	tenant, sub, err := s.verifyUser(ctx, []byte(token))
	switch {
	case err != nil:
		return session.Caller{}, err
	case who.Tenant != "" && who.Tenant != tenant:
		return session.Caller{}, unauthorized("the user's token belongs to another tenant")
	case who.UserRef != "" && who.UserRef != sub:
		return session.Caller{}, unauthorized("the user's token belongs to another user")
	}
	who.Tenant, who.UserRef = tenant, sub
	return who, nil
}

// userCaller returns the caller of a user's own token. The token acts only for
// its own user.
func userCaller(h *fasthttp.RequestHeader, tenant, sub string) (session.Caller, error) {
	for _, name := range []string{headerUser, headerClientIP, headerAs, headerUserJWT} {
		if len(h.PeekAll(name)) > 0 {
			return session.Caller{}, forbidden("only a panel may send " + name)
		}
	}
	return session.Caller{TokenID: "jwt", Tenant: tenant, Scopes: identity.ScopeUser, JWT: true, UserRef: sub}, nil
}

// bearer returns the token from the only Authorization header. The bytes belong
// to the request and are valid until the handler returns.
func bearer(h *fasthttp.RequestHeader) ([]byte, error) {
	token, err := bearerToken(h.Peek(fiber.HeaderAuthorization))
	if err == nil && len(h.PeekAll(fiber.HeaderAuthorization)) > 1 {
		err = unauthorized("the request has more than one Authorization header")
	}
	return token, err
}

// bearerToken returns the token in the value of an Authorization header.
func bearerToken(value []byte) ([]byte, error) {
	const scheme = "Bearer "
	if len(value) <= len(scheme) || !equalFoldASCII(value[:len(scheme)], scheme) {
		return nil, unauthorized("a bearer token is required")
	}
	return value[len(scheme):], nil
}

func equalFoldASCII(b []byte, s string) bool {
	for i := range b {
		x, y := b[i], s[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}

// oneHeader returns a copy of a header that may be sent at most once.
func oneHeader(h *fasthttp.RequestHeader, name string) (string, error) {
	value := h.Peek(name)
	if len(h.PeekAll(name)) > 1 { // an empty one before another hides it from Peek
		return "", malformed(name, "is sent more than once")
	}
	if len(value) == 0 {
		return "", nil
	}
	if name != headerUserJWT && len(value) > identity.MaxName {
		return "", malformed(name, "is too long")
	}
	if !strictjson.CleanText(string(value)) {
		return "", malformed(name, "has invalid text")
	}
	return string(value), nil
}
