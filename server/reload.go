package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/server/identity"
	"resellerd/store/fault"
)

// followEvery is the time between two looks at the files of the settings.
const followEvery = time.Second

// reloadable is a setting that the server can read again while it runs.
type reloadable struct {
	name  string   // the label of the metric
	files []string // empty: only Reload reads it again
	load  func(context.Context) error

	seen  digest // of the files at the last look
	tried digest // of the files when load was called
}

type digest [sha256.Size]byte

// errNotRegular means that a pipe or device has given its content away already.
var errNotRegular = errors.New("not a regular file, so it cannot be read again")

// Reload makes a running server read its panel tokens, certificate and key set
// again. A setting that cannot be read stays as it is. The decision log checks
// whether its file is still at its path, and opens a new one otherwise. Reload does
// not wait for the result.
func (s *Server) Reload() {
	if s.log != nil {
		s.log.Reopen()
	}
	select {
	case s.again <- struct{}{}:
	default: // a reload is due already
	}
}

// reloads lets the server read a setting again, and loads it for the first time.
func (s *Server) reloads(p *reloadable) error {
	p.tried, _ = p.digest()
	p.seen = p.tried
	s.reloadable = append(s.reloadable, p)
	s.metrics.setting(p.name)
	return p.load(context.Background())
}

// follow reads settings again after Reload and after their files have changed,
// until ctx ends.
func (s *Server) follow(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.again:
			for _, p := range s.reloadable {
				s.reload(ctx, p)
			}
		case <-ticks:
			s.look(ctx)
		}
	}
}

// look reads the settings again whose files have changed. Two looks must find the
// same content, because a program may still be writing the file.
func (s *Server) look(ctx context.Context) {
	for _, p := range s.reloadable {
		now, err := p.digest()
		settled := now == p.seen
		p.seen = now
		if settled && now != p.tried && !errors.Is(err, errNotRegular) {
			s.reload(ctx, p)
		}
	}
}

// reload reads one setting again. After an error, the old value stays in force.
func (s *Server) reload(ctx context.Context, p *reloadable) {
	now, err := p.digest()
	p.tried = now
	if !errors.Is(err, errNotRegular) {
		err = p.load(ctx)
	}
	s.reloaded(p.name, err)
	if err == nil {
		s.logger.Info("a setting was read again", "setting", p.name)
	}
}

// reloaded counts an attempt to read a setting again, and logs an error.
func (s *Server) reloaded(name string, err error) {
	s.metrics.reloadedSetting(name, err)
	if err != nil {
		s.logger.Error("a setting cannot be read again; the old one stays in force", "setting", name, "error", err)
	}
}

// digest hashes the files with their errors. It reads no pipe and no device.
func (p *reloadable) digest() (digest, error) {
	h := sha256.New()
	for _, file := range p.files {
		text, err := contentOf(file)
		if errors.Is(err, errNotRegular) {
			return digest{}, err
		}
		fmt.Fprintf(h, "%d %v\n", len(text), err)
		h.Write(text)
	}
	return digest(h.Sum(nil)), nil
}

func contentOf(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: file, Err: errNotRegular}
	}
	return os.ReadFile(file)
}

// filesOf returns the file names that are set.
func filesOf(files ...string) (set []string) {
	for _, file := range files {
		if file != "" {
			set = append(set, file)
		}
	}
	return set
}

// trustTokens reads the panel tokens. It refuses a set with which nobody could call.
func (s *Server) trustTokens(ctx context.Context) error {
	tokens, err := s.cfg.panelTokens(identity.TokenLabel(s.sealer))
	if err != nil {
		return err
	}
	if len(tokens) == 0 && s.cfg.JWT.JWKS == "" {
		return ErrNoCallers
	}
	s.warnOf(ctx, tokens)
	s.tokens.Store(&tokens)
	return nil
}

// warnOf warns of tokens that can do more or less than their owner may expect.
func (s *Server) warnOf(ctx context.Context, tokens identity.PanelTokens) {
	if n := tokens.Count(func(t *identity.PanelToken) bool { return t.Short }); n > 0 {
		s.logger.Warn(fmt.Sprintf("panel tokens under %d characters can be guessed; the next release refuses them", identity.LeastToken), "tokens", n)
	}
	for _, tenant := range tokens.Tenants() {
		if errors.Is(s.isMaster(ctx, tenant), fault.ErrNotFound) {
			s.logger.Warn("panel tokens are for a tenant that is no master of this store: requests with them find no user", "tenant", accountOrNone(tenant))
		}
	}
	for _, at := range tokens.Accounts() {
		if why := s.noUsersOf(ctx, at[0], at[1]); why != "" {
			s.logger.Warn("panel tokens are limited to an account "+why+": requests with them find no user", "account", accountOrNone(at[0]))
		}
	}
	if n := tokens.Count(func(t *identity.PanelToken) bool { return t.Limits.Expired(s.now) }); n > 0 {
		s.logger.Warn("panel tokens have expired", "tokens", n)
	}
	if n := tokens.Count(func(t *identity.PanelToken) bool { return t.Tenant == "" }); n > 0 {
		s.logger.Warn("panel tokens without a tenant work for every tenant", "tokens", n)
	}
	if n := tokens.Count(func(t *identity.PanelToken) bool { return !t.Listed }); n > 0 {
		s.logger.Warn("panel tokens without a list of scopes have every scope except identity: "+
			"only users of the master can set external ids of users with them", "tokens", n)
	}
}

// accountOrNone returns an id for the log. Anything else may be the token itself, in a
// wrong place of its line.
func accountOrNone(id string) string {
	if strings.HasPrefix(id, "acc_") {
		return id
	}
	return "no id of an account"
}

// noUsersOf says why tokens of a tenant, limited to an account, are good for no user: ""
// if they may be good for some, or if the store does not answer.
func (s *Server) noUsersOf(ctx context.Context, account, tenant string) string {
	row, err := s.store.PolicyRow(ctx, "account", account)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return "that is not in this store"
	case err == nil && tenant != "" && row["tenant_id"] != tenant:
		return "of another tenant than theirs"
	}
	return ""
}

// trustKeys reads the key set of users' tokens.
func (s *Server) trustKeys(ctx context.Context) (err error) {
	if s.jwt != nil {
		return s.jwt.Refresh(ctx)
	}
	if s.jwt, err = identity.NewVerifier(ctx, s.cfg.JWT, s.now); err != nil {
		if s.cfg.JWT.KeyFile() != "" {
			err = inSettings(err)
		}
		return err
	}
	err = s.bindIssuer(ctx)
	if errors.Is(err, ErrUnboundIssuer) || errors.Is(err, ErrIssuerTenant) {
		err = inSettings(err)
	}
	return err
}

// trustCertificate reads the certificate files.
func (s *Server) trustCertificate(context.Context) error { return s.certificate.Load(s.cfg.TLS) }

// certify loads the certificate, if there is one.
func (s *Server) certify() error {
	t := s.cfg.TLS
	if t.Cert == "" {
		return nil
	}
	return inSettings(s.reloads(&reloadable{name: "certificate", files: filesOf(t.Cert, t.Key, t.ClientCA), load: s.trustCertificate}))
}

// setting makes the counters of a reloadable setting visible before its first reload.
func (m *metrics) setting(name string) {
	for _, result := range []string{"success", "failure"} {
		m.settings.WithLabelValues(name, result)
	}
}

func (m *metrics) reloadedSetting(name string, err error) {
	m.settings.With(prometheus.Labels{"setting": name, "result": resultOf(err)}).Inc()
}

func resultOf(err error) string {
	if err != nil {
		return "failure"
	}
	return "success"
}
