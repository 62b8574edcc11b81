package cardfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/currency"
)

var (
	currencyWords = union(setOf("currency currencies monedas devises währungen"), setOf(strings.Join(synonyms[colCurrency], " ")))
	priceWords    = union(priceCore, setOf("amounts prijs prijzen tarief tarieven ceny cena stawki fiyat fiyatlar ücret ücretler"))
	signs         = strings.NewReplacer("€", " EUR ", "£", " GBP ")
)

// spoken holds the currencies that a line above the headings names: one,
// several, or none that is known.
type spoken struct {
	at    Place
	codes []string
}

// listen records what a line above the headings says about the currency.
func (r *reader) listen(at Place, cells []cell) {
	if codes, any := currenciesOf(cells); any || len(codes) > 0 {
		r.spoken = append(r.spoken, spoken{at, codes})
	}
}

// heard compares the lines above the headings with the card's currency. It
// passes a single currency on to the check of the headings.
func (r *reader) heard(l *layout) error {
	card := r.o.Currency
	for _, s := range r.spoken {
		switch {
		case !r.mayBe(s.codes):
			return &FileError{Place: s.at, Text: fmt.Sprintf("the line has the currency %s, and the card has %s", s.codes[0], card)}
		case len(s.codes) == 1:
			l.currencies = append(l.currencies, s.codes[0])
		default:
			r.warn(fmt.Sprintf("%s mentions a currency: check that it is the card's", s.at))
		}
	}
	return nil
}

// mayBe reports whether one of the currencies that a line names may be the card's.
func (r *reader) mayBe(codes []string) bool {
	return len(codes) == 0 || r.o.Currency == "" || slices.ContainsFunc(codes, func(code string) bool { return agree(code, r.o.Currency) })
}

// currenciesOf returns the currencies that a line names, if the line is about
// currency or prices or contains only codes. spoken reports whether it is
// about currency.
func currenciesOf(cells []cell) (codes []string, spoken bool) {
	var words []string
	for _, c := range cells {
		words = append(words, strings.FieldsFunc(brackets.Replace(c.text), separates)...)
	}
	priced, other := false, 0
	for i, word := range words {
		lower := strings.ToLower(word)
		switch code := codeOf(word, i > 0 && currencyWords[strings.ToLower(words[i-1])]); {
		case currencyWords[lower]:
			spoken = true
		case code == "" && (perWords[lower] || minuteWord[lower]): // USD per minute
		case code == "":
			other++
			priced = priced || priceWords[lower]
		case !slices.Contains(codes, code):
			codes = append(codes, code)
		}
	}
	if spoken || priced || other == 0 {
		return codes, spoken
	}
	return nil, false
}

// codeOf returns the currency code that a word is, or "". After the word
// currency, any code counts; elsewhere only one in capitals.
func codeOf(word string, behind bool) string {
	upper := strings.ToUpper(word)
	if code := partOf(word); code != "" {
		return code
	}
	if code := currencyWord(word); code != "" {
		return code
	}
	if _, err := currency.ParseISO(word); behind && err == nil || word == upper && isCurrency(word) {
		return upper
	}
	return ""
}

// dated finds dates in a text.
var dated = regexp.MustCompile(`(?i)(?:^|[^\pL\d]|\p{Han})(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4} ?年 ?\d{1,2} ?月 ?\d{1,2} ?[日号]?|20\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\b|` +
	`\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}(?:st|nd|rd|th|er|º|\.)?[ -]*(?:of |de )?\pL{3,12}\.?,?[ -]?(?:del? )?(?:\d{4}|['’]?\d{2}\b)|\d{1,2}-?\pL{3}-?\d{2}\b|` +
	`\pL{3,12}\.? \d{1,2}(?:st|nd|rd|th)?,? (?:\d{4}|['’]?\d{2}\b)|\pL{3,12}[ -]?(?:de )?\d{4})(?:[T ,]+\d{1,2}:\d{2}(?::\d{2})?)?`)

// foundDate is a date in a text, and its place there.
type foundDate struct {
	date     string
	from, to int
}

// maxFound limits the dates of a text.
const maxFound = 6

// findDates returns the first dates in a text. A month is its first day.
func findDates(text string) (all []foundDate) {
	from := 0
	for range 40 {
		at := dated.FindStringSubmatchIndex(text[from:])
		if at == nil || len(all) == maxFound {
			break
		}
		begin, end := from+at[2], from+at[1]
		date := strings.TrimSpace(text[begin:end])
		if !isDate(date) {
			date = "1 " + date
		}
		if isDate(date) {
			all, from = append(all, foundDate{date, begin, end}), end
			continue
		}
		next := strings.IndexAny(text[begin:], " -/.") + 1
		from = begin + max(1, next)
	}
	return all
}

// datesIn returns the first dates in a text.
func datesIn(text string) (all []string) {
	for _, found := range findDates(text) {
		all = append(all, found.date)
	}
	return all
}

func isDate(text string) bool {
	w, ok := wallOf(text)
	return ok && len(w.orders()) > 0
}

// The words beside a date that say what begins or ends then. Rates that are valid begin then, unless another word says
// that they end.
var (
	startWords = setOf("od platí vanaf ingang obowiązuje obowiązują itibaren geçerli effective starting starts start from as apply applies applicable fecha desde partir ab entra entran entrada vigor vigueur vigore kraft force dès depuis dal dalla с 自 从 起 生效 生效日期 起生效 effet")
	validWords = setOf("valid validity vigencia vigente vigentes válido válida válidos válidas valido valida valable valables valide gültig gueltig gültigkeit gelten gilt действует действительны действительно 有效")
	endWords   = setOf("expiry expires expire expired expiration until till end ends ended ending thru bis ablauf endet enden hasta fin vence vencen vencimiento caduca caducan expira expiran expiration jusqu jusque échéance até fino scadenza validade tot до истекает 截止 截至 至 有效期至 到期") //nolint:misspell // Portuguese
	toWords    = setOf("to through au al à")
)

// dateRole is what a text says about a date.
type dateRole uint8

const (
	roleless = dateRole(iota)
	begins
	ends
)

// roleOf returns what the last word of a text about dates says.
func roleOf(text string, after bool) (role dateRole) {
	for _, word := range strings.FieldsFunc(strings.ToLower(parted(text)), separates) {
		switch {
		case endWords[word], after && toWords[word]:
			role = ends
		case startWords[word]:
			role = begins
		case validWords[word] && role == roleless:
			role = begins
		}
	}
	return role
}

// roles returns what a text says about each of its dates: the words before a date say it, or else those behind it.
func roles(text string, found []foundDate) (all []dateRole) {
	before := 0
	for i, f := range found {
		next := len(text)
		if i+1 < len(found) {
			next = found[i+1].from
		}
		lead := text[before:f.from]
		role := roleOf(lead, i > 0)
		if dash := strings.TrimSpace(dashes.Replace(lead)); i > 0 && role == roleless && dash == "-" {
			role = ends
		}
		if role == roleless {
			role = roleOf(text[f.to:next], false)
		}
		all, before = append(all, role), f.to
	}
	return all
}

// dateAbove handles the dates beside the rates from which, or until which, they are in force. Above the rates, a date
// that is not past counts without a word that says so. Below them, it does in a text about prices.
func (r *reader) dateAbove(at Place, cells []cell, above bool) error {
	if r.quiet || r.countOnly || r.proving {
		return nil
	}
	text := r.datedText(cells)
	found := findDates(text)
	if r.o.Effective == "" && (above && r.strangeDate(text, found) || len(found) == 0 && saysWhen(text, above)) {
		r.stated = append(r.stated, statedDate{at: at, text: excerpt(strings.TrimSpace(text))})
	}
	if len(found) == 0 {
		return nil
	}
	about := above || priceCore.any(strings.FieldsFunc(strings.ToLower(parted(text)), separates))
	for i, role := range roles(text, found) {
		s := statedDate{at, found[i].date, excerpt(strings.TrimSpace(text))}
		switch {
		case role == ends:
			if err := r.endsAt(s); err != nil {
				return err
			}
		case r.o.Effective == "" && (about || role == begins) && !r.passed(s.date):
			r.stated = append(r.stated, s)
		}
	}
	return nil
}

// yearly finds years.
var yearly = regexp.MustCompile(`\b20\d{2}\b`)

// A number of a telephone goes on before or behind what looks like a year.
var (
	goesOn   = regexp.MustCompile(`\d{3,}\)?[ -]$`)
	goesOnTo = regexp.MustCompile(`^[ -]\d{3,}`)
)

// strangeDate reports whether a text has one of the next years that is in none of its dates, or this year beside a word that says
// that something begins.
func (r *reader) strangeDate(text string, found []foundDate) bool {
	for _, at := range yearly.FindAllStringIndex(text, maxFound) {
		year := atoi(text[at[0]:at[1]])
		dated := slices.ContainsFunc(found, func(f foundDate) bool { return f.from <= at[0] && at[0] < f.to })
		if dated || goesOn.MatchString(text[:at[0]]) || goesOnTo.MatchString(text[at[1]:]) || year > r.o.Now.Year()+3 {
			continue
		}
		if !r.o.Now.IsZero() && (year > r.o.Now.Year() || year == r.o.Now.Year() && roleOf(text, false) == begins) {
			return true
		}
	}
	return false
}

// inForce are the words which say by themselves that prices begin: not only from.
var (
	inForce  = union(validWords, setOf("effective starting starts start apply applies applicable efectiva efectivo vigor vigueur vigore kraft effet increase increases increased decrease decreases geçerli obowiązuje obowiązują"))
	payments = setOf("payment payments pay paid payable invoice invoices invoicing due dispute disputes bank credit")
)

var (
	shortDate = regexp.MustCompile(`(?:^|[^\d./-])(\d{1,2})(?:[/-](\d{1,2})|\. ?(\d{1,2})\.)(?:$|[^\d./%-])`)
	afterDays = regexp.MustCompile(`(?i)\b\d+ ?(?:calendar |business |working |clear )?(?:days?|weeks?|months?|tagen?|wochen?|jours?|semaines?|días|dias|semanas|giorni)\b|\b(?:tomorrow|morgen|demain|mañana|amanhã|domani)\b|\b(?:next|following|coming|nächsten?|prochain) \pL+|\pL+ (?:next|prochain|próximo)\b`)
	weekdays  = setOf("monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo понедельник вторник среда четверг пятница")
)

// saysWhen reports whether a text says that prices begin on a day that it gives without a year, or in words. Below the
// rates, it is a short text with a word such as effective.
func saysWhen(text string, above bool) bool {
	words := strings.FieldsFunc(strings.ToLower(parted(text)), separates)
	if payments.any(words) || aboutIntervals.any(words) || !above && len(words) > 15 || !inForce.any(words) && !(above && startWords.any(words)) {
		return false
	}
	if m := shortDate.FindStringSubmatch(text); m != nil {
		one, other := atoi(m[1]), atoi(m[2]+m[3])
		if low := min(one, other); low > 0 && low < 13 && max(one, other) < 32 && !(one == 24 && other == 7) {
			return true
		}
	}
	for i, word := range words {
		if monthOf(word) == 0 {
			continue
		}
		for _, beside := range []int{i - 2, i - 1, i + 1} { // 7 December, 7 de diciembre, December 7th
			if beside < 0 || beside >= len(words) {
				continue
			}
			digits := strings.TrimRight(words[beside], "abcdefghijklmnopqrstuvwxyzº")
			if n := atoi(digits); n > 0 && n < 32 && len(words[beside])-len(digits) < 4 {
				return true
			}
		}
	}
	return weekdays.any(words) && inForce.any(words) || afterDays.MatchString(text) && inForce.any(words)
}

// datedText joins the cells of a line, with the dates that a spreadsheet stores as numbers. Beside a word such as
// effective, a number of five digits is one too.
func (r *reader) datedText(cells []cell) string {
	shown := slices.Clone(cells)
	beside := roleOf(textOf(cells), false) != roleless
	for i, c := range shown {
		text := strings.TrimSpace(c.text)
		if c.number && c.date || beside && len(text) == 5 && allDigits(text) && (text[0] == '4' || text[0] == '5') {
			if day, reason := r.serialDay(c.text); reason == "" {
				shown[i].text = day
			}
		}
	}
	return textOf(shown)
}

// endsAt refuses rates that have ended, and asks about an end to come.
func (r *reader) endsAt(s statedDate) error {
	if r.passed(s.date) {
		return &FileError{Place: s.at, Final: true, Text: fmt.Sprintf("the line says that the rates ended on %s: ask the carrier for rates that are in force", r.daysOf(s.date)[0])}
	}
	r.askEnd(s.at, fmt.Sprintf("%s says %q", s.at, s.text), r.daysOf(s.date)[0])
	return nil
}

// askEnd asks whether rates that end may be imported: the prices of a card have no end.
func (r *reader) askEnd(at Place, says, day string) {
	if r.o.Expiry == ExpiryIgnore {
		r.warn(fmt.Sprintf("%s; a card has no end, so import later rates before it", says))
		return
	}
	r.ask(Question{Code: "expiry", Place: at, Sample: day, About: []string{"end"},
		Text:    says + ", but a card has no end: give expiry=ignore to import the rates, and import later ones before they end",
		Choices: []Choice{{Parameter: "expiry", Value: ExpiryIgnore}}})
}

// readings returns the dates that a text may mean. Those that are past in every zone are left out beside others.
func (r *reader) readings(text string) (all []wall) {
	w, ok := wallOf(text)
	if !ok {
		return nil
	}
	all = w.orders()
	if year, may := r.yearFirst(w); may && !slices.Contains(all, year) {
		all = append(all, year)
	}
	if slices.ContainsFunc(all, func(w wall) bool { return !r.isPast(w) }) {
		all = slices.DeleteFunc(all, r.isPast)
	}
	return all
}

func (r *reader) isPast(w wall) bool { return w.in(time.UTC).Add(24 * time.Hour).Before(r.o.Now) }

// daysOf returns the readings of a text, with the time if there is one.
func (r *reader) daysOf(text string) (all []string) {
	for _, one := range r.readings(text) {
		all = append(all, strings.TrimSuffix(one.in(time.UTC).Format("2006-01-02T15:04"), "T00:00"))
	}
	if len(all) == 0 {
		return []string{text}
	}
	return all
}

// passed reports whether a date is past in every zone and in every order of day, month and year.
func (r *reader) passed(text string) bool {
	all := r.readings(text)
	return len(all) > 0 && r.isPast(all[0])
}

// statedDate is a date beside the rates, or a text with a date that cannot be read.
type statedDate struct {
	at         Place
	date, text string
}

// askStated asks whether the rates begin at a date beside them. A column of dates says so itself.
func (r *reader) askStated() {
	if len(r.stated) == 0 || r.layout != nil && r.layout.at[colFrom] >= 0 {
		return
	}
	first := r.stated[0]
	q := Question{Code: "effective", Column: "", Place: first.at, Sample: first.date, on: r.anyLine()}
	var says []string
	for _, s := range r.stated {
		if say := fmt.Sprintf("%s says %q", s.at, s.text); !slices.Contains(says, say) && len(says) < maxFound {
			says = append(says, say)
		}
		if s.date == "" {
			continue
		}
		for _, day := range r.daysOf(s.date) {
			if !slices.ContainsFunc(q.Choices, func(c Choice) bool { return c.Value == day }) && len(q.Choices) < maxFound {
				q.Choices = append(q.Choices, Choice{Parameter: "effective", Value: day})
			}
		}
	}
	q.Text = strings.Join(says, ", and ") + ": give effective=DATE if the rates begin then, or effective=now"
	q.Choices = append(q.Choices, Choice{Parameter: "effective", Value: EffectiveNow})
	r.ask(q)
	if r.o.Zone == nil && first.date != "" {
		r.askZone(Question{Text: fmt.Sprintf("the date %q has no time zone: give zone=NAME if the rates begin then", excerpt(first.date)), Sample: first.date})
	}
}

// anyLine returns the first line with rates.
func (r *reader) anyLine() *sampleLine {
	for _, s := range r.stats {
		if s.column == colPrefix && s.first != nil {
			return s.first
		}
	}
	return nil
}

// serialDay returns the day that a spreadsheet stores as a number.
func (r *reader) serialDay(text string) (string, string) {
	was := r.o.Zone
	r.o.Zone = cmp.Or(was, time.UTC)
	at, reason := r.serial(strings.TrimSpace(text))
	r.o.Zone = was
	return at.Format(time.DateOnly), reason
}

// begin applies Options.Effective to the rows without a date.
func (r *reader) begin() error {
	if r.o.Effective == "" || r.o.Effective == EffectiveNow {
		return nil
	}
	at, reason := r.date(cell{text: r.o.Effective})
	if reason == noZone {
		r.askZone(Question{Text: fmt.Sprintf("the date %q has no time zone: give zone=NAME", excerpt(r.o.Effective)), Sample: r.o.Effective})
		at, reason = r.date(cell{text: r.o.Effective})
	}
	if reason != "" {
		return ask("effective", "effective %q %s: give a date as YYYY-MM-DD, or now", excerpt(r.o.Effective), reason)
	}
	r.since = at
	return nil
}
