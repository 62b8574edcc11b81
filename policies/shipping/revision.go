package shipping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// notOlder refuses an arrival if one of its bundles is certainly older than the
// one in force. A signature proves who made a bundle, not that it is the
// newest.
func notOlder(arrived, inForce map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(arrived)) {
		if older(arrived[name], inForce[name]) {
			return refusal("", fmt.Sprintf("bundle revision %s is older than %s, which is in force", arrived[name], inForce[name]))
		}
	}
	return nil
}

// older reports whether revision a is certainly older than b. It compares two
// whole numbers, two semantic versions (the v may be missing), or two RFC 3339
// times. Other revisions, such as commit hashes, have no order.
func older(a, b string) bool {
	if number(a) && number(b) {
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return len(a) < len(b) || len(a) == len(b) && a < b
	}
	if va, vb := version(a), version(b); semver.IsValid(va) && semver.IsValid(vb) {
		return semver.Compare(va, vb) < 0
	}
	ta, errA := time.Parse(time.RFC3339, a)
	tb, errB := time.Parse(time.RFC3339, b)
	return errA == nil && errB == nil && ta.Before(tb)
}

func number(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// version returns the text in the form that package semver reads. It requires a
// dot, because a hash of digits would otherwise be a version.
func version(text string) string {
	if !strings.Contains(text, ".") {
		return ""
	}
	return "v" + strings.TrimPrefix(text, "v")
}
