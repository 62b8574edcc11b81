package schema

import "testing"

func TestTypesWithAnIDHaveAPrefixOfTheirOwn(t *testing.T) {
	t.Parallel()
	of := map[string]string{}
	for name, typ := range ByName {
		if (typ.Key == "@.id") != (typ.Prefix != "") {
			t.Errorf("%s: the key is %s, the prefix %q", name, typ.Key, typ.Prefix)
		}
		if other := of[typ.Prefix]; typ.Prefix != "" && other != "" {
			t.Errorf("%s and %s have the prefix %s", name, other, typ.Prefix)
		}
		of[typ.Prefix] = name
	}
}
