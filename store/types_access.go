package store

var accountType = &typeDef{
	name: "account", table: "accounts", key: "@.id",
	indexed: []string{"id", "tenant_id", "parent_id"},
	columns: []column{
		stored("id", Text).policy().ofAccount().required(),
		stored("parent_id", Text).policy().ofAccount(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("kind", Text).policy().required(),
		stored("name", Text).policy().required(),
		stored("public_name", Text).policy(),
		stored("email", Text).opaque(),
		stored("currency", Text).policy(),
		stored("status", Text).policy().required(),
		stored("ceiling", AccessRows).opaque().whole(),
		stored("external_id", Text).policy(),
		stored("depth", Integer).policy().required().hidden(),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var groupType = &typeDef{
	name: "group", table: "groups", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("name", Text).policy().required().in("lent", "COALESCE(@.public_name, 'Group')"),
		stored("public_name", Text).policy(),
		stored("lend", Text).policy().required().hidden(),
		setOf("lent_to", groupLoans).policy().hidden(),
		document("lend_to", JSON, func(b *builder, alias string) string {
			return at("CASE @.lend WHEN 'some' THEN "+groupLoans.list(b, alias)+` ELSE '"' || @.lend || '"' END`, alias)
		}),
		stored("template", Text).policy(),
		stored("default_access", Letters).required().whole(),
		document("rows", AccessRows, func(b *builder, alias string) string {
			return b.d.jsonObject("s.area", "s.access", "group_rows s WHERE s.group_id = "+alias+".id")
		}),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var groupLoans = setColumn{table: "group_loans", owner: "group_id", value: "account_id", only: "@.lend = 'some'"}

var userType = &typeDef{
	name: "user", table: "users", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("external_id", Text).policy(),
		stored("login", Text).opaque(),
		stored("name", Text).opaque(),
		setOf("groups", setColumn{table: "user_groups", owner: "user_id", value: "group_id"}).policy(),
		stored("status", Text).policy().required(),
		stored("ip_allow", JSON).opaque().whole(),
		stored("time_zone", Text),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var customerType = &typeDef{
	name: "customer", table: "customers", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id"},
	columns: []column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("name", Text).policy().required(),
		stored("email", Text).opaque(),
		stored("status", Text).policy().required(),
		stored("currency", Text).policy(),
		stored("external_id", Text).policy(),
		stored("notes", Text).opaque(),
		setOf("cards", setColumn{table: "card_customers", owner: "customer_id", value: "card_id", timed: true}),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var auditType = &typeDef{
	name: "audit", table: "audit_entries", key: "@.id",
	indexed: []string{"id", "tenant_id", "account_id", "actor_account_id"},
	columns: []column{
		stored("id", Text).policy().required(),
		stored("at", Time).required(),
		stored("actor", Text).from("@.actor_id"),
		stored("actor_account_id", Text).policy().ofAccount().hidden(),
		stored("preview_of", Text),
		stored("account", Text).from("@.account_id"),
		stored("account_id", Text).policy().ofAccount().hidden(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("action", Text).policy().required(),
		document("resource", Reference, sqlText("@.resource_type || '/' || @.resource_id")),
		stored("resource_type", Text).policy().hidden(),
		stored("resource_id", Text).policy().hidden(),
		stored("change", JSON).whole(),
	},
}
