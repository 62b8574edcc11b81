-- min_reader: 10, min_writer: 10
-- +goose Up

-- The database in which the process with the lease delivers: a restored copy is another one. '' in a copy.
ALTER TABLE webhook_lease ADD COLUMN place TEXT COLLATE "C" NOT NULL DEFAULT '';
