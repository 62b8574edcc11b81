-- min_reader: 10, min_writer: 10
-- +goose Up

-- From when on a tenant keeps audit entries. No list shows older ones, and only they can be deleted.
CREATE TABLE audit_kept_from (
    tenant_id TEXT PRIMARY KEY NOT NULL REFERENCES accounts (id),
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP TRIGGER audit_entries_kept;
-- +goose StatementBegin
CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
WHEN OLD.at >= COALESCE((SELECT at FROM audit_kept_from WHERE tenant_id = OLD.tenant_id), OLD.at) BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd
