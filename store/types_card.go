package store

var cardAssignments = setColumn{table: "assignments", owner: "card_id", value: "account_id", timed: true}

// translated is the view in which the one a card was assigned to sees it: as its
// provider's.
const translated = "translated"

// cardType has the cards, without their rates.
var cardType = &typeDef{
	name: "card", table: "cards", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("kind", Text).policy().required().in(translated, "'provider'"),
		stored("name", Text).policy().required().
			in(translated, translatedName("@.")),
		stored("public_name", Text).policy(),
		stored("carrier", Text).policy().
			in(translated, "(SELECT s.public_name FROM accounts s WHERE s.id = @.account_id)"),
		stored("currency", Text).policy(),
		stored("direction", Text).policy(),
		stored("tech_prefix", Text),
		stored("rate_precision", Integer),
		stored("rate_rounding", Text),
		stored("charge_precision", Integer),
		stored("charge_rounding", Text),
		stored("notes", Text).opaque(),
		stored("public_notes", Text),
		setOf("assigned_to", cardAssignments).policy(),
		document("parents", ParentCards, parentCards),
		stored("compact", Text).from("CASE WHEN @.kind = 'customer' THEN COALESCE(@.compact, '" + DefaultCompact + "') END"),
		stored("routing", Text).from("CASE WHEN @.kind = 'customer' THEN COALESCE(@.routing, '" + DefaultRouting + "') END"),
		document("profit_rules", RuleList, ruleList),
		stored("external_id", Text).policy(),
		document("revision", RevisionHead, activeRevision("s.number")).
			inView(translated, activeRevision("NULL")),
		stored("stale", Text),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

// parentCards lists the cards that a customer card is built from, by the names
// that its owner knows them by; one that is not assigned any more has none.
func parentCards(b *builder, alias string) string {
	now := b.integer(argument{kind: argNow})
	name := at("CASE WHEN p.account_id = @.account_id THEN p.name WHEN EXISTS (SELECT 1 FROM assignments a"+
		" WHERE a.card_id = p.id AND a.account_id = @.account_id AND a.valid_from <= "+now+
		" AND (a.valid_to IS NULL OR a.valid_to > "+now+")) THEN "+translatedName("p.")+" END", alias)
	return at("CASE WHEN @.kind = 'customer' THEN "+b.d.jsonRows("s.position",
		"card_parents s LEFT JOIN cards p ON p.id = s.parent_id WHERE s.card_id = @.id",
		"s.parent_id", name, "s.exchange", "s.exchange_at")+" END", alias)
}

// translatedName is what a card is called where it is assigned to.
func translatedName(of string) string {
	return "COALESCE(" + of + "public_name, 'Provider card ' || " + of + "id)"
}

func ruleList(b *builder, alias string) string {
	return at("CASE WHEN @.kind = 'customer' THEN "+b.d.jsonRows("s.position", "profit_rules s WHERE s.card_id = @.id",
		"s.match", "s.type", "s.value", "s.apply_to", "s.status", "s.mcd", "s.pulse", "s.connect", "s.precision", "s.rounding")+" END", alias)
}

// activeRevision lists id, number, activation time and row count of a card's
// active revision.
func activeRevision(number string) expression {
	return func(b *builder, alias string) string {
		return "(SELECT " + b.d.jsonArray("s.id", number, "s.activated_at", "s.row_count") +
			" FROM revisions s WHERE s.card_id = " + alias + ".id AND s.status = 'active')"
	}
}

// revisionType has the states of a card's rates. Who sees the card translated
// sees the one that is in force.
var revisionType = &typeDef{
	name: "revision", table: "revisions", key: "@.id",
	through: cardType, scope: "@.card_id", decided: true, only: map[string]string{translated: "@.status = 'active'"},
	columns: []column{
		stored("id", Text).required(),
		stored("number", Integer),
		stored("status", Text).required(),
		stored("live_at", Time),
		stored("activated_at", Time),
		stored("deactivated_at", Time),
		stored("rows", Integer).from("@.row_count").required(),
		stored("origin", Text).required(),
		stored("base_id", Text),
		stored("scheduled_by", Text),
		stored("losses_accepted", Boolean).required(),
		stored("held_reason", Text),
		stored("created_at", Time).required(),
	},
}

var rateType = &typeDef{
	name: "rate", table: "rates", key: "@.prefix",
	through: cardType, scope: "@.revision_id", decided: true, revised: true,
	columns: []column{
		stored("prefix", Text).required(),
		stored("name", Text),
		stored("cost", Money).required(),
		stored("inter", Money),
		stored("intra", Money),
		stored("mcd", Integer).required(),
		stored("pulse", Integer).required(),
		stored("connect", Money).required(),
		stored("status", Text).required(),
	},
}

var assignmentType = &typeDef{
	name: "assignment", table: "assignments", key: "@.account_id",
	through: cardType, scope: "@.card_id", timed: true, needs: "assigned_to",
	also: map[string]join{"account": {def: accountType, alias: "a", on: "a.id = @.account_id"}},
	columns: []column{
		stored("account_id", Text).required(),
		stored("valid_from", Time).required(),
		stored("valid_to", Time),
	},
}

var cardCustomerType = &typeDef{
	name: "card_customer", table: "card_customers", key: "@.customer_id",
	through: cardType, scope: "@.card_id", timed: true,
	also: map[string]join{"customer": {def: customerType, alias: "a", on: "a.id = @.customer_id"}},
	columns: []column{
		stored("customer_id", Text).required(),
		stored("valid_from", Time).required(),
		stored("valid_to", Time),
	},
}
