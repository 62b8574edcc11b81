-- min_reader: 10, min_writer: 10
-- +goose Up

-- Of a master: its resellers get only areas that policy data names. Carriers from before have their
-- resellers in every area that no ceiling names. An older program would open these areas.
ALTER TABLE accounts ADD COLUMN listed_areas BOOLEAN NOT NULL DEFAULT FALSE;
