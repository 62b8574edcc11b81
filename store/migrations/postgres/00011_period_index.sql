-- min_reader: 10, min_writer: 10
-- +goose Up

-- The deletion of a revision looks for its periods.
CREATE INDEX revision_periods_revision ON revision_periods (revision_id);
