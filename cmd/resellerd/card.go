package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"resellerd/policies"
	"resellerd/server"
	"resellerd/store"
	"resellerd/store/cardfile"
)

// cardCommand works on rate cards with the rights of a user.
type cardCommand struct {
	resourceCommand
	Build    cardBuildCommand    `cmd:"" help:"Build a card from its parents."`
	Activate cardActivateCommand `cmd:"" help:"Put a revision in force, now or at a time."`
	Rollback cardRollbackCommand `cmd:"" help:"Put the revision before the active one in force again."`
	Proof    cardProofCommand    `cmd:"" help:"Check whether any call on a card costs more than it sells for."`
	Rebuild  cardRebuildCommand  `cmd:"" help:"Build every stale card of the user's account again."`
	Import   cardImportCommand   `cmd:"" help:"Preview what a file of rates would change; with --apply, write drafts."`
	Profile  cardProfileCommand  `cmd:"" help:"Show the profile of a supplier's files, and set its limits."`
	Export   cardExportCommand   `cmd:"" help:"Write a card's rates to a file, as the user sees them."`
}

// actSettings say which user acts, and where: on a running server, or on the
// database. A database is used through the same API, by a server inside this process.
type actSettings struct {
	lookSettings
	As    string `help:"The acting user, by id or external id." required:"" placeholder:"USER"`
	URL   string `name:"url" help:"URL of a running resellerd; without it, the database is opened." placeholder:"URL"`
	Token string `help:"Panel token for the resellerd of --url." placeholder:"TOKEN"`

	kept store.Keep // what the database keeps; a running server knows it itself
}

// apiClient sends requests to a server.
type apiClient struct {
	client    *http.Client
	base      string
	token, as string
	close     func() error
}

// open returns a client of the server at URL. Without URL it starts a server over the
// database that no other process can reach.
func (s *actSettings) open(ctx context.Context) (*apiClient, error) {
	if s.URL != "" {
		return &apiClient{client: http.DefaultClient, base: strings.TrimSuffix(s.URL, "/"), token: s.Token, as: s.As,
			close: func() error { return nil }}, nil
	}
	engine, err := s.inForce(ctx)
	if err != nil {
		return nil, err
	}
	st, err := s.lookSettings.open(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.inside(ctx, engine, func(cfg server.Config, held *server.EngineHolder) (*server.Server, error) {
		return server.New(cfg, st, held, server.WithLogger(slog.New(slog.DiscardHandler)))
	})
	if err != nil {
		return nil, closing(st, err)
	}
	stop := d.close
	d.close = func() error { return errors.Join(stop(), st.Close()) }
	return d, nil
}

func (s *actSettings) inside(ctx context.Context, engine *policies.Engine,
	newServer func(server.Config, *server.EngineHolder) (*server.Server, error)) (*apiClient, error) {
	held := &server.EngineHolder{}
	held.Swap(engine)
	token := rand.Text()
	cfg := server.Config{PanelTokens: token, DecisionLog: "none", Keep: s.kept}
	cfg.Limits.Request, cfg.Limits.Plans = time.Hour, -1 // the process ends before a plan could be applied
	srv, err := newServer(cfg, held)
	if err != nil {
		return nil, err
	}
	listener, conn, err := ownSocket(ctx)
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- srv.App().Listener(listener) }()
	transport := &http.Transport{DialContext: onceDialled(conn)}
	return &apiClient{client: &http.Client{Transport: transport}, base: "http://localhost", token: token, as: s.As, close: func() error {
		transport.CloseIdleConnections()
		_ = conn.Close() // usually the transport has closed it already
		return errors.Join(srv.App().Shutdown(), <-served)
	}}, nil
}

// ownSocket returns a listener and the only connection that it will ever accept. The
// socket's directory is already removed, so nothing remains however this process
// ends.
func ownSocket(ctx context.Context) (listener net.Listener, conn net.Conn, err error) {
	dir, err := os.MkdirTemp("", "resellerd-card-") // only its owner has access
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "door")
	if listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", socket); err != nil {
		return nil, nil, err
	}
	if conn, err = (&net.Dialer{}).DialContext(ctx, "unix", socket); err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, conn, nil
}

var errAsked = errors.New("the connection has been used")

// onceDialled returns the existing connection once. A command sends only one request.
func onceDialled(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	var used atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errAsked
		}
		return conn, nil
	}
}

// post sends a POST and passes the body of the response to read. It returns a
// problem as an error.
func (d *apiClient) post(ctx context.Context, path, accept string, body any, read func(io.Reader) error) error {
	return d.send(ctx, http.MethodPost, path, accept, body, read)
}

// send is post for any method. A nil body is none.
func (d *apiClient) send(ctx context.Context, method, path, accept string, body any, read func(io.Reader) error) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(text))
	if err != nil {
		return usagef("url %q: %v", d.base, err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Resellerd-User", d.as)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", accept)
	res, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return problemIn(res)
	}
	return read(res.Body)
}

// problemIn returns a problem response as an error.
func problemIn(res *http.Response) error {
	p := &problemError{status: res.StatusCode}
	if err := json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(&p.raw); err != nil || json.Unmarshal(p.raw, p) != nil {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	text := strings.ToLower(p.Title)
	if p.Detail != "" {
		text = onCommandLine(p.Field, p.Detail)
	}
	if len(p.Reasons) > 0 {
		text += " (" + strings.Join(p.Reasons, ", ") + ")"
	}
	p.text = text
	return p
}

// problemError is a problem of the server as an error.
type problemError struct {
	Title, Detail, Field string
	Reasons              []string
	Questions            []cardfile.Question
	Mapping              []cardfile.Mapped
	Revisions            []importedRevision

	status int
	raw    json.RawMessage
	text   string
}

func (p *problemError) Error() string { return p.text }

// flagOf is the flag of each parameter that texts of the server name.
var flagOf = map[string]string{
	"accept_losses": "--accept-losses", "base": "--base", "card": "--open-card", "columns": "--columns", "commas": "--commas",
	"decimal": "--decimal", "delimiter": "--delimiter", "encoding": "--encoding", "exit": "--exit", "mcd": "--mcd", "mode": "--mode",
	"at": "--at", "live_at": "--at", "revision": "--revision", "effective": "--effective", "expiry": "--expiry", "hyphen": "--hyphen", "ignore": "--ignore", "local_time": "--local-time", "map": "--map", "round": "--round",
	"nanp": "--nanp", "confirm": "--confirm", "plan": "--plan", "profile": "--profile", "pulse": "--pulse", "sheet": "--sheet", "skip_refused": "--skip-refused", "zone": "--zone",
}

var parameterSet = regexp.MustCompile(`\b([a-z_]+)=`)

// onCommandLine gives the parameters in a text of the server their names on the
// command line: one that is set (nanp=true), and the field that the text begins with.
func onCommandLine(field, text string) string {
	if rest, begins := strings.CutPrefix(text, field+" "); begins && flagOf[field] != "" {
		text = flagOf[field] + " " + rest
	}
	return parameterSet.ReplaceAllStringFunc(text, func(set string) string {
		if flag := flagOf[strings.TrimSuffix(set, "=")]; flag != "" {
			return flag + "="
		}
		return set
	})
}

func cardPath(card, action string) string { return "/v1/cards/" + url.PathEscape(card) + "/" + action }
