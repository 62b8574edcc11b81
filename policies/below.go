package policies

// NamedBelow returns what Engine.Document has as subject.below: the accounts
// that the request names, or the catalog for its resource, and that lie in the
// subject's subtree, sorted. It wants facts.
func (e *Engine) NamedBelow(in *Input) []any {
	return in.namedBelow(e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}
