-- +goose Up

CREATE TABLE revisions (
    id             TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    card_id        TEXT NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    -- Given when the revision is first activated, counting up for each card.
    number         INTEGER CHECK (number > 0),
    status         TEXT NOT NULL
        CHECK (status IN ('draft', 'scheduled', 'held', 'active', 'inactive', 'archived')),
    live_at        INTEGER,
    activated_at   INTEGER,
    deactivated_at INTEGER,
    row_count      INTEGER NOT NULL DEFAULT 0 CHECK (row_count >= 0),
    created_at     INTEGER NOT NULL,
    CONSTRAINT revision_activated CHECK (status NOT IN ('active', 'inactive') OR (number IS NOT NULL AND activated_at IS NOT NULL)),
    CONSTRAINT revisions_number UNIQUE (card_id, number)
) STRICT;
CREATE INDEX revisions_card ON revisions (card_id, id);
CREATE UNIQUE INDEX revisions_one_active ON revisions (card_id) WHERE status = 'active';

-- Money is in units of 10^-10 of the card's currency.
CREATE TABLE rates (
    revision_id TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    name        TEXT NOT NULL,
    cost        INTEGER NOT NULL CHECK (cost >= 0),
    inter       INTEGER CHECK (inter >= 0),
    intra       INTEGER CHECK (intra >= 0),
    mcd         INTEGER NOT NULL CHECK (mcd >= 0),
    pulse       INTEGER NOT NULL CHECK (pulse >= 1),
    connect     INTEGER NOT NULL CHECK (connect >= 0),
    status      TEXT NOT NULL CHECK (status IN ('open', 'blocked')),
    PRIMARY KEY (revision_id, prefix),
    CONSTRAINT rate_prefix CHECK (length(prefix) BETWEEN 1 AND 15 AND prefix NOT GLOB '*[^0-9]*'),
    CONSTRAINT rates_revision FOREIGN KEY (revision_id) REFERENCES revisions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- This is also what keeps a card with an active revision from being deleted.
-- +goose StatementBegin
CREATE TRIGGER revisions_active_kept BEFORE DELETE ON revisions
WHEN OLD.status = 'active' BEGIN
    SELECT RAISE(ABORT, 'revision_active');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER revisions_card_fixed BEFORE UPDATE ON revisions
WHEN (OLD.id, OLD.card_id) IS NOT (NEW.id, NEW.card_id)
  OR (OLD.number IS NOT NULL AND NEW.number IS NOT OLD.number) BEGIN
    SELECT RAISE(ABORT, 'revision_card_fixed');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE and UPDATE OR REPLACE would delete the active revision without asking the trigger on DELETE.
-- +goose StatementBegin
CREATE TRIGGER revisions_not_replaced BEFORE INSERT ON revisions
WHEN EXISTS (SELECT 1 FROM revisions WHERE id = NEW.id
    OR (card_id = NEW.card_id AND (number = NEW.number OR (status = 'active' AND NEW.status = 'active')))) BEGIN
    SELECT RAISE(ABORT, 'revision_active');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER revisions_not_displaced BEFORE UPDATE ON revisions
WHEN EXISTS (SELECT 1 FROM revisions WHERE id <> OLD.id AND card_id = NEW.card_id
    AND (number = NEW.number OR (status = 'active' AND NEW.status = 'active'))) BEGIN
    SELECT RAISE(ABORT, 'revision_active');
END;
-- +goose StatementEnd

-- A card's currency is what its rates are in.
-- +goose StatementBegin
CREATE TRIGGER cards_currency_fixed BEFORE UPDATE OF currency ON cards
WHEN OLD.currency <> NEW.currency AND EXISTS (SELECT 1 FROM revisions WHERE card_id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'card_currency_fixed');
END;
-- +goose StatementEnd
