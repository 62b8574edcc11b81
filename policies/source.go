package policies

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"

	"resellerd/policies/rego"
)

// source is a policy tree as read: its modules by file, its data, and a hash of
// both.
type source struct {
	modules  map[string]*ast.Module
	data     map[string]any
	revision string
	findings []rego.Finding
}

// Sources reads the Rego of a tree, including its tests, and its data. It is
// for tools beside this package. It returns a *LoadError that lists the files
// that cannot be parsed.
func Sources(tree fs.FS) (modules map[string]*ast.Module, data map[string]any, err error) {
	s, err := readFiles(tree, func(name string) bool { return policyFile(name) || path.Ext(name) == ".rego" })
	if err != nil {
		return nil, nil, err
	}
	if len(s.findings) > 0 {
		return nil, nil, refused(s.findings)
	}
	return s.modules, s.data, nil
}

// RevisionOf returns the revision that a tree would have as an Engine.
func RevisionOf(tree fs.FS) (string, error) {
	s, err := readSource(tree)
	if err != nil {
		return "", err
	}
	return s.revision, nil
}

// readSource reads the Rego and data files of a tree. It leaves out tests
// (_test.rego, .scenario.yaml and mutants.yaml), hidden files and folders,
// folders named testdata, and the folder schemas. The content of a data file is
// placed at the path of its folder.
func readSource(tree fs.FS) (*source, error) { return readFiles(tree, policyFile) }

func readFiles(tree fs.FS, wanted func(name string) bool) (*source, error) {
	s := &source{modules: map[string]*ast.Module{}, data: map[string]any{}}
	hash := sha256.New()
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden(name, entry) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() || !wanted(name) {
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%d:%s%d:", len(name), name, len(content))
		hash.Write(content)
		s.add(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("policy tree: %w", err)
	}
	s.revision = hex.EncodeToString(hash.Sum(nil)[:16])
	return s, nil
}

func hidden(file string, entry fs.DirEntry) bool {
	name := entry.Name()
	return name != "." && strings.HasPrefix(name, ".") || entry.IsDir() && (name == "testdata" || file == "schemas")
}

func policyFile(name string) bool {
	return path.Ext(name) == ".rego" && !strings.HasSuffix(name, "_test.rego") || IsData(name)
}

// IsData reports whether a file of a tree holds data, by its name.
func IsData(name string) bool {
	switch path.Ext(name) {
	case ".json", ".yaml", ".yml":
		return !strings.HasSuffix(name, ".scenario.yaml") && name != "mutants.yaml"
	default:
		return false
	}
}

func (s *source) add(name string, content []byte) {
	if bytes.HasPrefix(content, []byte("\xef\xbb\xbf")) {
		s.findings = append(s.findings, rego.Finding{Code: "mark", File: name, Line: 1, Message: "the file begins with a byte order mark"})
		return
	}
	if path.Ext(name) == ".rego" {
		s.addModule(name, content)
		return
	}
	if err := s.addData(name, content); err != nil {
		s.findings = append(s.findings, rego.Finding{Code: "data", File: name, Message: err.Error()})
	}
}

func (s *source) addModule(name string, content []byte) {
	module, err := ast.ParseModuleWithOpts(name, string(content), rego.ParserOptions())
	if err != nil {
		s.findings = append(s.findings, rego.FindingsOf("syntax", name, err)...)
		return
	}
	if module == nil { // perhaps half written; its missing rules may be the ones that deny
		s.findings = append(s.findings, rego.Finding{Code: "syntax", File: name, Message: "the file is empty"})
		return
	}
	s.modules[name] = module
}

func (s *source) addData(name string, content []byte) error {
	var value any
	decode := util.UnmarshalJSON
	if path.Ext(name) != ".json" {
		decode = util.Unmarshal
	}
	if err := decode(content, &value); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("data: the top level of a data file is an object")
	}
	if dir := path.Dir(name); dir != "." {
		parts := strings.Split(dir, "/")
		for i := len(parts) - 1; i >= 0; i-- {
			object = map[string]any{parts[i]: object}
		}
	}
	return mergeData(s.data, object, "data")
}

// mergeData merges src into dst, object by object. It refuses a value that both
// contain.
func mergeData(dst, src map[string]any, at string) error {
	for key, v := range src {
		old, given := dst[key]
		if !given {
			dst[key] = v
			continue
		}
		a, okA := old.(map[string]any)
		b, okB := v.(map[string]any)
		if !okA || !okB {
			return fmt.Errorf("data: %s.%s is given twice", at, key)
		}
		if err := mergeData(a, b, at+"."+key); err != nil {
			return err
		}
	}
	return nil
}

// decodeData copies a part of the data into a Go value through JSON.
func decodeData(from, into any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return util.UnmarshalJSON(text, into)
}
