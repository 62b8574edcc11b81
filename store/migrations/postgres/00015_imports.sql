-- min_reader: 10, min_writer: 10
-- +goose Up

-- Rules for reading the files of suppliers, as JSON. kind is that of the cards.
CREATE TABLE import_profiles (
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('provider', 'customer')),
    name       TEXT COLLATE "C" NOT NULL CHECK (name <> ''),
    rules      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, name, kind)
);

-- The prefixes that an amendment gives, separated by spaces. A prefix of which only some columns are given has
-- their bits behind a colon, in hexadecimal digits. An amendment without prefixes is never rebased.
CREATE TABLE revision_changes (
    revision_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    prefixes    TEXT COLLATE "C" NOT NULL
);
