-- min_reader: 8, min_writer: 8
-- +goose Up

-- Other programs may be writing beside this. None sets an external id until the index is there.
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;

-- An external id names one user of its tenant and nothing else. These are cleared: ids that several
-- users of a tenant share, which therefore name none of them; ids that begin like an id of this
-- program; and ids with a blank at an end, which HTTP takes off. Other malformed ids stay as they are.
CREATE TABLE cleared_external_ids AS
    SELECT id FROM users
    WHERE substr(external_id, 1, 4) IN ('acc_', 'grp_', 'usr_', 'cus_', 'crd_', 'rev_', 'aud_')
       OR external_id <> btrim(external_id, E' \t')
       OR (tenant_id, external_id) IN (
            SELECT tenant_id, external_id FROM users WHERE external_id IS NOT NULL
            GROUP BY tenant_id, external_id HAVING count(*) > 1);
INSERT INTO audit_entries (id, tenant_id, at, account_id, resource_type, resource_id, action, change)
    SELECT 'aud_' || replace(gen_random_uuid()::text, '-', ''), u.tenant_id,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, u.account_id,
        'user', u.id, 'migrate', json_build_object(
            'columns', json_build_object('external_id', json_build_object('before', u.external_id, 'after', NULL::text)),
            'row', json_build_object('id', u.id, 'tenant_id', u.tenant_id, 'account_id', u.account_id, 'status', u.status, 'groups',
                (SELECT json_agg(m.group_id ORDER BY m.group_id) FROM user_groups m WHERE m.user_id = u.id)))::text
    FROM cleared_external_ids c JOIN users u ON u.id = c.id;
UPDATE users SET external_id = NULL, version = version + 1, updated_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    WHERE id IN (SELECT id FROM cleared_external_ids);

CREATE UNIQUE INDEX users_tenant_external_id ON users (tenant_id, external_id) WHERE external_id IS NOT NULL;

-- A malformed id that is there stays until it is changed.
-- +goose StatementBegin
CREATE FUNCTION external_id_formed(external_id TEXT) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT external_id COLLATE "C" ~ '^[!-~]([ -~]{0,253}[!-~])?$'
        AND substr(external_id, 1, 4) NOT IN ('acc_', 'grp_', 'usr_', 'cus_', 'crd_', 'rev_', 'aud_')
$$;
-- +goose StatementEnd
CREATE TRIGGER users_external_id_form BEFORE INSERT ON users
    FOR EACH ROW WHEN (NOT external_id_formed(NEW.external_id)) EXECUTE FUNCTION refuse('user_external_id_form');
CREATE TRIGGER users_external_id_form_kept BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.external_id IS DISTINCT FROM OLD.external_id AND NOT external_id_formed(NEW.external_id))
    EXECUTE FUNCTION refuse('user_external_id_form');

-- Its row stays locked until the commit: hence last.
UPDATE data_revision SET n = n + 1 WHERE EXISTS (SELECT 1 FROM cleared_external_ids);
DROP TABLE cleared_external_ids;
