package schema

var accountType = &Type{
	Name: "account", Prefix: "acc_", Table: "accounts", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "parent_id"},
	Columns: []Column{
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

var groupType = &Type{
	Name: "group", Prefix: "grp_", Table: "groups", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: []Column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("name", Text).policy().required().in("lent", "COALESCE(@.public_name, 'Group')"),
		stored("public_name", Text).policy(),
		stored("lend", Text).policy().required().hidden(),
		setOf("lent_to", groupLoans).policy().hidden(),
		document("lend_to", JSON, func(b *Builder, alias string) string {
			return Aliased("CASE @.lend WHEN 'some' THEN "+groupLoans.list(b, alias)+` ELSE '"' || @.lend || '"' END`, alias)
		}),
		stored("template", Text).policy(),
		stored("default_access", Letters).required().whole(),
		document("rows", AccessRows, func(b *Builder, alias string) string {
			return b.Dialect.JSONObject("s.area", "s.access", "group_rows s WHERE s.group_id = "+alias+".id")
		}),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var groupLoans = setColumn{table: "group_loans", Owner: "group_id", Value: "account_id", Only: "@.lend = 'some'"}

var userType = &Type{
	Name: "user", Prefix: "usr_", Table: "users", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: []Column{
		stored("id", Text).policy().required(),
		stored("account_id", Text).policy().ofAccount().required(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("external_id", Text).policy(),
		stored("login", Text).opaque(),
		stored("name", Text).opaque(),
		setOf("groups", setColumn{table: "user_groups", Owner: "user_id", Value: "group_id"}).policy(),
		stored("status", Text).policy().required(),
		stored("ip_allow", JSON).opaque().whole(),
		stored("time_zone", Text),
		stored("created_at", Time).required(),
		stored("updated_at", Time).required(),
	},
}

var auditType = &Type{
	Name: "audit", Prefix: "aud_", Table: "audit_entries", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id", "actor_account_id"},
	Columns: []Column{
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
