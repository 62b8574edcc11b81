package input

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// factTerms holds a user's facts as OPA values, built once for all requests.
type factTerms struct {
	pairs [][2]*ast.Term
	err   error
}

func newFactTerms(f *Facts) *factTerms {
	t := &factTerms{}
	for key, v := range f.document() {
		value, err := ast.InterfaceToValue(v)
		if err != nil {
			t.err = fmt.Errorf("subject %s: %w", key, err)
			return t
		}
		t.pairs = append(t.pairs, [2]*ast.Term{ast.InternedTerm(key), ast.NewTerm(value)})
	}
	return t
}

// ResourceValue returns the resource of DocumentIn as an OPA value.
func (in *Input) ResourceValue(schema Schema) (ast.Value, error) {
	v, err := ast.InterfaceToValue(in.resourceIn(schema))
	if err != nil {
		return nil, fmt.Errorf("input resource: %w", err)
	}
	return v, nil
}

func (in *Input) resourceIn(schema Schema) map[string]any {
	resource := in.resourceDocument()
	schema.completeSets(in.Resource.Type, resource)
	return resource
}

// Value returns DocumentIn as an OPA value.
func (in *Input) Value(schema Schema, named []string) (ast.Value, error) {
	object := ast.NewObject()
	for key, section := range map[string]map[string]any{
		"subject":  in.subjectDocument(named),
		"action":   in.actionDocument(),
		"resource": in.resourceIn(schema),
		"context":  in.contextDocument(),
	} {
		v, err := ast.InterfaceToValue(section)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", key, err)
		}
		if key == "subject" && in.Subject.Facts != nil {
			if err := insertFacts(v.(ast.Object), in.Subject.Facts); err != nil {
				return nil, err
			}
		}
		object.Insert(ast.InternedTerm(key), ast.NewTerm(v))
	}
	return object, nil
}

func insertFacts(subject ast.Object, f *Facts) error {
	terms := f.terms
	if terms == nil {
		terms = newFactTerms(f)
	}
	if terms.err != nil {
		return terms.err
	}
	for _, pair := range terms.pairs {
		subject.Insert(pair[0], pair[1])
	}
	return nil
}
