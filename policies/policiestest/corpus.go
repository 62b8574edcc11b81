// Package policiestest holds what tests of the policy engine and of the store
// share: a corpus of small policies that are hard to translate into filters,
// and random worlds of accounts, rows and requests to try them on.
//
// Both tests check one property of each policy: a row passes the filter
// exactly when the full evaluation allows it, or the policy is refused.
package policiestest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing/fstest"
)

// Case is one policy of the corpus.
type Case struct {
	Name string
	Type string // the resource type of the policy: card, account or widget
	// Refused is a text that the refusal must contain. If it is "", the
	// filter must equal the full evaluation.
	Refused string
	// Oracle is "empty" if the policy allows nothing and "total" if it allows
	// everything. If it is "", the policy must do neither over a whole run.
	Oracle string

	rego []byte
}

// LoadCorpus reads policies/testdata/corpus, sorted by name.
func LoadCorpus() ([]Case, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return nil, fmt.Errorf("corpus: unknown place")
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(here), "..", "testdata", "corpus", "*.rego"))
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	cases := make([]Case, 0, len(files))
	for _, file := range files {
		rego, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		c, err := readCase(strings.TrimSuffix(filepath.Base(file), ".rego"), rego)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// readCase reads the comment at the start of a policy of the corpus.
func readCase(name string, rego []byte) (Case, error) {
	c := Case{Name: name, Type: "card", rego: rego}
	verdict := false
	for _, line := range strings.Split(string(rego), "\n") {
		text, comment := strings.CutPrefix(line, "# ")
		if !comment {
			break
		}
		key, value, _ := strings.Cut(text, ": ")
		switch key {
		case "equal":
			verdict = true
		case "refused":
			verdict, c.Refused = value != "", value
		case "type":
			c.Type = value
		case "oracle":
			c.Oracle = value
		}
	}
	if !verdict {
		return c, fmt.Errorf("corpus %s: says neither equal nor refused", name)
	}
	return c, nil
}

// Tree returns the policy as a tree with an entrypoint.
func (c Case) Tree() fs.FS {
	return fstest.MapFS{
		"reseller/main/policy.rego":   {Data: c.rego},
		"reseller/main/decision.rego": {Data: []byte(c.entrypoint())},
	}
}

// entrypoint returns a decision with the parts that the policy defines.
func (c Case) entrypoint() string {
	var b strings.Builder
	b.WriteString("package reseller.main\n\n")
	if !bytes.Contains(c.rego, []byte("default allow")) {
		b.WriteString("default allow := false\n\n")
	}
	b.WriteString("decision[\"allow\"] := allow\n\n")
	if bytes.Contains(c.rego, []byte("\nreasons contains")) {
		b.WriteString("decision[\"reasons\"] := reasons\n")
	} else {
		b.WriteString("decision[\"reasons\"] := []\n")
	}
	for part, sign := range map[string]string{"view": "\nview :=", "columns": "\ncolumns contains"} {
		if bytes.Contains(c.rego, []byte(sign)) {
			fmt.Fprintf(&b, "\ndecision[%q] := %s if allow\n", part, part)
		}
	}
	return b.String()
}
