-- min_reader: 10, min_writer: 10
-- +goose Up

-- What decided access before a change or a deletion: of users, groups and accounts, without what identifies a person.
-- until is the time of the change. Programs without this table write none, so former access is whole from
-- FinishUpgrade on.
CREATE TABLE former_access (
    tenant_id TEXT NOT NULL,
    type      TEXT NOT NULL,
    id        TEXT NOT NULL,
    until     INTEGER NOT NULL,
    document  TEXT NOT NULL,
    PRIMARY KEY (tenant_id, type, id, until)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_access_until ON former_access (tenant_id, until);

-- From when on former_access is whole. A tenant without a row is whole from its beginning.
CREATE TABLE access_kept_from (
    tenant_id TEXT PRIMARY KEY NOT NULL REFERENCES accounts (id),
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_old_secret ON webhooks (old_until) WHERE old_secret IS NOT NULL;
