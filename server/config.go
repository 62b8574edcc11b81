package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"resellerd/server/identity"
	"resellerd/server/tracing"
	"resellerd/server/transport"
	"resellerd/server/webhook"
	"resellerd/store"
)

// Config sets how the server listens, whom it trusts and what it records. The
// zero value of a limit means its default, so a test may start from Config{}.
type Config struct {
	// Listen is "host:port" ("127.0.0.1:0" chooses a port) or "unix:/path".
	Listen string
	// SocketMode is the permission of a Unix socket, default 0660.
	SocketMode fs.FileMode
	// MetricsListen moves /metrics, /livez and /readyz to a separate address,
	// with the same TLS. If it is empty, they are served on Listen.
	MetricsListen string
	// PublicURL is the address that callers use, http or https. It is never
	// taken from the Host header.
	PublicURL string
	TLS       transport.TLS
	// Profiles serves profiles of the program at /debug/pprof/ of MetricsListen, which it
	// needs; default false.
	Profiles bool
	// CORSOrigins are the origins (scheme://host[:port]) whose pages may send requests
	// with a user's own token. MetricsListen is then required.
	CORSOrigins []string

	// PanelTokens holds "[TENANT:]TOKEN [scope …] [limit …]" entries separated by
	// commas; see identity.SplitSetting and identity.NewPanelTokens.
	PanelTokens string
	// PanelTokenFile holds one "[TENANT:]TOKEN [scope,…]" per line; # starts a
	// comment.
	PanelTokenFile string
	JWT            identity.JWT

	ForwardAuth ForwardAuth
	// ExtAuthzListen is the address for Envoy's ext_authz over gRPC, "" for none. Only
	// Envoy may reach it: the address of a client is what Envoy says.
	ExtAuthzListen string

	// WebhookNetworks are networks (CIDR) that messages of webhooks are sent to although
	// they are not public; default none.
	WebhookNetworks []string
	// WebhookHold lets the server deliver no messages of webhooks.
	WebhookHold bool

	Limits Limits

	Traces tracing.Config

	// DecisionLog is a file name, "stdout" or "none". Default "stdout".
	DecisionLog string
	// DecisionLogMode is "async" (default: entries wait in memory) or "sync"
	// (the entry is written before the answer).
	DecisionLogMode string
	// DecisionLogBuffer limits the bytes of the entries that wait; default 16
	// MiB. DecisionLogFull sets what happens when there is no room for an entry:
	// "drop" (default; the entry is counted as dropped) or "refuse" (the request
	// is answered with 503).
	DecisionLogBuffer int
	DecisionLogFull   string
	// DecisionLogSync is the time between two fsyncs, default 1 s. If it is
	// negative, each entry is fsynced before it counts as written.
	DecisionLogSync time.Duration
	// DecisionLogRotateSize (bytes) and DecisionLogRotateAge set when a new file
	// begins; 0 sets no limit. DecisionLogKeep is the number of older files that
	// are kept; 0 keeps all.
	DecisionLogRotateSize int64
	DecisionLogRotateAge  time.Duration
	DecisionLogKeep       int
	// DecisionLogKeyFile holds the key for the chain of entries. Without it, the
	// chain has no key.
	DecisionLogKeyFile string
	// DecisionLogCheckpoints is a file that checkpoints are appended to; empty
	// for none.
	DecisionLogCheckpoints string
	// DecisionMemory is the number of decisions that are remembered for GET
	// /v1/decisions/{id}, with at most 8 KiB each. Default 4096; a negative
	// value remembers none.
	DecisionMemory int
	// Labels are recorded with every decision, e.g. {"instance": "eu-1"}.
	Labels map[string]string

	// ForceEvaluate answers every check with a full evaluation of the policy, to
	// compare with compiled plans. It is slow; default false.
	ForceEvaluate bool
	// Keep says how long archived revisions and audit entries are kept; the default
	// keeps all. Changes are kept for seven days by default.
	Keep store.Keep
	// HeavyJobs is the number of imports, builds, proofs, previews and streams that
	// work at a time. One more is for masters. Default: half of the processors, at least 2.
	HeavyJobs int
}

// SettingError is an error in the settings: the server cannot start until somebody
// changes them.
type SettingError struct{ error }

// Unwrap returns the error itself.
func (e SettingError) Unwrap() error { return e.error }

// inSettings marks an error as one of the settings.
func inSettings(err error) error {
	if err == nil {
		return nil
	}
	return SettingError{err}
}

// Limits limit what one caller can make the server do.
type Limits struct {
	Body     int           // bytes of a request body, compressed or not; default 1 MiB
	Header   int           // bytes of a request line with its headers; default 16 KiB
	Read     time.Duration // time for a whole request to arrive; default 10 s
	Write    time.Duration // time that a client may lag behind Throughput; default 30 s
	Idle     time.Duration // time between two requests on a connection; default 60 s
	Request  time.Duration // time to answer, except for streams; default 15 s
	Stream   time.Duration // time for a streamed answer; default 15 min
	Shutdown time.Duration // time for running requests to finish at shutdown; default 30 s
	Blocked  time.Duration // time that writes may be blocked while /readyz answers 200; default 30 s
	Drain    time.Duration // time that Run answers after ErrDrain, not ready; default 5 s, negative: none
	// Connections limits the open connections of each listener, default 10,000.
	// PerAddress limits those of one address without an answered request, default
	// 256. A negative value sets no limit.
	Connections, PerAddress int

	AtLeast time.Duration // time to wait for Resellerd-At-Least; default 2 s

	// Throughput is the least number of bytes a second, on average, that a client
	// reads of an answer or sends of a file; default 4 KiB. A negative value sets no
	// limit.
	Throughput int

	Spool         int64         // bytes on disk of sorted streams, of all accounts; one may use a quarter; default 4 GiB
	Import        int           // bytes of an imported file, compressed and uncompressed; default 256 MiB
	ImportTimeout time.Duration // time to receive, read and answer it; default 15 min
	ImportWork    time.Duration // of that, time to read it, without waits for the database; default 2 min
	Plans         int64         // bytes on disk of the files of previews, of all accounts; one may use a quarter; default 1 GiB, negative: none
}

func (l *Limits) setDefaults() {
	positive(&l.Body, 1<<20)
	positive(&l.Header, 16<<10)
	positive(&l.Read, 10*time.Second)
	positive(&l.Write, 30*time.Second)
	positive(&l.Idle, time.Minute)
	if l.Throughput == 0 {
		l.Throughput = 4 << 10
	}
	positive(&l.Request, 15*time.Second)
	positive(&l.Stream, 15*time.Minute)
	positive(&l.Shutdown, 30*time.Second)
	positive(&l.Blocked, 30*time.Second)
	if l.Connections == 0 {
		l.Connections = 10_000
	}
	if l.PerAddress == 0 {
		l.PerAddress = 256
	}
	if l.Drain == 0 {
		l.Drain = 5 * time.Second
	}
	positive(&l.AtLeast, 2*time.Second)
	positive(&l.Spool, 4<<30)
	positive(&l.Import, 256<<20)
	positive(&l.ImportTimeout, 15*time.Minute)
	positive(&l.ImportWork, 2*time.Minute)
	if l.Plans == 0 {
		l.Plans = 1 << 30
	}
}

// request is the time limit for answering one request.
func (l *Limits) request(doc operation) time.Duration {
	switch {
	case doc.upload:
		return l.ImportTimeout
	case doc.waits:
		return l.Request + mostWait
	}
	return l.Request
}

func positive[T int | int64 | time.Duration](v *T, byDefault T) {
	if *v <= 0 {
		*v = byDefault
	}
}

// setDefaults sets the fields that are zero.
func (c *Config) setDefaults() {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.SocketMode == 0 {
		c.SocketMode = 0o660
	}
	if c.DecisionLog == "" {
		c.DecisionLog = "stdout"
	}
	if c.DecisionLogMode == "" {
		c.DecisionLogMode = "async"
	}
	if c.DecisionLogFull == "" {
		c.DecisionLogFull = "drop"
	}
	if c.DecisionLogSync == 0 {
		c.DecisionLogSync = time.Second
	}
	positive(&c.DecisionLogBuffer, 16<<20)
	if c.DecisionMemory == 0 {
		c.DecisionMemory = 4096
	}
	positive(&c.JWT.Refresh, 5*time.Minute)
	positive(&c.JWT.Leeway, 30*time.Second)
	positive(&c.Keep.Changes, 7*24*time.Hour)
	c.Limits.setDefaults()
}

// Validate returns one error for each setting that cannot work, joined.
func (c Config) Validate() error {
	var errs []error
	if c.JWT.JWKS != "" && (c.JWT.Issuer == "" || c.JWT.Audience == "") {
		errs = append(errs, errors.New("jwt: issuer and audience are required with a key set"))
	}
	if !identity.SafeKeySource(c.JWT.JWKS) {
		errs = append(errs, errors.New("jwt: a key set from another machine must be read over https"))
	}
	if c.JWT.RequireUser && c.JWT.JWKS == "" {
		errs = append(errs, errors.New("jwt: a required user token needs a key set"))
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		errs = append(errs, errors.New("tls: certificate and key go together"))
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		errs = append(errs, errors.New("tls: client certificates need a server certificate"))
	}
	if m := c.DecisionLogMode; m != "" && m != "async" && m != "sync" {
		errs = append(errs, fmt.Errorf("decision log mode %q: want async or sync", m))
	}
	if f := c.DecisionLogFull; f != "" && f != "drop" && f != "refuse" {
		errs = append(errs, fmt.Errorf("decision log full %q: want drop or refuse", f))
	}
	if u := c.PublicURL; u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		errs = append(errs, fmt.Errorf("public url %q: want an http or https address", u))
	}
	for _, origin := range c.CORSOrigins {
		if !isOrigin(origin) {
			errs = append(errs, fmt.Errorf("cors origin %q: want scheme://host or scheme://host:port, with http or https", origin))
		}
	}
	if len(c.CORSOrigins) > 0 && c.JWT.JWKS == "" {
		errs = append(errs, errors.New("cors origins: a page in a browser needs a user's token: set a key set"))
	}
	if c.Profiles && c.MetricsListen == "" {
		errs = append(errs, errors.New("profiles need an address of their own: set metrics-listen, which strangers must not reach"))
	}
	if len(c.CORSOrigins) > 0 && c.MetricsListen == "" {
		errs = append(errs, errors.New("cors origins: browsers can reach this address, so set a separate address for the metrics"))
	}
	errs = append(errs, c.Traces.Validate())
	errs = append(errs, c.ForwardAuth.faults()...)
	if (c.ForwardAuth.From != "" || c.ExtAuthzListen != "") && c.JWT.JWKS == "" {
		errs = append(errs, errors.New("forward auth: a user's token is the only identity, so set a key set"))
	}
	if _, err := webhook.ParseNetworks(c.WebhookNetworks); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// panelTokens reads the panel tokens of the setting and of the file.
func (c Config) panelTokens(label func(hash []byte) string) (identity.PanelTokens, error) {
	set := identity.SplitSetting(c.PanelTokens)
	lines := set
	if c.PanelTokenFile != "" {
		text, err := os.ReadFile(c.PanelTokenFile)
		if err != nil {
			return nil, fmt.Errorf("panel token file: %w", err)
		}
		lines = append(slices.Clone(set), strings.Split(string(text), "\n")...)
	}
	tokens, err := identity.NewPanelTokens(lines, label)
	if bad := (*identity.LineError)(nil); errors.As(err, &bad) && bad.Line > len(set) {
		return nil, fmt.Errorf("panel token file: line %d: %w", bad.Line-len(set), bad.Err)
	}
	return tokens, err
}
