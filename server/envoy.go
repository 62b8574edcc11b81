package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"resellerd/server/extauthz"
	"resellerd/server/session"
	"resellerd/server/transport"
)

// envoyCheck is the path of the method that Envoy calls.
const envoyCheck = "/envoy.service.auth.v3.Authorization/Check"

// envoyOrigin is where the decisions for Envoy come from.
var envoyOrigin = session.Origin{Name: fiber.MethodPost + " " + envoyCheck, Area: "decisions", Acting: true}

// envoyServer answers Envoy on its own listener. nil serves nothing.
type envoyServer struct {
	ln   net.Listener
	grpc *grpc.Server
}

// serve answers until shutdown.
func (e *envoyServer) serve() error { return e.grpc.Serve(e.ln) }

// addr returns the address, "" for no server.
func (e *envoyServer) addr() string {
	if e == nil {
		return ""
	}
	return address(e.ln)
}

// shutdown lets running questions finish until ctx ends.
func (e *envoyServer) shutdown(ctx context.Context) {
	if e == nil {
		return
	}
	stop := context.AfterFunc(ctx, e.grpc.Stop)
	defer stop()
	e.grpc.GracefulStop()
}

// openEnvoy listens for Envoy's ext_authz. It returns nil if it is not configured.
func (s *Server) openEnvoy() (*envoyServer, error) {
	if s.cfg.ExtAuthzListen == "" {
		return nil, nil
	}
	ln, err := transport.Open(s.cfg.ExtAuthzListen, s.cfg.SocketMode)
	if err != nil {
		return nil, inSettings(fmt.Errorf("listen on %s: %w", s.cfg.ExtAuthzListen, err))
	}
	var creds credentials.TransportCredentials
	if s.cfg.TLS.Cert != "" {
		creds = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			config, err := s.certificate.Config().GetConfigForClient(hello)
			if err != nil {
				return nil, err
			}
			config = config.Clone()
			config.NextProtos = []string{"h2"}
			return config, nil
		}})
	}
	return &envoyServer{ln, extauthz.NewServer(s.checkForEnvoy, creds)}, nil
}

// checkForEnvoy decides about a request that Envoy asks about, as forward auth does.
func (s *Server) checkForEnvoy(ctx context.Context, asked extauthz.Request) (v extauthz.Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.Request)
	defer cancel()
	start := time.Now()
	r := &inquiry{s: s, Session: session.Session{Shared: s.shared, From: envoyOrigin, DecisionID: s.newID(), Ctx: ctx}}
	r.beginTrace("", start)
	token, err := s.tokenForEnvoy(asked)
	if err == nil {
		err = r.authorize(ctx, proxied{method: asked.Method, target: asked.Target, token: token, clientIP: asked.ClientIP})
	}
	v = extauthz.Verdict{Status: http.StatusOK}
	if err == nil {
		v.Headers = map[string]string{headerUserID: r.Subject.User.ID, headerAccountID: r.Subject.Account.ID}
	} else if v, err = r.refusedByEnvoy(err); err != nil {
		v.Status = http.StatusServiceUnavailable
	}
	s.metrics.envoy(v.Status, time.Since(start))
	r.endTrace(v.Status)
	return v, err
}

// refusedByEnvoy returns the verdict for a refusal, or an error if nobody can say.
func (r *inquiry) refusedByEnvoy(err error) (extauthz.Verdict, error) {
	p := problemOf(err)
	switch {
	case p.kind.status >= http.StatusInternalServerError:
		r.s.logger.Error("request refused", "route", envoyOrigin.Name, "decision_id", r.DecisionID, "error", err)
		r.RecordFailure(err)
		return extauthz.Verdict{}, err
	case p.kind.code == kindUnknownUser.code:
		r.RecordRefusal(session.TrueReason(p.cause))
	case p.kind.status == http.StatusUnauthorized:
		return extauthz.Verdict{Status: http.StatusUnauthorized, Headers: map[string]string{fiber.HeaderWWWAuthenticate: `Bearer realm="resellerd"`}}, nil
	}
	return extauthz.Verdict{Status: http.StatusForbidden}, nil
}

// tokenForEnvoy returns the user's token: that of the Authorization header or, without
// one, that of the configured cookie. Envoy joins two headers of a name by a comma, which
// no token holds.
func (s *Server) tokenForEnvoy(asked extauthz.Request) ([]byte, error) {
	name := s.cfg.ForwardAuth.Cookie
	if name == "" || asked.Authorization != "" {
		return bearerToken([]byte(asked.Authorization))
	}
	var token []byte
	for pair := range strings.SplitSeq(asked.Cookie, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if key != name {
			continue
		}
		if token != nil {
			return nil, unauthorized("the cookie " + name + " is sent more than once")
		}
		token = bytes.Clone([]byte(value))
	}
	if len(token) == 0 {
		return nil, unauthorized("a user's token is required")
	}
	return token, nil
}
