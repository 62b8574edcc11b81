package schema

// auditActions are the actions of audit entries.
var auditActions = []string{"create", "update", "delete", "assign", "build", "activate", "accept_losses", "open", "preview", "prune"}

var auditType = &Type{
	Name: "audit", Prefix: "aud_", Table: "audit_entries", Key: "@.id",
	Kept:    "@.at >= COALESCE((SELECT k.at FROM audit_kept_from k WHERE k.tenant_id = @.tenant_id), @.at)",
	Indexed: []string{"id", "tenant_id", "account_id", "actor_account_id"},
	Columns: []Column{
		stored("id", Text).policy().required(),
		stored("at", Time).required(),
		stored("actor", Text).from("@.actor_id").refers("user"),
		stored("actor_account_id", Text).policy().ofAccount().hidden(),
		stored("preview_of", Text).hidden(), // of a preview, resource is the same user
		stored("panel", Text),
		stored("account", Text).from("@.account_id").refers("account"),
		stored("account_id", Text).policy().ofAccount().hidden(),
		stored("tenant_id", Text).policy().required().hidden(),
		stored("action", Text).policy().required().oneOf(auditActions...),
		document("resource", Reference, sqlText("@.resource_type || '/' || @.resource_id")),
		stored("resource_type", Text).policy().hidden(),
		stored("resource_id", Text).policy().hidden(),
		stored("change", JSON).whole(),
	},
}
