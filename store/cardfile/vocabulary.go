package cardfile

import (
	"slices"
	"strings"
	"unicode"
)

// synonyms holds known headings in the form that heading returns.
var synonyms = [columnCount][]string{
	colPrefix: {
		"prefix", "prefixes", "code", "codes", "dial prefix", "dialprefix", "dial code", "dialcode", "dialling code", "dialing code",
		"dial codes", "destination code", "destination prefix", "npanxx", "npa nxx", "lrn", "number", "numbers", "digits", "npanxxx",
		"e164", "e 164", "b number", "bnumber", "dnis", "dial string", "digit string", "called prefix", "prefix list", "prefix no", "msisdn prefix", "pattern", "called number prefix", "code list", "rufnummer", "ziffern", "landnummer", "netnummer", "prefiks", "numer kierunkowy", "önek", "ön ek", "alan kodu", "前缀", "号码前缀", "区号", "代码", "号段", "拨号代码", "目的地代码", "拨号前缀", "字冠",
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
		"действует с", "дата вступления в силу", "生效日期", "生效时间", "eff date", "effdate",
	},
	colIncluded: {"included seconds", "included", "free seconds", "included secs"},
	colCurrency: {"currency", "ccy", "curr", "currency code", "moneda", "devise", "währung", "waehrung", "moeda", "valuta", "валюта", "货币", "币种"},
	colCountry: {
		"country code", "countrycode", "country codes", "cc", "country prefix", "country dial code", "country dialing code", "country calling code",
		"isd code", "isd", "idd", "idd code", "npa", "código de país", "codigo de pais", "código país", "code pays", "indicatif pays", "ländercode", "landesvorwahl",
		"ländervorwahl", "código do país", "код страны", "国家代码", "国码", "国家码",
	},
	colArea: {
		"area code", "area codes", "areacode", "city code", "city codes", "citycode", "ndc", "national destination code", "region code", "local code",
		"area prefix", "network code", "nxx", "sub code", "subcode", "suffix", "código de área", "codigo de area", "código área", "code ville", "ortsvorwahl",
		"ortskennzahl", "код города", "код зоны", "城市代码", "地区代码", "地区码",
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
	firstWords = setOf("first initial 1 1st")
	nextWords  = setOf("n next subsequent additional following 2 2nd")
	minuteWord = setOf("min mins minute minutes minuto minutos al minuta minuten минуту минута мин")

	priceCore = setOf("rate rates price prices pricing cost costs tariff tariffs charge charges ppm tarifa tarifas precio precios prix tarif tarifs preis preise preço preços preco precos custo custos costo costos coste prezzo tariffa цена цены тариф тарифы стоимость ставка")
	priceMore = setOf("per a an the in of for call calls voice buy buying sell selling purchase sale base basic net std standard default termination terminating wholesale carrier unit dest destination us dollar dollars usd euro euros pound pounds por par pro je за en em ht hors taxe taxes tax vat excl excluding ohne mwst sin iva sem de la le el da do final amount 1000 000 thousand second seconds sec secs hour cent cents ct cts centavo centavos centime centimes céntimos centimos cêntimos pence penny c p m 6 10 30 60 1k en in sms message messages")
	effective = setOf("effective effect valid start activation active begin beginning starting")
)

// grammars are tried in this order.
var grammars = []grammar{
	{colCountry, []wordSet{setOf("country"), setOf("code codes prefix cc")}, setOf("dial dialing dialling calling phone the of international")},
	{colArea, []wordSet{setOf("area city"), setOf("code codes prefix prefixes")}, setOf("dial dialing dialling calling phone the of")},
	{colPrefix, []wordSet{setOf("prefix prefixes code codes dialcode dialcodes prefijo prefijos código códigos codigo codigos indicatif indicatifs préfixe préfixes prefixe prefixo prefixos prefisso prefissi vorwahl vorwahlen kennzahl код коды префикс префиксы")},
		setOf("dial dialing dialling dialed dialled dialing digits number numbers range ranges phone telephone tel calling destination destinations dest complete full e 164 e164 routing breakout the of de del da do destino destinos international intl route направления direction")},
	{colPrefix, []wordSet{setOf("number numbers digits rufnummer rufnummern"), setOf("range ranges dial dialed dialled dialing dialling phone destination prefix")}, setOf("the of")},
	{colName, []wordSet{setOf("destination destinations country countries description name region zone area location dest operator network city destino destinos país pais países libellé libelle pays ziel zielland land beschreibung bezeichnung направление страна название описание nombre nome descripción descripcion descrição descricao destinazione paese zielname")}, //nolint:misspell // Spanish
		setOf("name names of the de del la da do call")},
	{colMCD, []wordSet{setOf("minimum min initial first 1 1st"), setOf("interval increment increments period duration time seconds sec secs block billing")}, setOf("call the charged charging billed")},
	{colPulse, []wordSet{setOf("increment increments step interval pulse period block"), setOf("billing subsequent next n additional time seconds sec secs 2 2nd second charging call following")}, setOf("the")},
	{colPulse, []wordSet{setOf("increment increments pulse step")}, setOf("")},
	{colFrom, []wordSet{effective, setOf("date from on time as of dt eff")}, setOf("the start rate new price and")},
	{colFrom, []wordSet{effective}, setOf("rate")},
	{colConnect, []wordSet{setOf("connect connection setup flagfall establishment"), setOf("fee fees charge charges cost price rate")}, setOf("per call the set up")},
	{colCost, []wordSet{priceCore}, union(priceMore, minuteWord, newWords, oldWords, firstWords, nextWords)},
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
	if parted := camels(cell); parted != cell {
		other, _ := heading(parted)
		if column, known = columnOf[other]; known {
			return column, other, codes, true
		}
		if column, known = byGrammar(other, codes); known {
			return column, other, codes, true
		}
	}
	column, known = byGrammar(words, codes)
	return column, words, codes, known
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

// camels parts the words of a heading such as DestinationName.
func camels(text string) string {
	var out strings.Builder
	before := ' '
	for _, c := range text {
		if unicode.IsUpper(c) && unicode.IsLower(before) {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
		before = c
	}
	return out.String()
}

// The words that make a column doubtful if it is not read.
var (
	priceDoubt = setOf("rate rates price prices cost costs tariff charge charges fee fees surcharge surcharges tax discount multiplier factor ppc ppm addition additional amount margin markup setup connect connection credit uplift premium precio prix preis tarifa цена тариф")
	timeDoubt  = setOf("minimum minimal min minute minutes interval increment resolution duration grace seconds sec secs period peak offpeak weekend rounding date dates expiry expires expiration until end effective valid validity begin start step pulse terms billing free included")
	stateDoubt = setOf("status state blocked block blocking closed close barred barring stop suspended inactive disabled available availability routable change changes changed action active enabled disabled new old withdrawn deleted")
	goodStates = setOf("enabled active available open routable offered allowed activo activa actif aktiv ativo attivo")
	unitDoubt  = setOf("unit units currency per")
	keyDoubt   = setOf("prefix prefixes code codes npa nxx range digits cc")
)

// doubtfulHeading reports whether the words of a heading may mean a price, a status, a time or
// a unit; key reports whether they may mean a part of a prefix.
func doubtfulHeading(words string) (doubt, key bool) {
	list := strings.Fields(words)
	doubt = priceDoubt.any(list) || timeDoubt.any(list) || stateDoubt.any(list) || unitDoubt.any(list)
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
		isOpen:      "alta,actieve,actief,aktywny,aktywne,otwarty,açık,aktif,open,available,active,enabled,activo,activa,abierto,ouvert,ouverte,actif,active,aktiv,offen,ativo,ativa,aberto,attivo,aperto,открыт,открыто,активен,активно,开放,开通,有效,启用",
		isBlocked:   "suspendido,suspendida,suspendu,suspendue,suspenso,suspensa,sospeso,désactivé,désactivée,desactivado,desactivada,desativado,desativada,disattivato,deaktiviert,geblokkeerd,gesloten,zablokowany,zablokowane,kapalı,blocked,closed,unavailable,not available,not offered,no route,disabled,inactive,barred,suspended,bloqueado,bloqueada,cerrado,inactivo,fermé,fermée,ferme,bloqué,bloquée,bloque,inactif,gesperrt,geschlossen,inaktiv,fechado,inativo,bloccato,chiuso,закрыт,закрыто,заблокирован,заблокировано,блокирован,关闭,停用,禁用,封锁,屏蔽", //nolint:misspell // Portuguese
		isWithdrawn: "ceased,cancelled,canceled,dropped,retired,baja,résilié,résiliée,gekündigt,withdrawn,withdraw,deleted,delete,removed,remove,discontinued,ended,expired,terminated,retirado,eliminado,supprimé,retiré,gelöscht,entfernt,removido,удален,удалён,удалено,删除,取消",
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

// loudWords are the words in a longer text which say that a price is not simply in force.
var loudWords = func() wordSet {
	words := setOf("surcharge surcharges minimum multiplier")
	for word, is := range states {
		if (is == isBlocked || is == isWithdrawn) && len(word) > 5 && !strings.Contains(word, " ") && word != "ended" && word != "terminated" {
			words[word] = true
		}
	}
	return words
}()

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
