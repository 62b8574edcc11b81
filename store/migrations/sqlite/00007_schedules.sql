-- +goose Up

-- scheduled_from is the client address that a revision was scheduled from.
-- terms is what its card said beside the rates when it was last activated:
-- currency, direction, precisions and roundings.
ALTER TABLE revisions ADD COLUMN scheduled_from TEXT;
ALTER TABLE revisions ADD COLUMN terms TEXT;
UPDATE revisions SET terms = (
    SELECT currency || ' ' || direction || ' ' || rate_precision || ' ' || rate_rounding || ' '
        || charge_precision || ' ' || charge_rounding
    FROM cards WHERE cards.id = revisions.card_id)
WHERE activated_at IS NOT NULL;

CREATE INDEX revision_parents_card ON revision_parents (parent_id, revision_id);
CREATE INDEX assignments_begin ON assignments (valid_from);
CREATE INDEX assignments_end ON assignments (valid_to) WHERE valid_to IS NOT NULL;

-- What the rates in force rest on: what a built revision was built from, and
-- what is named as the parents of an imported one.
CREATE VIEW parents_in_force AS
    SELECT a.card_id AS card_id, p.parent_id AS parent_id
    FROM revisions a JOIN revision_parents p ON p.revision_id = a.id WHERE a.status = 'active'
    UNION ALL
    SELECT a.card_id, p.parent_id
    FROM revisions a JOIN card_parents p ON p.card_id = a.card_id WHERE a.status = 'active' AND a.origin = 'import';
