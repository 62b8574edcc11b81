package schema

import (
	"encoding/json"
	"reflect"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Fold returns a text without case and accents, for searches. Of an ASCII text, it
// changes only A to Z.
func Fold(text string) string {
	if ascii(text) {
		return Lower(text)
	}
	folded, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFC), text)
	if err != nil {
		return Lower(text)
	}
	return folded
}

// Lower returns a text with A to Z in lower case, as dialect.Dialect.Lower does.
func Lower(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	return string(lower)
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// folds reports whether the column's table keeps its folded texts in the column
// folded. The other texts are folded by SQL, which knows only the case of A to Z.
func (f Field) folds() bool {
	return f.Kind() == Text && !f.Marked("key") && !f.Marked("hidden") && !f.Marked("account") && f.FieldInfo.Field.Tag.Get("enum") == ""
}

// Folded returns the folded texts of a row as a JSON object by column, without those
// that are ASCII. It returns "" if there are none.
func Folded(row any) string {
	value, folded := reflect.ValueOf(row), map[string]string{}
	for _, f := range Fields(value.Type()) {
		if !f.folds() {
			continue
		}
		if text := value.FieldByIndex(f.Index).String(); !ascii(text) {
			folded[f.Name] = Fold(text)
		}
	}
	if len(folded) == 0 {
		return ""
	}
	text, err := json.Marshal(folded)
	if err != nil {
		return ""
	}
	return string(text)
}

// TextColumns lists the columns of a row whose texts Folded folds.
func TextColumns(row reflect.Type) (names []string) {
	for _, f := range Fields(row) {
		if f.folds() {
			names = append(names, f.Name)
		}
	}
	return names
}

// foldedOf returns the folded text of a column of a table with the column folded.
func foldedOf(name string) expression {
	return func(b *Builder, alias string) string {
		return "COALESCE(" + b.Dialect.JSONText(alias+".folded", name) + ", " + b.Dialect.Lower(alias+"."+name) + ")"
	}
}

// foldedName returns the folded public name, or another text if there is none.
func foldedName(otherwise string) expression {
	return func(b *Builder, alias string) string {
		return "COALESCE(" + foldedOf("public_name")(b, alias) + ", " + Aliased(otherwise, alias) + ")"
	}
}

// ofOwner reads an expression of the account that owns the row.
func ofOwner(e expression) expression {
	return func(b *Builder, alias string) string {
		return "(SELECT " + e(b, "s") + " FROM accounts s WHERE s.id = " + alias + ".account_id)"
	}
}

// FoldsIn reports whether Folded is the result of Fold in a view. Otherwise, it is that
// of Lower.
func (c *Column) FoldsIn(view string) bool {
	return c.FoldedViews[view] != nil || c.Views[view] == nil && c.folded != nil
}

// Folded returns the column's text for searches, as the view shows it: without case and
// accents if FoldsIn, or else in lower case.
func (c *Column) Folded(b *Builder, alias, view string) string {
	e, other := c.FoldedViews[view], c.Views[view]
	switch {
	case e != nil:
		return e(b, alias)
	case other != nil:
		return b.Dialect.Lower(other(b, alias))
	case c.folded != nil:
		return c.folded(b, alias)
	}
	return b.Dialect.Lower(c.Expr(b, alias))
}

// withFolded sets how the columns of a table with the column folded are searched.
func (all columns) withFolded(row reflect.Type) columns {
	for _, name := range TextColumns(row) {
		if i := all.named(name); i >= 0 {
			all[i].folded, all[i].Folds = foldedOf(name), true
		}
	}
	return all
}

// search sets how a column is searched in a view that shows another value.
func (all columns) search(view, name string, e expression) columns {
	all[all.named(name)].FoldedViews = map[string]expression{view: e}
	return all
}
