package cardfile

import (
	"fmt"
	"slices"
	"strings"
)

// northAmerican is a prefix of the North American plan with its country code.
func northAmerican(text string) (string, string) {
	switch {
	case text == "1", strings.HasPrefix(text, "1") && text[1] >= '2':
		return text, ""
	case len(text) >= 3 && len(text) <= 10 && text[0] >= '2':
		return "1" + text, ""
	}
	return "", "is not NPA-NXX"
}

// areaCode reports digits that begin as North American numbers do without
// their country code: an area code, N[0-8]X, and of the exchange, NXX, as much
// as there is. Neither ends in 11.
func areaCode(text string) bool {
	switch {
	case len(text) < 3, len(text) > 10, text[0] < '2', text[1] == '9', text[1:3] == "11":
		return false
	}
	return len(text) == 3 || text[3] >= '2' && (len(text) < 6 || text[4:6] != "11")
}

// hyphened reports a range that is 212-555.
func hyphened(first, last string) bool {
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	return len(first) == 3 && len(last) == 3 && allDigits(first+last) && areaCode(first+last)
}

// shapes are what the prefixes look like that say by nothing which plan they
// are of: neither by what is dialled before a country code nor by a 1.
type shapes struct {
	bare, npanxx int
	areas        int    // of three digits, that may be area codes
	longer       bool   // or shorter, there was one, or one with a 1
	line         string // one of the line that may be North American
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

// doubtful reports that more than half have the length and the look of NPA-NXX.
// By the prefixes that libphonenumber lists, it is all but one in 3,000 of the
// North American exchanges, and 36 % of the mobile prefixes of the world, 11 %
// of its area codes.
func (s *shapes) doubtful() bool { return 2*s.npanxx > s.bare }

// areasAlone reports a deck of three digits each, most of which may be area
// codes. One of the world has some country that has two.
func (s *shapes) areasAlone() bool { return !s.longer && s.bare >= 3 && 2*s.areas > s.bare }

const whichPlan = "give nanp=true if prefixes are NPA-NXX (212555 is New York), or nanp=false if not (212555 is Morocco)"

// plan asks which plan prefixes are of that may be North American, as soon as
// a line has more to say than their look: prices by state, a heading, a code
// that is no country's.
func (r *reader) plan(at Place, row *Row) {
	text := r.shapes.line
	if text == "" {
		return
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
	r.askPlan(&FileError{Place: at, Text: fmt.Sprintf("%s %s: %s", text, why, whichPlan)})
}

// namesNPANXX knows a heading of prefixes that are North American.
func namesNPANXX(name string) bool {
	words, _ := heading(name)
	return slices.Contains([]string{"npanxx", "npa nxx", "lrn"}, words)
}

// byState reports prices that tell calls within a state from others. Decks of
// the world that have the columns repeat the cost there, or nothing.
func byState(row *Row) bool {
	inter, intra := row.Inter.Or(row.Cost), row.Intra.Or(row.Cost)
	return inter != row.Cost || intra != row.Cost
}

// noCountry are area codes, in use or not, that were never a country's code
// (ITU-T E.164, list of assigned codes).
const noCountry = "210 214 215 217 219 280 281 282 283 284 285 286 287 288 289 384 422 424 425 426 427 428 429 " +
	"801 802 803 804 805 806 807 809 830 831 832 833 834 835 836 837 838 839 851 854 857 858 859 884 885 887 889 978"
