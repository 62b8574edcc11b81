package store

var accountType = &typeDef{
	name: "account", table: "accounts", key: "@.id",
	indexed: []string{"id", "tenant_id", "parent_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("parent_id", KindText).policy(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("kind", KindText).policy().required(),
		stored("name", KindText).policy().required(),
		stored("public_name", KindText).policy(),
		stored("email", KindText).opaque(),
		stored("currency", KindText).policy(),
		stored("status", KindText).policy().required(),
		stored("ceiling", KindAccessRows).opaque().whole(),
		stored("external_id", KindText).policy(),
		stored("depth", KindInteger).policy().required().hidden(),
		stored("created_at", KindTime).required(),
		stored("updated_at", KindTime).required(),
	},
}

var groupType = &typeDef{
	name: "group", table: "groups", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("account_id", KindText).policy().required(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("name", KindText).policy().required().in("lent", "COALESCE(@.public_name, 'Group')"),
		stored("public_name", KindText).policy(),
		stored("lend", KindText).policy().required().hidden(),
		setOf("lent_to", groupLoans).policy().hidden(),
		document("lend_to", KindJSON, func(b *builder, alias string) string {
			return at("CASE @.lend WHEN 'some' THEN "+groupLoans.list(b, alias)+` ELSE '"' || @.lend || '"' END`, alias)
		}),
		stored("template", KindText).policy(),
		stored("default_access", KindAccess).required().whole(),
		document("rows", KindAccessRows, func(b *builder, alias string) string {
			return b.d.jsonObject("s.area", "s.access", "group_rows s WHERE s.group_id = "+alias+".id")
		}),
		stored("created_at", KindTime).required(),
		stored("updated_at", KindTime).required(),
	},
}

var groupLoans = setColumn{table: "group_loans", owner: "group_id", value: "account_id", only: "@.lend = 'some'"}

var userType = &typeDef{
	name: "user", table: "users", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("account_id", KindText).policy().required(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("external_id", KindText).policy(),
		stored("login", KindText).opaque(),
		stored("name", KindText).opaque(),
		setOf("groups", setColumn{table: "user_groups", owner: "user_id", value: "group_id"}).policy(),
		stored("status", KindText).policy().required(),
		stored("ip_allow", KindJSON).opaque().whole(),
		stored("time_zone", KindText),
		stored("created_at", KindTime).required(),
		stored("updated_at", KindTime).required(),
	},
}

var customerType = &typeDef{
	name: "customer", table: "customers", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("account_id", KindText).policy().required(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("name", KindText).policy().required(),
		stored("email", KindText).opaque(),
		stored("status", KindText).policy().required(),
		stored("currency", KindText).policy(),
		stored("external_id", KindText).policy(),
		stored("notes", KindText).opaque(),
		setOf("cards", setColumn{table: "card_customers", owner: "customer_id", value: "card_id", timed: true}),
		stored("created_at", KindTime).required(),
		stored("updated_at", KindTime).required(),
	},
}

var auditType = &typeDef{
	name: "audit", table: "audit_entries", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id", "actor_account_id"},
	columns: []column{
		stored("id", KindText).policy().required(),
		stored("at", KindTime).required(),
		stored("actor", KindText).from("@.actor_id"),
		stored("actor_account_id", KindText).policy().hidden(),
		stored("preview_of", KindText),
		stored("account", KindText).from("@.account_id"),
		stored("account_id", KindText).policy().hidden(),
		stored("tenant_id", KindText).policy().required().hidden(),
		stored("action", KindText).policy().required(),
		document("resource", KindReference, sqlText("@.resource_type || '/' || @.resource_id")),
		stored("resource_type", KindText).policy().hidden(),
		stored("resource_id", KindText).policy().hidden(),
		stored("change", KindJSON).whole(),
	},
}
