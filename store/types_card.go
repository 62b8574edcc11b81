package store

var cardAssignments = setColumn{table: "assignments", owner: "card_id", value: "account_id", timed: true}

// The view in which the one a card was assigned to sees it: as its provider's.
const translated = "translated"

var cardType = &typeDef{
	name: "card", table: "cards", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("account_id", KindText).policy().required(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("kind", KindText).policy().required().in(translated, "'provider'"),
		stored("name", KindText).policy().required().
			in(translated, "COALESCE(@.public_name, 'Provider card ' || @.id)"),
		stored("public_name", KindText).policy(),
		stored("carrier", KindText).policy().
			in(translated, "(SELECT s.public_name FROM accounts s WHERE s.id = @.account_id)"),
		stored("currency", KindText).policy(),
		stored("direction", KindText).policy(),
		stored("tech_prefix", KindText),
		stored("rate_precision", KindInteger),
		stored("rate_rounding", KindText),
		stored("charge_precision", KindInteger),
		stored("charge_rounding", KindText),
		stored("notes", KindText).opaque(),
		stored("public_notes", KindText),
		setOf("assigned_to", cardAssignments).policy(),
		stored("external_id", KindText).policy(),
		document("revision", KindRevision, activeRevision("s.number")).
			inView(translated, activeRevision("NULL")),
		stored("created_at", KindTime).required(),
		stored("updated_at", KindTime).required(),
	},
}

// activeRevision lists id, number, activation time and row count of a card's
// active revision.
func activeRevision(number string) expression {
	return func(b *builder, alias string) string {
		return "(SELECT " + b.d.jsonArray("s.id", number, "s.activated_at", "s.row_count") +
			" FROM revisions s WHERE s.card_id = " + alias + ".id AND s.status = 'active')"
	}
}

var rateType = &typeDef{
	name: "rate", table: "rates", key: "@.prefix",
	through: cardType, scope: "@.revision_id", revised: true,
	columns: []column{
		stored("prefix", KindText).required(),
		stored("name", KindText),
		stored("cost", KindMoney).required(),
		stored("inter", KindMoney),
		stored("intra", KindMoney),
		stored("mcd", KindInteger).required(),
		stored("pulse", KindInteger).required(),
		stored("connect", KindMoney).required(),
		stored("status", KindText).required(),
	},
}

var assignmentType = &typeDef{
	name: "assignment", table: "assignments", key: "@.account_id",
	through: cardType, scope: "@.card_id", needs: "assigned_to",
	also: map[string]join{"account": {def: accountType, alias: "a", on: "a.id = @.account_id"}},
	columns: []column{
		stored("account_id", KindText).required(),
		stored("valid_from", KindTime).required(),
		stored("valid_to", KindTime),
	},
}

var cardCustomerType = &typeDef{
	name: "card_customer", table: "card_customers", key: "@.customer_id",
	through: cardType, scope: "@.card_id",
	also: map[string]join{"customer": {def: customerType, alias: "a", on: "a.id = @.customer_id"}},
	columns: []column{
		stored("customer_id", KindText).required(),
		stored("valid_from", KindTime).required(),
		stored("valid_to", KindTime),
	},
}
