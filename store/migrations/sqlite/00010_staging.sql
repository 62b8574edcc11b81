-- min_reader: 10, min_writer: 10
-- +goose Up

-- A revision without a card is no revision of any card yet, or not any more: its
-- rates are being written, or wait to be deleted. staged_by names the work that
-- writes them, and staged_until is when that work counts as dead.
ALTER TABLE revisions ALTER COLUMN card_id DROP NOT NULL;
ALTER TABLE revisions ADD COLUMN staged_by TEXT;
ALTER TABLE revisions ADD COLUMN staged_until INTEGER;
CREATE INDEX revisions_staged ON revisions (staged_until, id) WHERE card_id IS NULL;

-- A revision gets its card once. It loses it only to be deleted, and an active one
-- never loses it.
DROP TRIGGER revisions_card_fixed;
-- +goose StatementBegin
CREATE TRIGGER revisions_card_fixed BEFORE UPDATE ON revisions
WHEN OLD.id IS NOT NEW.id
  OR (OLD.card_id IS NOT NEW.card_id AND OLD.card_id IS NOT NULL AND (NEW.card_id IS NOT NULL OR OLD.status = 'active'))
  OR (OLD.number IS NOT NULL AND NEW.number IS NOT OLD.number) BEGIN
    SELECT RAISE(ABORT, 'revision_card_fixed');
END;
-- +goose StatementEnd
