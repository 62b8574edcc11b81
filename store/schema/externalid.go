package schema

import "strings"

// maxExternalID bounds a user's external id, in characters.
const maxExternalID = 255

// A user's external id has 1 to 255 printable ASCII characters. It has no blank at
// either end, which HTTP would remove. It does not begin like an id of resellerd.
const (
	externalIDLong   = "is longer than 255 characters"
	externalIDText   = "must have only printable ASCII characters"
	externalIDBlank  = "has a blank at an end"
	externalIDLikeID = "begins like an id of resellerd"
)

// ExternalIDFault describes what is wrong with a user's external id, "" for
// nothing.
func ExternalIDFault(id string) string {
	switch {
	case LikeID(id):
		return externalIDLikeID
	case strings.Trim(id, " \t") != id:
		return externalIDBlank
	case strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return externalIDText
	case len(id) > maxExternalID:
		return externalIDLong
	}
	return ""
}

// LikeID reports whether a reference begins like an id of a row, except of a Later type.
// Such a reference is an id and never an external id.
func LikeID(ref string) bool {
	for _, t := range ByName {
		if t.Prefix != "" && !t.Later && strings.HasPrefix(ref, t.Prefix) {
			return true
		}
	}
	return false
}

// idLength is the number of characters of an id behind its prefix: base32 of 128 bits.
const idLength = 26

// IsID reports whether a text has the form of the id of a row of this type.
func IsID(typ, text string) bool {
	rest, is := strings.CutPrefix(text, Info(typ).Prefix)
	return is && len(rest) == idLength && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
