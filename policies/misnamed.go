package policies

import "resellerd/policies/areas"

// reasonMisnamed is the reason to deny a name outside the grammar. The embedded
// tree gives the same reason.
const reasonMisnamed = "unknown_area"

// misnamed tells whether a resource's type, or the area that is asked about, is
// outside the grammar of package areas. Such a question is denied before the
// tree is asked: no tree can allow it, and no plan is kept for it.
func misnamed(typ, id string) bool {
	return !areas.Valid(typ) || typ == areaType && !areas.Valid(id)
}

func (in *Input) misnamed() bool { return misnamed(in.Resource.Type, in.Resource.ID) }

// misnamedDocument is Input.misnamed of an input as Engine.Document gives it. An
// absent type is no name.
func misnamedDocument(document map[string]any) bool {
	resource, _ := document["resource"].(map[string]any)
	typ, _ := resource["type"].(string)
	id, _ := resource["id"].(string)
	return misnamed(typ, id)
}

func deniedMisnamed() Decision {
	return Decision{Outcome: OutcomeDeny, Reasons: []string{reasonMisnamed}}
}
