package schema

// auditActions are the actions of audit entries.
var auditActions = []string{"create", "update", "delete", "assign", "build", "activate", "accept_losses", "open", "preview", "prune", "break_glass", "erase"}

// Withheld stands for a value that identifies a person in the change of an audit entry.
const Withheld = "(personal)"

// AuditPlace is the column that orders audit entries as they were committed, within a
// tenant. Entries of one commit have the same place, and later commits have greater ones.
const AuditPlace = "place"

var auditType = &Type{
	Name: "audit", Prefix: "aud_", Table: "audit_entries", Key: "@.id",
	Kept:    "@.at >= COALESCE((SELECT k.at FROM audit_kept_from k WHERE k.tenant_id = @.tenant_id), @.at)",
	Indexed: []string{"id", "tenant_id", "account_id", "actor_account_id"},
	Columns: []Column{
		stored("id", Text).policy().required(),
		stored(AuditPlace, Integer).required().hidden().ordering(),
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
