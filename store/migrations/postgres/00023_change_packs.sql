-- min_reader: 10, min_writer: 10
-- +goose Up

-- The changes of commits of many rows of a type, which are written before the commit has its revision. In changes, one
-- row with the id '~' stands for all of a type. A row holds several changes, under the last of their ids; of a type that
-- identifies persons, it holds one, so that an erasure finds it.
CREATE TABLE change_packs (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    mark       TEXT COLLATE "C" NOT NULL,
    type       TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    changed    TEXT COLLATE "C" NOT NULL,
    row_before TEXT COLLATE "C",
    row_after  TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, at, mark, type, id)
);
CREATE INDEX change_packs_user ON change_packs (id, mark) WHERE type = 'user';
