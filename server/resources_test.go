package server

import (
	"testing"

	"resellerd/server/resource"
	"resellerd/store/schema"
)

// The registry names exactly the types that the policy decides on. It names for
// each the type through which the store decides on it.
func TestTheRegistryNamesEveryTypeThatIsDecided(t *testing.T) {
	t.Parallel()
	registered := map[string]string{}
	for _, r := range resource.Types {
		registered[r.Name] = r.Parent
	}
	for _, typ := range schema.Types() {
		parent, named := registered[typ.Name]
		if decided := typ.Through == "" || typ.Decided; decided != named {
			t.Errorf("%s: decided about %v, registered %v", typ.Name, decided, named)
			continue
		}
		if named && parent != typ.Through {
			t.Errorf("%s: registered below %q, the store decides through %q", typ.Name, parent, typ.Through)
		}
		delete(registered, typ.Name)
	}
	if len(registered) > 0 {
		t.Errorf("the store has no %v", registered)
	}
}

// The registry names the owner column and the default kind of a new row in every
// collection.
func TestTheRegistryNamesOwnerAndKindOfEveryCollection(t *testing.T) {
	t.Parallel()
	for _, r := range resource.Types {
		if r.Collection == "" {
			continue
		}
		shown := schema.Info(r.Name).Shown()
		if _, owned := shown[r.OwnerColumn()]; !owned {
			t.Errorf("%s: there is no column %s", r.Name, r.OwnerColumn())
		}
		if _, kinds := shown["kind"]; kinds != (r.Kind != "") {
			t.Errorf("%s: a column kind %v, by default %q", r.Name, kinds, r.Kind)
		}
	}
}
