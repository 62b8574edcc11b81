package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// unit is the unit of the prices in a column.
type unit struct {
	shift int   // by how many decimals a price is divided
	times int64 // by what a price is multiplied, to be one of a minute
}

func unitOf(detail string) unit {
	u := unit{times: 1}
	for word := range strings.SplitSeq(detail, "/") {
		seconds, counts := strings.CutSuffix(word, "s")
		switch n := atoi(seconds); {
		case word == "second":
			u.times = 60
		case magnitudes[word] > 0:
			u.shift += magnitudes[word]
		case counts && n > 0 && 60%n == 0:
			u.times = int64(60 / n)
		}
	}
	return u
}

// magnitudes are the details of a price that say of how many minutes it is, or in which part of a currency, by
// decimals.
var magnitudes = map[string]int{"cents": 2, "pence": 2, "hundred": 2, "thousand": 3, "10000": 4, "100000": 5, "million": 6}

// ofMany maps powers of ten to the details of their prices.
var ofMany = map[string][]string{"100": {"hundred", "cents"}, "1000": {"thousand"}, "10000": {"10000"}, "100000": {"100000"}, "1000000": {"million"}}

// parts of a minute that may have a price.
var partsOfMinute = []string{"1s", "2s", "3s", "5s", "6s", "10s", "12s", "15s", "20s", "30s"}

// unitDetails are the details of a price of time.
var unitDetails = func() []string {
	all := []string{"", "minute", "second", "thousand", "cents", "pence", "hundred", "10000", "100000", "million"}
	for _, minor := range []string{"", "cents/", "pence/"} {
		for _, part := range append([]string{"second"}, partsOfMinute...) {
			if !slices.Contains(all, minor+part) {
				all = append(all, minor+part)
			}
		}
	}
	return all
}()

// pennies are the currencies whose hundredth is a penny: there, ppm may be pence per minute.
var pennies = setOf("GBP GIP FKP SHP IMP JEP GGP")

// The words of units.
var (
	centWords     = setOf("sen fils halalas piastres kobo pesewas halerzy centen centach groszach rappen bani satang agorot cent cents cts ct eurocent eurocents uscent uscents centavo centavos centime centimes céntimo céntimos centimo centimos cêntimo cêntimos centesimi usc eurc cpm paise paisa öre øre ore haléř haléře grosz grosze groszy kuruş kopeck kopecks kopeke hundredth hundredths hundertstel centièmes centésimas centésimos цент цента центы центов центах копейка копейки копеек копейках коп 分 美分 欧分")
	penceWords    = setOf("pence penny gbx")
	secondWords   = setOf("second seconds sec secs segundo segundos seconde secondes sekunde sekunden sek secondo secondi секунда секунду секунды секунд сек 秒")
	thousandWords = setOf("1000 thousand thousands mille mil tausend 1k mill mills mils thousandth thousandths tausendstel millième millièmes milésima milésimas тысяча тысячу тысяч тысячных 千")
	hourWords     = setOf("hour hours hr hrs hourly heure heures stunde stunden hora horas ora час часа часов uur godzina godzinę saat 小时")
	otherWords    = setOf("sms mms mb msg megabyte")
	messages      = setOf("message messages event events session sessions day month")
	perOther      = setOf("call calls message messages event events session sessions day days month attempt attempts anruf gespräch llamada appel appels ligação chamada звонок вызов")
	perWords      = setOf("每 per a an by pro je por par à za за на")
	scaleWords    = setOf("x times multiply multiplied multiplier factor divide divided faktor mal multipliziert multiplicado multiplicados multiplié multipliés")
	taxWords      = setOf("impôt impôts podatek podatku podatkiem vergi steuer steuern impuesto impuestos taxe imposto impostos imposte tax taxes vat gst iva tva mwst ust ндс 税")
	withTax       = setOf("comprises compris incluye incluyen inclui incluem включен включены incl include includes including included inclusive inkl with con avec mit inclus incluse incluses comprise incluido incluidos incluida включая 含") //nolint:misspell // French
	withoutTax    = setOf("excl exclude excludes excluding excluded exclusive without ex not plus zzgl exkl sin ohne hors net")
)

// said are the words of a heading, or of a line beside the rates.
type said struct {
	words   []string
	inside  []string // of them, those in brackets
	heading bool
}

func saidBy(text string, isHeading bool) said {
	for _, date := range datesIn(text) {
		text = strings.Replace(text, strings.TrimPrefix(date, "1 "), " ", 1)
	}
	text = parted(text)
	_, remark := cutBrackets(text)
	return said{strings.FieldsFunc(strings.ToLower(brackets.Replace(text)), separates), strings.FieldsFunc(strings.ToLower(remark), separates), isHeading}
}

// after reports whether one of the words follows per.
func (s said) after(per string, set wordSet) bool {
	for i, word := range s.words {
		if i > 0 && set[word] && s.words[i-1] == per {
			return true
		}
	}
	return false
}

// minor returns the hundredth of a currency that is named, as a detail, or "".
func (s said) minor(text, currency string) string {
	letter := func(l string) bool {
		at := slices.Index(s.words, l)
		return s.heading && at >= 0 && !(at+1 < len(s.words) && s.words[at+1] == "m") // p/m is per minute
	}
	switch code := partIn(text); {
	case pennies[code]:
		return "pence"
	case code != "", strings.Contains(text, "¢"), centWords.any(s.words), letter("c"):
		return "cents"
	case penceWords.any(s.words), letter("p"), slices.Contains(s.words, "ppm") && pennies[currency]:
		return "pence"
	}
	return ""
}

// taxed reports whether a price includes tax.
func (s said) taxed() bool {
	if withoutTax.any(s.words) {
		return false
	}
	return setOf("ttc brutto").any(s.words) || taxWords.any(s.words) && withTax.any(s.words)
}

// scaled reports whether a heading has a number or a unit that no other rule knows: x100, mUSD.
func (s said) scaled() bool {
	return s.heading && slices.ContainsFunc(s.inside, func(word string) bool {
		small := len(word) == 4 && strings.ContainsAny(word[:1], "mku") && isCurrency(word[1:])
		return small || strings.ContainsAny(word, "0123456789") && strings.TrimLeft(word, "0123456789") != "" && !firstWords[word] && !nextWords[word] || allDigits(word) && len(word) > 2
	})
}

// neutral are the words in the brackets of a heading of a price that leave it a price of a minute.
var neutral = union(priceCore, priceMore, minuteWord, newWords, oldWords, firstWords, nextWords, laterWords, effective, startWords, validWords, taxWords, withoutTax, perWords,
	setOf("currency z iso ij indeterminate inter intra interstate intrastate voice premium platinum gold silver white route retail decimal decimals o w"))

// unknown returns a word about the price that no rule knows: in brackets, or after per or a slash.
func (s said) unknown(text string) string {
	strange := func(word string) bool {
		return !neutral[word] && !allDigits(word) && !isCurrency(strings.ToUpper(word)) && currencyWord(word) == "" && word != "call" && word != "calls"
	}
	for _, word := range s.inside {
		if strange(word) {
			return word
		}
	}
	for i, word := range s.words {
		if i > 0 && strange(word) && (s.words[i-1] == "per" || s.words[i-1] == "pro") {
			return word
		}
	}
	_, after, _ := strings.Cut(parted(text), "/")
	if words := strings.FieldsFunc(strings.ToLower(brackets.Replace(after)), separates); len(words) > 0 && strange(words[0]) {
		return words[0]
	}
	return ""
}

// amount matches a whole number, perhaps with thousands separators, and the word or sign before it.
var amount = regexp.MustCompile(`(?:(\pL+)[ .:]*|([×*/]) ?)?(\d{1,3}(?:[ ,.'’\x{A0}]\d{3})+|\d+)`)

func digitsOnly(c rune) rune {
	if c < '0' || c > '9' {
		return -1
	}
	return c
}

// many returns the power of ten that a text states as the number of minutes of a price, or as a factor; "" for none.
func (s said) many(text string) string {
	for _, m := range amount.FindAllStringSubmatch(text, 10) {
		number, before := strings.Map(digitsOnly, m[3]), strings.ToLower(m[1])
		if ofMany[number] != nil && (s.heading || number == "1000" || scaleWords[before] || perWords[before] || m[2] != "") {
			return number
		}
	}
	if thousandWords.any(s.words) {
		return "1000"
	}
	return ""
}

// ofSeconds returns the details and the words of a price of some seconds. counts is false if the text states none.
func (s said) ofSeconds(minor string) (units []string, words string, counts bool) {
	at := slices.IndexFunc(s.words, func(w string) bool { return secondWords[w] })
	if at < 0 {
		return nil, "", false
	}
	part, words := "second", "a price of a second"
	if at > 0 && allDigits(s.words[at-1]) && s.words[at-1] != "1" {
		part, words = s.words[at-1]+"s", "a price of "+s.words[at-1]+" seconds"
	}
	switch {
	case part == "60s":
		units, words = s.whole(minor)
		return units, words, true
	case !slices.Contains(partsOfMinute, part) && part != "second":
		return []string{}, words, true
	case minor != "":
		return []string{minor + "/" + part, minor}, minor + ", and " + words, true
	}
	return []string{part}, words, true
}

// minutes returns a number of minutes other than 1 that a text states as per 60 minutes, or "".
func (s said) minutes() string {
	for i, word := range s.words {
		if i > 0 && minuteWord[word] && allDigits(s.words[i-1]) && s.words[i-1] != "1" && !slices.ContainsFunc(s.words[:i], func(w string) bool { return firstWords[w] && w != "1" || nextWords[w] || laterWords[w] }) {
			return s.words[i-1]
		}
	}
	return ""
}

// stated returns the units that a text states, as details of a price, and the unit in words.
// A unit that no detail describes has no detail.
func (s said) stated(text, currency string) (units []string, words string) {
	minor := s.minor(text, currency)
	if units, words, counts := s.ofSeconds(minor); counts {
		return units, words
	}
	if minor != "" && hourWords.any(s.words) {
		return []string{}, minor + " of an hour"
	}
	switch many := s.many(text); {
	case many != "":
		return ofMany[many], "a price of " + many
	case otherWords.any(s.words), s.heading && messages.any(s.words), s.after("per", perOther), s.after("pro", perOther), s.after("por", perOther), s.after("par", perOther), strings.Contains(strings.ToLower(text), "/call"):
		return []string{}, "a price of something other than a minute"
	case s.minutes() != "":
		return []string{}, "a price of " + s.minutes() + " minutes"
	case hourWords.any(s.words):
		return []string{}, "a price of an hour"
	case s.taxed():
		return []string{}, "a price with tax"
	case minor == "" && s.scaled():
		return []string{"thousand", "cents"}, "another part of it"
	case minor == "" && s.heading && s.unknown(text) != "":
		return []string{"cents", "thousand", "second"}, fmt.Sprintf("%q, which is not understood", s.unknown(text))
	}
	return s.whole(minor)
}

func (s said) whole(minor string) ([]string, string) {
	if minor == "" {
		return nil, ""
	}
	return []string{minor}, minor
}

// askUnits asks about units that the headings state.
func (r *reader) askUnits(l *layout) {
	minor := ""
	for i := range l.roles {
		if q := r.unitOfColumn(l, i, &minor); q != nil {
			l.open = append(l.open, *q)
		}
	}
	if minor == "" {
		return
	}
	for i := range l.roles {
		o := &l.roles[i]
		name := position(l.cells, i)
		if !isPrice(o.column) || o.detail != "" || slices.ContainsFunc(l.open, func(q Question) bool { return q.Code == "unit" && q.Column == name }) {
			continue
		}
		l.open = append(l.open, Question{Code: "unit", Option: "map", Column: name,
			Text:    fmt.Sprintf("another price is in %s, so %q may be too", minor, excerpt(l.headingOf(i))),
			Choices: mapTo(name, prefixed(columnNames[o.column], []string{minor, wholeOf(o.column)}))})
	}
}

// wholeOf returns the detail of a price in whole units of a currency.
func wholeOf(column int) string {
	if column == colConnect {
		return "whole"
	}
	return "minute"
}

func isPrice(column int) bool {
	return column == colCost || column == colInter || column == colIntra || column == colConnect
}

// unitOfColumn returns the question about the unit of a column, or nil. It notes in minor that a price is in
// hundredths of a currency.
func (r *reader) unitOfColumn(l *layout, i int, minor *string) *Question {
	o := &l.roles[i]
	name, text := position(l.cells, i), l.headingOf(i)
	s := saidBy(text, true)
	q := &Question{Code: "unit", Option: "map", Column: name}
	if isPrice(o.column) {
		if is := s.minor(text, r.o.Currency); o.detail == "" && is != "" {
			*minor = is
		} else if first, _, _ := strings.Cut(o.detail, "/"); first == "cents" || first == "pence" {
			*minor = first
		}
	}
	switch {
	case o.detail != "":
		return nil
	case o.column == colCost, o.column == colInter, o.column == colIntra:
		units, words := s.stated(text, r.o.Currency)
		if units == nil {
			return nil
		}
		q.About = []string{words}
		q.Text = fmt.Sprintf("%q may not be a price a minute in whole units of a currency, but %s%s", excerpt(text), words, otherwise(units))
		q.Choices = mapTo(name, prefixed(columnNames[o.column], append(units, "minute")))
	case o.column == colConnect:
		is := s.minor(text, r.o.Currency)
		words := is
		if is == "" && s.unknown(text) != "" {
			is, words = "cents", fmt.Sprintf("%q, which is not understood", s.unknown(text))
		}
		if is == "" {
			return nil
		}
		q.Text = fmt.Sprintf("%q may not be a price in whole units of a currency, but %s", excerpt(text), words)
		q.Choices = mapTo(name, prefixed("connect", []string{is, "whole"}))
	case (o.column == colMCD || o.column == colPulse) && (statesMinutes(text) || s.oddTime()):
		q.Text = fmt.Sprintf("%q may be in minutes", excerpt(text))
		if !statesMinutes(text) {
			q.Text = fmt.Sprintf("%q may not be in seconds", excerpt(text))
		}
		q.Choices = mapTo(name, prefixed(columnNames[o.column], []string{"minutes", "seconds"}))
	default:
		return nil
	}
	return q
}

// otherwise says what to do if none of the units is right.
func otherwise(units []string) string {
	if len(units) > 0 {
		return ""
	}
	return ": if so, ask the carrier for prices a minute, because no choice turns it into one"
}

// oddTime reports whether the brackets of a heading hold a unit of time other than seconds and minutes.
func (s said) oddTime() bool {
	return slices.ContainsFunc(s.inside, func(word string) bool {
		return !secondWords[word] && !setOf("s in per call calls billing increment increments")[word]
	})
}

func prefixed(meaning string, details []string) (all []string) {
	for _, detail := range details {
		all = append(all, meaning+":"+detail)
	}
	return all
}

// statesMinutes reports whether the heading of an interval says that it is in minutes.
func statesMinutes(text string) bool {
	_, remark := cutBrackets(text)
	inside := strings.FieldsFunc(strings.ToLower(remark), separates)
	return minuteWords.any(strings.FieldsFunc(strings.ToLower(text), separates)) ||
		setOf("min m mn").any(inside)
}

var (
	aboutPrices    = union(priceWords, setOf("amounts unit units currency values figures valores valeurs montants importes angaben werte beträge einheit einheiten unidad unidades unité unités"))     //nolint:misspell // Spanish
	aboutIntervals = setOf("increment increments interval intervals billing billed rounding pulse pulses taktung takt tarification facturation facturación incremento incrementos palier paliers шаг") //nolint:misspell // Spanish
	minuteWords    = setOf("minutes minute mins minutos minuten minuti минутах минут 分钟")
	manyMinutes    = setOf("minutes minutos minuten minuti минутах минут")
)

// textOf joins the cells of a line, up to some 4 KiB.
func textOf(cells []cell) string {
	var all strings.Builder
	for _, c := range cells {
		if all.Len() < 4096 {
			all.WriteString(strings.TrimSpace(c.text) + " ")
		}
	}
	return strings.TrimSpace(all.String())
}

// hears notes what a line above or below the rates says about units and increments.
func (r *reader) hears(at Place, cells []cell) {
	text := textOf(cells)
	s := saidBy(text, false)
	r.hearsBlock(at, text)
	if r.hearsFee(at, text, s) {
		return
	}
	units, words := s.stated(text, "")
	other := func(w string) bool { return !unitWords[w] && !allDigits(w) && codeOf(w, true) == "" }
	unitsAlone := !slices.ContainsFunc(s.words, other) && !numbersAlone(s.words) // USD per second
	about := aboutPrices.any(s.words) || otherWords.any(s.words) || unitsAlone
	if unknown := s.unheard(); units == nil && unknown != "" {
		units, words = []string{"cents", "thousand"}, fmt.Sprintf("%q, which is not understood", unknown)
	}
	if units != nil && (about || s.minor(text, "") != "" && !nameLike.any(s.words)) {
		r.saidUnits = append(r.saidUnits, saidUnit{at, units, words, excerpt(text)})
	}
	if aboutIntervals.any(s.words) && manyMinutes.any(s.words) {
		r.saidUnits = append(r.saidUnits, saidUnit{at, nil, "minutes", excerpt(text)})
	}
	if aboutIntervals.any(s.words) {
		r.hearsPair(at, text)
		r.hearsSteps(at, text, s)
	}
}

func numbersAlone(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !allDigits(w) })
}

// nameLike are words for a hundredth that are also names, as of persons and states.
var nameLike = setOf("sen fils ct ore bani")

// unblocked are texts with such words that say nothing about prefixes: a product, a legend of letters, intervals and
// periods of notice.
var unblocked = regexp.MustCompile(`(?i)closed user groups?|\b[a-z] ?[=:] ?\pL+|\b\d+/\d+\b|\b\d+ ?(?:days?|hours?|hrs?|minutes?|seconds?|weeks?|months?)\b`)

// hearsBlock asks about a text beside the rates which says that some prefixes are blocked.
func (r *reader) hearsBlock(at Place, text string) {
	s := saidBy(unblocked.ReplaceAllString(text, " "), false)
	word := blockWord(unblocked.ReplaceAllString(text, " "))
	for i, w := range s.words {
		if next := i + 1; next < len(s.words) && allDigits(s.words[next]) {
			continue // No 12
		}
		if word == "" && negations[w] && possible.any(s.words[i+1:min(i+4, len(s.words))]) {
			word = w
		}
	}
	number := func(w string) bool { return len(w) > 1 && allDigits(w) }
	if word == "" || !slices.ContainsFunc(s.words, number) && !aboutPrefixes.any(s.words) {
		return
	}
	r.askText(at, text, word, "so prefixes may be blocked that the file gives as open: give them as blocked in the file", "no prefix is blocked by the text")
}

// askText asks about a text beside the rates that may change them. The answer names the text.
func (r *reader) askText(at Place, text, word, so, unless string) {
	text = excerpt(strings.Join(strings.Fields(text), " "))
	for n, a := range r.answers {
		if a.column < 0 && SameName(a.whole, text) {
			r.used[n] = true
			return
		}
	}
	r.ask(Question{Code: "text", Option: "ignore", Column: text, Place: at, Sample: text, About: []string{"says " + word}, Choices: []Choice{{Parameter: "ignore", Value: text}},
		Text: fmt.Sprintf("%s says %q, %s, or give \"ignore=%s\" if %s", at, text, so, text, unless)})
}

// feeWords are the words of a text for what a call costs beside its minutes.
var (
	feeWords     = setOf("connect connection setup surcharge surcharges flagfall fee fees origin origins gebühr verbindungsgebühr zuschlag recargo cargo frais supplément taxa établissement establecimiento")
	minimumWords = setOf("minimum min mindest mínimo minimo mínima minimale")
	callWords    = setOf("call calls charge charges anruf gespräch llamada appel ligação chiamata")
	otherFees    = union(payments, setOf("late monthly annual bank porting reconnection termination"))
)

// feeAmount finds an amount with decimals or a currency beside it, and no share of 100.
var feeAmount = regexp.MustCompile(`\d+[.,]\d+(?:[^\d.,%\pL-]|$| ?\pL)|[$€£¢] ?\d|\d ?[$€£¢]|\b[A-Z]{3} \d|\d [A-Z]{3}\b|\d ?(?i:cents?|cts?|pence)\b`)

// hearsFee asks about a text beside the rates which names a fee of a call, or a surcharge, and its amount.
func (r *reader) hearsFee(at Place, text string, s said) bool {
	least := minimumWords.any(s.words) && callWords.any(s.words)
	if !feeWords.any(s.words) && !least || otherFees.any(s.words) || !feeAmount.MatchString(text) || len(s.words) > 40 {
		return false
	}
	r.askText(at, text, "fee", "so calls may cost more than the file's rates: give the fee in a column of the file", "the text changes no rate")
	return true
}

// inWords stand before the unit of prices: Preise in Rappen.
var inWords = setOf("in en em w v в på i ve")

// given are words before such a word: prices are quoted in Rappen.
var given = setOf("is are be quoted stated expressed given shown listed denominated sind ist angegeben exprimés exprimées indiqués son están expresados indicados são expressos sono espressi są podane указаны")

// places are words behind such a word that are no units.
var places = setOf("effect force vigor vigueur vigore kraft advance accordance addition full total this the these our your their table list file order general line writing each every case which all any other")

// unheard returns the last word of a text about prices, or the one before the word per, if it may be a unit that no rule
// knows: it follows the word in.
func (s said) unheard() string {
	if !aboutPrices.any(s.words) || len(s.words) > 10 {
		return ""
	}
	for i, word := range s.words {
		last := i+1 == len(s.words) || perWords[s.words[i+1]] && s.words[i+1] != "a" && s.words[i+1] != "an"
		if i > 1 && inWords[s.words[i-1]] && (aboutPrices[s.words[i-2]] || given[s.words[i-2]]) && last && !places[word] && !neutral[word] && !unitWords[word] && !currencyWords[word] &&
			monthOf(word) == 0 && !strings.ContainsAny(word, "0123456789") && codeOf(word, true) == "" && sharedNames[currencyWord(word)] == "" {
			return word
		}
	}
	return ""
}

// hearsSteps notes increments in words: 60 seconds, or full minutes. The larger of two numbers is the minimum.
func (r *reader) hearsSteps(at Place, text string, s said) {
	var steps []int
	for i, word := range s.words {
		word = strings.TrimLeft(word, "0123456789")
		number := strings.TrimSuffix(s.words[i], word)
		if number == "" && i > 0 && allDigits(s.words[i-1]) {
			number = s.words[i-1]
		}
		n := atoi(number)
		if i > 0 && perWords[s.words[i-1]] {
			if i == 1 || !aboutIntervals[s.words[i-2]] {
				continue // the price is per minute
			}
			n = max(n, 1) // billed per second
		}
		switch {
		case word == "s" && number != "", secondWords[word]:
		case minuteWord[word] && word != "al", minuteWords[word]:
			n = 60 * max(n, 1)
		default:
			continue
		}
		if n > 0 && n <= 3600 {
			steps = append(steps, n)
		}
	}
	if len(steps) > 0 && len(steps) < 3 && r.saidPair == nil && slices.Max(steps) > 1 {
		r.saidPair = &saidPair{at, excerpt(text), strconv.Itoa(slices.Max(steps)), strconv.Itoa(slices.Min(steps))}
	}
}

// pair finds increments such as 60/60 and 30+6 in a text, and no part of a date.
var pair = regexp.MustCompile(`(?:^|[^\d/.+-])(\d{1,4}) ?[/+] ?(\d{1,4})(?:$|[^\d/.+-]|[.]$|[.] )`)

// hearsPair notes increments that a text beside the rates, or a heading, states.
func (r *reader) hearsPair(at Place, text string) {
	if m := pair.FindStringSubmatch(text); m != nil && atoi(m[2]) > 0 && r.saidPair == nil {
		r.saidPair = &saidPair{at, excerpt(text), strconv.Itoa(atoi(m[1])), strconv.Itoa(atoi(m[2]))}
	}
}

// saidPair are increments that a text states.
type saidPair struct {
	at               Place
	text, mcd, pulse string
}

// askPair asks about increments that a text states, if no column has them.
func (r *reader) askPair() {
	p := r.saidPair
	has := func(column int) bool {
		return slices.ContainsFunc(r.stats, func(s *columnStat) bool { return s.column == column })
	}
	if p == nil || has(colPulse) || r.o.Pulse != nil {
		return
	}
	ask := func(option, value, other string) {
		q := Question{Code: option, Place: p.at, on: r.anyLine(), Sample: p.pulse,
			Text: fmt.Sprintf("%s says %q, and no column has the increments: give %s=%s if it means them", p.at, p.text, option, value)}
		for _, v := range []string{value, other} {
			q.Choices = append(q.Choices, Choice{Parameter: option, Value: v})
		}
		if value == other {
			q.Choices = q.Choices[:1]
		}
		r.ask(q)
	}
	ask("pulse", p.pulse, "1")
	if !has(colMCD) && r.o.MCD == nil && p.mcd != "0" {
		ask("mcd", p.mcd, "0")
	}
}

// saidUnit is a unit that a line beside the rates states.
type saidUnit struct {
	at    Place
	units []string // nil for a unit of intervals
	words string
	text  string
}

// askSaid asks about the units that lines beside the rates state.
func (r *reader) askSaid() {
	for _, said := range r.saidUnits {
		for _, s := range r.stats {
			switch {
			case s.detail != "":
			case said.units != nil && s.column == colConnect && (said.words == "cents" || said.words == "pence"):
				r.ask(Question{Code: "unit", Option: "map", Column: s.name, on: s.first, Sample: s.sample(), About: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may hold %s", said.at, said.text, s.name, said.words),
					Choices: mapTo(s.name, prefixed("connect", []string{said.words, "whole"}))})
			case said.units != nil && (s.column == colCost || s.column == colInter || s.column == colIntra):
				r.ask(Question{Code: "unit", Option: "map", Column: s.name, on: s.first, Sample: s.sample(), About: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may hold %s%s", said.at, said.text, s.name, said.words, otherwise(said.units)),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], append(slices.Clone(said.units), "minute")))})
			case said.units == nil && (s.column == colMCD || s.column == colPulse):
				r.ask(Question{Code: "unit", Option: "map", Column: s.name, on: s.first, Sample: s.sample(), About: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may be in minutes", said.at, said.text, s.name),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], []string{"minutes", "seconds"}))})
			}
		}
	}
}
