-- min_reader: 10, min_writer: 10
-- +goose Up

-- What each commit changed: the columns of a row that changed, of each view, and the columns that policies
-- read of the row before and after. All rows of a commit have its mark.
CREATE TABLE changes (
    tenant_id  TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    type       TEXT NOT NULL,
    id         TEXT NOT NULL,
    mark       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    changed    TEXT NOT NULL,
    row_before TEXT,
    row_after  TEXT,
    PRIMARY KEY (tenant_id, revision, type, id)
) STRICT;
CREATE INDEX changes_mark ON changes (mark);

-- The last data revision of a program that stores changes, and the last one before it of a program that does not.
ALTER TABLE data_revision ADD COLUMN told INTEGER;
ALTER TABLE data_revision ADD COLUMN untold INTEGER;
