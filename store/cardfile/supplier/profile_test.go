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
