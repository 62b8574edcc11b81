package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// northAmerican returns a prefix of the North American numbering plan with its
// country code, or a reason why it is none.
func northAmerican(text string) (string, string) {
	switch {
	case text == "1", strings.HasPrefix(text, "1") && text[1] >= '2':
		return text, ""
	case len(text) >= 3 && len(text) <= 10 && text[0] >= '2':
		return "1" + text, ""
	}
	return "", "is not NPA-NXX"
}

// areaCode reports whether digits begin like a North American number without
// country code: an area code N[0-8]X, and as much of an exchange NXX as there
// is. Neither may end in 11.
func areaCode(text string) bool {
	switch {
	case len(text) < 3, len(text) > 10, text[0] < '2', text[1] == '9', text[1:3] == "11":
		return false
	}
	return len(text) == 3 || text[3] >= '2' && (len(text) < 6 || text[4:6] != "11")
}

// hyphened reports whether a range could be NPA-NXX with a hyphen, like
// 212-555.
func hyphened(first, last string) bool {
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	return len(first) == 3 && len(last) == 3 && allDigits(first+last) && areaCode(first+last)
}

// partedExchange matches NPA-NXX whose parts stand apart: 212-555, 1-212-555, (212) 555, and with more digits 212-555-1.
var partedExchange = regexp.MustCompile(`^(\+?1[-. ])?\(?([2-9]\d\d)\)?[-. ]{1,3}(\d{3})(?:[-. ](\d{1,4}))?$`)

// exchange joins the parts of NPA-NXX, for 212-555 is no range there. If nothing but the digits says that it is NPA-NXX,
// it asks.
func (r *reader) exchange(text string) string {
	if len(text) < 7 || r.o.NANP != nil && !*r.o.NANP || !strings.ContainsAny(text, "-. ") {
		return text
	}
	m := partedExchange.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || !areaCode(m[2]+m[3]) {
		return text
	}
	one := strings.TrimRight(m[1], "-. ")
	switch {
	case r.o.NANP != nil, r.layout.npanxx, one != "":
	case hyphened(strings.TrimSpace(text)[:3], m[3]) && m[4] == "" && strings.Contains(text, "-"):
		r.askPlan(Question{on: r.sampleOf(r.at, r.cells), Sample: text, Text: fmt.Sprintf("%q may be NPA-NXX or a range: give nanp=true for NPA-NXX, or nanp=false for a range", excerpt(text))})
	default:
		return text
	}
	return one + m[2] + m[3] + m[4]
}

// shapes counts the looks of prefixes whose numbering plan is unknown: they
// have neither an international prefix nor a leading 1.
type shapes struct {
	bare, npanxx int
	areas        int    // prefixes of three digits that may be area codes
	longer       bool   // some prefix has not three digits, or a leading 1
	line         string // a prefix of the current line that may be North American
	sample       *sampleLine
}

func (s *shapes) look(text string) {
	s.longer = s.longer || len(text) != 3 || text[0] == '1'
	if strings.HasPrefix(text, "0") || strings.HasPrefix(text, "1") {
		return
	}
	s.bare++
	if !areaCode(text) {
		return
	}
	s.line = text
	switch len(text) {
	case 3:
		s.areas++
	case 6, 7, 10: // an exchange, a block of a thousand numbers, a number
		s.npanxx++
	}
}

// doubtful reports whether more than half of the prefixes have the length and
// the look of NPA-NXX. Measured on the prefixes in libphonenumber, this look
// fits all but one in 3,000 North American exchanges. It also fits 36% of the
// world's mobile prefixes and 11% of its area codes.
func (s *shapes) doubtful() bool { return 2*s.npanxx > s.bare }

// areasAlone reports whether all prefixes have three digits and most may be
// area codes. A deck for the whole world would also contain country codes of
// two digits.
func (s *shapes) areasAlone() bool { return !s.longer && s.bare >= 3 && 2*s.areas > s.bare }

const whichPlan = "give nanp=true if prefixes are NPA-NXX (212555 is New York), or nanp=false if not (212555 is Morocco)"

// plan asks for the numbering plan of a prefix that may be North American. It
// does so only if the line has another sign of it: prices by state, a heading,
// or a code that no country has.
func (r *reader) plan(at Place, row *Row) {
	text := r.shapes.line
	if text == "" {
		return
	}
	if r.shapes.sample == nil && !r.countOnly {
		r.shapes.sample = r.sampleOf(at, r.cells)
	}
	var why string
	switch {
	case byState(row) && (len(text) == 3 || len(text) >= 6):
		why = "has interstate and intrastate prices like a North American prefix"
	case r.layout.npanxx:
		why = "is in a column of North American prefixes"
	case strings.Contains(noCountry, text[:3]):
		why = "begins with no country code"
	default:
		return
	}
	r.askPlan(Question{on: r.sampleOf(at, r.cells), Sample: text, Text: fmt.Sprintf("%s %s: %s", text, why, whichPlan)})
}

// namesNPANXX reports whether a heading of prefixes says that they are North
// American.
func namesNPANXX(name string) bool {
	words, _ := heading(name)
	return slices.Contains([]string{"npanxx", "npa nxx", "lrn"}, words)
}

// byState reports whether a row has different prices for calls within a state.
// Decks for the whole world that have these columns repeat the cost there or
// leave them empty.
func byState(row *Row) bool {
	inter, intra := row.Inter.Or(row.Cost), row.Intra.Or(row.Cost)
	return inter != row.Cost || intra != row.Cost
}

// noCountry lists possible area codes, in use or not, that were never the code
// of a country (ITU-T E.164, list of assigned codes).
const noCountry = "210 214 215 217 219 280 281 282 283 284 285 286 287 288 289 384 422 424 425 426 427 428 429 " +
	"801 802 803 804 805 806 807 809 830 831 832 833 834 835 836 837 838 839 851 854 857 858 859 884 885 887 889 978"
