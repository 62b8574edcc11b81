package shipping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// notOlder refuses an arrival of which a bundle is surely older than the one in
// force: a signature says who made a bundle, not that it is the newest.
func notOlder(arrived, inForce map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(arrived)) {
		if older(arrived[name], inForce[name]) {
			return refusal("", fmt.Sprintf("bundle revision %s is older than %s, which is in force", arrived[name], inForce[name]))
		}
	}
	return nil
}

// older tells whether revision a is surely older than b: both are whole
// numbers, both semantic versions (the v may be missing), or both RFC 3339
// times. Others, such as commit hashes, have no order.
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

// version is the text as package semver reads it; at least two parts, or a
// hash of digits would be one.
func version(text string) string {
	if !strings.Contains(text, ".") {
		return ""
	}
	return "v" + strings.TrimPrefix(text, "v")
}
