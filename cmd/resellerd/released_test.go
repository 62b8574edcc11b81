package main

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var record = flag.String("record", "", "a released binary whose answers are to be written into testdata/released/answers")

const releasedDir = "../../testdata/released"

// TestReleasedAnswers sends the requests of testdata/released/requests to the code of
// the working tree. It compares the answers with those of the previous release, which
// .ci/released names.
//
// Two files of testdata/released declare the differences. changed.yaml contains the
// new answers. differences.yaml says for each of them whether it is breaking,
// stricter or added, and quotes the sentence of CHANGELOG.md that describes it. This
// command writes the first file and lists what the second lacks:
//
//	go test ./cmd/resellerd -run Released -update
//
// After .ci/released names a new release, record its answers with its binary:
//
//	.ci/build-released /path/of/binary
//
// Then both files of differences are empty.
func TestReleasedAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for minutes under the race detector: run without -short")
	}
	p := program{binary: *record}
	got := make([]answers, len(areas))
	t.Run("asking", func(t *testing.T) {
		for i, area := range areas {
			t.Run(area.name, func(t *testing.T) {
				if *record == "" {
					t.Parallel()
				}
				got[i] = area.answers(t, p)
			})
		}
	})
	if t.Failed() {
		return
	}
	if *record != "" {
		for i, area := range areas {
			writeYAML(t, area.file(), got[i])
		}
		return
	}
	for _, answers := range got {
		checkDetails(t, answers)
	}
	checkDifferences(t, difference(t, got))
}

var anyDetail = regexp.MustCompile(`(?:"pointer":"/([^"/]*)[^"]*",)?"detail":"((?:[^"\\]|\\.)*)"(?:,"field":"([^"]*)")?`)

// namedWithoutField are names that details begin with where no field is given: members
// of a question, and the columns of a rebuilt card.
var namedWithoutField = []string{"subject", "action", "resource", "context", "parents"}

// checkDetails holds every detail to be a whole sentence, which begins with a capital
// letter or the name of a field.
func checkDetails(t *testing.T, all answers) {
	t.Helper()
	for id, answer := range all {
		for _, m := range anyDetail.FindAllStringSubmatch(answer, -1) {
			first, _, _ := strings.Cut(m[2], " ")
			capital := first != "" && strings.ToUpper(first[:1]) == first[:1]
			if named := first == m[1] || first == m[3] || strings.ContainsAny(first, "._-") || slices.Contains(namedWithoutField, first); !capital && !named || !strings.HasSuffix(m[2], ".") {
				t.Errorf("%s: %q is not a sentence", id, m[2])
			}
		}
	}
}

// answers are texts by the id of their case.
type answers map[string]string

// area is a part of the corpus with its own server.
type area struct {
	name    string
	answers func(*testing.T, program) answers
	grows   bool // the program determines the cases, so another version may have others
}

func (a area) file() string { return filepath.Join(releasedDir, "answers", a.name+".yaml") }

var areas = []area{
	{name: "reads", answers: requestsOf("reads")},
	{name: "writes", answers: requestsOf("writes")},
	{name: "cards", answers: requestsOf("cards")},
	{name: "refusals", answers: requestsOf("refusals")},
	{name: "shapes", answers: shapeAnswers, grows: true},
	{name: "commands", answers: commandAnswers}, // reads the decision log that shapeAnswers recorded
}

// difference returns the answers that differ from the release's. A case that only one
// side has is an error.
func difference(t *testing.T, got []answers) answers {
	t.Helper()
	changed := answers{}
	for i, area := range areas {
		var released answers
		readYAML(t, area.file(), &released)
		for id, text := range got[i] {
			if before, known := released[id]; !known && !area.grows {
				t.Errorf("%s: the release was not asked this; record its answer", id)
			} else if text != before {
				changed[id] = text
			}
		}
		for id := range released {
			if _, asked := got[i][id]; !asked && area.grows {
				changed[id] = "absent"
			} else if !asked {
				t.Errorf("%s: the release was asked this, and the working tree is not", id)
			}
		}
	}
	return changed
}

// declared is an entry of differences.yaml.
type declared struct {
	// Kind is the mark of the sentence in the changelog: breaking, stricter or added.
	Kind     string   `yaml:"kind"`
	Sentence string   `yaml:"sentence"`
	Cases    []string `yaml:"cases"` // ids; * matches any text
}

var differenceKinds = []string{"breaking", "stricter", "added"}

// covers reports whether the entry declares the difference of a case.
func (d declared) covers(id string) bool {
	return slices.ContainsFunc(d.Cases, func(pattern string) bool { return casePattern(pattern).MatchString(id) })
}

func casePattern(pattern string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
}

// checkDifferences compares the changed answers with the declared differences.
func checkDifferences(t *testing.T, changed answers) {
	t.Helper()
	var golden answers
	var entries []declared
	readYAML(t, filepath.Join(releasedDir, "changed.yaml"), &golden)
	readYAML(t, filepath.Join(releasedDir, "differences.yaml"), &entries)
	if *update {
		writeYAML(t, filepath.Join(releasedDir, "changed.yaml"), changed)
		golden = changed
	}
	for _, fault := range undeclared(changed, golden, entries, changelog(t)) {
		t.Error(fault)
	}
}

// undeclared lists missing and superfluous declarations.
func undeclared(changed, golden answers, entries []declared, log []string) (faults []string) {
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		if golden[id] != changed[id] {
			faults = append(faults, id+": answers otherwise than changed.yaml or the release; got:\n"+changed[id])
		}
		if !slices.ContainsFunc(entries, func(d declared) bool { return d.covers(id) }) {
			faults = append(faults, id+": no entry of differences.yaml covers it")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(golden)) {
		if _, differs := changed[id]; !differs {
			faults = append(faults, id+": stands in changed.yaml and does not differ from the release")
		}
	}
	for _, d := range entries {
		faults = append(faults, d.faults(changed, log)...)
	}
	return faults
}

func (d declared) faults(changed answers, log []string) (faults []string) {
	if !slices.Contains(differenceKinds, d.Kind) || d.Sentence == "" {
		faults = append(faults, "differences.yaml: "+strings.Join(d.Cases, ", ")+": lacks a kind (breaking, stricter, added) or a sentence")
	}
	for _, pattern := range d.Cases {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(changed)), casePattern(pattern).MatchString) {
			faults = append(faults, "differences.yaml: "+pattern+": covers no difference")
		}
	}
	told := func(line string) bool {
		return strings.Contains(line, "*"+d.Kind+"*") && strings.Contains(line, d.Sentence)
	}
	if !slices.ContainsFunc(log, told) {
		faults = append(faults, changelogPath+": no line says, marked *"+d.Kind+"*: "+d.Sentence)
	}
	return faults
}

// changelog returns the list of changes, one line per item.
func changelog(t *testing.T) []string {
	t.Helper()
	var items []string
	for item := range strings.SplitSeq(text(t, changelogPath), "\n- ") {
		items = append(items, strings.Join(strings.Fields(item), " "))
	}
	return items
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(text(t, file)))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil && err.Error() != "EOF" {
		t.Fatalf("%s: %v", path.Base(file), err)
	}
}

func writeYAML(t *testing.T, file string, all answers) {
	t.Helper()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if len(all) > 0 {
		if err := enc.Encode(all); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDeclaringDifferences(t *testing.T) {
	entry := declared{Kind: "stricter", Sentence: "A blank is refused.", Cases: []string{"POST *"}}
	log := []string{"*stricter* A blank is refused. Clients trim it."}
	now := answers{"POST /x": "422"}
	for name, c := range map[string]struct {
		changed, golden answers
		entries         []declared
		log             []string
		want            string
	}{
		"declared":                   {now, now, []declared{entry}, log, ""},
		"not declared":               {now, now, nil, log, "POST /x: no entry"},
		"another answer by now":      {now, answers{"POST /x": "409"}, []declared{entry}, log, "answers otherwise"},
		"it does not occur any more": {answers{}, now, nil, log, "does not differ"},
		"an entry for nothing":       {answers{}, answers{}, []declared{entry}, log, "covers no difference"},
		"not in the changelog":       {now, now, []declared{entry}, nil, "no line says"},
		"another mark there":         {now, now, []declared{entry}, []string{"*added* A blank is refused."}, "no line says"},
		"a kind that is none":        {now, now, []declared{{Kind: "new", Sentence: entry.Sentence, Cases: entry.Cases}}, []string{"*new* A blank is refused."}, "lacks a kind"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := strings.Join(undeclared(c.changed, c.golden, c.entries, c.log), "\n")
			if (c.want == "") != (faults == "") || !strings.Contains(faults, c.want) {
				t.Errorf("found %q, want %q", faults, c.want)
			}
		})
	}
}
