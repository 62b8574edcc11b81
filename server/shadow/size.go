package shadow

// The estimated bytes of a decision without the values of its input, and of each
// value.
const (
	decisionBytes = 1 << 10
	valueBytes    = 64
)

// bytes estimates what a decision keeps in memory. Facts count for each decision,
// although decisions of a user may share them.
func (d *decision) bytes() int {
	n := decisionBytes
	for _, values := range []map[string]any{
		d.in.Subject.Properties, d.in.Action.Properties, d.in.Resource.Properties, d.in.Resource.Row, d.in.Context.Properties,
	} {
		n += sizeOf(values)
	}
	if c := d.in.Action.Change; c != nil {
		n += sizeOfAccess(c.Before) + sizeOfAccess(c.After) + sizeOfAccess(c.Held)
	}
	if f := d.in.Subject.Facts; f != nil {
		n += sizeOf(f.User) + 2*sizeOfAccess(f.Access) // the access, and its form for the policy
	}
	return n
}

func sizeOfAccess(access map[string][]string) int {
	n := 0
	for area, actions := range access {
		n += valueBytes + len(area) + valueBytes*len(actions)
	}
	return n
}

func sizeOf(value any) int {
	n := valueBytes
	switch v := value.(type) {
	case string:
		n += len(v)
	case []string:
		for _, text := range v {
			n += valueBytes + len(text)
		}
	case []any:
		for _, item := range v {
			n += sizeOf(item)
		}
	case map[string]any:
		for name, item := range v {
			n += len(name) + sizeOf(item)
		}
	}
	return n
}
