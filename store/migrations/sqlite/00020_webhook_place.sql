-- min_reader: 10, min_writer: 10
-- +goose Up

-- The database in which the process with the lease delivers: a restored copy is another one. '' in a copy.
ALTER TABLE webhook_lease ADD COLUMN place TEXT NOT NULL DEFAULT '';

-- What that process has told: everything until a data revision, 0 while it is working; everything by the clock until a
-- time; and by which policy.
ALTER TABLE webhook_lease ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_lease ADD COLUMN looked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_lease ADD COLUMN policy TEXT NOT NULL DEFAULT '';
