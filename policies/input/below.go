package input

import "slices"

// AppendBelow appends the accounts of the subject's subtree that the request
// names, or that are in named, sorted. The subject must have Facts.
func (in *Input) AppendBelow(dst, named []string) []string {
	f, start := in.Subject.Facts, len(dst)
	add := func(id string) {
		if id != "" && !slices.Contains(dst[start:], id) && f.InSubtree(id) {
			dst = append(dst, id)
		}
	}
	in.eachNamed(add)
	for _, id := range named {
		add(id)
	}
	slices.Sort(dst[start:])
	return dst
}

// Names tells whether the request itself names the account, so that its record
// says whether it lies in the subject's subtree. It wants facts.
func (in *Input) Names(account string) bool {
	found := false
	in.eachNamed(func(id string) { found = found || id == account })
	return found
}

// eachNamed gives the accounts that the request names, and other texts that may.
func (in *Input) eachNamed(add func(id string)) {
	f := in.Subject.Facts
	for _, id := range [...]string{f.Account.ID, f.Account.ParentID, f.Account.TenantID} {
		add(id)
	}
	for column, v := range in.Resource.Row {
		if id, ok := v.(string); ok && AccountKey(in.Resource.Type, column) {
			add(id)
		}
	}
	if AccountKey(in.Resource.Type, "id") {
		add(in.Resource.ID)
	}
	for _, sent := range [...]map[string]any{in.Resource.Properties, in.Action.Properties, in.Subject.Properties} {
		if len(sent) > 0 {
			eachText(sent, add)
		}
	}
}

func eachText(v any, add func(string)) {
	switch v := v.(type) {
	case string:
		add(v)
	case map[string]any:
		for _, x := range v {
			eachText(x, add)
		}
	case []any:
		for _, x := range v {
			eachText(x, add)
		}
	}
}
