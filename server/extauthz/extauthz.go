// Package extauthz answers Envoy's external authorization over gRPC (ext_authz, version
// 3). It translates Envoy's question and the verdict, and decides nothing itself.
package extauthz

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	types "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpcstatus "google.golang.org/grpc/status"
)

// Request is a request that Envoy asks about.
type Request struct {
	Method, Target string // Target is the path with its query
	// Authorization and Cookie are the values of these headers, "" for none. A header
	// that the client sent twice is refused before Decide.
	Authorization, Cookie string
	ClientIP              string // as Envoy says; "" if it does not
}

// Verdict is the answer. Status is 200, or that of the refusal.
type Verdict struct {
	Status  int
	Headers map[string]string // for the upstream, or for the client of a refused request
}

// Decide answers one request. An error means that nobody can say. Envoy then refuses the
// request, unless it is told to fail open.
type Decide func(ctx context.Context, r Request) (Verdict, error)

// Limits of a connection and a question.
const (
	mostBytes   = 1 << 20
	mostStreams = 1000
	patience    = 10 * time.Second
)

// NewServer returns a gRPC server that asks decide. creds is nil for plain text.
func NewServer(decide Decide, creds credentials.TransportCredentials) *grpc.Server {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(mostBytes), grpc.MaxConcurrentStreams(mostStreams), grpc.ConnectionTimeout(patience)}
	if creds != nil {
		options = append(options, grpc.Creds(creds))
	}
	s := grpc.NewServer(options...)
	auth.RegisterAuthorizationServer(s, &service{decide: decide})
	return s
}

type service struct {
	auth.UnimplementedAuthorizationServer
	decide Decide
}

// Check answers Envoy. A fault in its question is a denial.
func (s *service) Check(ctx context.Context, asked *auth.CheckRequest) (answer *auth.CheckResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, grpcstatus.Error(codes.Internal, "the check has failed")
		}
	}()
	r, err := requestOf(asked)
	if err != nil {
		return refused(Verdict{Status: http.StatusForbidden}), nil
	}
	v, err := s.decide(ctx, r)
	switch {
	case err != nil:
		return nil, grpcstatus.Error(codes.Unavailable, "no decision could be made")
	case v.Status == http.StatusOK:
		return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)},
			HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{Headers: headersOf(v.Headers)}}}, nil
	}
	return refused(v), nil
}

func refused(v Verdict) *auth.CheckResponse {
	code := codes.PermissionDenied
	if v.Status == http.StatusUnauthorized {
		code = codes.Unauthenticated
	}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(code)}, HttpResponse: &auth.CheckResponse_DeniedResponse{
		DeniedResponse: &auth.DeniedHttpResponse{Status: &types.HttpStatus{Code: types.StatusCode(v.Status)}, Headers: headersOf(v.Headers)}}}
}

// headersOf replaces headers of these names, so that a client cannot send its own.
func headersOf(headers map[string]string) (all []*core.HeaderValueOption) {
	for name, value := range headers {
		all = append(all, &core.HeaderValueOption{Header: &core.HeaderValue{Key: name, Value: value},
			AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD})
	}
	return all
}

var errTwice = errors.New("a header is sent twice")

func requestOf(asked *auth.CheckRequest) (Request, error) {
	from := asked.GetAttributes()
	h := from.GetRequest().GetHttp()
	r := Request{Method: h.GetMethod(), Target: h.GetPath()}
	if text := from.GetSource().GetAddress().GetSocketAddress().GetAddress(); text != "" {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return r, err
		}
		r.ClientIP = addr.Unmap().String()
	}
	var authorizations, cookies []string
	for name, value := range h.GetHeaders() {
		collect(name, value, &authorizations, &cookies)
	}
	for _, header := range h.GetHeaderMap().GetHeaders() {
		value := header.GetValue()
		if raw := header.GetRawValue(); len(raw) > 0 {
			value = string(raw)
		}
		collect(header.GetKey(), value, &authorizations, &cookies)
	}
	if len(authorizations) > 1 {
		return r, errTwice
	}
	r.Authorization, r.Cookie = strings.Join(authorizations, ""), strings.Join(cookies, "; ")
	return r, nil
}

func collect(name, value string, authorizations, cookies *[]string) {
	switch strings.ToLower(name) {
	case "authorization":
		*authorizations = append(*authorizations, value)
	case "cookie":
		*cookies = append(*cookies, value)
	}
}
