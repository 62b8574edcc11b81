-- +goose Up

-- actor_id and preview_of name users that may be gone by now.
CREATE TABLE audit_entries (
    id               TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id        TEXT NOT NULL,
    at               INTEGER NOT NULL,
    actor_id         TEXT,
    actor_account_id TEXT,
    preview_of       TEXT,
    account_id       TEXT NOT NULL,
    resource_type    TEXT NOT NULL,
    resource_id      TEXT NOT NULL,
    action           TEXT NOT NULL,
    change           TEXT CHECK (change IS NULL OR json_type(change) = 'object'),
    CONSTRAINT audit_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT audit_account_id UNIQUE (account_id, id),
    CONSTRAINT audit_account FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT audit_actor_account FOREIGN KEY (tenant_id, actor_account_id) REFERENCES accounts (tenant_id, id)
) STRICT;
CREATE INDEX audit_actor_account ON audit_entries (actor_account_id, id);
CREATE INDEX audit_tenant_at ON audit_entries (tenant_id, at, id);
CREATE INDEX audit_account_at ON audit_entries (account_id, at, id);

-- +goose StatementBegin
CREATE TRIGGER audit_entries_not_changed BEFORE UPDATE ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_not_replaced BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd

CREATE TABLE idempotency_keys (
    scope_hash BLOB NOT NULL PRIMARY KEY,
    body_hash  BLOB NOT NULL,
    status     INTEGER NOT NULL,
    headers    TEXT NOT NULL DEFAULT '{}',
    body       BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- One row: the number of transactions that have changed this store. It is
-- written last in each, so that its order is the order of the commits.
CREATE TABLE data_revision (
    one INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    n   INTEGER NOT NULL
) STRICT;
INSERT INTO data_revision (n) VALUES (1);
-- +goose StatementBegin
CREATE TRIGGER data_revision_rises BEFORE UPDATE ON data_revision
WHEN NEW.n <> OLD.n + 1 BEGIN
    SELECT RAISE(ABORT, 'data_revision_rises');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER data_revision_kept BEFORE DELETE ON data_revision BEGIN
    SELECT RAISE(ABORT, 'data_revision_rises');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER data_revision_not_replaced BEFORE INSERT ON data_revision
WHEN EXISTS (SELECT 1 FROM data_revision) BEGIN
    SELECT RAISE(ABORT, 'data_revision_rises');
END;
-- +goose StatementEnd

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
