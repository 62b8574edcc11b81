package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"resellerd/store/cardfile/e164"
	"resellerd/store/rating"
)

// prefixes reads a prefix cell and appends its prefixes to dst. The cell
// holds one prefix, several, or ranges. Each may begin with +, 00 or, with
// Exit011, 011.
func (r *reader) prefixes(dst []rating.Prefix, c cell, cells []cell) ([]rating.Prefix, string) {
	text := strings.TrimSpace(c.text)
	if len(r.layout.parts) > 0 {
		return r.joined(dst, cells)
	}
	if c.number {
		if c.exact && isExponent(text) {
			return dst, asExponent
		}
		digits, point, ok := scientific(text)
		if !ok || point < len(digits) || point > rating.MaxDigits {
			return dst, "is not a prefix"
		}
		text = digits + strings.Repeat("0", point-len(digits))
	}
	if hasDash(text) {
		text = dashes.Replace(text)
	}
	if text = r.listOrJoin(text); strings.Contains(text, ",") {
		text = spacedComma.ReplaceAllString(text, ";")
	}
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(";/|\n", c) }) {
		var reason string
		if dst, reason = r.list(dst, r.commas(part)); reason != "" {
			return dst, reason
		}
	}
	if len(dst) == 0 {
		return dst, "is empty"
	}
	return dst, ""
}

// dashes turns other dashes into hyphens.
var dashes = strings.NewReplacer("‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "−", "-")

func hasDash(text string) bool { return strings.Contains(text, "\xE2") }

// listOrJoin decides whether the parts of 33/60 or 33;60,61 are prefixes, or whether the first one begins each of the
// others. It asks if they belong to different countries.
func (r *reader) listOrJoin(text string) string {
	if !strings.ContainsAny(text, "/;|,\n") || r.layout.details[colPrefix] == "list" || r.layout.npanxx || r.o.NANP != nil && *r.o.NANP {
		return text
	}
	var parts []string
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(";/|\n", c) }) {
		if strings.Contains(part, ",") && slices.ContainsFunc(strings.Split(part, "-"), thousands.MatchString) {
			return text // asked as commas
		}
		parts = append(parts, strings.Split(part, ",")...)
	}
	if !r.mayJoin(&parts) {
		return text
	}
	if r.layout.details[colPrefix] == "join" {
		for i, part := range parts[1:] {
			first, last, ranged := strings.Cut(part, "-")
			if parts[i+1] = parts[0] + strings.TrimSpace(first); ranged {
				parts[i+1] += "-" + parts[0] + strings.TrimSpace(last)
			}
		}
		return strings.Join(parts[1:], ";")
	}
	name := position(r.layout.cells, r.layout.at[colPrefix])
	r.ask(Question{Code: "list", Option: "map", Column: r.layout.names[colPrefix], Sample: text, on: r.sampleOf(r.at, r.cells),
		Text: fmt.Sprintf("%q may be prefixes, or prefixes in two parts: give \"map=%s=prefix:list\" if each is a prefix, or \"map=%s=prefix:join\" if the first part begins the others",
			excerpt(text), name, name),
		Choices: mapTo(name, []string{"prefix:list", "prefix:join"})})
	return text
}

// mayJoin removes empty parts. It reports whether some part may be the rest of a prefix that the first one begins:
// both have only digits, and belong to different countries.
func (r *reader) mayJoin(parts *[]string) bool {
	kept := (*parts)[:0]
	for _, part := range *parts {
		if part = strings.TrimSpace(part); part != "" {
			kept = append(kept, part)
		}
	}
	*parts = kept
	if len(kept) < 2 {
		return false
	}
	country, differ := "", false
	for i, part := range kept {
		first, last, ranged := strings.Cut(part, "-")
		first, last = strings.TrimSpace(first), strings.TrimSpace(last)
		digits := strings.TrimLeft(first, "+0")
		switch {
		case !allDigits(digits) || digits == "" || ranged && (i == 0 || !allDigits(last)):
			return false
		case i == 0:
			country = e164.CountryCode(digits)
		default:
			differ = differ || e164.CountryCode(digits) != country
		}
	}
	return differ
}

// spacedComma separates prefixes and never thousands.
var spacedComma = regexp.MustCompile(`[\s\x{A0}]+,|,[\s\x{A0}]+`)

// thousands matches a number with thousands separators.
var thousands = regexp.MustCompile(`^[\s\x{A0}]*\+?[1-9][0-9]{0,2}(,[0-9]{3})+[\s\x{A0}]*$`)

// commas removes commas between thousands. 447,712 may be one prefix or two,
// so it asks unless Options.Commas says which.
func (r *reader) commas(text string) string {
	if !strings.Contains(text, ",") {
		return text
	}
	whole, parted := strings.Split(text, "-"), false
	for i, end := range whole {
		if thousands.MatchString(end) && len(strings.ReplaceAll(end, ",", "")) <= rating.MaxDigits {
			whole[i], parted = strings.ReplaceAll(end, ",", ""), true
		}
	}
	switch {
	case parted && r.o.Commas == "":
		r.ask(Question{Code: "commas", Column: r.layout.names[colPrefix], Sample: text, on: r.sampleOf(r.at, r.cells),
			Text:    fmt.Sprintf("%q may be one prefix or several: give commas=thousands or commas=list", excerpt(strings.TrimSpace(text))),
			Choices: []Choice{{Parameter: "commas", Value: CommasThousands}, {Parameter: "commas", Value: CommasList}}})
		return strings.Join(whole, "-")
	case parted && r.o.Commas == CommasThousands:
		return strings.Join(whole, "-")
	}
	return text
}

// list reads prefixes that are separated by commas.
func (r *reader) list(dst []rating.Prefix, text string) (_ []rating.Prefix, reason string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if dst, reason = r.oneOrRange(dst, part); reason != "" {
			break
		}
	}
	return dst, reason
}

func (r *reader) oneOrRange(dst []rating.Prefix, text string) ([]rating.Prefix, string) {
	text = r.exchange(text)
	first, last, ranged := strings.Cut(text, "-")
	if ranged {
		if text, ranged = r.hyphen(text, first, last); !ranged {
			first = text
		}
	}
	if !ranged {
		from, reason := r.prefix(first)
		return r.oneMorePrefix(dst, from, reason)
	}
	return r.between(dst, []string{first, last})
}

var tooWide = fmt.Sprintf("stands for more than %d prefixes", maxExpansion)

func (r *reader) oneMorePrefix(dst []rating.Prefix, p rating.Prefix, reason string) ([]rating.Prefix, string) {
	if reason == "" && len(dst)+r.unexpanded >= maxExpansion {
		return dst, tooWide
	}
	return append(dst, p), reason
}

// expand counts the prefixes of a range, and then appends them. A reader that only
// counts appends one of them.
func (r *reader) expand(dst []rating.Prefix, from, to rating.Prefix) ([]rating.Prefix, string) {
	first, last := number(from), number(to)
	if last-first >= uint64(maxExpansion-len(dst)-r.unexpanded) {
		return dst, tooWide
	}
	r.ranged += int(last-first) + 1
	if r.countOnly {
		r.unexpanded += int(last - first)
		return append(dst, from), ""
	}
	for n := first; n <= last; n++ {
		p, err := rating.ParsePrefix(fmt.Sprintf("%0*d", from.Len(), n))
		if err != nil {
			return dst, "is not a prefix"
		}
		dst = append(dst, p)
	}
	return dst, ""
}

func number(p rating.Prefix) (n uint64) {
	for _, digit := range p.Append(make([]byte, 0, rating.MaxDigits)) {
		n = n*10 + uint64(digit-'0')
	}
	return n
}

const asExponent = "was shortened by a spreadsheet, and the digits are lost"

// prefix reads one prefix.
func (r *reader) prefix(text string) (rating.Prefix, string) {
	text = strings.TrimSpace(text)
	if isExponent(text) {
		return 0, asExponent
	}
	if !allDigits(strings.TrimPrefix(text, "+")) {
		return 0, "has other characters than digits"
	}
	text, reason := r.bare(text)
	if reason != "" {
		return 0, reason
	}
	p, err := rating.ParsePrefix(text)
	if err != nil {
		return 0, "must have 1 to 15 digits"
	}
	return p, ""
}

// bare removes the characters that are dialled before a country code.
func (r *reader) bare(text string) (string, string) {
	plus := strings.HasPrefix(text, "+")
	text = strings.TrimPrefix(text, "+")
	switch {
	case plus:
	case r.o.Exit011 && strings.HasPrefix(text, "011"):
		text = text[3:]
	case strings.HasPrefix(text, "00"):
		text = text[2:]
	case r.o.NANP == nil:
		r.shapes.look(text)
	case *r.o.NANP:
		return northAmerican(text)
	}
	if strings.HasPrefix(text, "0") {
		return "", "begins with 0 and has no country code"
	}
	return text, ""
}

// isExponent reports whether a text looks like 4.47E+11.
func isExponent(text string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToUpper(text), "E")
	return found && mantissa != "" && exponent != "" && strings.Trim(mantissa, "0123456789.,") == "" && strings.Trim(exponent, "+-0123456789") == ""
}

// maxKeyParts is how many columns may form the prefix.
const maxKeyParts = 4

// joined reads a prefix in several columns: each of the last part follows the others.
func (r *reader) joined(dst []rating.Prefix, cells []cell) ([]rating.Prefix, string) {
	var text [maxKeyParts]string
	parts := r.layout.parts
	if len(parts) > len(text) {
		return dst, "is in more than four columns"
	}
	for n, at := range parts {
		if at >= len(cells) {
			continue
		}
		c := cells[at]
		if c.fault != "" {
			return dst, c.fault
		}
		if text[n] = dashes.Replace(strings.TrimSpace(c.text)); isExponent(text[n]) {
			return dst, asExponent
		}
	}
	if r.layout.details[colPrefix] == "range" {
		if len(parts) == 2 && text[1] == "" { // one prefix
			from, reason := r.prefix(text[0])
			return r.oneMorePrefix(dst, from, reason)
		}
		return r.between(dst, text[:len(parts)])
	}
	if len(parts) > 2 {
		text[1] = r.trunk(text[0], text[1])
	}
	before := strings.Join(text[:len(parts)-1], "")
	last := text[len(parts)-1]
	if before == "" {
		return dst, "is empty"
	}
	if last != "" && !strings.HasPrefix(last, strings.TrimLeft(before, "+0")) {
		r.parted++
	} else if last != "" {
		if r.doubles++; r.doubled == nil {
			r.doubled, r.doubledIn = r.sampleOf(r.at, r.cells), r.layout
		}
	}
	if last == "" {
		return r.list(dst, before)
	}
	if first, _, _ := strings.Cut(last, ","); len(strings.TrimLeft(first, "+ ")) < 3 {
		last = r.commas(last) // 1,534; a list of area codes has as many digits in each
	}
	for part := range strings.FieldsFuncSeq(last, func(c rune) bool { return strings.ContainsRune(";/|,\n", c) }) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		first, end, ranged := strings.Cut(part, "-")
		if ranged && strings.TrimLeft(before, "+0") == "1" && hyphened(first, end) {
			if text, isRange := r.eitherHyphen(part, first, end); !isRange {
				first, ranged = text, false
			}
		}
		if first, end = strings.TrimSpace(first), strings.TrimSpace(end); len(parts) == 2 {
			first, end = r.trunk(before, first), r.trunk(before, end)
		}
		whole := before + strings.TrimSpace(first)
		var reason string
		if ranged {
			from, why := r.prefix(whole)
			if why != "" {
				return dst, why
			}
			to, why := r.prefix(before + strings.TrimSpace(end))
			if why != "" || to.Len() != from.Len() || to < from {
				return dst, "is not a range: both ends need the same number of digits, the smaller first"
			}
			dst, reason = r.expand(dst, from, to)
		} else {
			from, why := r.prefix(whole)
			dst, reason = r.oneMorePrefix(dst, from, why)
		}
		if reason != "" {
			return dst, reason
		}
	}
	return dst, ""
}

// between reads a range of prefixes, by its two ends.
func (r *reader) between(dst []rating.Prefix, ends []string) ([]rating.Prefix, string) {
	if len(ends) != 2 {
		return dst, "is a range in more than two columns"
	}
	from, reason := r.prefix(ends[0])
	if reason != "" {
		return dst, reason
	}
	to, reason := r.prefix(ends[1])
	if reason != "" {
		return dst, reason
	}
	if from.Len() != to.Len() || to < from {
		return dst, "is not a range: both ends need the same number of digits, the smaller first"
	}
	return r.expand(dst, from, to)
}

// keepsZero are the countries whose numbers begin with 0 after the country code.
const keepsZero = " 39 225 229 241 242 378 379 "

// trunk decides about a 0 at the beginning of an area code, which callers from abroad leave out in most countries.
func (r *reader) trunk(before, area string) string {
	country := strings.TrimLeft(before, "+0")
	if !strings.HasPrefix(area, "0") || strings.Contains(keepsZero, " "+country+" ") || e164.CountryCode(country) == "" {
		return area
	}
	switch r.layout.details[colPrefix] {
	case "drop0":
		return area[1:]
	case "keep0":
		return area
	}
	var names []string
	for _, at := range r.layout.parts {
		names = append(names, position(r.layout.cells, at))
	}
	all := strings.Join(names, "+")
	r.ask(Question{Code: "trunk", Option: "map", Column: names[1], Sample: area, on: r.sampleOf(r.at, r.cells),
		Text: fmt.Sprintf("%q begins with 0, which callers from abroad leave out in most countries: give \"map=%s=prefix:drop0\", or \"map=%s=prefix:keep0\" if it is a part of the prefix",
			excerpt(area), all, all),
		Choices: mapTo(all, []string{"prefix:drop0", "prefix:keep0"})})
	return area
}

// hyphen decides whether two texts with a hyphen are a range of prefixes or one prefix. It asks unless both ends
// belong to one country, and the first is more than its code.
func (r *reader) hyphen(text, first, last string) (string, bool) {
	from, to := strings.TrimLeft(strings.TrimSpace(first), "+0"), strings.TrimLeft(strings.TrimSpace(last), "+0")
	if !allDigits(from+to) || from == "" || to == "" || r.layout.npanxx || r.o.NANP != nil && *r.o.NANP {
		return text, true
	}
	country := e164.CountryCode(from)
	if country != "" && country != from && e164.CountryCode(to) == country || from == to {
		return text, true // certainly: no answer is about it
	}
	if len(from) == 3 && hyphened(from, to) && r.o.Hyphen == "" {
		return text, true // the answer nanp=false says so
	}
	return r.eitherHyphen(text, first, last)
}

// eitherHyphen asks whether two texts with a hyphen are a range or one prefix.
func (r *reader) eitherHyphen(text, first, last string) (string, bool) {
	join := strings.TrimSpace(first) + strings.TrimSpace(last)
	switch r.o.Hyphen {
	case HyphenJoin:
		return join, false
	case HyphenRange:
		return text, true
	}
	r.ask(Question{Code: "hyphen", Column: r.layout.names[colPrefix], Sample: text, on: r.sampleOf(r.at, r.cells),
		Text:    fmt.Sprintf("%q may be a range or one prefix in two parts: give hyphen=range or hyphen=join", excerpt(text)),
		Choices: []Choice{{Parameter: "hyphen", Value: HyphenJoin}, {Parameter: "hyphen", Value: HyphenRange}}})
	return join, false
}

// askDoubled asks if the last part of many prefixes begins with the first part, and may be the whole prefix.
func (r *reader) askDoubled() {
	l := r.doubledIn
	if r.doubled == nil || r.parted >= 4*r.doubles || l.roles[l.parts[0]].answered {
		return
	}
	first, last := position(l.cells, l.parts[0]), position(l.cells, l.parts[len(l.parts)-1])
	lines := "in every line"
	if r.parted > 0 {
		lines = "in many lines"
	}
	r.ask(Question{Code: "prefix", Option: "map", Column: last, on: r.doubled,
		Text:    fmt.Sprintf("the column %q begins like %q %s, so it may be the whole prefix", last, first, lines),
		Choices: []Choice{{Parameter: "map", Value: last + "=prefix"}, {Parameter: "map", Value: first + "+" + last + "=prefix"}}})
}
