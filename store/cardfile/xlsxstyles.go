package cardfile

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// readStyles finds the styles of cells that show a number as a date or a time.
func (w *workbook) readStyles() error {
	const part = "xl/styles.xml"
	if _, there := w.parts[part]; !there {
		return nil
	}
	formats, inside := map[string]bool{}, false
	return w.each(part, func(_ *elements, t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case t.Name.Local == "numFmt":
				formats[attribute(t, "numFmtId")] = showsDate(attribute(t, "formatCode"))
			case t.Name.Local == "cellXfs":
				inside = true
			case t.Name.Local == "xf" && inside:
				id := attribute(t, "numFmtId")
				w.dates = append(w.dates, formats[id] || builtInDate(id))
			}
		case xml.EndElement:
			inside = inside && t.Name.Local != "cellXfs"
		}
		return nil
	})
}

// builtInDate knows the formats that have a number and no code (ECMA-376,
// 18.8.30).
func builtInDate(id string) bool {
	n, err := strconv.Atoi(id)
	return err == nil && (n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 45 && n <= 47 || n >= 50 && n <= 58)
}

// asIs are the parts of a format that are shown as they are, and colours,
// conditions and places in brackets; not [h], [mm] and [ss].
var asIs = regexp.MustCompile(`"[^"]*"?|[\\_*].|\[[^\]]*[^\]hmsHMS][^\]]*\]`)

// showsDate knows a format that has a day, month, year, hour, minute or second.
func showsDate(code string) bool {
	return strings.ContainsAny(asIs.ReplaceAllString(code, ""), "dmyhsDMYHS")
}

// isDate reports a style that shows dates.
func (w *workbook) isDate(style string) bool {
	n, err := strconv.Atoi(style)
	return err == nil && n >= 0 && n < len(w.dates) && w.dates[n]
}
