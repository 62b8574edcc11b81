package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"resellerd/server/transport"
)

// envoyClient is a client of a server that runs until the test ends. stop ends it at once.
func envoyClient(t *testing.T, s *Server) (client auth.AuthorizationClient, stop func() error) {
	t.Helper()
	s.cfg.ExtAuthzListen = "127.0.0.1:0"
	var err error
	s.envoy, err = s.openEnvoy()
	must(t, err)
	_, stop = runServer(t, s)
	return dialEnvoy(t, s, insecure.NewCredentials()), stop
}

func dialEnvoy(t *testing.T, s *Server, creds credentials.TransportCredentials) auth.AuthorizationClient {
	t.Helper()
	conn, err := grpc.NewClient(s.envoy.addr(), grpc.WithTransportCredentials(creds))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return auth.NewAuthorizationClient(conn)
}

// The listener for Envoy has the certificate of the other listeners, and demands the same one
// of its clients.
func TestEnvoyAsksOverTLS(t *testing.T) {
	t.Parallel()
	w, i, dir := sqliteCore(t), newIssuer(t), t.TempDir()
	ours, theirs := newAuthority(t, dir, "ours"), newAuthority(t, dir, "theirs")
	cert, key := ours.issue(t, dir, "server")
	s := forwardServer(t, w, i, ForwardAuth{}, func(c *Config) { c.TLS = transport.TLS{Cert: cert, Key: key, ClientCA: ours.file} })
	plain, _ := envoyClient(t, s)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	asked := envoyAsks("GET", "/cdr", "", map[string]string{"authorization": "Bearer " + i.token(t, "agent")})
	if got, err := plain.Check(tctx, asked); status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: %v, %v", got, err)
	}
	pair := func(by *authority, name string) []tls.Certificate {
		pair, err := tls.LoadX509KeyPair(by.issue(t, dir, name))
		must(t, err)
		return []tls.Certificate{pair}
	}
	for name, c := range map[string]struct {
		config *tls.Config
		want   codes.Code
	}{
		"our certificate":                {&tls.Config{RootCAs: roots, Certificates: pair(ours, "envoy")}, codes.OK},
		"a certificate of somebody else": {&tls.Config{RootCAs: roots, Certificates: pair(theirs, "other")}, codes.Unavailable},
		"no certificate":                 {&tls.Config{RootCAs: roots}, codes.Unavailable},
		"an unknown server":              {&tls.Config{RootCAs: x509.NewCertPool(), Certificates: pair(ours, "doubts")}, codes.Unavailable},
	} {
		got, err := dialEnvoy(t, s, credentials.NewTLS(c.config)).Check(tctx, asked)
		if status.Code(err) != c.want || c.want == codes.OK && got.GetStatus().GetCode() != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// envoyAsks is a question as Envoy sends it.
func envoyAsks(method, path, ip string, headers map[string]string) *auth.CheckRequest {
	asked := &auth.AttributeContext{Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
		Method: method, Path: path, Host: "panel.example", Scheme: "https", Protocol: "HTTP/2", Headers: headers}}}
	if ip != "" {
		asked.Source = &auth.AttributeContext_Peer{Address: &core.Address{Address: &core.Address_SocketAddress{
			SocketAddress: &core.SocketAddress{Address: ip}}}}
	}
	return &auth.CheckRequest{Attributes: asked}
}

func TestEnvoyAsksOverGRPC(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := forwardServer(t, w, i, ForwardAuth{Cookie: "panel_jwt"}, nil)
	client, stop := envoyClient(t, s)
	bearing := func(user string, more ...string) map[string]string {
		headers := map[string]string{"authorization": "Bearer " + i.token(t, user)}
		for n := 0; n+1 < len(more); n += 2 {
			headers[more[n]] = more[n+1]
		}
		return headers
	}
	twice := envoyAsks("GET", "/cdr", "", nil)
	twice.Attributes.Request.Http.HeaderMap = &core.HeaderMap{Headers: []*core.HeaderValue{
		{Key: "authorization", RawValue: []byte("Bearer " + i.token(t, "agent"))}, {Key: "Authorization", RawValue: []byte("Bearer " + i.token(t, "clerk"))}}}
	once := envoyAsks("GET", "/cdr", "", nil)
	once.Attributes.Request.Http.HeaderMap = &core.HeaderMap{Headers: twice.Attributes.Request.Http.HeaderMap.Headers[:1]}
	for name, c := range map[string]struct {
		asked *auth.CheckRequest
		want  codes.Code
	}{
		"allowed":            {envoyAsks("GET", "/cdr/1?page=2", "192.0.2.1", bearing("agent")), codes.OK},
		"headers as bytes":   {once, codes.OK},
		"by cookie":          {envoyAsks("GET", "/cdr", "", map[string]string{"cookie": "a=b; panel_jwt=" + i.token(t, "agent")}), codes.OK},
		"forged names":       {envoyAsks("GET", "/cdr", "", bearing("agent", "resellerd-user", "staff", "x-forwarded-uri", "/admin/x")), codes.OK},
		"denied":             {envoyAsks("GET", "/cdr", "", bearing("clerk")), codes.PermissionDenied},
		"another method":     {envoyAsks("DELETE", "/cdr", "", bearing("agent", "x-http-method-override", "GET")), codes.PermissionDenied},
		"unmapped":           {envoyAsks("GET", "/nowhere", "", bearing("agent")), codes.PermissionDenied},
		"a path trick":       {envoyAsks("GET", "/cdr/../admin", "", bearing("agent")), codes.PermissionDenied},
		"an unknown user":    {envoyAsks("GET", "/cdr", "", bearing("nobody")), codes.PermissionDenied},
		"a wrong address":    {envoyAsks("GET", "/cdr", "nowhere", bearing("agent")), codes.PermissionDenied},
		"no token":           {envoyAsks("GET", "/cdr", "", nil), codes.Unauthenticated},
		"a panel token":      {envoyAsks("GET", "/cdr", "", map[string]string{"authorization": "Bearer " + wideToken}), codes.Unauthenticated},
		"two cookies":        {envoyAsks("GET", "/cdr", "", map[string]string{"cookie": "panel_jwt=" + i.token(t, "agent") + "; panel_jwt=x"}), codes.Unauthenticated},
		"two tokens":         {twice, codes.PermissionDenied},
		"two tokens, joined": {envoyAsks("GET", "/cdr", "", map[string]string{"authorization": "Bearer " + i.token(t, "agent") + ",Bearer x"}), codes.Unauthenticated},
		"an empty question":  {&auth.CheckRequest{}, codes.Unauthenticated},
	} {
		got, err := client.Check(tctx, c.asked)
		must(t, err)
		if codes.Code(got.GetStatus().GetCode()) != c.want {
			t.Errorf("%s: %v", name, got)
		}
		var said []string
		for _, h := range got.GetOkResponse().GetHeaders() {
			said = append(said, h.GetHeader().GetKey()+"="+h.GetHeader().GetValue()+" "+h.GetAppendAction().String())
		}
		text := strings.Join(said, " ")
		if c.want == codes.OK && (!strings.Contains(text, headerUserID+"="+w.ID("agent")+" OVERWRITE") || !strings.Contains(text, headerAccountID+"="+w.ID("reseller"))) {
			t.Errorf("%s: the panel is told %q", name, text)
		}
		wanted := map[codes.Code]int32{codes.OK: 0, codes.PermissionDenied: 403, codes.Unauthenticated: 401}[c.want]
		if http := int32(got.GetDeniedResponse().GetStatus().GetCode()); http != wanted {
			t.Errorf("%s: the client gets %d", name, http)
		}
	}
	s.engines.Swap(nil)
	if _, err := client.Check(tctx, envoyAsks("GET", "/cdr", "", bearing("agent"))); status.Code(err) != codes.Unavailable {
		t.Errorf("without a policy: %v", err)
	}
	must(t, stop())
	if _, err := client.Check(tctx, envoyAsks("GET", "/cdr", "", bearing("agent"))); status.Code(err) != codes.Unavailable {
		t.Errorf("the sidecar is down: %v", err)
	}
}

// Envoy and forward auth decide alike, and both as the panel's own evaluation.
func TestProxiesDecideAsEvaluationsDo(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := forwardServer(t, w, i, ForwardAuth{From: fromPath}, nil)
	client, _ := envoyClient(t, s)
	met := map[int]int{}
	for _, user := range []string{"staff", "agent", "clerk", "low", "gone", "nobody"} {
		bearer := "Bearer " + i.token(t, user)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			for path, area := range map[string]string{"/cdr": "cdr", "/cdr/x/y?z=1": "cdr", "/customers/17": "customer", "/admin/x": "policy", "/index.php?module=cdr": "cdr", "/index.php": "", "/x": ""} {
				want := 403
				if area != "" && s.allowsAll(t, user, method, area) {
					want = 204
				}
				met[want]++
				req, err := http.NewRequestWithContext(context.Background(), method, "http://resellerd"+forwardAuthPath+path, nil)
				must(t, err)
				req.Header.Set("Authorization", bearer)
				res, err := s.App().Test(req, -1)
				must(t, err)
				_, _ = io.Copy(io.Discard, res.Body)
				got, err := client.Check(tctx, envoyAsks(method, path, "", map[string]string{"authorization": bearer}))
				must(t, err)
				if res.StatusCode != want || (got.GetStatus().GetCode() == 0) != (want == 204) {
					t.Errorf("%s: %s %s: %d and %v, want %d", user, method, path, res.StatusCode, got.GetStatus(), want)
				}
			}
		}
	}
	if met[204] == 0 || met[403] == 0 {
		t.Errorf("the requests tell nothing apart: %v", met)
	}
}

// allowsAll reports whether evaluations allow a user all actions that a method needs.
func (s *Server) allowsAll(t *testing.T, user, method, area string) bool {
	t.Helper()
	needed := map[string][]string{"GET": {"read"}, "HEAD": {"read"}, "POST": {"create", "update", "delete"}, "PUT": {"update"}, "PATCH": {"update"}, "DELETE": {"delete"}}[method]
	for _, action := range needed {
		body := evaluationBody(fmt.Sprintf(`{"type":"user","id":%q}`, user), fmt.Sprintf(`{"name":%q}`, action), fmt.Sprintf(`{"type":"area","id":%q}`, area))
		if knock(t, s, "POST", "/access/v1/evaluation", body, wideToken).text != `{"decision":true}` {
			return false
		}
	}
	return len(needed) > 0
}
