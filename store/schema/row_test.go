package schema

import "testing"

func TestColumnsHaveAKind(t *testing.T) {
	t.Parallel()
	for name, typ := range ByName {
		for _, c := range typ.Columns {
			if c.Kind == 0 {
				t.Errorf("%s.%s: no kind for the type of its field", name, c.Name)
			}
		}
	}
}
