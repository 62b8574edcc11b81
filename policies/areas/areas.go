// Package areas defines the grammar for names of areas and of row types. The
// store, the policies and the server share it.
package areas

import (
	"slices"
	"strings"
)

// Any is the key of an access map for every area that no other key covers. It
// is not itself the name of an area.
const Any = "*"

// longest is the length of the longest name, in bytes.
const longest = 200

// Valid reports whether text can name an area or a row type: words of a to z, 0
// to 9, "-" and "_", joined by slashes, at most 200 characters. The rule
// data.reseller.areas.valid of the embedded policies implements the same
// grammar.
func Valid(text string) bool {
	if len(text) > longest {
		return false
	}
	for word := range strings.SplitSeq(text, "/") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return true
}

// Asked returns the area to ask about for a key of an access map. It returns
// the key itself or, for Any, an area that is not in named.
func Asked(key string, named []string) string {
	if key != Any {
		return key
	}
	for key = "-"; slices.Contains(named, key); {
		key += "-"
	}
	return key
}

// Above returns the parent of an area, or "" for a top-level area.
func Above(area string) string {
	for i := len(area) - 1; i > 0; i-- {
		if area[i] == '/' {
			return area[:i]
		}
	}
	return ""
}
