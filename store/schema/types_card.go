package schema

// parentCards lists the cards that a customer card is built from, with the
// names by which its owner knows them. A card that is no longer assigned has
// no name.
func parentCards(b *Builder, alias string) string {
	now := b.Integer(Argument{Kind: ArgNow})
	name := Aliased("CASE WHEN p.account_id = @.account_id THEN p.name WHEN EXISTS (SELECT 1 FROM assignments a"+
		" WHERE a.card_id = p.id AND a.account_id = @.account_id AND a.valid_from + 0 <= "+now+
		" AND (a.valid_to IS NULL OR a.valid_to > "+now+")) THEN "+translatedName("p.")+" END", alias)
	return Aliased("CASE WHEN @.kind = 'customer' THEN "+b.Dialect.JSONRows("s.position",
		"card_parents s LEFT JOIN cards p ON p.id = s.parent_id WHERE s.card_id = @.id",
		"s.parent_id", name, "s.exchange", "s.exchange_at")+" END", alias)
}

// translatedName returns a card's name for the accounts that it is assigned
// to.
func translatedName(of string) string {
	return "COALESCE(" + of + "public_name, 'Provider card ' || " + of + "id)"
}

func ruleList(b *Builder, alias string) string {
	var values []string
	for _, f := range RuleFields {
		values = append(values, "s."+f.Name)
	}
	return Aliased("CASE WHEN @.kind = 'customer' THEN "+
		b.Dialect.JSONRows("s.position", "profit_rules s WHERE s.card_id = @.id", values...)+" END", alias)
}

// ObjectField is one value of a row that a document lists as an object.
type ObjectField struct {
	Name string
	Kind Kind // Text, Integer, Money, Time, or Set for names separated by commas
}

// RuleFields are the fields of a profit rule. Each has the name of its column.
var RuleFields = []ObjectField{
	{"match", Text}, {"type", Text}, {"value", Money}, {"apply_to", Set}, {"status", Text},
	{"mcd", Integer}, {"pulse", Integer}, {"connect", Money}, {"precision", Integer}, {"rounding", Text},
}

// ParentFields are the fields that parentCards lists for each card.
var ParentFields = []ObjectField{{"card_id", Text}, {"name", Text}, {"exchange", Text}, {"exchange_at", Time}}

// activeRevision returns the SQL for the id, number, activation time and row
// count of a card's active revision.
func activeRevision(number string) expression {
	return func(b *Builder, alias string) string {
		return "(SELECT " + b.Dialect.JSONArray("s.id", number, "s.activated_at", "s.row_count") +
			" FROM revisions s WHERE s.card_id = " + alias + ".id AND s.status = 'active')"
	}
}

// revisionType describes the revisions of a card's rates. A viewer of the
// translated card sees only the active revision.
var revisionType = &Type{
	Name: "revision", Prefix: "rev_", Table: "revisions", Key: "@.id",
	Through: CardType, Scope: "@.card_id", Decided: true, Only: map[string]string{Translated: "@.status = 'active'"},
	Columns: []Column{
		stored("id", Text).required(),
		stored("number", Integer),
		stored("status", Text).required().oneOf("draft", "scheduled", "held", "active", "inactive", "archived"),
		stored("live_at", Time),
		stored("activated_at", Time),
		stored("deactivated_at", Time),
		stored("rows", Integer).from("@.row_count").required(),
		stored("origin", Text).required().oneOf("import", "build"),
		stored("base_id", Text),
		stored("scheduled_by", Text).refers("user"),
		stored("losses_accepted", Boolean).required(),
		stored("held_reason", Text),
		stored("created_at", Time).required(),
	},
}

var assignmentType = &Type{
	Name: "assignment", Table: "assignments", Key: "@.account_id",
	Through: CardType, Scope: "@.card_id", Timed: true, Needs: "assigned_to",
	Also: map[string]join{"account": {Def: accountType, Alias: "a", On: "a.id = @.account_id"}},
	Columns: []Column{
		stored("account_id", Text).required().refers("account"),
		stored("valid_from", Time).required(),
		stored("valid_to", Time),
	},
}

var cardCustomerType = &Type{
	Name: "card_customer", Table: "card_customers", Key: "@.customer_id",
	Through: CardType, Scope: "@.card_id", Timed: true,
	Also: map[string]join{"customer": {Def: customerType, Alias: "a", On: "a.id = @.customer_id"}},
	Columns: []Column{
		stored("customer_id", Text).required().refers("customer"),
		stored("valid_from", Time).required(),
		stored("valid_to", Time),
	},
}
