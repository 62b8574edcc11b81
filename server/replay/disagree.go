package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

// Disagreements compares the decisions of a log with those that the panel made by itself
// and sent as context.panel_decision.
type Disagreements struct {
	Compared   int                     `json:"compared"`   // decisions with one of the panel's own
	Disagreed  int                     `json:"disagreed"`  // of these, the ones that differ
	Unresolved int                     `json:"unresolved"` // entries whose profile is not in the log
	Unreadable int                     `json:"unreadable"`
	FirstFault string                  `json:"first_fault,omitempty"` // of the unreadable ones
	Areas      map[string]*AreaSummary `json:"areas"`
	Groups     []*Disagreement         `json:"groups"`
}

// AreaSummary counts the compared decisions of an area. An area whose Disagreed is 0 can
// be switched over.
type AreaSummary struct {
	Compared  int `json:"compared"`
	Disagreed int `json:"disagreed"`
}

// Disagreement is a set of decisions that differ in the same way: same account, area,
// action and rule. Users and Examples are the first in the log.
type Disagreement struct {
	Panel    string   `json:"panel"` // allow or deny; resellerd decided the opposite
	Account  string   `json:"account"`
	Area     string   `json:"area"`
	Action   string   `json:"action"`
	Rule     string   `json:"rule"` // the reasons of a denial, or "allowed"
	Count    int      `json:"count"`
	Users    []string `json:"users"`    // ids, at most maxUsers; none of users that the store does not know
	Examples []string `json:"examples"` // decision ids
	Fix      string   `json:"fix"`
}

// maxUsers is the most users that a disagreement names.
const maxUsers = 10

// compared is an entry with a decision of the panel's own.
type compared struct {
	*entry
	in    *input.Input
	tree  *subtree
	panel bool // the panel's decision
	ours  bool // the recorded decision
	area  string
}

// readCompared returns an entry that the panel decided, too, or nil for any other line.
// It returns errNoProfile or errNoAccess if the entry refers to a record that is not known.
func readCompared(line []byte, known profiles, e *policies.Engine) (*compared, error) {
	if !bytes.Contains(line, []byte(`"panel_decision"`)) {
		return nil, nil
	}
	read, err := readEntry(line)
	if err != nil || read.Event != "" || read.Truncated {
		return nil, err
	}
	tree := &subtree{all: read.Revision == e.Revision()}
	in, err := read.input(e.Schema(), known, tree)
	if err != nil {
		return nil, err
	}
	panel, sent := in.Context.Properties["panel_decision"].(bool)
	if !sent {
		return nil, nil
	}
	view := ""
	if read.Result != nil {
		view = read.Result.View
	}
	return &compared{entry: read, in: in, tree: tree, panel: panel, ours: policies.Outcome(read.Outcome) == policies.OutcomeAllow,
		area: cmp.Or(areaOf(in, view), resource.AreaName(in))}, nil
}

// Disagree lists the decisions of a log that the panel made differently.
func Disagree(ctx context.Context, e *policies.Engine, files []Source) (*Disagreements, error) {
	out, groups := &Disagreements{Areas: map[string]*AreaSummary{}}, map[disagreementKey]*Disagreement{}
	err := out.each(ctx, e, files, func(c *compared) {
		if c.panel != c.ours {
			c.addTo(groups)
		}
	})
	out.Groups = slices.SortedFunc(maps.Values(groups), func(a, b *Disagreement) int {
		return cmp.Or(-cmp.Compare(a.Panel, b.Panel), cmp.Compare(a.Area, b.Area), -cmp.Compare(a.Count, b.Count),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Rule, b.Rule))
	})
	return out, err
}

// each counts every entry that the panel decided, too, and calls see for it. It counts the
// entries that it cannot read.
func (d *Disagreements) each(ctx context.Context, e *policies.Engine, files []Source, see func(*compared)) error {
	known := newProfiles()
	return eachLine(ctx, files, known, func(place string, line []byte) {
		c, err := readCompared(line, known, e)
		switch {
		case errors.Is(err, errNoProfile), errors.Is(err, errNoAccess):
			d.Unresolved++
		case err != nil:
			if d.Unreadable++; d.Unreadable == 1 {
				d.FirstFault = fmt.Sprintf("%s: %v", place, err)
			}
		case c != nil:
			d.count(c)
			see(c)
		}
	})
}

func (d *Disagreements) count(c *compared) {
	area := d.Areas[c.area]
	if area == nil {
		area = &AreaSummary{}
		d.Areas[c.area] = area
	}
	d.Compared++
	area.Compared++
	if c.panel != c.ours {
		d.Disagreed++
		area.Disagreed++
	}
}

// disagreementKey is what the decisions of a disagreement have in common.
type disagreementKey struct{ panel, account, area, action, rule string }

func (c *compared) addTo(groups map[disagreementKey]*Disagreement) {
	key := disagreementKey{"allow", accountOf(c.in), c.area, c.in.Action.Name, strings.Join(c.Reasons, ", ")}
	if c.ours {
		key.panel, key.rule = "deny", "allowed"
	} else if key.rule == "" {
		key.rule = c.Outcome
	}
	g := groups[key]
	if g == nil {
		g = &Disagreement{Panel: key.panel, Account: key.account, Area: key.area, Action: key.action, Rule: key.rule, Fix: c.fix()}
		groups[key] = g
	}
	g.Count++
	if user := c.in.Subject.ID; user != "" && len(g.Users) < maxUsers && !slices.Contains(g.Users, user) {
		g.Users = append(g.Users, user)
	}
	if len(g.Examples) < maxExamples {
		g.Examples = append(g.Examples, c.DecisionID)
	}
}

// fixes says for each reason how the two sides can agree, if the panel is right.
var fixes = map[string]string{
	"unknown_user":       "create the user, or set its external_id to the name that the panel sends: the log does not keep this name, so find the request in the panel by its decision id",
	"no_group":           "put the user in a group",
	"user_disabled":      "disable the user in the panel, or set its status to active",
	"account_suspended":  "suspend the account in the panel, or set its status to active",
	"owner_unknown":      "send the account of the row as properties.account_id",
	"not_visible":        "compare the account of the row with the account of the user; for a card, look at its assignments",
	"unknown_area":       "write the area as words of a-z, 0-9, - and _, joined by slashes",
	"unknown_action":     "add the action to data.catalog.action, with the letter that it needs",
	"reserved_type":      "use another name for the type; resellerd has an area of this name",
	"client_ip_unknown":  "send Resellerd-Client-IP, or empty ip_allow",
	"client_ip_denied":   "add the network to ip_allow",
	"card_not_own":       "act as the owner of the card, or hide the action in the panel",
	"group_not_lent":     "lend the group to the account",
	"exceeds_delegation": "give the acting user the access that it passes on, or let a stronger user do it",
	"max_depth":          "raise data.limits.max_depth, or keep the account tree flat",
}

// fix suggests how the two sides can agree.
func (c *compared) fix() string {
	if c.ours {
		return fmt.Sprintf("take %s off %s in a group of these users, or write a policy rule if only some rows are concerned", c.in.Action.Name, c.area)
	}
	for _, reason := range c.Reasons {
		if reason == "area_denied" {
			return fmt.Sprintf("add a row that gives %s on %s to a group of these users, if the ceilings of the account allow it", c.in.Action.Name, c.area)
		}
		if fix, ok := fixes[reason]; ok {
			return fix
		}
	}
	return "read why one of the decisions was made: GET /v1/decisions/{id}, or resellerd policy explain"
}
