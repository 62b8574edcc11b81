-- +goose Up

-- actor_id and preview_of name users that may be gone by now.
CREATE TABLE audit_entries (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id        TEXT COLLATE "C" NOT NULL,
    at               BIGINT NOT NULL,
    actor_id         TEXT COLLATE "C",
    actor_account_id TEXT COLLATE "C",
    preview_of       TEXT COLLATE "C",
    account_id       TEXT COLLATE "C" NOT NULL,
    resource_type    TEXT COLLATE "C" NOT NULL,
    resource_id      TEXT COLLATE "C" NOT NULL,
    action           TEXT COLLATE "C" NOT NULL,
    change           TEXT COLLATE "C" CHECK (jsonb_typeof(change::jsonb) = 'object'),
    CONSTRAINT audit_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT audit_account_id UNIQUE (account_id, id),
    CONSTRAINT audit_account FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT audit_actor_account FOREIGN KEY (tenant_id, actor_account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX audit_actor_account ON audit_entries (actor_account_id, id);
CREATE INDEX audit_tenant_at ON audit_entries (tenant_id, at, id);
CREATE INDEX audit_account_at ON audit_entries (account_id, at, id);

CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse('audit_kept');
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('audit_kept');

CREATE TABLE idempotency_keys (
    scope_hash BYTEA NOT NULL PRIMARY KEY,
    body_hash  BYTEA NOT NULL,
    status     INTEGER NOT NULL,
    headers    TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    body       BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- One row: the number of transactions that have changed this store. It is
-- written last in each, so that its order is the order of the commits.
CREATE TABLE data_revision (
    one INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    n   BIGINT NOT NULL
);
INSERT INTO data_revision (n) VALUES (1);
CREATE TRIGGER data_revision_rises BEFORE UPDATE ON data_revision
    FOR EACH ROW WHEN (NEW.n <> OLD.n + 1) EXECUTE FUNCTION refuse('data_revision_rises');
CREATE TRIGGER data_revision_kept BEFORE DELETE ON data_revision
    FOR EACH ROW EXECUTE FUNCTION refuse('data_revision_rises');

CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
