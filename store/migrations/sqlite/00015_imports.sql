-- min_reader: 10, min_writer: 10
-- +goose Up

-- Rules for reading the files of suppliers, as JSON. kind is that of the cards.
CREATE TABLE import_profiles (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind       TEXT NOT NULL CHECK (kind IN ('provider', 'customer')),
    name       TEXT NOT NULL CHECK (name <> ''),
    rules      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, name, kind)
) STRICT, WITHOUT ROWID;

-- The prefixes that an amendment gives, separated by spaces. A prefix of which only some columns are given has
-- their bits behind a colon, in hexadecimal digits. An amendment without prefixes is never rebased.
CREATE TABLE revision_changes (
    revision_id TEXT PRIMARY KEY NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    prefixes    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
