package mutation

import (
	"bytes"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"

	"resellerd/policies"
	"resellerd/policies/regotest"
)

func TestEveryMutantChangesItsFileAndCanBeRead(t *testing.T) {
	suite, err := regotest.Read(policies.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	all := mutants(suite.Modules())
	if len(all) < 1000 {
		t.Errorf("%d mutants", len(all))
	}
	unreadable := 0
	for _, m := range all {
		text, err := m.text()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := format.Ast(m.module)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(text, plain) {
			t.Errorf("%s: changes nothing", m)
		}
		changed, err := m.parse(text)
		if err != nil {
			unreadable++
			continue
		}
		if changed.String() == m.module.String() {
			t.Errorf("%s: changes no rule", m)
		}
	}
	if unreadable > len(all)/50 {
		t.Errorf("%d of %d mutants cannot be read", unreadable, len(all))
	}
}
