package regotest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"resellerd/policies/rego"
	"resellerd/policies/regotest"
)

const policy = `package words

verb := "read"

quiet if {
	input.panel == "quiet"
}
`

func tree(tests string) fstest.MapFS {
	return fstest.MapFS{
		"words/words.rego": {Data: []byte(policy)}, "words/words_test.rego": {Data: []byte("package words_test\n\nimport data.words\n" + tests)},
		"words/data.json": {Data: []byte(`{"noun": "book"}`)},
	}
}

func TestTestsRunAndTellWhatTheyMiss(t *testing.T) {
	r, err := regotest.Run(t.Context(), tree(`
test_a_can_pass if words.verb == "read"

test_a_can_read_data if data.words.noun == "book"

test_a_cannot_fail if {
	print("saw", words.verb)
	words.verb == "write"
}

test_a_cannot_err if to_number(words.verb) == 1

todo_test_a_can_wait if false
`), "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Tests != 4 || r.Skipped != 1 || len(r.Failures) != 2 {
		t.Fatalf("%+v", r)
	}
	failed, erred := r.Failures[0], r.Failures[1]
	if failed.Name != "data.words_test.test_a_cannot_fail" || failed.Line != 9 || !strings.Contains(failed.Output, "saw read") || failed.Message != "" {
		t.Errorf("%+v", failed)
	}
	if erred.Line != 14 || !strings.Contains(erred.Message, "to_number") {
		t.Errorf("%+v", erred)
	}
	if want := []regotest.Line{{File: "words/words.rego", Line: 5}, {File: "words/words.rego", Line: 6}}; len(r.Uncovered) != 2 || r.Uncovered[0] != want[0] || r.Uncovered[1] != want[1] {
		t.Errorf("uncovered %v", r.Uncovered)
	}
	if r.Coverage <= 0 || r.Coverage >= 100 {
		t.Errorf("coverage %v", r.Coverage)
	}
}

func TestTestsAreChosenByName(t *testing.T) {
	files := tree("\ntest_a_can_pass if words.verb\n\ntest_b_cannot_pass if false\n")
	if r, err := regotest.Run(t.Context(), files, `_a_`); err != nil || r.Tests != 1 || len(r.Failures) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := regotest.Run(t.Context(), files, `(`); err == nil {
		t.Error("an expression that is none was taken")
	}
}

func TestTestsThatDoNotCompileAreRefused(t *testing.T) {
	_, err := regotest.Run(t.Context(), tree("\ntest_a_can_pass if nothing\n"), "")
	var refused *rego.LoadError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "words_test.rego:5: var nothing is unsafe") {
		t.Error(err)
	}
}

func TestTestsHaveNoNetwork(t *testing.T) {
	r, err := regotest.Run(t.Context(), tree("\ntest_a_can_call if http.send({\"method\": \"GET\", \"url\": \"http://127.0.0.1:9/\"}).status_code\n"), "")
	if err != nil || len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Message, "disallowed host") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAFailureShowsTheConditionAndItsValues(t *testing.T) {
	r, err := regotest.Run(t.Context(), tree(`
verbs := ["read", "write"]

loud(x) if {
	x != "read"
	x != "look"
}

test_a_can_compare if {
	said := words.verb
	said == "write"
}

test_b_can_compare_each if every verb in verbs {
	verb == words.verb
}

test_c_cannot_be_quiet if not loud("write")

test_d_can_pass if words.verb == "read"
`), "")
	if err != nil || len(r.Failures) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range []struct {
		line  int
		parts []string
	}{{14, []string{`said == "write"`, `"read"`}}, {18, []string{"verb == words.verb", `"write"`, `"read"`}}, {21, []string{`not loud("write")`}}} {
		f := r.Failures[i]
		if f.At == nil || *f.At != (regotest.Line{File: "words/words_test.rego", Line: want.line}) {
			t.Errorf("%s: at %v, want line %d", f.Name, f.At, want.line)
		}
		for _, part := range want.parts {
			if !strings.Contains(f.Condition, part) {
				t.Errorf("%s: without %s:\n%s", f.Name, part, f.Condition)
			}
		}
	}
	if last := r.Results[3]; len(r.Results) != 4 || !last.Passed || last.Seconds <= 0 || r.Results[0].Passed {
		t.Errorf("%+v", r.Results)
	}
}
