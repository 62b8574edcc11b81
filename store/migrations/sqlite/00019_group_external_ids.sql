-- min_reader: 10, min_writer: 10
-- +goose Up

-- What the panel calls a group. It is unique among the groups of an account.
ALTER TABLE groups ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX groups_external_id ON groups (account_id, external_id) WHERE external_id IS NOT NULL;
DROP TRIGGER groups_folded;
-- +goose StatementBegin
CREATE TRIGGER groups_folded AFTER UPDATE OF name, public_name, template, external_id ON groups
WHEN OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.template, OLD.external_id) IS NOT (NEW.name, NEW.public_name, NEW.template, NEW.external_id) BEGIN
    UPDATE groups SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- With the id, the index also gives the order of lists.
DROP INDEX accounts_tenant_external_id;
CREATE INDEX accounts_tenant_external_id ON accounts (tenant_id, external_id, id) WHERE external_id IS NOT NULL;
