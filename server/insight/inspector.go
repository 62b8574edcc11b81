package insight

import (
	"context"
	"log/slog"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/session"
	"resellerd/store"
)

// Inspector shows the operator of a store what a policy decides about the store. It
// sees every tenant, decides like a server, and logs no decision. It is safe for
// concurrent use.
type Inspector struct {
	shared *session.Shared
	engine *policies.Engine
}

// NewInspector returns an Inspector for a store and a policy.
func NewInspector(st *store.Store, engine *policies.Engine) *Inspector {
	logger, known := slog.New(slog.DiscardHandler), &record.Policies{}
	return &Inspector{engine: engine, shared: &session.Shared{
		Store: st, Users: session.NewUsers(st, logger, known), Now: time.Now, Logger: logger, Count: uncounted{}, Known: known,
	}}
}

// WhyQuestion asks why a user may or may not do something.
type WhyQuestion struct {
	User   string // id or external id
	Action string // "read", "update", …
	Type   string // type of the resource; "area" for an area itself
	ID     string // id of the resource; "" for a list or a creation
	List   bool   // ask which rows of the type the action is allowed on
	// Owner is the account that owns a row of the panel's own, or in which a row is
	// created.
	Owner    string
	ClientIP string
	At       time.Time // zero means now
}

// Explain returns what the server would decide, and why. An unknown user is denied
// everything. It returns fault.ErrAmbiguous if two users have the external id, and an
// error if the store does not answer.
func (d *Inspector) Explain(ctx context.Context, q WhyQuestion) (*Explanation, error) {
	r := d.reader(ctx, q.ClientIP)
	r.At = q.At
	in, err := r.asked(q)
	if err != nil {
		return nil, err
	}
	var x *Explanation
	if q.List {
		x, err = r.explainList(in, r.Engine.Plan(ctx, in), overseer{})
	} else {
		x, err = r.explainOne(in)
	}
	if err != nil {
		return nil, err
	}
	if x.User = q.User; r.Subject != nil {
		x.User = r.Subject.User.ID
	}
	return x, r.explainAccess(x, in, overseer{})
}

// reader returns a Reader for one question, without an acting user.
func (d *Inspector) reader(ctx context.Context, clientIP string) *Reader {
	return &Reader{&session.Session{
		Shared: d.shared, Ctx: ctx, Engine: d.engine, From: session.Origin{Name: "command line"},
		Caller: session.Caller{ClientIP: clientIP}, Revision: d.shared.Store.DataRevision(),
	}}
}

// uncounted counts nothing, because an inspector has no metrics.
type uncounted struct{}

func (uncounted) Decision(*policies.Engine, map[string]policies.Reason, string, *input.Input, policies.Decision, time.Duration) {
}

func (uncounted) Filter(*policies.Engine, string, *input.Input, policies.Outcome, time.Duration) {}

func (uncounted) Unrecorded() {}

// asked returns the input of a question, as the decision API builds it.
func (r *Reader) asked(q WhyQuestion) (*input.Input, error) {
	a, err := r.Users.Find(r.Ctx, r.Engine, "", q.User)
	switch {
	case err == nil:
		r.Actor, r.Subject, r.Facts = a, a.Subject, a.Facts
	case !session.IsUnknown(err) || session.IsAmbiguous(err):
		return nil, err
	}
	in := r.Input(q.Action, q.Type, q.ID)
	if r.Subject == nil {
		in.Subject = input.Subject{Type: session.SubjectUser, ID: q.User}
	}
	if q.Owner != "" {
		in.Resource.Properties = map[string]any{"account_id": q.Owner}
		if q.Type == "account" {
			in.Resource.Properties = map[string]any{"parent_id": q.Owner}
		}
	}
	return in, nil
}

// explainOne explains the decision about one row, one area or one resource of the
// panel.
func (r *Reader) explainOne(in *input.Input) (*Explanation, error) {
	known, err := r.LoadRow(in)
	if err != nil {
		return nil, err
	}
	d := r.Judge(in)
	if !known {
		d = policies.Absent(d)
	}
	x := r.explainRow(in, d, r.Engine.Explain(r.Ctx, in), overseer{})
	if !known {
		x.Note = "there is no such row"
	}
	return x, nil
}
