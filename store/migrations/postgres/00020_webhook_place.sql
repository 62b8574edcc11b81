-- min_reader: 10, min_writer: 10
-- +goose Up

-- The database in which the process with the lease delivers: a restored copy is another one. '' in a copy.
ALTER TABLE webhook_lease ADD COLUMN place TEXT COLLATE "C" NOT NULL DEFAULT '';

-- The data revision until which that process has told everything, 0 while it is working.
ALTER TABLE webhook_lease ADD COLUMN done BIGINT NOT NULL DEFAULT 0;
