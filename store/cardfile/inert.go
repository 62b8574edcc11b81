package cardfile

import "strings"

// Inert is a text as a cell that no spreadsheet takes for a formula: an
// apostrophe stands before what would be. Uninert takes it off again, whatever
// the text.
func Inert(text string) string {
	if runs(text) {
		return "'" + text
	}
	return text
}

// Uninert is the text that Inert has made a cell of.
func Uninert(cell string) string {
	if strings.HasPrefix(cell, "'") && runs(cell[1:]) {
		return cell[1:]
	}
	return cell
}

// runs reports a text that begins as formulas do, after any apostrophes.
func runs(text string) bool {
	text = strings.TrimLeft(text, "'")
	return text != "" && strings.IndexByte("=+-@\t\r\n", text[0]) >= 0
}
