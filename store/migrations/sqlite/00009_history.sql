-- min_reader: 9, min_writer: 9
-- +goose Up

-- A random mark of each of the last 65,536 transactions that have changed this
-- store. Another history has other marks under the same numbers, so a process
-- that does not find the mark it knows has read what was lost since. A trigger
-- makes them, so that every writer leaves one.
CREATE TABLE commit_marks (
    slot INTEGER NOT NULL PRIMARY KEY,
    n    INTEGER NOT NULL,
    mark BLOB NOT NULL,
    CONSTRAINT commit_marks_slot CHECK (slot = n % 65536)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER data_revision_marked AFTER UPDATE ON data_revision BEGIN
    INSERT INTO commit_marks (slot, n, mark) VALUES (NEW.n % 65536, NEW.n, randomblob(16))
    ON CONFLICT (slot) DO UPDATE SET n = excluded.n, mark = excluded.mark;
END;
-- +goose StatementEnd
INSERT INTO commit_marks (slot, n, mark) SELECT n % 65536, n, randomblob(16) FROM data_revision;
