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
	for _, d := range append(differences(none, some), differences(some, none)...) {
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
