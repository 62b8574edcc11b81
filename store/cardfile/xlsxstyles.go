package cardfile

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// shown is the display format of a number.
type shown struct {
	date     bool   // as a date or a time
	currency string // code of the currency, or $; "" for none or an unknown one
	unit     string // text beside the number, if it states a unit
}

// readStyles reads the number formats of the styles of cells.
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
			case len(formats) > maxParts, len(w.styles) > maxParts:
				return errNotParts
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

// builtInDate reports whether a built-in format, which has a number but no
// code, shows a date (ECMA-376, 18.8.30).
func builtInDate(id string) bool {
	n, err := strconv.Atoi(id)
	return err == nil && (n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 45 && n <= 47 || n >= 50 && n <= 58)
}

// asIs matches the literal parts of a format, and colours, conditions and
// locales in brackets, but not [h], [mm] and [ss].
var asIs = regexp.MustCompile(`"[^"]*"?|[\\_*].|\[[^\]]*[^\]hmsHMS][^\]]*\]`)

// dollar matches a $ that is not a part of R$ or [$…].
var dollar = regexp.MustCompile(`[^A-Za-z\[]\$|^\$`)

// beside matches the texts of a format beside the number.
var beside = regexp.MustCompile(`"([^"]*)"?|\\(.)|([¢%‰])`)

// divides matches the last digit of a number with the commas behind it, each of which divides it by a thousand.
var divides = regexp.MustCompile(`[0#?](,+)(?:$|[^0#?.,])`)

// ofThousands are the texts for such commas.
var ofThousands = []string{"thousandths", "1000000"}

// shownBy reads a format code. A date format has a day, month, year, hour,
// minute or second. A format may name a currency: [$€-407], "USD".
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
	var texts []string
	if m := divides.FindStringSubmatch(asIs.ReplaceAllString(code, "")); m != nil { // 0.000, shows 12 as 0.012
		texts = append(texts, ofThousands[min(len(m[1]), len(ofThousands))-1])
	}
	for _, m := range beside.FindAllStringSubmatch(code, 20) {
		texts = append(texts, m[1]+m[2]+m[3])
	}
	text := strings.Join(texts, " ")
	if units, _ := saidBy(text, true).stated(text, ""); units != nil || strings.ContainsAny(text, "%‰") {
		how.unit = text
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
