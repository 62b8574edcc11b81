package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"resellerd/cmd/resellerd/demo"
	"resellerd/policies"
	"resellerd/server/insight"
	"resellerd/server/resource"
	"resellerd/store"
)

// defaultDatabase is the default of --database.
const defaultDatabase = "sqlite:resellerd.db"

// lookSettings say which store and which policy a command inspects.
type lookSettings struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Policies string `help:"Directory of a policy tree that replaces the embedded one." placeholder:"DIR"`
	Format   string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// open opens an existing store whose schema is up to date.
func (l *lookSettings) open(ctx context.Context) (*store.Store, error) {
	if err := fileThere(l.Database); err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, l.Database, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.SchemaCurrent(ctx); err != nil {
		return nil, closing(st, fmt.Errorf("%w (run `resellerd migrate`)", err))
	}
	return st, nil
}

// fileThere returns an error if a SQLite file does not exist, because opening it
// would create it.
func fileThere(database string) error {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok && path != ":memory:" {
		if _, err := os.Stat(path); err != nil {
			return usagef("database %q: no such file", path)
		}
	}
	return nil
}

// inspectTimeout limits one evaluation of a command.
const inspectTimeout = 10 * time.Second

// engine compiles the policy tree in dir, or the embedded one if dir is empty.
func (l *lookSettings) engine(ctx context.Context, dir string) (*policies.Engine, error) {
	return (&policySettings{Policies: dir, PolicyTimeout: inspectTimeout}).engine(ctx)
}

// inspector loads the policy, then opens the store as openAny does.
func (l *lookSettings) inspector(ctx context.Context, w io.Writer) (*insight.Inspector, *store.Store, error) {
	engine, err := l.engine(ctx, l.Policies)
	if err != nil {
		return nil, nil, err
	}
	st, err := l.openAny(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	return insight.NewInspector(st, engine), st, nil
}

// openAny opens the store. If nobody names a database, and the default one does not exist, it
// opens the store of the demo that runs on this machine, and says so on w.
func (l *lookSettings) openAny(ctx context.Context, w io.Writer) (*store.Store, error) {
	if l.Database == defaultDatabase && fileThere(l.Database) != nil {
		if running := demo.Running(); running != "" {
			fmt.Fprintf(w, "resellerd: there is no database here, so this is about the demo in %s\n", running)
			l.Database = running
		}
	}
	return l.open(ctx)
}

// explainCommand says why a user may or may not do something.
type explainCommand struct {
	lookSettings
	As       string    `help:"The user, by id or external id." required:"" placeholder:"USER"`
	Action   string    `help:"The action." default:"read" placeholder:"ACTION"`
	On       string    `help:"AREA/ID for a row, AREA for all rows or for an area of the panel, area/AREA for the area itself." required:"" placeholder:"AREA[/ID]"`
	Owner    string    `help:"The owner account of a row of the panel, or the account to create a row in." placeholder:"ACCOUNT"`
	ClientIP string    `name:"client-ip" help:"The address that the user acts from." placeholder:"ADDR"`
	At       time.Time `help:"Time of the decision in the format of RFC 3339; now by default." placeholder:"TIME"`
}

// Run prints the decision that the server would make, and why.
func (c *explainCommand) Run(ctx context.Context, t terminal) (err error) {
	i, st, err := c.inspector(ctx, t.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	q := insight.WhyQuestion{User: c.As, Action: c.Action, Owner: c.Owner, ClientIP: c.ClientIP, At: c.At}
	if err := askAbout(&q, c.On); err != nil {
		return err
	}
	x, err := i.Explain(ctx, q)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, x)
	}
	return printExplanation(t.out, x)
}

// askAbout reads AREA[/ID].
func askAbout(q *insight.WhyQuestion, on string) error {
	typ, id, withID := strings.Cut(on, "/")
	switch {
	case typ == "" || withID && id == "":
		return usagef("on %q: want AREA, AREA/ID or area/AREA", on)
	case typ == "card" && (id == "provider" || id == "customer"):
		q.Type, q.List = typ, true
	case typ == "card":
		for _, side := range []string{"provider/", "customer/"} {
			id = strings.TrimPrefix(id, side)
		}
		q.Type, q.ID, q.List = typ, id, !withID && q.Action != "create"
	case resource.KeepsRows(typ):
		q.Type, q.ID, q.List = typ, id, !withID && q.Action != "create"
	case typ == "area" && withID:
		q.Type, q.ID = typ, id
	case withID:
		q.Type, q.ID = typ, id
	default:
		q.Type, q.ID = "area", typ
	}
	return nil
}

// printExplanation prints an explanation as text.
func printExplanation(w io.Writer, x *insight.Explanation) error {
	p := &page{}
	p.headline(x)
	p.reasons(x)
	if x.Policy != nil {
		p.rules(x)
		p.filter(x.Policy)
	}
	p.access(x.Access)
	p.shown(x)
	if x.Policy != nil {
		p.section("Policy %s", x.Policy.Revision)
	}
	_, err := io.WriteString(w, p.String())
	return err
}
