-- min_reader: 8, min_writer: 8
-- +goose Up

-- An external id names one user of its tenant and nothing else. These are cleared: ids that several
-- users of a tenant share, which therefore name none of them; ids that begin like an id of this
-- program; and ids with a blank at an end, which HTTP takes off. Other malformed ids stay as they are.
CREATE TABLE cleared_external_ids AS
    SELECT id FROM users
    WHERE substr(external_id, 1, 4) IN ('acc_', 'grp_', 'usr_', 'cus_', 'crd_', 'rev_', 'aud_')
       OR external_id <> trim(external_id, ' ' || char(9))
       OR (tenant_id, external_id) IN (
            SELECT tenant_id, external_id FROM users WHERE external_id IS NOT NULL
            GROUP BY tenant_id, external_id HAVING count(*) > 1);
INSERT INTO audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action, change)
    SELECT 'aud_' || lower(hex(randomblob(16))), u.tenant_id, CAST(unixepoch('subsec') * 1000000 AS INTEGER), u.account_id,
        'user', u.id, 'migrate', json_object(
            'columns', json_object('external_id', json_object('before', u.external_id, 'after', NULL)),
            'row', json_object('id', u.id, 'tenant_id', u.tenant_id, 'account_id', u.account_id, 'status', u.status, 'groups',
                (SELECT json_group_array(m.group_id ORDER BY m.group_id) FROM user_groups m WHERE m.user_id = u.id)))
    FROM cleared_external_ids c JOIN users u ON u.id = c.id;
UPDATE users SET external_id = NULL, version = version + 1, updated_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    WHERE id IN (SELECT id FROM cleared_external_ids);
UPDATE data_revision SET n = n + 1 WHERE EXISTS (SELECT 1 FROM cleared_external_ids);
DROP TABLE cleared_external_ids;

CREATE UNIQUE INDEX users_tenant_external_id ON users (tenant_id, external_id) WHERE external_id IS NOT NULL;
-- INSERT OR REPLACE and UPDATE OR REPLACE would delete the user who has the id.
-- +goose StatementBegin
CREATE TRIGGER users_external_id_inserted BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE tenant_id = NEW.tenant_id AND external_id = NEW.external_id AND id <> NEW.id) BEGIN
    SELECT RAISE(ABORT, 'users_tenant_external_id');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_external_id_updated BEFORE UPDATE ON users
WHEN EXISTS (SELECT 1 FROM users WHERE tenant_id = NEW.tenant_id AND external_id = NEW.external_id AND id <> OLD.id) BEGIN
    SELECT RAISE(ABORT, 'users_tenant_external_id');
END;
-- +goose StatementEnd

-- A malformed id that is there stays until it is changed.
-- +goose StatementBegin
CREATE TRIGGER users_external_id_form BEFORE INSERT ON users
WHEN NEW.external_id IS NOT NULL AND (length(NEW.external_id) NOT BETWEEN 1 AND 255
    OR NEW.external_id GLOB '*[^ -~]*' OR NEW.external_id <> trim(NEW.external_id)
    OR substr(NEW.external_id, 1, 4) IN ('acc_', 'grp_', 'usr_', 'cus_', 'crd_', 'rev_', 'aud_')) BEGIN
    SELECT RAISE(ABORT, 'user_external_id_form');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_external_id_form_kept BEFORE UPDATE ON users
WHEN NEW.external_id IS NOT OLD.external_id AND (length(NEW.external_id) NOT BETWEEN 1 AND 255
    OR NEW.external_id GLOB '*[^ -~]*' OR NEW.external_id <> trim(NEW.external_id)
    OR substr(NEW.external_id, 1, 4) IN ('acc_', 'grp_', 'usr_', 'cus_', 'crd_', 'rev_', 'aud_')) BEGIN
    SELECT RAISE(ABORT, 'user_external_id_form');
END;
-- +goose StatementEnd
