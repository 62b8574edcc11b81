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
    CONSTRAINT rate_prefix CHECK (length(prefix) BETWEEN 1 AND 15 AND translate(prefix, '0123456789', '') = '')
);

-- Rates hang on a revision. A foreign key would ask for each of a deck's rows,
-- and more than double the time that writing it takes; these ask once for each
-- statement, and lock as it would.
-- +goose StatementBegin
CREATE FUNCTION rates_revision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    revision TEXT;
BEGIN
    FOR revision IN SELECT DISTINCT revision_id FROM fresh LOOP
        PERFORM 1 FROM revisions WHERE id = revision FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'rates_revision';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER rates_inserted AFTER INSERT ON rates
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rates_revision();
CREATE TRIGGER rates_updated AFTER UPDATE ON rates
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rates_revision();

-- +goose StatementBegin
CREATE FUNCTION revision_rates_dropped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rates WHERE revision_id = OLD.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER revisions_rates_dropped AFTER DELETE ON revisions
    FOR EACH ROW EXECUTE FUNCTION revision_rates_dropped();
CREATE TRIGGER revisions_not_emptied BEFORE TRUNCATE ON revisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('revision_active');

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
