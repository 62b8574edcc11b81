-- min_reader: 9, min_writer: 9
-- +goose Up

-- A random mark of each of the last 65,536 transactions that have changed this
-- store. Another history has other marks under the same numbers, so a process
-- that does not find the mark it knows has read what was lost since. A trigger
-- makes them, so that every writer leaves one.
CREATE TABLE commit_marks (
    slot INTEGER NOT NULL PRIMARY KEY,
    n    BIGINT NOT NULL,
    mark BYTEA NOT NULL,
    CONSTRAINT commit_marks_slot CHECK (slot = n % 65536)
);

-- +goose StatementBegin
CREATE FUNCTION mark_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO commit_marks (slot, n, mark) VALUES (NEW.n % 65536, NEW.n, uuid_send(gen_random_uuid()))
    ON CONFLICT (slot) DO UPDATE SET n = excluded.n, mark = excluded.mark;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The trigger's lock waits for writers under way: the mark below is the newest
-- commit's.
CREATE TRIGGER data_revision_marked AFTER UPDATE ON data_revision
    FOR EACH ROW EXECUTE FUNCTION mark_commit();
INSERT INTO commit_marks (slot, n, mark) SELECT n % 65536, n, uuid_send(gen_random_uuid()) FROM data_revision;
