-- +goose Up

CREATE TABLE revisions (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    card_id        TEXT COLLATE "C" NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    -- Given when the revision is first activated, counting up for each card.
    number         INTEGER CHECK (number > 0),
    status         TEXT COLLATE "C" NOT NULL
        CHECK (status IN ('draft', 'scheduled', 'held', 'active', 'inactive', 'archived')),
    live_at        BIGINT,
    activated_at   BIGINT,
    deactivated_at BIGINT,
    row_count      BIGINT NOT NULL DEFAULT 0 CHECK (row_count >= 0),
    created_at     BIGINT NOT NULL,
    CONSTRAINT revision_activated CHECK (status NOT IN ('active', 'inactive') OR (number IS NOT NULL AND activated_at IS NOT NULL)),
    CONSTRAINT revisions_number UNIQUE (card_id, number)
);
CREATE INDEX revisions_card ON revisions (card_id, id);
CREATE UNIQUE INDEX revisions_one_active ON revisions (card_id) WHERE status = 'active';

-- Money is in units of 10^-10 of the card's currency.
CREATE TABLE rates (
    revision_id TEXT COLLATE "C" NOT NULL,
    prefix      TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    cost        BIGINT NOT NULL CHECK (cost >= 0),
    inter       BIGINT CHECK (inter >= 0),
    intra       BIGINT CHECK (intra >= 0),
    mcd         INTEGER NOT NULL CHECK (mcd >= 0),
    pulse       INTEGER NOT NULL CHECK (pulse >= 1),
    connect     BIGINT NOT NULL CHECK (connect >= 0),
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('open', 'blocked')),
    PRIMARY KEY (revision_id, prefix),
    CONSTRAINT rate_prefix CHECK (prefix ~ '^[0-9]{1,15}$'),
    CONSTRAINT rates_revision FOREIGN KEY (revision_id) REFERENCES revisions (id) ON DELETE CASCADE
);

-- This is also what keeps a card with an active revision from being deleted.
CREATE TRIGGER revisions_active_kept BEFORE DELETE ON revisions
    FOR EACH ROW WHEN (OLD.status = 'active') EXECUTE FUNCTION refuse('revision_active');
CREATE TRIGGER revisions_card_fixed BEFORE UPDATE ON revisions
    FOR EACH ROW WHEN ((OLD.id, OLD.card_id) IS DISTINCT FROM (NEW.id, NEW.card_id)
        OR (OLD.number IS NOT NULL AND NEW.number IS DISTINCT FROM OLD.number))
    EXECUTE FUNCTION refuse('revision_card_fixed');

-- A card's currency is what its rates are in.
-- +goose StatementBegin
CREATE FUNCTION card_currency_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM revisions WHERE card_id = NEW.id) THEN
        RAISE EXCEPTION 'card_currency_fixed';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cards_currency_fixed BEFORE UPDATE OF currency ON cards
    FOR EACH ROW WHEN (OLD.currency <> NEW.currency) EXECUTE FUNCTION card_currency_fixed();
