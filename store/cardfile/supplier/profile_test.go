package supplier_test

import (
	"strings"
	"testing"

	"resellerd/store/cardfile"
	"resellerd/store/cardfile/supplier"
)

// An answer of a profile is for the kinds of values that its question was about.
func TestAnAnswerOfAProfileHoldsForTheSameQuestionOnly(t *testing.T) {
	t.Parallel()
	const head, mid = "Prefix,Rate,Remarks\n44,1,", "\n4479,1,"
	file := func(one, other string) cardfile.File {
		text := head + one + mid + other + "\n"
		return cardfile.File{ReaderAt: strings.NewReader(text), Size: int64(len(text)), Name: "a.csv"}
	}
	o := cardfile.Options{NANP: new(bool)}
	var p supplier.Profile
	_, used, err := p.Resolve(t.Context(), file("new", "Open"), o, []supplier.Setting{{Parameter: "ignore", Value: "Remarks"}})
	if err != nil || len(used) != 1 || used[0].Code != "column" {
		t.Fatalf("%v %+v", err, used)
	}
	p.Answers = used
	for values, holds := range map[[2]string]bool{
		{"new", "Open"}:          true,
		{"new", ""}:              true,
		{"Blocked", "new"}:       false,
		{"Blocked", "Withdrawn"}: false,
		{"yes", "no"}:            false,
		{"0.1", "0.2"}:           false,
	} {
		_, used, err := p.Resolve(t.Context(), file(values[0], values[1]), o, nil)
		if err != nil || (len(used) == 1) != holds {
			t.Errorf("%v: %v %+v", values, err, used)
		}
	}
}

// A free text and a code may say anything, so that an answer about some of them is none about others.
func TestAnAnswerOfAProfileHoldsForTheSameWordsAndCodes(t *testing.T) {
	t.Parallel()
	file := func(one, other string) cardfile.File {
		text := "Prefix,Rate,Extras\n44,1," + one + "\n4479,1," + other + "\n"
		return cardfile.File{ReaderAt: strings.NewReader(text), Size: int64(len(text)), Name: "a.csv"}
	}
	o := cardfile.Options{NANP: new(bool)}
	for _, tc := range []struct {
		first, next [2]string
		holds       bool
	}{
		{[2]string{"", "no change this week"}, [2]string{"", "no change in May"}, true},
		{[2]string{"", "no change this week"}, [2]string{"", "do not route"}, false},
		{[2]string{"", "no change this week"}, [2]string{"", "no route"}, false},
		{[2]string{"A", "C"}, [2]string{"C", "A"}, true},
		{[2]string{"A", "C"}, [2]string{"A", "D"}, false},
	} {
		_, used, err := (&supplier.Profile{}).Resolve(t.Context(), file(tc.first[0], tc.first[1]), o, []supplier.Setting{{Parameter: "ignore", Value: "Extras"}})
		if err != nil || len(used) != 1 || used[0].Code != "column" {
			t.Fatalf("%v: %v %+v", tc.first, err, used)
		}
		p := supplier.Profile{Answers: used}
		_, used, err = p.Resolve(t.Context(), file(tc.next[0], tc.next[1]), o, nil)
		if err != nil || (len(used) == 1) != tc.holds {
			t.Errorf("%v, then %v: %v %+v", tc.first, tc.next, err, used)
		}
	}
}
