package input

import "slices"

// AppendBelow appends to dst, sorted, the accounts of the subject's subtree that
// the request names or that are in named. The subject must have Facts.
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

// Names reports whether the request itself names the account. If it does, the
// recorded input shows whether the account lies in the subject's subtree. The
// subject must have Facts.
func (in *Input) Names(account string) bool {
	found := false
	in.eachNamed(func(id string) { found = found || id == account })
	return found
}

// eachNamed calls add for each account that the request names, and for other
// texts that may be account ids.
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
