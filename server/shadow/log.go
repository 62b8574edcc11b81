package shadow

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"golang.org/x/time/rate"

	"resellerd/policies"
	"resellerd/server/record"
)

// linesPerSecond limits the logged disagreements, as a rate and as a burst. All
// disagreements are counted.
const linesPerSecond = 50

var errPanic = errors.New("shadow policy: panic")

// disagreementLog writes disagreements to the process's log. A line has both
// decisions, under the live policy's mask for the decision log. The question is in
// the decision log under the same decision id.
type disagreementLog struct {
	logger  *slog.Logger
	known   *record.Policies
	limit   *rate.Limiter
	omitted int // since the last line; only the shadow's goroutine uses it
}

func (l *disagreementLog) write(d *decision, check policies.Decision, plan *policies.Plan, area, kind string, err error) {
	if !l.limit.Allow() {
		l.omitted++
		return
	}
	args := []any{
		"decision_id", d.id, "user", d.in.Subject.ID, "action", d.in.Action.Name, "type", d.in.Resource.Type, "area", area, "kind", kind,
		"policy_revision", d.live.Revision(), "shadow_revision", d.by.Revision(),
	}
	live, liveErr := l.decision(d, d.check, d.plan, kind)
	shadow, shadowErr := l.decision(d, check, plan, kind)
	switch {
	case err != nil:
		args = append(args, "live", live, "shadow", json.RawMessage(`{"outcome":"error","error":"panic"}`))
	case liveErr != nil || shadowErr != nil:
		args = append(args, "masked", "the mask could not be made")
	default:
		args = append(args, "live", live, "shadow", shadow)
	}
	if l.omitted > 0 {
		args = append(args, "omitted_before", l.omitted)
		l.omitted = 0
	}
	l.logger.Info("shadow disagrees", args...)
}

// decision returns one of the two decisions in the format of the decision log. It
// adds the conditions of a list's views or columns if those differ.
func (l *disagreementLog) decision(d *decision, check policies.Decision, plan *policies.Plan, kind string) (json.RawMessage, error) {
	m, err := l.mask(d, check)
	if err != nil {
		return nil, err
	}
	w := record.NewWriter()
	w.Open()
	w.Text(nil, "outcome", string(outcomeOf(check, plan)))
	if result := m.At("result"); plan != nil {
		w.Result(result, check, &record.Listed{Plan: &policies.PlanText{Filter: plan.Filter.String()}})
		writeShown(w, result, plan, kind)
	} else {
		w.Result(result, check, nil)
	}
	if text := policies.ErrorKind(errorOf(check, plan)); text != "" {
		w.Text(nil, "error", text)
	}
	return w.Close(), nil
}

// writeShown appends the views or columns of a list and their conditions.
func writeShown(w *record.Writer, result *record.Mask, plan *policies.Plan, kind string) {
	switch {
	case result.Erases():
	case kind == KindView:
		w.Any(result, "view", plan.ViewTexts())
	case kind == KindColumns:
		w.Any(result, "columns", plan.ColumnTexts())
	}
}

func errorOf(check policies.Decision, plan *policies.Plan) error {
	if plan != nil {
		return plan.Err
	}
	return check.Err
}

// mask returns what the live policy erases from an entry about this question.
func (l *disagreementLog) mask(d *decision, check policies.Decision) (*record.Mask, error) {
	held := l.known.Of(d.live)
	if held.Err != nil || held.Static {
		return held.Mask, held.Err
	}
	erased, err := d.live.Mask(context.Background(), map[string]any{
		"input": d.live.Document(&d.in), "result": record.ResultDocument(check), "decision_id": d.id, "path": record.DecisionPath,
	})
	if err != nil {
		return nil, err
	}
	return record.NewMask(erased)
}
