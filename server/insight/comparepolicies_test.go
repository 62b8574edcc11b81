package insight

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// However many users differ, and however much, the report has a bounded size. It counts
// whom it has no room for, and names users that gain rather than users that lose.
func TestAComparisonKeepsABoundedPart(t *testing.T) {
	c := &PolicyChanges{}
	const users = 40
	for i := range 2 * users {
		u := &UserChange{User: fmt.Sprint(i), More: i >= users, Less: i < users, Conditions: []ConditionChange{{Added: []string{strings.Repeat("x", 1<<20)}}}}
		if err := c.add(u); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(c.Users)
	gains := 0
	for _, u := range c.Users {
		if u.More {
			gains++
		}
	}
	if err != nil || len(text) > maxKept+maxKept/8 || c.Gain != users || c.Lose != users || c.LeftOut != 2*users-len(c.Users) || gains == 0 || gains == len(c.Users) {
		t.Errorf("%d bytes, %d users of whom %d gain, %d left out: %v", len(text), len(c.Users), gains, c.LeftOut, err)
	}
}

// Numbers do not stop where lists of ids stop.
func TestDifferencesCountWhatTheyDoNotList(t *testing.T) {
	const n = maxNamed + 50
	rows := &seenRows{total: n, ids: map[string]*shownAs{}}
	for i := range n {
		rows.ids[fmt.Sprint(i)] = unread
	}
	some, none := &visibility{rows: map[string]*seenRows{"customer": rows}}, &visibility{}
	for _, d := range append(differences(none, some, nothing), differences(some, none, nothing)...) {
		if len(d.Appear)+len(d.Disappear) != maxNamed || d.Appearing+d.Vanishing != n {
			t.Errorf("%d and %d rows of %d and %d", len(d.Appear), len(d.Disappear), d.Appearing, d.Vanishing)
		}
	}
	s := &sides{}
	s.tell("delete customer", [2]map[string]*shownAs{{}, rows.ids})
	if len(s.out.Actions) != 1 || s.out.Actions[0].More != n {
		t.Errorf("%+v", s.out.Actions)
	}
}

// What was not compared is said, unless it cannot differ.
func TestDifferencesSayWhatWasNotCompared(t *testing.T) {
	shown := &shownAs{view: "full"}
	rows := func(plan string, read bool, how *shownAs) *visibility {
		s := &seenRows{total: 1, plan: plan}
		if read {
			s.ids = map[string]*shownAs{"a": how}
		}
		return &visibility{rows: map[string]*seenRows{"customer": s}}
	}
	for name, c := range map[string]struct {
		before, after   *visibility
		touched         written
		counted, unread bool
	}{
		"all was compared":               {rows("p", true, shown), rows("q", true, shown), anything, false, false},
		"the same plan of the same rows": {rows("p", false, nil), rows("p", false, nil), nothing, false, false},
		"another plan":                   {rows("p", false, nil), rows("q", false, nil), nothing, true, false},
		"rows that were written":         {rows("p", false, nil), rows("p", false, nil), anything, true, false},
		"one side is too long":           {rows("p", true, shown), rows("q", false, nil), nothing, true, false},
		"ids alone, by another plan":     {rows("p", true, unread), rows("q", true, unread), nothing, false, true},
		"ids alone, by the same plan":    {rows("p", true, unread), rows("p", true, unread), nothing, false, false},
	} {
		d := differences(c.before, c.after, c.touched)
		if said := len(d) > 0 && (d[0].Counted || d[0].Unread); said != (c.counted || c.unread) || said && (d[0].Counted != c.counted || d[0].Unread != c.unread) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Each kind of gain decides that somebody sees or may do more.
func TestEachKindOfGainCounts(t *testing.T) {
	rows := []RowsChange{{What: "column notes", More: 1}}
	for name, out := range map[string]UserChange{
		"access":      {Areas: []AreaDifference{{Access: &AccessChange{Before: []string{}, After: []string{"read"}}}}},
		"more rows":   {Areas: []AreaDifference{{Visible: &VisibleChange{Before: 1, After: 2}}}},
		"other rows":  {Areas: []AreaDifference{{Appear: []string{"cus_1"}}}},
		"columns":     {Areas: []AreaDifference{{Shown: rows}}},
		"actions":     {Actions: rows},
		"a condition": {Conditions: []ConditionChange{{Wider: true}}},
	} {
		s := &sides{out: out}
		if s.judge(); !s.out.More || s.out.Less {
			t.Errorf("%s: more %v, less %v", name, s.out.More, s.out.Less)
		}
		if c := (&PolicyChanges{}); c.add(&s.out) != nil || !c.More() {
			t.Errorf("%s: the report says that nobody gains", name)
		}
	}
}
