package schema

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// LoginKey returns the text in which logins of one account differ. Logins have the
// same key if they differ only in case, in the width of letters, or in how accents
// are composed.
func LoginKey(login string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(login)))
}
