-- min_reader: 10, min_writer: 10
-- +goose Up

-- The changes of commits of many rows of a type, which are written before the commit has its revision. In changes, one
-- row with the id '~' stands for all of a type. A row holds several changes, under the last of their ids; of a type that
-- identifies persons, it holds one, so that an erasure finds it.
CREATE TABLE change_packs (
    tenant_id  TEXT NOT NULL,
    at         INTEGER NOT NULL,
    mark       TEXT NOT NULL,
    type       TEXT NOT NULL,
    id         TEXT NOT NULL,
    changed    TEXT NOT NULL,
    row_before TEXT,
    row_after  TEXT,
    PRIMARY KEY (tenant_id, at, mark, type, id)
) STRICT;
CREATE INDEX change_packs_user ON change_packs (id, mark) WHERE type = 'user';
