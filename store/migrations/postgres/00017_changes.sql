-- min_reader: 10, min_writer: 10
-- +goose Up

-- What each commit changed: the columns of a row that changed, of each view, and the columns that policies
-- read of the row before and after. All rows of a commit have its mark.
CREATE TABLE changes (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    revision   BIGINT NOT NULL,
    type       TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    mark       TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    changed    TEXT COLLATE "C" NOT NULL,
    row_before TEXT COLLATE "C",
    row_after  TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, revision, type, id)
);
CREATE INDEX changes_mark ON changes (mark);

-- The last data revision of a program that stores changes, and the last one before it of a program that does not.
ALTER TABLE data_revision ADD COLUMN told BIGINT;
ALTER TABLE data_revision ADD COLUMN untold BIGINT;
