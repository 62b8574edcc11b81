package cardfile

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// synonyms holds known headings in the form that heading returns.
var synonyms = [columnCount][]string{
	colPrefix: {
		"prefix", "prefixes", "code", "codes", "dial prefix", "dialprefix", "dial code", "dialcode", "dialling code", "dialing code",
		"dial codes", "destination code", "destination prefix", "npanxx", "npa nxx", "lrn", "number", "numbers", "digits", "npanxxx",
		"e164", "e 164", "b number", "bnumber", "dnis", "dial string", "digit string", "called prefix", "prefix list", "prefix no", "msisdn prefix", "pattern", "called number prefix", "code list", "rufnummer", "ziffern", "prefiks", "önek", "ön ek", "前缀", "号码前缀", "代码", "号段", "拨号代码", "目的地代码", "拨号前缀", "字冠",
	},
	colName: {
		"name", "destination name", "destination", "description", "region", "zone", "area", "location", "breakout", "country",
		"dest name", "destinations", "bestemming", "omschrijving", "kierunek", "kraj", "ülke", "yön", "напрямок", "країна", "目的地", "目的地名称", "国家", "国家名称", "名称", "地区", "国家 地区", "描述", "方向",
	},
	colCost: {
		"cost", "rate", "price", "per minute cost", "per minute rate", "per minute price", "cost per minute", "cpm", "prijs", "prijs per minuut", "tarief", "tarief per minuut", "cena", "cena za minutę", "stawka", "fiyat", "ücret", "dakika ücreti", "тариф за минуту", "ціна", "ціна за хвилину", "valor por minuto", "prezzo al minuto", "taux", "rate per minute",
		"price per minute", "rate min", "price min", "cost min", "ppm", "ij rate", "ijrate", "indeterminate rate", "indeterminate",
		"ij", "minutenpreis", "default rate", "new rate", "rate per min", "price per min", "价格", "费率", "单价", "资费", "每分钟价格", "每分钟费率", "分钟费率",
	},
	colInter: {"inter", "inter rate", "interrate", "interstate", "interstate rate", "inter state", "inter state rate"},
	colIntra: {"intra", "intra rate", "intrarate", "intrastate", "intrastate rate", "intra state", "intra state rate"},
	colMCD: {
		"mcd", "duration", "initial", "minimum", "interval 1", "minimum charge seconds", "minimum charged seconds",
		"mínimo", "minimo", "mindestdauer", "durée minimale", "duree minimale", "минимум", "最小计费时长", "首次计费",
	},
	colPulse: {
		"pulse", "increment", "increments", "subsequent", "interval", "step", "billing", "interval n", "interval 2",
		"incremento", "incrément", "increment de facturation", "incrément de facturation", "taktung", "takt", "шаг", "шаг тарификации", "计费周期", "计费单位",
	},
	colConnect: {
		"connect", "connect cost", "connect rate", "connect fee", "connect charge", "connection", "connection cost",
		"connection fee", "connection charge", "rate connect", "setup", "setup fee", "setup cost", "setup charge", "flagfall",
		"flag fall", "call setup fee", "establecimiento", "接通费",
	},
	colStatus: {"status", "state", "estado", "estatus", "état", "etat", "statut", "situação", "situacao", "stato", "статус", "состояние", "状态"},
	colFrom: {
		"fecha", "fecha efectiva", "fecha de inicio", "vigencia", "vigente desde", "válido desde", "valido desde", "date d effet", "date effet",
		"valable à partir du", "gültig ab", "gueltig ab", "gültigkeit", "ab", "vigência", "data de início", "válido a partir de", "дата", "дата начала",
		"действует с", "дата вступления в силу", "生效日期", "生效时间", "eff date", "effdate", "rate effective", "price effective", "effective",
	},
	colIncluded: {"included seconds", "included", "free seconds", "included secs"},
	colCurrency: {"currency", "ccy", "curr", "currency code", "moneda", "devise", "währung", "waehrung", "moeda", "valuta", "валюта", "货币", "币种"},
	colCountry: {
		"country code", "countrycode", "landnummer", "country codes", "cc", "country prefix", "country dial code", "country dialing code", "country calling code",
		"isd code", "isd", "idd", "idd code", "npa", "código de país", "codigo de pais", "código país", "code pays", "indicatif pays", "ländercode", "landesvorwahl", "landeskennzahl", "länderkennzahl", "laenderkennzahl",
		"ländervorwahl", "código do país", "код страны", "国家代码", "国码", "国家码",
	},
	colArea: {
		"area code", "area codes", "areacode", "netnummer", "numer kierunkowy", "alan kodu", "区号", "city code", "city codes", "citycode", "ndc", "national destination code", "region code", "local code",
		"area prefix", "network code", "nxx", "sub code", "subcode", "suffix", "código de área", "codigo de area", "código área", "code ville", "ortsvorwahl",
		"ortskennzahl", "ortsnetz", "ortsnetzkennzahl", "код города", "код зоны", "城市代码", "地区代码", "地区码",
	},
}

var columnOf = func() map[string]int {
	m := map[string]int{}
	for column, names := range synonyms {
		for _, name := range names {
			m[name] = column
		}
	}
	return m
}()

// wordSet is a set of words.
type wordSet map[string]bool

func setOf(words string) wordSet {
	s := wordSet{}
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}

func (s wordSet) any(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return s[w] })
}

// A grammar recognises headings of several words: every word is in one of the sets, and
// at least one word is in each set of needs.
type grammar struct {
	column int
	needs  []wordSet
	other  wordSet
}

func (g grammar) fits(words []string) bool {
	for _, need := range g.needs {
		if !need.any(words) {
			return false
		}
	}
	for _, word := range words {
		if !g.other[word] && !slices.ContainsFunc(g.needs, func(s wordSet) bool { return s[word] }) {
			return false
		}
	}
	return len(words) > 0
}

// The words of ages and intervals that a price may have.
var (
	newWords   = setOf("new revised updated proposed future upcoming nuevo nueva nouveau nouvelle novo nova neu neue neuer новый новая новое 新")
	oldWords   = setOf("old previous prev prior former existing current present last actual aktuell aktueller atual anterior ancien ancienne antigo antiga alt alte alter bisher bisheriger старый старая текущий текущая")
	datedWords = setOf("current present last actual aktuell aktueller atual текущий текущая") // old only beside a new price
	firstWords = setOf("first initial 1 1st erste ersten erster erstes erst anfangspreis première premiere premier 1er 1ère 1ere initiale primer primera primero 1a primeiro primeira primo prima iniziale inicial eerste pierwsza первая первой первую первый 首 首次")
	nextWords  = setOf("n next subsequent additional add addl following 2 2nd recurring")
	// laterWords say that a price is not one of the first interval.
	laterWords = setOf("subsequent recurring weitere weiteren weiterer jede folgende folgenden folge folgepreis suivante suivantes suivant supplémentaire supplémentaires supplementaire additionnelle adicional adicionales siguiente siguientes subsiguiente subsiguientes seguinte seguintes subsequente successivo successivi volgende kolejna последующая последующие последующей следующая дополнительная 续 后续") //nolint:misspell // Italian
	minuteWord = setOf("min mins minute minutes minuto minutos al minuta minuten minut minuti минуту минута минуты минут мин 分钟")

	priceCore = setOf("rate rates price prices pricing cost costs tariff tariffs charge charges ppm tarifa tarifas precio precios prix tarif tarifs preis preise preço preços preco precos custo custos costo costos coste prezzo tariffa цена цены тариф тарифы стоимость ставка 价格 费率 单价 资费")
	// priceNouns and timeNouns are words for a price alone, and for a time.
	priceNouns = setOf("rate rates price prices cost costs precio precios prix tarif tarifs preis preise preço preco tarifa tarifas prezzo цена тариф")
	timeNouns  = setOf("interval increment increments period duration seconds sec secs block pulse step time date dates")

	priceMore = setOf("100 10000 100000 1000000 für fuer pour para je per a an the in of for call calls voice buy buying sell selling purchase sale base basic net std standard default termination terminating wholesale carrier unit dest destination us dollar dollars usd euro euros pound pounds por par pro je за en em ht hors taxe taxes tax vat excl excluding ohne mwst sin iva sem de la le el da do final amount 1000 000 thousand second seconds sec secs hour cent cents ct cts centavo centavos centime centimes céntimos centimos cêntimos pence penny c p m 6 10 30 60 1k en in sms message messages")
	effective = setOf("effective effect valid start activation active begin beginning starting")
)

// grammars are tried in this order.
var grammars = []grammar{
	{colCountry, []wordSet{setOf("country"), setOf("code codes prefix cc")}, setOf("dial dialing dialling calling phone the of international")},
	{colArea, []wordSet{setOf("area city"), setOf("code codes prefix prefixes")}, setOf("dial dialing dialling calling phone the of")},
	{colPrefix, []wordSet{setOf("prefix prefixes code codes dialcode dialcodes prefijo prefijos código códigos codigo codigos indicatif indicatifs préfixe préfixes prefixe prefixo prefixos prefisso prefissi vorwahl vorwahlen kennzahl код коды префикс префиксы")},
		setOf("dial dialing dialling dialed dialled dialing digits number numbers range ranges phone telephone tel calling destination destinations dest complete full e 164 e164 routing breakout the of de del da do destino destinos international intl int route направления direction")},
	{colPrefix, []wordSet{setOf("number numbers digits rufnummer rufnummern"), setOf("range ranges dial dialed dialled dialing dialling phone destination prefix")}, setOf("the of")},
	{colName, []wordSet{setOf("destination destinations country countries description name region zone area location dest operator network city destino destinos país pais países libellé libelle pays ziel zielland land beschreibung bezeichnung направление страна название описание nombre nome descripción descripcion descrição descricao destinazione paese zielname")}, //nolint:misspell // Spanish
		setOf("name names of the de del la da do call")},
	{colMCD, []wordSet{setOf("minimum min initial first 1 1st"), setOf("interval increment increments period duration time seconds sec secs block billing")}, setOf("call the charged charging billed")},
	{colPulse, []wordSet{setOf("increment increments step interval pulse period block"), setOf("billing subsequent next n additional time seconds sec secs 2 2nd second charging call following")}, setOf("the")},
	{colPulse, []wordSet{setOf("increment increments pulse step")}, setOf("")},
	{colMCD, []wordSet{setOf("mindestdauer mínimo mínima minimo minima minimale minimum")}, setOf("in en minuten minutes minutos sekunden secondes segundos duración duracion durée duree dauer")},
	{colPulse, []wordSet{setOf("takt taktung incremento incrementos incrément palier шаг")}, setOf("in en de facturation facturación tarification minuten minutes minutos sekunden secondes segundos minute")}, //nolint:misspell // Spanish
	{colFrom, []wordSet{effective, setOf("date from on time as of dt eff")}, setOf("the start rate new price and")},
	{colFrom, []wordSet{effective}, nil},
	{colConnect, []wordSet{setOf("connect connection setup flagfall establishment"), setOf("fee fees charge charges cost price rate")}, setOf("per call the set up")},
	{colCost, []wordSet{priceCore}, union(priceMore, effective, minuteWord, newWords, oldWords, firstWords, nextWords, laterWords, secondWords, hourWords, centWords, thousandWords)},
	{colCost, []wordSet{union(firstWords, nextWords, laterWords), minuteWord}, priceMore},
	{colCost, []wordSet{setOf("per"), minuteWord}, setOf("a")},
	{colCost, []wordSet{minorWords, minuteWord}, setOf("per us por par pro a")},
}

// minorWords are the words for hundredths of a currency.
var minorWords = setOf("cent cents ct cts centavo centavos centime centimes céntimo céntimos centimo centimos cêntimo cêntimos pence penny p c")

func union(sets ...wordSet) wordSet {
	all := wordSet{}
	for _, s := range sets {
		for word := range s {
			all[word] = true
		}
	}
	return all
}

// columnFor returns the column that a heading means.
func columnFor(cell string) (column int, words string, codes []string, known bool) {
	words, codes = heading(cell)
	if column, known = columnOf[words]; known {
		return column, words, codes, true
	}
	if len(words) > 80 {
		return 0, words, codes, false
	}
	other := words
	if parts := parted(cell); parts != cell {
		other, _ = heading(parts)
		if column, known = columnOf[other]; known {
			return column, other, codes, true
		}
		if column, known = byGrammar(other, codes); known {
			return column, other, codes, true
		}
	}
	if column, known = byGrammar(words, codes); known {
		return column, words, codes, true
	}
	return column, other, codes, false
}

func byGrammar(words string, codes []string) (int, bool) {
	list := strings.Fields(words)
	for _, g := range grammars {
		if g.fits(list) {
			return g.column, true
		}
	}
	perMinute := len(list) > 0 && !slices.ContainsFunc(list, func(w string) bool { return !minuteWord[w] && w != "per" && w != "us" })
	return colCost, len(codes) > 0 && perMinute // USD/min
}

// parted parts words that are written as one, such as DestinationName, Folgeminute and 首分钟费率.
func parted(text string) string {
	var out strings.Builder
	small := 0 // small letters before; one is a part of the word: mUSD
	for _, c := range text {
		if unicode.IsUpper(c) && small > 1 {
			out.WriteByte(' ')
		}
		if out.WriteRune(c); unicode.IsLower(c) {
			small++
		} else {
			small = 0
		}
	}
	text = out.String()
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
		text = hanParted(text)
	}
	for word := range strings.FieldsFuncSeq(text, separates) {
		lower := strings.ToLower(word)
		for _, begin := range []string{"erst", "folge", "anfangs", "minuten", "sekunden", "stunden"} {
			if rest, is := strings.CutPrefix(lower, begin); is && (minuteWord[rest] || priceCore[rest] || secondWords[rest]) {
				text = strings.Replace(text, word, begin+" "+rest, 1)
			}
		}
	}
	return text
}

// hanWords are the words in Chinese characters, the longest first.
var hanWords = func() (all []string) {
	for _, set := range []wordSet{firstWords, laterWords, newWords, minuteWord, secondWords, hourWords, centWords, priceCore, startWords, validWords, endWords, negations, withTax, taxWords} {
		for word := range set {
			if strings.ContainsFunc(word, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
				all = append(all, word)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}()

// hanParted puts spaces around the known words of a text in Chinese characters, which has none.
func hanParted(text string) string {
	var out strings.Builder
	for text != "" {
		at := slices.IndexFunc(hanWords, func(w string) bool { return strings.HasPrefix(text, w) })
		if at >= 0 {
			out.WriteString(" " + hanWords[at] + " ")
			text = text[len(hanWords[at]):]
			continue
		}
		_, size := utf8.DecodeRuneInString(text)
		out.WriteString(text[:size])
		text = text[size:]
	}
	return out.String()
}

// The words that make a column doubtful if it is not read.
var (
	priceDoubt = setOf("rate rates price prices cost costs tariff charge charges fee fees surcharge surcharges tax discount multiplier factor vat mwst iva tva gst ндс ppc ppm addition additional extra gebühr gebühren verbindungsgebühr verbindungsentgelt entgelt zuschlag aufschlag frais supplément cargo cargos recargo taxa taxas toeslag opłata ücret плата надбавка amount margin markup setup connect connection credit uplift premium precio prix preis tarifa цена тариф")
	timeDoubt  = setOf("minimum minimal min minute minutes interval increment resolution duration grace seconds sec secs period peak offpeak weekend rounding date dates expiry expires expiration until end effective valid validity begin start step pulse inc incs charging terms billing incr initial recurring abrechnung abrechnungstakt takt taktung facturación facturation tarification fatturazione faturamento redondeo rundung intervall intervalo intervalle datum fecha inicio début beginn data дата free included")
	stateDoubt = setOf("status state blocked block blocking closed close barred barring stop suspended inactive disabled available availability routable change changes changed action active enabled disabled new old withdrawn deleted sperre sperrung gesperrt bloqueo bloqueio blocage blocco блокировка")
	goodStates = setOf("enabled active available open routable offered allowed activo activa actif aktiv ativo attivo")
	// plain are the words of headings of columns that number something.
	plain = setOf("deck plan version id ids no nr nº line row serial seq sequence index trunk mcc mnc product release")
	// halves are the words of headings of names that may be a part of the prefix instead, if the values are digits.
	halves    = setOf("country countries area region zone city location network land pays país pais paese kraj ülke страна 国家 地区")
	unitDoubt = setOf("unit units currency per")
	keyDoubt  = setOf("prefix prefixes code codes npa nxx range digits cc")
)

// doubtfulHeading reports whether the words of a heading may mean a price, a status, a time or
// a unit; key reports whether they may mean a part of a prefix.
func doubtfulHeading(words string) (doubt, key bool) {
	list := strings.Fields(words)
	doubt = priceDoubt.any(list) || timeDoubt.any(list) || stateDoubt.any(list) || unitDoubt.any(list) || goodStates.any(list) ||
		slices.ContainsFunc(list, func(w string) bool { is := states[w]; return is == isBlocked || is == isWithdrawn })
	return doubt, keyDoubt.any(list)
}

// state is what a cell says about the status of a price.
type state uint8

const (
	notAState = state(iota)
	isOpen
	isBlocked
	isWithdrawn // the price is to be removed or blocked
	isSilent    // about the price, not about the status
)

var states = func() map[string]state {
	m := map[string]state{}
	for is, words := range map[state]string{
		isOpen:      "allow,allowed,permit,permitted,include,included,live,on,alta,actieve,actief,aktywny,aktywne,otwarty,açık,aktif,open,available,active,enabled,activo,activa,abierto,ouvert,ouverte,actif,active,aktiv,offen,ativo,ativa,aberto,attivo,aperto,открыт,открыто,активен,активно,开放,开通,有效,启用",
		isBlocked:   "deny,denied,block,stop,stopped,exclude,excluded,forbidden,prohibited,dead,off,verboten,prohibido,prohibida,interdit,interdite,proibido,proibida,vietato,coupé,coupée,запрещено,запрещён,cerrada,cerrados,cerradas,fermées,fermés,chiusa,chiusi,chiuse,fechada,fechados,eingestellt,sin servicio,fuera de servicio,закрыта,закрыты,suspendido,suspendida,suspendu,suspendue,suspenso,suspensa,sospeso,désactivé,désactivée,desactivado,desactivada,desativado,desativada,disattivato,deaktiviert,geblokkeerd,gesloten,zablokowany,zablokowane,kapalı,blocked,closed,unavailable,not available,not offered,no route,disabled,inactive,barred,suspended,bloqueado,bloqueada,cerrado,inactivo,fermé,fermée,ferme,bloqué,bloquée,bloque,inactif,gesperrt,geschlossen,inaktiv,fechado,inativo,bloccato,chiuso,закрыт,закрыто,заблокирован,заблокировано,блокирован,关闭,停用,禁用,封锁,屏蔽", //nolint:misspell // Portuguese
		isWithdrawn: "eliminada,eliminados,supprimée,supprimés,retirada,retirée,entfällt,dado de baja,dada de baja,ceased,cancelled,canceled,dropped,retired,baja,résilié,résiliée,gekündigt,withdrawn,withdraw,deleted,delete,removed,remove,discontinued,ended,expired,terminated,retirado,eliminado,supprimé,retiré,gelöscht,entfernt,removido,удален,удалён,удалено,删除,取消",
		isSilent:    "increase,increased,decrease,decreased,unchanged,no change,changed,change,new,current,same,up,down,nc,new code,pending increase,pending decrease",
	} {
		for word := range strings.SplitSeq(words, ",") {
			m[word] = is
		}
	}
	return m
}()

// stateOf returns the status that a cell says.
func stateOf(text string) state {
	text = strings.TrimSpace(text)
	if is, known := states[text]; known || len(text) > 40 {
		return is
	}
	return states[strings.ToLower(text)]
}

// negations are the words of a longer text that deny something: do not route, wird nicht mehr angeboten.
var negations = setOf("no not never cannot nicht kein keine keinen nie jamais nunca não nao нет не niet 不 未 无")

// loudPairs are pairs of words that say so too.
var loudPairs = func() map[[2]string]bool {
	all := map[[2]string]bool{}
	for pair := range strings.SplitSeq("temporarily down,currently down,is down,are down,min charge,min charged,min duration,min billing,est plus,ne pas,ne plus,non disponible,non routable,non available,plus offert,plus desservi,fuera de,sin servicio,de baja,hors service,außer betrieb,out of,on hold", ",") {
		first, second, _ := strings.Cut(pair, " ")
		all[[2]string{first, second}] = true
	}
	return all
}()

// loudWords are the words in a longer text which say that a price is not simply in force.
var loudWords = union(negations, blockWords, setOf("surcharge surcharges minimum multiplier stop stops halt halted deny denies denied dead outage coupé coupée coupées suspension suspensión suspensão sospensione cease ceases close closes block blocks forbidden zuschlag recargo supplément suplemento"))

// otherwiseMeant are words of a status that have another meaning in a longer text: taxes are excluded.
var otherwiseMeant = setOf("ended terminated exclude excluded")

// blockWords are the words in a longer text which say that something is blocked or withdrawn.
var blockWords = func() wordSet {
	words := wordSet{}
	for word, is := range states {
		if (is == isBlocked || is == isWithdrawn) && len(word) > 5 && !strings.Contains(word, " ") && !otherwiseMeant[word] {
			words[word] = true
		}
	}
	return words
}()

// routable are the words behind a negation in a name which say that there is no route.
var routable = union(possible, setOf("use used usage service serviced traffic allowed permitted active working send terminate bedient genutzt servicio serviço servizio обслуживается маршрута"))

// stopping are words which say that there is no route if a name ends with them.
var stopping = setOf("stop stopped block deny denied dead")

// longestBlock limits the words that blockShapes knows.
const longestBlock = 24

// blockShapes are the lengths and first letters of blockWords.
var blockShapes = func() (shapes [longestBlock + 1][256]bool) {
	for word := range blockWords {
		if len(word) <= longestBlock {
			shapes[len(word)][word[0]] = true
		}
	}
	return shapes
}()

// blockWord returns the first word of a text which says that something is blocked or withdrawn, or "". Each name of a
// destination is looked at, so it passes over most words by their shapes.
func blockWord(text string) string {
	begin, ascii := 0, true
	for i := range len(text) + 1 {
		if i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z' || text[i] >= 0x80) {
			ascii = ascii && text[i] < 0x80
			continue
		}
		switch n := i - begin; {
		case n < 6:
		case !ascii:
			for word := range strings.FieldsFuncSeq(text[begin:i], separates) {
				if is := asBlockWord(word); is != "" {
					return is
				}
			}
		case n <= longestBlock && blockShapes[n][text[begin]|0x20]:
			if is := asBlockWord(text[begin:i]); is != "" {
				return is
			}
		}
		begin, ascii = i+1, true
	}
	return ""
}

func asBlockWord(word string) string {
	if lower := strings.ToLower(word); blockWords[lower] {
		return lower
	}
	if at := slices.IndexFunc(hanBlocks, func(w string) bool { return strings.Contains(word, w) }); at >= 0 {
		return hanBlocks[at]
	}
	return ""
}

// denialIn returns the words of a name which say that there is no route, such as DO NOT ROUTE, NOT IN USE and a last
// word stop; or "". Each name is looked at, and few have such a word.
func denialIn(name string) string {
	if !mayDeny(name) {
		return ""
	}
	words := strings.FieldsFunc(strings.ToLower(name), separates)
	for i, word := range words {
		if negations[word] {
			for end := i + 1; end < min(i+4, len(words)); end++ {
				if routable[words[end]] || words[end] == "access" && end == i+1 {
					return strings.Join(words[i:end+1], " ")
				}
			}
		}
	}
	if n := len(words); n > 1 && stopping[words[n-1]] && words[n-2] != "non" {
		return words[n-1]
	}
	return ""
}

// mayDeny reports whether a text has a word that begins like a negation or stop and has its length, or a letter beyond ASCII.
func mayDeny(text string) bool {
	begin := 0
	for i := range len(text) + 1 {
		if i < len(text) {
			if c := text[i]; c >= 0x80 {
				return true
			} else if c|0x20 >= 'a' && c|0x20 <= 'z' {
				continue
			}
		}
		if n := i - begin; n > 1 && n < 8 {
			switch [2]byte{text[begin] | 0x20, text[begin+1] | 0x20} {
			case [2]byte{'n', 'o'}, [2]byte{'n', 'e'}, [2]byte{'n', 'u'}, [2]byte{'n', 'i'}, [2]byte{'n', 'a'}, [2]byte{'k', 'e'}, [2]byte{'j', 'a'}, [2]byte{'c', 'a'}, [2]byte{'s', 't'}, [2]byte{'d', 'e'}, [2]byte{'b', 'l'}:
				return true
			}
		}
		begin = i + 1
	}
	return false
}

// hanBlocks are those of blockWords in Chinese characters, which stand within others.
var hanBlocks = slices.DeleteFunc(slices.Sorted(maps.Keys(blockWords)), func(word string) bool {
	return !strings.ContainsFunc(word, func(c rune) bool { return unicode.Is(unicode.Han, c) })
})

// The words of a text beside the rates which say that it is about some prefixes, and that calls to them are possible.
var (
	aboutPrefixes = setOf("route routes destination destinations prefix prefixes code codes call calls traffic breakout breakouts destino destinos ruta rutas prefijo prefijos llamadas indicatif indicatifs préfixe préfixes appels vorwahl vorwahlen ziel ziele anrufe направление направления код коды")
	possible      = setOf("route routes routed routing available offered supported served open reachable angeboten verfügbar erreichbar disponible disponibles disponível disponíveis disponibile disponibili ofrece")
)

// identities are the words of headings of columns that name something, so that short values are no codes of a status.
var identities = setOf("operator network carrier iso country region language lang zone continent supplier provider vendor owner type class note notes comment comments currency lata ocn")

// routing are the words of headings of columns whose few values may open and close a route.
var routing = setOf("route routes routing routable traffic service services access lcr mode flag reachable reachability")

// unitHeads are the words of headings of columns that may say what prices are.
var unitHeads = union(priceCore, setOf("unit units uom measure measurement basis charging charged billing bill currency denomination vat tax taxes mwst iva tva einheit unidad unité unite единица 单位"))

// truthOf reads yes and no.
func truthOf(text string) (is, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "yes", "y", "true", "x", "si", "sí", "oui", "ja", "sim", "да", "是":
		return true, true
	case "0", "no", "n", "false", "", "non", "nein", "não", "нет", "否":
		return false, true
	}
	return false, false
}

// noPrice reports whether the cell of a price says that there is none.
func noPrice(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "-", "--", "–", "—", "n/a", "na", "n.a.", "none", "null", "nil":
		return true
	}
	return stateOf(text) == isBlocked
}
