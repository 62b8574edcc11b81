package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/server/resource"
	"resellerd/server/session"
)

// Usage is when users last used the access that they have, as a decision log tells it.
type Usage struct {
	Entries    int       `json:"entries"` // allowed decisions about users of the store
	From       time.Time `json:"from"`    // of the first and the last entry
	To         time.Time `json:"to"`
	Unreadable int       `json:"unreadable"`
	FirstFault string    `json:"first_fault,omitempty"`

	last map[string]map[string]map[string]time.Time // by user, area and action of AccessActions
}

// usedLine has the members of an entry that say who used which access.
type usedLine struct {
	Event     string    `json:"event"`
	Timestamp time.Time `json:"timestamp"`
	Outcome   string    `json:"outcome"`
	PreviewOf string    `json:"preview_of"`
	DecidedAs string    `json:"decided_as"`
	Input     struct {
		Subject  struct{ Type, ID string } `json:"subject"`
		Action   struct{ Name string }     `json:"action"`
		Resource struct{ Type, ID string } `json:"resource"`
	} `json:"input"`
	Result struct{ View string } `json:"result"`
}

// ReadUsage reads a decision log. A preview is no use by the user who is previewed. e names
// the letters that actions of the panel need.
func ReadUsage(ctx context.Context, e *policies.Engine, files []Source) (*Usage, error) {
	u := &Usage{last: map[string]map[string]map[string]time.Time{}}
	err := eachLine(ctx, files, newProfiles(), func(place string, line []byte) {
		var l usedLine
		if err := json.Unmarshal(line, &l); err != nil {
			if u.Unreadable++; u.Unreadable == 1 {
				u.FirstFault = fmt.Sprintf("%s: %v", place, err)
			}
			return
		}
		in := &l.Input
		if l.Event != "" || l.Outcome != string(policies.OutcomeAllow) || l.PreviewOf != "" || l.DecidedAs != "" || in.Subject.Type != session.SubjectUser || in.Subject.ID == "" {
			return
		}
		if u.Entries++; u.From.IsZero() || l.Timestamp.Before(u.From) {
			u.From = l.Timestamp
		}
		if l.Timestamp.After(u.To) {
			u.To = l.Timestamp
		}
		if action := actionNeeded(e, in.Action.Name); action != "" {
			used := l.areas()
			if extra := resource.ExtraAreas(in.Action.Name, used); len(extra) > 0 {
				used = extra
			}
			for _, area := range used {
				u.note(in.Subject.ID, area, action, l.Timestamp)
			}
		}
	})
	return u, err
}

// actionNeeded returns the action of AccessActions that an action needs, or "".
func actionNeeded(e *policies.Engine, action string) string {
	letter := (&learner{engine: e}).letter(action)
	i := slices.IndexFunc(session.AccessActions, func(name string) bool { return letter != "" && strings.HasPrefix(name, letter) })
	if i < 0 {
		return ""
	}
	return session.AccessActions[i]
}

// areas returns the areas that a decision was about. A list of cards is about both.
func (l *usedLine) areas() []string {
	switch res := l.Input.Resource; {
	case res.Type == "area" && res.ID == "":
		return nil // all areas, for a menu
	case res.Type == "area":
		return []string{res.ID}
	case l.Result.View == "":
		return resource.Named(res.Type).AreaNames()
	default:
		return []string{resource.Named(res.Type).Area(l.Result.View)}
	}
}

func (u *Usage) note(user, area, action string, at time.Time) {
	if u.last[user] == nil {
		u.last[user] = map[string]map[string]time.Time{}
	}
	if u.last[user][area] == nil {
		u.last[user][area] = map[string]time.Time{}
	}
	if before := u.last[user][area][action]; at.After(before) {
		u.last[user][area][action] = at
	}
}

// Of returns when a user last used an action, by area and action.
func (u *Usage) Of(user string) map[string]map[string]time.Time {
	if u == nil {
		return nil
	}
	return u.last[user]
}
