package check

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// Format returns the correct text, by name, of each Rego file that is not
// formatted as `opa fmt` does. It returns a *rego.LoadError for a tree that
// cannot be parsed.
func Format(tree fs.FS) (map[string][]byte, error) {
	p, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	changed := map[string][]byte{}
	for _, f := range p.files {
		text, err := f.formatted()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if !bytes.Equal(text, f.text) {
			changed[f.name] = text
		}
	}
	return changed, nil
}

func (f *file) formatted() ([]byte, error) {
	return format.SourceWithOpts(f.name, f.text, format.Opts{RegoVersion: ast.RegoV1})
}
