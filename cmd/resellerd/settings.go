package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"resellerd/server"
	"resellerd/server/identity"
	"resellerd/server/transport"
	"resellerd/store"
)

// settings is everything the sidecar can be told, for `serve` to follow and
// `config` to print.
type settings struct {
	storeSettings
	listenSettings
	callerSettings
	policySettings
	recordSettings
	limitSettings
}

type storeSettings struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Migrate  bool   `help:"Bring a PostgreSQL schema up to date first; with SQLite that is always done."`
}

type listenSettings struct {
	Listen        string `help:"host:port (port 0 chooses one) or unix:/path." default:"127.0.0.1:8080" placeholder:"ADDR"`
	SocketMode    string `help:"Permission of the Unix socket." default:"0660" placeholder:"OCTAL"`
	MetricsListen string `help:"An address of their own for /metrics, /livez and /readyz." placeholder:"ADDR"`
	PublicURL     string `name:"public-url" help:"The address that callers use, for links and metadata." placeholder:"URL"`
	TLSCert       string `name:"tls-cert" help:"Certificate in PEM; without one, plain HTTP." placeholder:"FILE"`
	TLSKey        string `name:"tls-key" help:"The certificate's key in PEM." placeholder:"FILE"`
	TLSClientCA   string `name:"tls-client-ca" help:"Demand client certificates signed by this." placeholder:"FILE"`
}

type callerSettings struct {
	PanelTokens    string        `help:"[TENANT:]TOKEN entries, comma-separated, scopes after a space." placeholder:"TOKENS" secret:""`
	PanelTokenFile string        `help:"The same, a line each." placeholder:"FILE"`
	JWKS           string        `name:"jwks" help:"Key set that users' tokens are checked with, a file or an https address." placeholder:"FILE|URL"`
	JWTIssuer      string        `name:"jwt-issuer" help:"Who must have issued a user's token." placeholder:"ISS"`
	JWTAudience    string        `name:"jwt-audience" help:"For whom a user's token must be." placeholder:"AUD"`
	JWTTenant      string        `name:"jwt-tenant" help:"Master account that the issuer's tokens belong to; required when the store has several masters." placeholder:"ACC"`
	RequireUserJWT bool          `name:"require-user-jwt" help:"Demand a user's token beside the panel token."`
	JWKSRefresh    time.Duration `name:"jwks-refresh" help:"Time between two readings of the key set." default:"5m"`
	JWTLeeway      time.Duration `name:"jwt-leeway" help:"How far clocks may be apart." default:"30s"`
}

type policySettings struct {
	Policies       string        `help:"Directory or OPA bundle of a policy tree that replaces the embedded one; followed when it changes." placeholder:"DIR|BUNDLE"`
	PolicyKey      string        `help:"Public key in PEM that bundle files must be signed with." placeholder:"FILE"`
	PolicyKeyAlg   string        `help:"How they are signed; by default RS256, or ES256, ES384, ES512 by the key's curve." placeholder:"ALG"`
	PolicyTest     bool          `help:"Put no policy in force whose own Rego tests do not pass."`
	PolicyPoll     time.Duration `help:"Time between two readings of a policy that no change was noticed of." default:"15s"`
	OPAConfig      string        `name:"opa-config" help:"OPA's configuration file: where policies are fetched from, and decisions shipped to." placeholder:"FILE"`
	ShadowPolicies string        `help:"Directory or OPA bundle of a policy that decides the same beside the live one, and changes nothing." placeholder:"DIR|BUNDLE"`
	ShadowSample   float64       `help:"Part of the decisions that the shadow makes as well, 0 to 1." default:"1"`
	PolicyTimeout  time.Duration `help:"Time for one evaluation; one that takes longer denies." default:"1s"`
	ForceEvaluate  bool          `help:"Evaluate the policy whole for every check; for comparing, slow."`
}

type recordSettings struct {
	DecisionLog            string            `help:"A file, stdout or none." default:"stdout" placeholder:"FILE|stdout|none"`
	DecisionLogMode        string            `help:"async, or sync: written before the answer." enum:"async,sync" default:"async"`
	DecisionLogBuffer      int               `help:"Bytes of entries that may wait to be written." default:"16777216"`
	DecisionLogFull        string            `help:"When no more may wait, drop entries and count them, or refuse requests (503)." enum:"drop,refuse" default:"drop"`
	DecisionLogSync        time.Duration     `help:"Time between two fsyncs; 0 fsyncs every entry before it counts as written." default:"1s"`
	DecisionLogRotateSize  int64             `help:"Bytes after which a new file is begun; 0 for never." default:"104857600"`
	DecisionLogRotateAge   time.Duration     `help:"Time after which a new file is begun; 0 for never." default:"0s"`
	DecisionLogKeep        int               `help:"Files before the present one that are kept; 0 keeps all." default:"0"`
	DecisionLogKeyFile     string            `help:"Key of the chain, at least 16 bytes; without it, no key." placeholder:"FILE"`
	DecisionLogCheckpoints string            `help:"Where checkpoints of the chain are added, best on another machine." placeholder:"FILE"`
	DecisionMemory         int               `help:"Decisions remembered to be explained by their id, at most 8 KiB each; 0 for none." default:"4096"`
	Label                  map[string]string `help:"Recorded with every decision." placeholder:"KEY=VALUE"`
	LogLevel               string            `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
}

type limitSettings struct {
	RateMemory      int64         `help:"Bytes that look-ups may keep in memory; 0 asks the database each time." default:"268435456"`
	BodyLimit       int           `help:"Bytes of a request body, unpacked." default:"1048576"`
	HeaderLimit     int           `help:"Bytes of a request line with its headers." default:"16384"`
	ReadTimeout     time.Duration `help:"Time for a whole request to arrive." default:"10s"`
	WriteTimeout    time.Duration `help:"Time that one write to a client may block." default:"30s"`
	IdleTimeout     time.Duration `help:"Time between two requests of a connection." default:"1m"`
	RequestTimeout  time.Duration `help:"Time to answer, streams excepted." default:"15s"`
	StreamTimeout   time.Duration `help:"Time for a streamed answer." default:"15m"`
	ShutdownTimeout time.Duration `help:"Time to finish what is under way." default:"30s"`
	AtLeastTimeout  time.Duration `help:"Time to wait for Resellerd-At-Least." default:"2s"`
	ImportLimit     int           `help:"Bytes of an imported file, packed and unpacked." default:"268435456"`
	ImportTimeout   time.Duration `help:"Time for an imported file to arrive and be answered." default:"15m"`
}

// server translates the settings into the server's own.
func (s *settings) server() (server.Config, error) {
	mode, err := strconv.ParseUint(s.SocketMode, 8, 9)
	if err != nil {
		return server.Config{}, usagef("socket mode %q: want octal digits such as 0660", s.SocketMode)
	}
	cfg := server.Config{
		Listen: s.Listen, SocketMode: fs.FileMode(mode), MetricsListen: s.MetricsListen, PublicURL: s.PublicURL,
		TLS:         transport.TLS{Cert: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA},
		PanelTokens: s.PanelTokens, PanelTokenFile: s.PanelTokenFile,
		JWT: identity.JWT{
			JWKS: s.JWKS, Issuer: s.JWTIssuer, Audience: s.JWTAudience, Tenant: s.JWTTenant, RequireUser: s.RequireUserJWT,
			Refresh: s.JWKSRefresh, Leeway: s.JWTLeeway,
		},
		Limits: server.Limits{
			Body: s.BodyLimit, Header: s.HeaderLimit, Read: s.ReadTimeout, Write: s.WriteTimeout, Idle: s.IdleTimeout,
			Request: s.RequestTimeout, Stream: s.StreamTimeout, Shutdown: s.ShutdownTimeout, AtLeast: s.AtLeastTimeout,
			Import: s.ImportLimit, ImportTimeout: s.ImportTimeout,
		},
		Labels: s.Label, ForceEvaluate: s.ForceEvaluate,
	}
	s.recordSettings.apply(&cfg)
	if err := cfg.Validate(); err != nil {
		return cfg, usageError{err}
	}
	return cfg, nil
}

// apply sets what the decision log is told.
func (s *recordSettings) apply(cfg *server.Config) {
	cfg.DecisionLog, cfg.DecisionLogMode, cfg.DecisionLogFull = s.DecisionLog, s.DecisionLogMode, s.DecisionLogFull
	cfg.DecisionLogBuffer, cfg.DecisionLogKeep = s.DecisionLogBuffer, s.DecisionLogKeep
	cfg.DecisionLogRotateSize, cfg.DecisionLogRotateAge = s.DecisionLogRotateSize, s.DecisionLogRotateAge
	cfg.DecisionLogKeyFile, cfg.DecisionLogCheckpoints = s.DecisionLogKeyFile, s.DecisionLogCheckpoints
	if cfg.DecisionLogSync = s.DecisionLogSync; s.DecisionLogSync == 0 {
		cfg.DecisionLogSync = -1
	}
	cfg.DecisionMemory = s.DecisionMemory
	if s.DecisionMemory == 0 {
		cfg.DecisionMemory = -1
	}
}

// logger writes the process's own log, JSON lines of the asked level.
func (s *recordSettings) logger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(s.LogLevel)) // an enum: one of the four
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// open opens the store with its schema up to date: a SQLite store is migrated,
// a PostgreSQL store only when told to, since others may be using it. What the
// migration clears is printed to w.
func (s *storeSettings) open(ctx context.Context, w io.Writer) (*store.Store, error) {
	return openStore(ctx, s.Database, s.Migrate, store.Options{Cleared: func(one store.BadExternalID) {
		fmt.Fprintln(w, badExternalID(one))
	}})
}

// storeOptions is what the limits are for the store.
func (s *limitSettings) storeOptions() store.Options {
	if s.RateMemory <= 0 {
		return store.Options{RateMemory: -1}
	}
	return store.Options{RateMemory: s.RateMemory}
}

func openStore(ctx context.Context, url string, migrate bool, o store.Options) (*store.Store, error) {
	st, err := store.Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	if migrate || st.Dialect() == "sqlite" {
		err = st.Migrate(ctx)
	} else if err = st.SchemaCurrent(ctx); err != nil {
		err = fmt.Errorf("%w (run `resellerd migrate`, or add --migrate)", err)
	}
	if err != nil {
		return nil, closing(st, err)
	}
	return st, nil
}

// closing closes the store that err keeps from being used.
func closing(st *store.Store, err error) error {
	_ = st.Close() // err came first and says more
	return err
}

// hidePassword keeps a database URL's password out of what is printed.
func hidePassword(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	login, host, ok := cutLast(rest, "@")
	user, _, secret := strings.Cut(login, ":")
	if ok && secret {
		rest = user + ":***@" + host
	}
	base, query, ok := strings.Cut(rest, "?")
	if !ok {
		return scheme + "://" + rest
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if key, _, _ := strings.Cut(pair, "="); strings.Contains(strings.ToLower(key), "password") {
			pairs[i] = key + "=***"
		}
	}
	return scheme + "://" + base + "?" + strings.Join(pairs, "&")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
