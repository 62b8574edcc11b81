package insight

import (
	"errors"
	"fmt"
	"slices"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store/fault"
)

// Decision explains why a remembered decision was made. It returns fault.ErrNotFound
// if the id is not remembered, or if the decision's user or row is not visible to the
// acting user now.
func (r *Reader) Decision(id string) (*Explanation, error) {
	s, err := r.disclosure()
	if err != nil {
		return nil, err
	}
	kept, err := r.recall(id, s)
	if err != nil {
		return nil, err
	}
	x, err := r.retell(kept, s)
	if err == nil {
		err = s.err
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// recall finds a decision whose users are visible. A request's id stands for the
// decision that settled the request. Only readers of the policy may use the ids of
// single decisions, because those reveal how many decisions the request needed.
func (r *Reader) recall(id string, s *readerDisclosure) (record.Remembered, error) {
	if record.IsNumbered(id) && !s.policy() {
		return record.Remembered{}, notFound("decision", id)
	}
	kept, known := r.settling(id)
	users, err := r.MayList("user")
	if err != nil {
		return kept, err
	}
	for _, maker := range []string{kept.User, kept.Acting} {
		if maker == "" || maker == r.Subject.User.ID {
			continue
		}
		if _, visible := s.row(users, maker); !visible {
			known = false
		}
	}
	if !known {
		return kept, notFound("decision", id)
	}
	return kept, nil
}

// settling returns the decision that settled a request: the last one that did not
// allow, or else the first one. The numbered id of a later decision stands for that
// decision.
func (r *Reader) settling(id string) (record.Remembered, bool) {
	settled, known := r.Memory.Find(id)
	if !known || record.IsNumbered(id) {
		return settled, known
	}
	for n := 2; ; n++ {
		next, more := r.Memory.Find(record.Numbered(id, n))
		if !more {
			return settled, true
		}
		if line, err := next.Read(); err == nil && line.Outcome != policies.OutcomeAllow {
			settled = next
		}
	}
}

// retell builds the explanation of a remembered decision.
func (r *Reader) retell(m record.Remembered, s *readerDisclosure) (*Explanation, error) {
	line, err := m.Read()
	if err != nil {
		return nil, err
	}
	in := record.QuestionOf(line.Input)
	thing, err := r.thing(m, in, s)
	if err != nil {
		return nil, err
	}
	x, err := r.grounds(m, line, in, s)
	if err != nil {
		return nil, err
	}
	x.DecisionID, x.At, x.Resource = m.ID, line.Timestamp, thing
	if x.User = m.User; m.Acting != "" {
		x.User, x.PreviewOf = m.Acting, m.User
	}
	return x, r.accessOf(x, m, in, s)
}

// thing returns the resource of a decision, as far as the reader sees it now. If the
// reader does not see the row, decisions of other users about it are not found.
func (r *Reader) thing(m record.Remembered, in *input.Input, s *readerDisclosure) (Thing, error) {
	thing := Thing{Type: in.Resource.Type}
	own := m.Acting == "" && m.User == r.Subject.User.ID
	switch {
	case in.Resource.ID == "" || m.List:
		return thing, nil
	case thing.Type == "area" || !resource.KeepsRows(thing.Type):
		if own || thing.Type == "area" {
			thing.ID = in.Resource.ID
		}
		return thing, nil
	}
	visible, err := r.seesStored(thing.Type, in.Resource.ID, s)
	switch {
	case err != nil:
		return thing, err
	case visible:
		thing.ID = in.Resource.ID
	case !own:
		return thing, notFound("decision", m.ID)
	}
	return thing, nil
}

// seesStored reports whether the acting user sees a row now. A rate or a revision is
// visible if its card is.
func (r *Reader) seesStored(typ, id string, s *readerDisclosure) (bool, error) {
	p, err := r.MayList(resource.Named(typ).Decided())
	if err != nil {
		return false, err
	}
	_, visible := s.row(p, id)
	return visible, nil
}

// Notes that say why a decision is not decided again.
const (
	NoteAnother = "Another policy is in force now, so only the recorded part is shown."
	NoteMasked  = "Masked values cannot be decided again, so only the recorded part is shown."
)

// grounds decides the recorded question again, if the same policy is still in force.
// It explains the new decision if that equals the recorded one. Otherwise it returns
// only the recorded part, with a note.
func (r *Reader) grounds(m record.Remembered, line record.Line, in *input.Input, s *readerDisclosure) (*Explanation, error) {
	told := r.explanation(in, line.Outcome, line.Reasons)
	told.View, told.Shown = line.Result.View, line.Result.Columns
	switch {
	case line.Result.Access != nil:
		return told, nil
	case m.Revision != r.Engine.Revision():
		told.Note = NoteAnother
		return told, nil
	case m.List:
		return r.listAgain(told, line, in, s)
	}
	why := r.Engine.ExplainDocument(r.Ctx, line.Input)
	if !sameEnd(why.Decision, line) {
		told.Note = NoteMasked
		return told, nil
	}
	return r.explainRow(in, why.Decision, why, s), nil
}

// sameEnd reports whether d equals the recorded decision.
func sameEnd(d policies.Decision, line record.Line) bool {
	return d.Outcome == line.Outcome && slices.Equal(d.Reasons, line.Reasons) &&
		d.View == line.Result.View && slices.Equal(d.Columns, line.Result.Columns)
}

// listAgain explains the recorded filter of a list.
func (r *Reader) listAgain(told *Explanation, line record.Line, in *input.Input, s *readerDisclosure) (*Explanation, error) {
	plan := r.Engine.Plan(r.Ctx, in)
	if line.Result.Filter == nil || plan.Outcome != line.Outcome || plan.Filter.String() != *line.Result.Filter {
		told.Note = NoteMasked
		return told, nil
	}
	return r.explainList(in, plan, s)
}

// accessOf adds the access of the decision's user, if that user is the reader or one
// whom the reader may preview.
func (r *Reader) accessOf(x *Explanation, m record.Remembered, in *input.Input, s *readerDisclosure) error {
	if m.User == r.Subject.User.ID {
		return r.explainAccess(x, in, s)
	}
	target, err := r.Users.Find(r.Ctx, r.Engine, r.Subject.User.TenantID, m.User)
	if session.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return errors.Join(fault.ErrUnavailable, err)
	}
	if allowed, err := r.couldPreview(target); err != nil || !allowed {
		return err
	}
	return r.through(target, func() error { return r.explainAccess(x, in, s) })
}

// couldPreview reports whether the acting user could preview the target. It records
// nothing, because it shows nothing itself.
func (r *Reader) couldPreview(target *session.Actor) (bool, error) {
	in := r.Input("preview", "user", target.Subject.User.ID)
	var err error
	if in.Resource.Row, err = r.Store.PolicyRow(r.Ctx, "user", target.Subject.User.ID); err != nil {
		return false, errors.Join(fault.ErrUnavailable, err)
	}
	return r.Judge(in).Allow && target.UserActive() && target.AccountActive() && !r.readsMore(target), nil
}

// through runs do with the target as acting user, then restores the acting user.
func (r *Reader) through(target *session.Actor, do func() error) error {
	actor, subject, facts := r.Actor, r.Subject, r.Facts
	defer func() { r.Actor, r.Subject, r.Facts = actor, subject, facts }()
	r.Actor, r.Subject, r.Facts = target, target.Subject, target.Facts
	return do()
}

// notFound returns the same error for an absent and for an invisible resource.
func notFound(typ, id string) error { return fmt.Errorf("%s %s: %w", typ, id, fault.ErrNotFound) }
