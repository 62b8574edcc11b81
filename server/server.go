// Package server is the HTTP side of resellerd: it authenticates the caller,
// asks the policy, and answers with rows that are already filtered, masked and
// translated. It is the only package that knows Fiber.
//
// It is larger than other packages because it has one short handler for each route.
// The handlers share one exchange: how a caller is authenticated, a body read, a
// page written and an error answered. A division by type of row would repeat or
// export all of that. Code that needs no HTTP has its own package: session asks the
// policy and reads rows, insight explains and previews.
//
// Its terms:
//
//	exchange    one HTTP request and its answer
//	inquiry     a session (see that package) that also knows the server; an
//	            exchange has one, and so has a schedule or a command. It knows
//	            no HTTP
//	writing     a running write, in its transaction
//	row writer  how rows of one type are created, changed and removed
//	preview     a read that shows what another user sees (see insight)
//	dry run     a write that is tried and rolled back (see insight)
//	shadow      a second policy that decides beside the one in force
package server

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"resellerd/server/decisionlog"
	"resellerd/server/feed"
	"resellerd/server/identity"
	"resellerd/server/record"
	"resellerd/server/session"
	"resellerd/server/shadow"
	"resellerd/server/tablefilter"
	"resellerd/server/tracing"
	"resellerd/server/transport"
	"resellerd/server/webhook"
	"resellerd/store"
)

// Server answers HTTP requests for one store and one policy holder. Create it
// with New; run it with Run, or test it through App.
type Server struct {
	cfg       Config
	store     *store.Store
	engines   *EngineHolder
	tokens    atomic.Pointer[identity.PanelTokens]
	jwt       *identity.Verifier // nil: no user tokens
	envoy     *envoyServer       // nil: none
	sealer    *identity.Sealer
	sealed    revisionSeal
	shared    *session.Shared
	log       *decisionlog.Log // nil: none
	logOut    io.Writer        // replaces the log that Config names
	memory    *record.Memory
	onEntry   []func(line []byte)
	metrics   *metrics
	registry  *prometheus.Registry
	logger    *slog.Logger
	now       func() time.Time
	newID     func() string
	routes    []*boundRoute
	openapi   func() ([]byte, error)
	app       *fiber.App
	ops       *fiber.App // metrics and probes on a separate address, or nil
	watch     *transport.GoneWatch
	fresh     transport.FreshConns
	views     record.Policies
	shadow    *shadow.Shadow // nil: none
	shadowing *shadow.Options
	labels    []byte // the fixed labels of a log entry
	limiter   *limiter
	tracer    *tracing.Tracer // nil: none
	plans     importPlans
	filters   *tablefilter.Cache
	feed      *feed.Source
	hooks     *webhook.Engine
	hookRoots *x509.CertPool // that receivers of webhooks are checked with; nil: the system's
	ending    chan struct{}  // closed when waiting requests should be answered
	program   Build
	counts    atomic.Pointer[store.Counts] // nil: unknown

	longChange int // the number of areas of a change whose decision takes long
	maxHeld    int // how many rows an import writes while others wait

	certificate transport.Certificate
	reloadable  []*reloadable // changes only before Run
	again       chan struct{} // a reload is due
	draining    atomic.Bool
	after       func(time.Duration) <-chan time.Time
	checking    singleflight.Group
	check       func(context.Context) error // the part of readiness that can hang
}

// Option changes how New builds a Server.
type Option func(*Server)

// WithLogger sends the server's own log lines to l instead of stderr.
func WithLogger(l *slog.Logger) Option { return func(s *Server) { s.logger = l } }

// WithClock replaces time.Now.
func WithClock(now func() time.Time) Option { return func(s *Server) { s.now = now } }

// WithIDs replaces the random decision and request ids.
func WithIDs(newID func() string) Option { return func(s *Server) { s.newID = newID } }

// WithRegistry collects the metrics in reg instead of a new registry.
func WithRegistry(reg *prometheus.Registry) Option { return func(s *Server) { s.registry = reg } }

// WithDecisionWriter sends the decision log to w instead of the log that Config
// names.
func WithDecisionWriter(w io.Writer) Option {
	return func(s *Server) { s.logOut = w }
}

// WithEntryHook also passes every masked decision log entry, one line of JSON,
// to take, whatever the decision log is. take runs on the request's path, for
// several requests at the same time. It must not keep the line.
func WithEntryHook(take func(line []byte)) Option {
	return func(s *Server) { s.onEntry = append(s.onEntry, take) }
}

// WithShadow also decides a sample (0 to 1) of the live decisions with the
// policy that engines holds, while it holds one. Disagreements are counted and
// logged; no answer depends on them.
func WithShadow(engines *EngineHolder, sample float64) Option {
	return func(s *Server) { s.shadowing = &shadow.Options{Engines: engines, Sample: sample} }
}

// ErrNoCallers means that nobody could call the server: there is no panel token
// and no key set.
var ErrNoCallers = errors.New("there is no panel token and no key set, so nobody could call")

// New builds a server. It starts no work that needs Run. It reads the token file
// and the key set, and returns an error for settings that cannot work.
func New(cfg Config, st *store.Store, engines *EngineHolder, opts ...Option) (*Server, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, inSettings(fmt.Errorf("server settings: %w", err))
	}
	s := &Server{
		cfg: cfg, store: st, engines: engines, now: time.Now, newID: randomID,
		logger:   slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		registry: prometheus.NewRegistry(), watch: transport.NewGoneWatch(), limiter: newLimiter(&cfg), longChange: longChange, maxHeld: maxHeld,
		again: make(chan struct{}, 1), after: time.After, filters: tablefilter.NewCache(filterCacheBytes),
		feed: feed.NewSource(st), ending: make(chan struct{}),
	}
	s.check = s.checkStore
	if cfg.Limits.Plans > 0 {
		s.plans.disk = newDisk(cfg.Limits.Plans)
	}
	for _, o := range opts {
		o(s)
	}
	s.metrics = newMetrics(s.registry, st, engines)
	s.registry.MustRegister(newLimiterCollector(s.limiter), newCacheCollector(s), s.readings(), s.lockTimings(), s.compileTimings())
	if err := errors.Join(s.trust(), s.certify()); err != nil {
		return nil, err
	}
	traces := cfg.Traces
	traces.Version, traces.Logger = s.program.Version, s.logger
	var err error
	if s.tracer, err = tracing.New(traces); err != nil {
		return nil, err
	}
	s.labels = record.Labels(cfg.Labels)
	s.memory = record.NewMemory(cfg.DecisionMemory)
	if err := s.openDecisionLog(); err != nil {
		return nil, err
	}
	s.routes = append(bindRoutes(routes()), s.routes...)
	s.openapi = sync.OnceValues(s.describe)
	s.build()
	s.startShadow()
	s.share()
	s.hooks = s.newHooks()
	return s, nil
}

// share creates what all sessions share.
func (s *Server) share() {
	s.shared = &session.Shared{
		Store: s.store, Users: session.NewUsers(s.store, s.logger, &s.views), Now: func() time.Time { return s.now() }, Logger: s.logger,
		Count: s.metrics, Shadow: s.shadow, Log: s.log, OnEntry: s.onEntry, Memory: s.memory, Labels: s.labels, Known: &s.views,
		ForceEvaluate: s.cfg.ForceEvaluate,
	}
}

// startShadow starts the shadow that WithShadow configured.
func (s *Server) startShadow() {
	if s.shadowing == nil {
		return
	}
	s.registry.MustRegister(newPolicyInfo("resellerd_shadow_policy_info", "The shadow policy; the value is 1.", s.shadowing.Engines))
	s.shadow = shadow.New(*s.shadowing)
	s.shadow.Start(shadow.Settings{Registry: s.registry, Logger: s.logger, Known: &s.views, Whole: s.cfg.ForceEvaluate})
}

// ShadowLoaded counts an attempt to load a shadow policy; err is nil if it
// succeeded.
func (s *Server) ShadowLoaded(err error) { s.shadow.Loaded(err) }

// trust loads the keys and tokens that identify callers.
func (s *Server) trust() error {
	key, err := s.store.Key(context.Background())
	if err != nil {
		return fmt.Errorf("store key: %w", err)
	}
	if s.sealer, err = identity.NewSealer(key); err != nil {
		return err
	}
	tokens := &reloadable{name: "panel_tokens", files: filesOf(s.cfg.PanelTokenFile), load: s.trustTokens}
	if err := s.reloads(tokens); err != nil {
		return inSettings(err)
	}
	if s.cfg.JWT.JWKS == "" {
		return nil
	}
	return s.reloads(&reloadable{name: "key_set", files: filesOf(s.cfg.JWT.KeyFile()), load: s.trustKeys})
}

// App is the Fiber application, for tests in the same process.
func (s *Server) App() *fiber.App { return s.app }

// Registry holds the server's metrics.
func (s *Server) Registry() *prometheus.Registry { return s.registry }

// randomID is 26 characters of base32: 130 random bits.
func randomID() string { return rand.Text() }
