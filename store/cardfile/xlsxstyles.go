package cardfile

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// shown is how a number is shown.
type shown struct {
	date     bool   // as a date or a time
	currency string // with this code, or $; "" for none or one that is not known
}

// readStyles finds out how the styles of cells show numbers.
func (w *workbook) readStyles() error {
	const part = "xl/styles.xml"
	if _, there := w.parts[part]; !there {
		return nil
	}
	formats, inside := map[string]shown{}, false
	return w.each(part, func(_ *elements, t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case t.Name.Local == "numFmt":
				formats[attribute(t, "numFmtId")] = shownBy(attribute(t, "formatCode"))
			case t.Name.Local == "cellXfs":
				inside = true
			case t.Name.Local == "xf" && inside:
				id := attribute(t, "numFmtId")
				style := formats[id]
				style.date = style.date || builtInDate(id)
				w.styles = append(w.styles, style)
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

// dollar is the sign that is no part of R$ or of [$…].
var dollar = regexp.MustCompile(`[^A-Za-z\[]\$|^\$`)

// shownBy knows the formats of dates, which have a day, month, year, hour,
// minute or second, and the currency that a format names: [$€-407], "USD".
func shownBy(code string) shown {
	how := shown{date: strings.ContainsAny(asIs.ReplaceAllString(code, ""), "dmyhsDMYHS")}
	if dollar.MatchString(code) {
		how.currency = "$"
	}
	for word := range strings.FieldsFuncSeq(signs.Replace(code), separates) {
		if named := codeOf(word, false); named != "" {
			how.currency = named
		}
	}
	return how
}

func (w *workbook) style(number string) shown {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(w.styles) {
		return shown{}
	}
	return w.styles[n]
}
