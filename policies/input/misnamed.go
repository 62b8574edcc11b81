package input

import "resellerd/policies/areas"

// Misnamed reports whether the resource's type, or the area in question, is
// outside the grammar of package areas. Such a question is denied without asking
// the tree: no tree can allow it, and no plan is cached for it.
func (in *Input) Misnamed() bool { return misnamed(in.Resource.Type, in.Resource.ID) }

// MisnamedDocument is Misnamed for an input in the form of Document. An absent
// type counts as misnamed.
func MisnamedDocument(document map[string]any) bool {
	resource, _ := document["resource"].(map[string]any)
	typ, _ := resource["type"].(string)
	id, _ := resource["id"].(string)
	return misnamed(typ, id)
}

func misnamed(typ, id string) bool {
	return !areas.Valid(typ) || typ == AreaType && !areas.Valid(id)
}
