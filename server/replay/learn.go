package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/store/schema"
)

// Lesson proposes groups that agree with what the panel decided.
type Lesson struct {
	Disagreements             // as recorded, before the proposal
	Proposals     []*Proposal `json:"proposals"`
	Agree         int         `json:"agree"`  // decisions that agree with the panel under the proposal
	Differ        int         `json:"differ"` // decisions that still differ
	Open          int         `json:"open"`   // decisions that the log cannot repeat
	Remaining     []*Remains  `json:"remaining"`
}

// Proposal is a group for users of one account to whom the panel allowed the same. It
// gives only what the panel allowed at least once.
type Proposal struct {
	Account string              `json:"account"`
	Users   []string            `json:"users"` // ids
	Rows    map[string][]string `json:"rows"`  // actions by area; the default access is none
	// Above has what Rows gives and a ceiling takes away again.
	Above map[string][]string `json:"above_ceiling,omitempty"`
}

// Remains is a kind of decision that still differs under the proposal.
type Remains struct {
	Panel   string `json:"panel"`
	Account string `json:"account"`
	Area    string `json:"area"`
	Action  string `json:"action"`
	Rule    string `json:"rule"`
	Count   int    `json:"count"`
	Example string `json:"example"` // decision id
}

// Ceilings returns the ceilings of an account of a tenant and of every account above it.
type Ceilings func(ctx context.Context, tenant, account string) ([]schema.Access, error)

// maxQuestions bounds the questions that Learn remembers. Questions of one user about one
// row are one.
const maxQuestions = 200_000

// learner collects what the panel decided.
type learner struct {
	engine    *policies.Engine
	ceilings  Ceilings
	users     map[string]*learned
	questions map[questionKey]*asked
	limits    map[string][]schema.Access // the ceilings of an account, by its id
	lesson    *Lesson
}

// learned is what the panel allowed to a user.
type learned struct {
	id      string
	account input.AccountFacts
	access  schema.Access
}

type questionKey struct {
	user, area, action, row string
	panel                   bool
}

// asked is a question to decide again.
type asked struct {
	*compared
	count int
}

// Learn proposes the smallest groups under which e agrees with the panel's decisions in a
// log, and decides the log's questions again with them. ceilings may be nil: then only the
// ceiling of policy data counts. Learn returns an error if the log asks more than
// maxQuestions different questions.
func Learn(ctx context.Context, e *policies.Engine, ceilings Ceilings, files []Source) (*Lesson, error) {
	l := &learner{engine: e, ceilings: ceilings, users: map[string]*learned{}, questions: map[questionKey]*asked{}, limits: map[string][]schema.Access{},
		lesson: &Lesson{Disagreements: Disagreements{Areas: map[string]*AreaSummary{}}}}
	err := l.lesson.each(ctx, e, files, l.note)
	if err == nil && len(l.questions) > maxQuestions {
		err = fmt.Errorf("the log has more than %d different questions: learn from a part of it", maxQuestions)
	}
	if err == nil {
		err = l.propose(ctx)
	}
	if err == nil {
		err = l.again(ctx)
	}
	return l.lesson, err
}

// note remembers a decision of the panel.
func (l *learner) note(c *compared) {
	if len(l.questions) > maxQuestions {
		return
	}
	key := questionKey{c.in.Subject.ID, c.area, c.in.Action.Name, c.in.Resource.Type + " " + c.in.Resource.ID, c.panel}
	if q := l.questions[key]; q != nil {
		q.count++
		return
	}
	l.questions[key] = &asked{c, 1}
	letter := l.letter(c.in.Action.Name)
	if c.in.Subject.Facts == nil || letter == "" {
		return
	}
	u := l.users[c.in.Subject.ID]
	if u == nil {
		u = &learned{c.in.Subject.ID, c.in.Subject.Facts.Account, schema.Access{}}
		l.users[u.id] = u
	}
	if c.panel {
		u.access[c.area] += letter
	}
}

// letters are the letters of access that the actions of resellerd need.
var letters = map[string]string{
	"create": "c", "build": "c", "read": "r", "preview": "r", "delete": "d",
	"update": "u", "assign": "u", "activate": "u", "accept_losses": "u", "open": "u",
}

// letter returns the letter that an action needs, or "" for an action that no access
// gives.
func (l *learner) letter(action string) string {
	if letter, ok := letters[action]; ok {
		return letter
	}
	custom, _ := l.engine.Catalog("action", action)
	needs, _ := custom["access"].(string)
	return letters[needs]
}

// propose makes a group for each set of users of one account with the same access.
func (l *learner) propose(ctx context.Context) error {
	groups := map[string]*Proposal{}
	for _, id := range slices.Sorted(maps.Keys(l.users)) {
		u := l.users[id]
		rows := u.access.Canonical()
		if len(rows) == 0 {
			continue
		}
		key := u.account.ID + fmt.Sprint(rows)
		if groups[key] == nil {
			above, err := l.above(ctx, u, rows)
			if err != nil {
				return err
			}
			groups[key] = &Proposal{Account: u.account.ID, Rows: session.AccessNames(rows), Above: session.AccessNames(above)}
		}
		groups[key].Users = append(groups[key].Users, id)
	}
	l.lesson.Proposals = slices.SortedFunc(maps.Values(groups), func(a, b *Proposal) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), -cmp.Compare(len(a.Users), len(b.Users)), cmp.Compare(a.Users[0], b.Users[0]))
	})
	return nil
}

// above returns what the ceilings take away from rows.
func (l *learner) above(ctx context.Context, u *learned, rows schema.Access) (schema.Access, error) {
	ceilings, err := l.ceilingsOf(ctx, u)
	if err != nil {
		return nil, err
	}
	more := rows.Beyond(schema.Resolve([]schema.Access{rows}, ceilings))
	maps.DeleteFunc(more, func(_, letters string) bool { return letters == "" })
	return more, nil
}

// ceilingsOf returns every ceiling of a user.
func (l *learner) ceilingsOf(ctx context.Context, u *learned) (all []schema.Access, err error) {
	if known, ok := l.limits[u.account.ID]; ok {
		return known, nil
	}
	if l.ceilings != nil {
		if all, err = l.ceilings(ctx, u.account.TenantID, u.account.ID); err != nil {
			return nil, err
		}
	}
	if u.account.Kind != "master" {
		policy := schema.Access{}
		for area, actions := range l.engine.Limits().ResellerCeiling {
			policy[area] = ""
			for _, action := range actions {
				policy[area] += letters[action]
			}
		}
		all = append(all, policy)
	}
	l.limits[u.account.ID] = all
	return all, nil
}

// again decides every question under the proposal.
func (l *learner) again(ctx context.Context) error {
	remaining := map[disagreementKey]*Remains{}
	for key, q := range l.questions {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := l.proposed(ctx, q.in)
		if err != nil {
			return err
		}
		d, sure := l.engine.DecideWithout(ctx, in, q.unknown)
		switch {
		case !sure || q.tree.asked:
			l.lesson.Open += q.count
		case (d.Allow && q.DecidedAs != "absent") == key.panel:
			l.lesson.Agree += q.count
		default:
			l.lesson.Differ += q.count
			remain(remaining, key, q, d)
		}
	}
	l.lesson.Remaining = slices.SortedFunc(maps.Values(remaining), func(a, b *Remains) int {
		return cmp.Or(-cmp.Compare(a.Panel, b.Panel), -cmp.Compare(a.Count, b.Count), cmp.Compare(a.Area, b.Area),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Rule, b.Rule))
	})
	return ctx.Err()
}

func remain(into map[disagreementKey]*Remains, key questionKey, q *asked, d policies.Decision) {
	k := disagreementKey{"allow", accountOf(q.in), key.area, key.action, strings.Join(d.Reasons, ", ")}
	if !key.panel {
		k.panel, k.rule = "deny", "allowed"
	}
	r := into[k]
	if r == nil {
		r = &Remains{Panel: k.panel, Account: k.account, Area: k.area, Action: k.action, Rule: k.rule, Example: q.DecisionID}
		into[k] = r
	}
	r.Count += q.count
	r.Example = min(r.Example, q.DecisionID)
}

// proposed returns the question as it would be asked if its user had the proposed access
// and no other.
func (l *learner) proposed(ctx context.Context, in *input.Input) (*input.Input, error) {
	u := l.users[in.Subject.ID]
	if u == nil || in.Subject.Facts == nil {
		return in, nil
	}
	ceilings, err := l.ceilingsOf(ctx, u)
	if err != nil {
		return nil, err
	}
	facts := *in.Subject.Facts
	facts.Access, facts.Groups = session.AccessNames(schema.Resolve([]schema.Access{u.access.Canonical()}, ceilings)), []input.Group{{}}
	one := *in
	one.Subject.Facts = input.NewFacts(facts)
	return &one, nil
}
