package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"resellerd/server"
	"resellerd/server/identity"
	"resellerd/server/tracing"
	"resellerd/server/transport"
	"resellerd/store"
	"resellerd/store/fault"
)

// settings are all settings of the sidecar. `serve` uses them and `config` prints
// them.
type settings struct {
	storeSettings
	listenSettings
	callerSettings
	forwardSettings
	webhookSettings
	policySettings
	recordSettings
	keepSettings
	limitSettings
}

type storeSettings struct {
	Database string `help:"Database: sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Migrate  bool   `help:"Bring a PostgreSQL schema up to date at the start; a SQLite schema always is."`
}

type listenSettings struct {
	Listen        string   `help:"Address: host:port (port 0 chooses a free one) or unix:/path." default:"127.0.0.1:8080" placeholder:"ADDR"`
	SocketMode    string   `help:"Permission of the Unix socket." default:"0660" placeholder:"OCTAL"`
	MetricsListen string   `help:"Separate address for /metrics, /livez and /readyz." placeholder:"ADDR"`
	Pprof         bool     `help:"Serve profiles of the program at /debug/pprof/ of --metrics-listen, which strangers must not reach."`
	PublicURL     string   `name:"public-url" help:"Address that callers use, for links and metadata." placeholder:"URL"`
	CORSOrigins   []string `name:"cors-origins" help:"Origins, such as https://panel.example.com, whose pages may send a user's own token; comma-separated. Needs --metrics-listen." placeholder:"ORIGIN"`
	ExtAuthz      string   `name:"ext-authz-listen" help:"Address for Envoy's ext_authz over gRPC; only Envoy may reach it." placeholder:"ADDR"`
	TLSCert       string   `name:"tls-cert" help:"Certificate in PEM; without one, plain HTTP is served." placeholder:"FILE"`
	TLSKey        string   `name:"tls-key" help:"Key of the certificate in PEM." placeholder:"FILE"`
	TLSClientCA   string   `name:"tls-client-ca" help:"Require client certificates signed by this CA." placeholder:"FILE"`
}

type callerSettings struct {
	PanelTokens    string        `help:"Panel tokens: [TENANT:]TOKEN [scope …] [limit …], comma-separated." placeholder:"TOKENS" secret:""`
	PanelTokenFile string        `help:"File of panel tokens, one on a line." placeholder:"FILE"`
	JWKS           string        `name:"jwks" help:"Key set that checks users' tokens: a file or an https address." placeholder:"FILE|URL"`
	JWTIssuer      string        `name:"jwt-issuer" help:"Required issuer of a user's token." placeholder:"ISS"`
	JWTAudience    string        `name:"jwt-audience" help:"Required audience of a user's token." placeholder:"AUD"`
	JWTTenant      string        `name:"jwt-tenant" help:"Master account of the issuer; required if the store has several masters." placeholder:"ACC"`
	RequireUserJWT bool          `name:"require-user-jwt" help:"Require a user's token in addition to the panel token."`
	JWKSRefresh    time.Duration `name:"jwks-refresh" help:"Time between two reads of the key set." default:"5m" range:"1s,24h"`
	JWTLeeway      time.Duration `name:"jwt-leeway" help:"Allowed difference between clocks." default:"30s" range:"1s,10m"`
}

type forwardSettings struct {
	ForwardAuth       string   `help:"Where /forward-auth finds a request: the headers of its method and its URI, or path for the request line." placeholder:"HEADER,HEADER|path"`
	ForwardAuthCookie string   `help:"Cookie with a user's token, for requests without an Authorization header." placeholder:"NAME"`
	ClientIPHeader    string   `name:"client-ip-header" help:"Header in which trusted proxies send /forward-auth the client's address." placeholder:"HEADER"`
	TrustedProxies    []string `help:"Networks of the trusted proxies, and unix for the Unix socket; comma-separated." placeholder:"CIDR"`
}

type webhookSettings struct {
	WebhookNetworks []string `help:"Networks that webhooks may be delivered to although they are not public; comma-separated." placeholder:"CIDR"`
	WebhookHold     bool     `help:"Deliver no webhooks, for a restored or cloned store whose receivers must not hear of it."`
}

type policySettings struct {
	Policies       string        `help:"Directory or OPA bundle of a policy tree that replaces the embedded one; changes are followed." placeholder:"DIR|BUNDLE"`
	PolicyKey      string        `help:"Public key in PEM that must have signed bundle files." placeholder:"FILE"`
	PolicyKeyAlg   string        `help:"Signature algorithm of bundle files; by default RS256, or ES256, ES384 or ES512 by the curve of the key." placeholder:"ALG"`
	PolicyTest     bool          `help:"Refuse a policy whose Rego tests do not pass."`
	PolicyPoll     time.Duration `help:"Time between two reads of a policy without a noticed change." default:"15s" range:"100ms,24h"`
	PolicyKeep     string        `help:"Folder of the last three good policies, for policy pin; FILE.policies beside a SQLite file by default; none keeps none." placeholder:"DIR|none"`
	PolicyMaxGains int           `help:"A new policy that turns more than N of 100 remembered decisions into allows waits for policy confirm; 100 means that none waits." default:"100" range:"0,100" placeholder:"N"`
	OPAConfig      string        `name:"opa-config" help:"OPA's configuration file: sources of policies, and targets for decision logs." placeholder:"FILE"`
	ShadowPolicies string        `help:"Directory or OPA bundle of a shadow policy; it repeats decisions and affects no answer." placeholder:"DIR|BUNDLE"`
	ShadowSample   float64       `help:"Fraction of decisions that the shadow repeats, 0 to 1." default:"1" range:"0,1"`
	PolicyTimeout  time.Duration `help:"Time limit of an evaluation; a longer one denies." default:"1s" range:"1ms,1m"`
	ForceEvaluate  bool          `help:"Evaluate the whole policy for every check; slow, only for comparison."`
}

type recordSettings struct {
	DecisionLog            string            `help:"Decision log: a file, stdout or none." default:"stdout" placeholder:"FILE|stdout|none"`
	DecisionLogMode        string            `help:"sync writes an entry before the answer; async does not wait." enum:"async,sync" default:"async"`
	DecisionLogBuffer      int               `help:"Bytes of entries that may wait to be written." default:"16777216" range:"65536,4294967296"`
	DecisionLogFull        string            `help:"If the buffer is full: drop and count entries, or refuse requests with 503." enum:"drop,refuse" default:"drop"`
	DecisionLogSync        time.Duration     `help:"Time between two fsyncs; 0 means an fsync for every entry." default:"1s" range:"0s,1h"`
	DecisionLogRotateSize  int64             `help:"Size in bytes at which the file is rotated; 0 means never." default:"104857600" range:"0,1099511627776"`
	DecisionLogRotateAge   time.Duration     `help:"Age at which the file is rotated; 0 means never." default:"0s" range:"0s,8760h"`
	DecisionLogKeep        int               `help:"Number of rotated files to keep; 0 keeps all." default:"0" range:"0,1000000"`
	DecisionLogKeyFile     string            `help:"Key of the chain, at least 16 bytes; by default there is no key." placeholder:"FILE"`
	DecisionLogCheckpoints string            `help:"File for checkpoints of the chain, preferably on another machine." placeholder:"FILE"`
	DecisionMemory         int               `help:"Number of decisions to remember for explanations, at most 8 KiB each; 0 means none." default:"4096" range:"0,1000000"`
	Label                  map[string]string `help:"Label that is recorded with every decision." placeholder:"KEY=VALUE"`
	TraceURL               string            `name:"trace-url" help:"Collector of OpenTelemetry traces (OTLP over HTTP), such as http://collector:4318/v1/traces." placeholder:"URL"`
	TraceSample            float64           `help:"Fraction of requests that are traced, 0 to 1; a panel's traceparent decides for its request." default:"1" range:"0,1"`
	LogLevel               string            `help:"Lowest level to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
}

type keepSettings struct {
	revisionKeep
	AuditKeep time.Duration `help:"Time that audit entries are kept; 0 keeps all." default:"0s" range:"0s,876000h"`
}

type revisionKeep struct {
	RevisionKeep time.Duration `help:"Time that archived revisions are kept after they were in force; also limits how old the rates of an answer may be. 0 keeps all." default:"0s" range:"0s,876000h"`
}

// keep returns how long the store keeps old data.
func (s *keepSettings) keep() store.Keep {
	return store.Keep{Revisions: s.RevisionKeep, Audit: s.AuditKeep}
}

type limitSettings struct {
	DatabaseReplica       string        `help:"Standby of the PostgreSQL database, at postgres://…, that answers lists, look-ups and streams while it is new enough." placeholder:"URL"`
	DatabaseConnections   int           `help:"Connections of requests to the database, and as many to its replica; a PostgreSQL database gets up to 3 more." default:"16" range:"1,1000"`
	RateMemory            int64         `help:"Bytes of rates that look-ups may keep in memory; 0 means none." default:"268435456" range:"0,1099511627776"`
	Connections           int           `help:"Limit of open connections of each address that is listened on; 0 means none." default:"10000" range:"0,1000000"`
	ConnectionsPerAddress int           `help:"Limit of connections of a client's address without an answered request; 0 means none. Loopback and sockets have none." default:"256" range:"0,1000000"`
	BodyLimit             int           `help:"Limit of an unpacked request body, in bytes." default:"1048576" range:"1024,1073741824"`
	HeaderLimit           int           `help:"Limit of a request line with its headers, in bytes." default:"16384" range:"4096,1048576"`
	ReadTimeout           time.Duration `help:"Time limit for a whole request to arrive." default:"10s" range:"100ms,24h"`
	WriteTimeout          time.Duration `help:"Time that a client may lag behind --throughput." default:"30s" range:"100ms,24h"`
	Throughput            int           `help:"Bytes a second that a client must read of an answer, or send of a file, on average; 0 means none." default:"4096" range:"0,1073741824"`
	IdleTimeout           time.Duration `help:"Time limit between two requests of a connection." default:"1m" range:"100ms,24h"`
	RequestTimeout        time.Duration `help:"Time limit for an answer that is not streamed." default:"15s" range:"100ms,24h"`
	StreamTimeout         time.Duration `help:"Time limit for a streamed answer." default:"15m" range:"100ms,24h"`
	BlockedWrites         time.Duration `help:"Time that writes may be blocked until /readyz answers 503." default:"30s" range:"1s,1h"`
	DrainTime             time.Duration `help:"Time to answer as not ready after SIGTERM, so that load balancers notice; 0 means none." default:"5s" range:"0s,1h"`
	ShutdownTimeout       time.Duration `help:"Time limit for requests in progress at shutdown." default:"30s" range:"100ms,24h"`
	AtLeastTimeout        time.Duration `help:"Time limit to wait for Resellerd-At-Least." default:"2s" range:"1ms,1h"`
	ChangeKeep            time.Duration `help:"Time that changes are kept for GET /v1/changes; a cursor that is older gets a reset." default:"168h" range:"1h,87600h"`
	HeavyJobs             int           `help:"Number of imports, builds, proofs, previews and streams that work at a time, besides one of masters; 0 means half of the processors, at least 2." default:"0" range:"0,10000"`
	SpoolLimit            int64         `help:"Limit of the sorted streams that wait on disk for their readers, in bytes; an account may use a quarter." default:"4294967296" range:"4194304,1099511627776"`
	ImportLimit           int           `help:"Limit of an imported file, packed and unpacked, in bytes." default:"268435456" range:"1024,17179869184"`
	PlanLimit             int64         `help:"Limit of the files of previews that wait an hour to be applied, in bytes; an account may use a quarter; 0 means none." default:"1073741824" range:"0,1099511627776"`
	ImportTimeout         time.Duration `help:"Time limit for an import." default:"15m" range:"100ms,24h"`
	ImportWork            time.Duration `help:"Time limit for reading an imported file, without waits for the database." default:"2m" range:"100ms,24h"`
}

// server converts the settings to the server's configuration and validates it.
func (s *settings) server() (server.Config, error) {
	mode, err := strconv.ParseUint(s.SocketMode, 8, 9)
	if err != nil {
		return server.Config{}, usagef("socket mode %q: want octal digits such as 0660", s.SocketMode)
	}
	cfg := server.Config{
		Listen: s.Listen, SocketMode: fs.FileMode(mode), MetricsListen: s.MetricsListen, Profiles: s.Pprof, PublicURL: s.PublicURL,
		CORSOrigins: s.CORSOrigins, ExtAuthzListen: s.ExtAuthz, WebhookNetworks: s.WebhookNetworks, WebhookHold: s.WebhookHold,
		ForwardAuth: server.ForwardAuth{From: s.ForwardAuth, Cookie: s.ForwardAuthCookie, ClientIPHeader: s.ClientIPHeader, TrustedProxies: s.TrustedProxies},
		TLS:         transport.TLS{Cert: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA},
		PanelTokens: s.PanelTokens, PanelTokenFile: s.PanelTokenFile,
		JWT: identity.JWT{
			JWKS: s.JWKS, Issuer: s.JWTIssuer, Audience: s.JWTAudience, Tenant: s.JWTTenant, RequireUser: s.RequireUserJWT,
			Refresh: s.JWKSRefresh, Leeway: s.JWTLeeway,
		},
		Limits: server.Limits{
			Body: s.BodyLimit, Header: s.HeaderLimit, Read: s.ReadTimeout, Write: s.WriteTimeout, Idle: s.IdleTimeout,
			Request: s.RequestTimeout, Stream: s.StreamTimeout, Shutdown: s.ShutdownTimeout, AtLeast: s.AtLeastTimeout,
			Connections: noneIfZero(s.Connections), PerAddress: noneIfZero(s.ConnectionsPerAddress),
			Drain: noneIfZero(s.DrainTime), Spool: s.SpoolLimit, Import: s.ImportLimit, ImportTimeout: s.ImportTimeout, ImportWork: s.ImportWork,
			Throughput: noneIfZero(s.Throughput), Plans: noneIfZero(s.PlanLimit), Blocked: s.BlockedWrites,
		},
		Keep:   s.keep(),
		Labels: s.Label, ForceEvaluate: s.ForceEvaluate, HeavyJobs: s.HeavyJobs,
	}
	cfg.Keep.Changes = s.ChangeKeep
	s.recordSettings.apply(&cfg)
	if err := cfg.Validate(); err != nil {
		return cfg, usageError{err}
	}
	return cfg, nil
}

// apply sets the configuration of the decision log.
func (s *recordSettings) apply(cfg *server.Config) {
	cfg.DecisionLog, cfg.DecisionLogMode, cfg.DecisionLogFull = s.DecisionLog, s.DecisionLogMode, s.DecisionLogFull
	cfg.DecisionLogBuffer, cfg.DecisionLogKeep = s.DecisionLogBuffer, s.DecisionLogKeep
	cfg.DecisionLogRotateSize, cfg.DecisionLogRotateAge = s.DecisionLogRotateSize, s.DecisionLogRotateAge
	cfg.DecisionLogKeyFile, cfg.DecisionLogCheckpoints = s.DecisionLogKeyFile, s.DecisionLogCheckpoints
	cfg.Traces = tracing.Config{URL: s.TraceURL, Sample: s.TraceSample}
	cfg.DecisionLogSync, cfg.DecisionMemory = noneIfZero(s.DecisionLogSync), noneIfZero(s.DecisionMemory)
}

// noneIfZero converts a setting whose 0 means none. In the server's configuration, 0
// means the default, and a negative value means none.
func noneIfZero[T int | int64 | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// logger returns the process's own log: JSON lines at or above the configured level.
func (s *recordSettings) logger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(s.LogLevel)) // cannot fail: the flag's enum allows only four values
	return slog.New(newThrottle(runbooks{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})}))
}

// open opens the store with an up-to-date schema. It always migrates a SQLite store.
// It migrates a PostgreSQL store only with --migrate, because other instances may use
// it. It prints to w what the migration clears.
func (s *storeSettings) open(ctx context.Context, w io.Writer) (*store.Store, error) {
	return openStore(ctx, s.Database, s.Migrate, store.Options{Cleared: func(one store.BadExternalID) {
		fmt.Fprintln(w, badExternalID(one))
	}})
}

// storeOptions returns the limits that apply to the store.
func (s *limitSettings) storeOptions() store.Options {
	o := store.Options{Replica: s.DatabaseReplica, RateMemory: s.RateMemory, MaxConns: s.DatabaseConnections}
	if s.RateMemory <= 0 {
		o.RateMemory = -1
	}
	return o
}

func openStore(ctx context.Context, url string, migrate bool, o store.Options) (*store.Store, error) {
	st, err := store.Open(ctx, url, o)
	if errors.Is(err, fault.ErrInvalid) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	if migrate || st.Dialect() == "sqlite" {
		err = st.Migrate(ctx)
	} else if err = st.SchemaCurrent(ctx); errors.Is(err, store.ErrSchemaOlder) {
		err = fmt.Errorf("%w (run `resellerd migrate`, or add --migrate)", err)
	}
	if err != nil {
		return nil, closing(st, err)
	}
	return st, nil
}

// closing closes a store that cannot be used because of err, and returns err.
func closing(st *store.Store, err error) error {
	_ = st.Close() // err is the cause and says more
	return err
}

// hidePassword masks the passwords in a database URL.
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
