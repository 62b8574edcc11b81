-- min_reader: 10, min_writer: 10
-- +goose Up
SELECT lock_tables('accounts', 'audit_entries');

-- From when on a tenant keeps audit entries. No list shows older ones, and only they can be deleted.
CREATE TABLE audit_kept_from (
    tenant_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES accounts (id),
    at        BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION audit_entry_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at >= COALESCE((SELECT k.at FROM audit_kept_from k WHERE k.tenant_id = OLD.tenant_id), OLD.at) THEN
        RAISE EXCEPTION 'audit_kept';
    END IF;
    RETURN OLD;
END $$;
-- +goose StatementEnd
DROP TRIGGER audit_entries_kept ON audit_entries;
CREATE TRIGGER audit_entries_fixed BEFORE UPDATE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse('audit_kept');
CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entry_kept();
