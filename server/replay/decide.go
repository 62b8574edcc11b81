package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
	"resellerd/server/shadow"
)

// Kind says how a decision differs.
type Kind string

// Kinds of difference. They are those of a shadow.
const (
	AllowToDeny Kind = shadow.KindAllowToDeny
	DenyToAllow Kind = shadow.KindDenyToAllow
	Reasons     Kind = shadow.KindReasons
	Filter      Kind = shadow.KindFilter
	View        Kind = shadow.KindView
	Columns     Kind = shadow.KindColumns
	Error       Kind = shadow.KindError
)

// Kinds are all kinds. Those that give more access come first.
var Kinds = []Kind{DenyToAllow, AllowToDeny, Error, Filter, View, Columns, Reasons}

// flip is one difference.
type flip struct {
	kind     Kind
	account  string
	area     string
	rule     string // the reasons or parts that differ
	was, now string
	in       *input.Input // the question, for an explanation

	direction      Direction // "" for a change of reasons, or an error
	added, removed []string  // terms or columns of a list
}

// verdict is the result for one entry.
type verdict struct {
	flips []flip
	open  string // why the entry cannot be decided, if it cannot
	skip  bool   // the entry is not asked about
	in    *input.Input
}

// decide repeats the decision of an entry.
func (r *replayer) decide(ctx context.Context, e *entry) (verdict, error) {
	switch {
	case r.beside(e):
		return verdict{skip: true}, nil
	case e.DecidedAs == "refusal":
		return verdict{open: "not the policy's"}, nil
	case e.Truncated:
		return verdict{open: "truncated"}, nil
	case slices.ContainsFunc(e.unknown, func(at predicate.Ref) bool { return len(at) == 0 }):
		return verdict{open: "input"}, nil
	case e.Result == nil || len(e.hidden) > 0:
		return verdict{open: "result"}, nil
	}
	if hash := e.Result.Answer; hash != "" {
		var ok bool
		if e.Result, ok = r.profiles.answers.Get(hash); !ok {
			return verdict{open: "answer"}, nil
		}
	}
	tree := &subtree{all: e.Revision == r.engine.Revision()}
	in, err := e.input(r.engine.Schema(), r.profiles, tree)
	switch {
	case errors.Is(err, errNoProfile):
		return verdict{open: "profile"}, nil
	case errors.Is(err, errNoAccess):
		return verdict{open: "access"}, nil
	case err != nil:
		return verdict{}, err
	}
	if tree.counted && in.Subject.Facts != nil && r.grouped {
		return verdict{open: "input.subject.groups"}, nil
	}
	if _, written := in.Action.Properties["form"]; tree.counted && !written && in.Subject.Facts != nil && r.formed {
		return verdict{open: "input.action.properties.form"}, nil
	}
	var v verdict
	switch {
	case e.Result.Filter != nil:
		v = r.list(ctx, e, in)
	case e.Result.Access != nil:
		v = r.access(ctx, e, in)
	default:
		v = r.check(ctx, e, in)
	}
	if tree.asked {
		return verdict{open: "input.subject.below"}, nil
	}
	v.in = in
	return v, nil
}

// beside reports whether an entry is outside of the time, or made by another policy than
// the one that is asked about. An entry without a time is outside of no time.
func (r *replayer) beside(e *entry) bool {
	at := e.Timestamp
	early := !r.o.From.IsZero() && at.Before(r.o.From)
	late := !r.o.To.IsZero() && !at.Before(r.o.To)
	return !at.IsZero() && (early || late) || r.o.Exposed && r.o.Was != nil && e.Revision != r.o.Was.Revision()
}

func (e *entry) undecidable() verdict {
	var paths []string
	for _, at := range e.unknown {
		paths = append(paths, "input."+at.String())
	}
	return verdict{open: strings.Join(paths, ", ")}
}

// check decides about one row.
func (r *replayer) check(ctx context.Context, e *entry, in *input.Input) verdict {
	d, sure := r.engine.DecideWithout(ctx, in, e.unknown)
	if !sure {
		return e.undecidable()
	}
	if e.DecidedAs == "absent" && d.Allow {
		d = policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{policies.ReasonNotVisible}}
	}
	f := flip{account: accountOf(in), area: areaOf(in, e.Result.View, d.View), in: in}
	f.was, f.now = words(e.Outcome, e.Reasons, e.Result.View, nil), words(string(d.Outcome), d.Reasons, d.View, d.Err)
	f.kind, f.rule = compare(e, d)
	switch f.kind {
	case "":
		return verdict{}
	case DenyToAllow:
		f.direction = wider
	case AllowToDeny:
		f.direction = narrower
	case View, Columns:
		f.direction = other
		f.added, f.removed = parts(d.View, d.Columns, e.Result.View, e.Result.Columns), parts(e.Result.View, e.Result.Columns, d.View, d.Columns)
		if len(f.removed) == 0 {
			f.direction = wider
		} else if len(f.added) == 0 {
			f.direction = narrower
		}
	}
	return verdict{flips: []flip{f}}
}

// compare finds the difference between the recorded decision and the new one.
func compare(e *entry, d policies.Decision) (Kind, string) {
	was, now := policies.Outcome(e.Outcome), d.Outcome
	switch {
	case was != now && (was == policies.OutcomeError || now == policies.OutcomeError):
		return Error, errorText(d.Err)
	case was == policies.OutcomeAllow && now != was:
		return AllowToDeny, strings.Join(d.Reasons, ", ")
	case now == policies.OutcomeAllow && now != was:
		return DenyToAllow, strings.Join(e.Reasons, ", ")
	case !slices.Equal(e.Reasons, d.Reasons):
		return Reasons, change(e.Reasons, d.Reasons)
	case e.Result.View != d.View:
		return View, fmt.Sprintf("%s instead of %s", orNone(d.View), orNone(e.Result.View))
	case d.View != "" && !slices.Equal(e.Result.Columns, d.Columns):
		return Columns, change(e.Result.Columns, d.Columns)
	}
	return "", ""
}

// everyRow stands for the rule if a list shows rows by only one of the policies.
const everyRow = "every row"

// list repeats the plan of a list.
func (r *replayer) list(ctx context.Context, e *entry, in *input.Input) verdict {
	p, sure := r.engine.PlanWithout(ctx, in, e.unknown)
	if !sure {
		return e.undecidable()
	}
	f := flip{account: accountOf(in), area: areaOf(in), was: *e.Result.Filter, now: p.Text().Filter, in: in}
	was, now := policies.Outcome(e.Outcome), p.Outcome
	shown := policies.PlanText{Filter: f.was, Views: e.Result.Views, Columns: e.Result.Shown}
	switch {
	case was == now && reflect.DeepEqual(shown, *p.Text()):
		return verdict{}
	case was != now && (was == policies.OutcomeError || now == policies.OutcomeError):
		f.kind, f.rule = Error, errorText(p.Err)
	case was == policies.OutcomeAllow && now != was:
		f.kind, f.rule, f.direction = AllowToDeny, everyRow, narrower
	case now == policies.OutcomeAllow && now != was:
		f.kind, f.rule, f.direction = DenyToAllow, everyRow, wider
	case f.was != f.now:
		f.kind, f.rule = Filter, in.Action.Name
		f.direction, f.added, f.removed = shift(f.was, f.now)
	default:
		f.kind, f.rule = changedParts(shown, *p.Text())
		f.was, f.now = shownWords(shown), shownWords(*p.Text())
		f.direction, f.added, f.removed = shownShift(shown, *p.Text())
	}
	return verdict{flips: []flip{f}}
}

// access decides about all areas of an entry.
func (r *replayer) access(ctx context.Context, e *entry, in *input.Input) verdict {
	var v verdict
	named := slices.Collect(maps.Keys(e.Result.Access))
	for area, letters := range e.Result.Access {
		for _, action := range []string{"create", "read", "update", "delete"} {
			one := *in
			one.Resource.ID, one.Action.Name = areas.Asked(area, named), action
			d, sure := r.engine.DecideWithout(ctx, &one, e.unknown)
			if !sure {
				return e.undecidable()
			}
			was := slices.Contains(letters, action)
			if was == d.Allow {
				continue
			}
			f := flip{kind: DenyToAllow, account: accountOf(in), area: area, rule: action, was: "deny", now: "allow", in: &one, direction: wider}
			if was {
				f.direction = narrower
				f.kind, f.was, f.now = AllowToDeny, "allow", words(string(d.Outcome), d.Reasons, "", d.Err)
			}
			v.flips = append(v.flips, f)
		}
	}
	return v
}

func accountOf(in *input.Input) string {
	if in.Subject.Facts == nil {
		return "none"
	}
	return in.Subject.Facts.Account.ID
}

// areaOf returns the permission area of a decision. A card's area depends on its
// view.
func areaOf(in *input.Input, views ...string) string {
	if in.Resource.Type == input.AreaType {
		return in.Resource.ID
	}
	return resource.Named(in.Resource.Type).Area(views...)
}

// parts lists the view and the columns that the other answer does not have.
func parts(view string, columns []string, otherView string, others []string) []string {
	var out []string
	if view != "" && view != otherView {
		out = append(out, "view "+view)
	}
	for _, column := range columns {
		if !slices.Contains(others, column) {
			out = append(out, "column "+column)
		}
	}
	return out
}

func words(outcome string, reasons []string, view string, err error) string {
	text := outcome
	if len(reasons) > 0 {
		text += ": " + strings.Join(reasons, ", ")
	}
	if view != "" {
		text += " as " + view
	}
	if err != nil {
		text += ": " + err.Error()
	}
	return text
}

func errorText(err error) string {
	if err == nil {
		return "decided now"
	}
	return err.Error()
}

func orNone(s string) string {
	if s == "" {
		return "no view"
	}
	return s
}

// change lists what was removed and what was added: "-a +b".
func change(was, now []string) string {
	var parts []string
	for _, s := range was {
		if !slices.Contains(now, s) {
			parts = append(parts, "-"+s)
		}
	}
	for _, s := range now {
		if !slices.Contains(was, s) {
			parts = append(parts, "+"+s)
		}
	}
	return strings.Join(parts, " ")
}

// changedParts says what differs in a list of the same rows. Views come first, as for a
// shadow.
func changedParts(was, now policies.PlanText) (Kind, string) {
	if !reflect.DeepEqual(was.Views, now.Views) {
		return View, "views"
	}
	if text := change(columnsOf(was), columnsOf(now)); text != "" {
		return Columns, text
	}
	return Columns, "on other rows"
}

func columnsOf(p policies.PlanText) []string {
	var all []string
	for _, g := range p.Columns {
		all = append(all, g.Columns...)
	}
	return all
}

func shownWords(p policies.PlanText) string {
	var parts []string
	for _, v := range p.Views {
		parts = append(parts, v.Name+" when "+v.When)
	}
	for _, g := range p.Columns {
		parts = append(parts, strings.Join(g.Columns, " ")+" when "+g.When)
	}
	return strings.Join(parts, "; ")
}
