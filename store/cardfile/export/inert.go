package export

import "strings"

// Inert returns a text as a cell that no spreadsheet takes for a formula. It
// puts an apostrophe before a text that begins like a formula. Uninert undoes
// this for every text.
func Inert(text string) string {
	if runs(text) {
		return "'" + text
	}
	return text
}

// Uninert returns the text from which Inert made the cell.
func Uninert(cell string) string {
	if strings.HasPrefix(cell, "'") && runs(cell[1:]) {
		return cell[1:]
	}
	return cell
}

// runs reports whether a text begins like a formula, after any apostrophes.
func runs(text string) bool {
	text = strings.TrimLeft(text, "'")
	return text != "" && strings.IndexByte("=+-@\t\r\n", text[0]) >= 0
}
