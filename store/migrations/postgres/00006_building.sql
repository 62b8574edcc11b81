-- +goose Up

-- How a card is built: what is made of its parents' prices (compact), and which
-- of them a call is bought from (routing).
ALTER TABLE cards ADD COLUMN compact TEXT COLLATE "C" CHECK (compact IN ('min', 'max', 'avg'));
ALTER TABLE cards ADD COLUMN routing TEXT COLLATE "C" CHECK (routing IN ('dearest', 'cheapest'));

-- The cards that a customer card is built from, in their order. A parent may
-- be another account's and go: then it is one that was withdrawn. exchange is
-- a decimal number, of the parent's currency to the card's, as its owner gave
-- it at exchange_at; none where both have the same.
CREATE TABLE card_parents (
    card_id     TEXT COLLATE "C" NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL CHECK (position >= 1),
    parent_id   TEXT COLLATE "C" NOT NULL CHECK (parent_id <> card_id),
    exchange    TEXT COLLATE "C",
    exchange_at BIGINT,
    PRIMARY KEY (card_id, position),
    CONSTRAINT card_parents_once UNIQUE (card_id, parent_id),
    CONSTRAINT card_parents_exchange CHECK ((exchange IS NULL) = (exchange_at IS NULL))
);
CREATE INDEX card_parents_parent ON card_parents (parent_id, card_id);

-- Money and percentages are in units of 10^-10. apply_to holds cost, inter and
-- intra, in this order, joined by commas.
CREATE TABLE profit_rules (
    card_id       TEXT COLLATE "C" NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL CHECK (position >= 1),
    match         TEXT COLLATE "C" NOT NULL,
    type          TEXT COLLATE "C" CHECK (type IN ('absolute', 'relative', 'percent', 'floor')),
    value         BIGINT,
    apply_to      TEXT COLLATE "C",
    status        TEXT COLLATE "C" NOT NULL CHECK (status IN ('profit', 'blocked')),
    mcd           INTEGER CHECK (mcd >= 0),
    pulse         INTEGER CHECK (pulse >= 1),
    connect       BIGINT CHECK (connect >= 0),
    precision     INTEGER CHECK (precision BETWEEN 0 AND 10),
    rounding      TEXT COLLATE "C" CHECK (rounding IN ('up', 'down', 'half_up', 'half_down')),
    PRIMARY KEY (card_id, position),
    CONSTRAINT profit_rule_priced CHECK (status = 'blocked' OR (type IS NOT NULL AND value IS NOT NULL)),
    CONSTRAINT profit_rule_rounding CHECK ((precision IS NULL) = (rounding IS NULL))
);

-- base_id is the revision that this one amends: its own card's active one when
-- it was made. recipe is what it was built with: compact, profit rules and
-- rounding, as JSON; its parents stand in revision_parents. scheduled_by is
-- who scheduled it, and losses_accepted says that it may be sold at a loss.
ALTER TABLE revisions ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT 'import' CHECK (origin IN ('import', 'build'));
ALTER TABLE revisions ADD COLUMN base_id TEXT COLLATE "C";
ALTER TABLE revisions ADD COLUMN recipe TEXT COLLATE "C";
ALTER TABLE revisions ADD COLUMN scheduled_by TEXT COLLATE "C";
ALTER TABLE revisions ADD COLUMN losses_accepted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE revisions ADD COLUMN held_reason TEXT COLLATE "C";
CREATE INDEX revisions_due ON revisions (live_at) WHERE status = 'scheduled';

-- What a built revision was built from: parents' revisions never change, so
-- that its rates can be worked out again.
CREATE TABLE revision_parents (
    revision_id        TEXT COLLATE "C" NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    position           INTEGER NOT NULL CHECK (position >= 1),
    parent_id          TEXT COLLATE "C" NOT NULL,
    parent_revision_id TEXT COLLATE "C" NOT NULL,
    exchange           TEXT COLLATE "C",
    exchange_at        BIGINT,
    PRIMARY KEY (revision_id, position)
);
CREATE INDEX revision_parents_parent ON revision_parents (parent_revision_id);

-- When each revision was in force. No two periods of a card overlap.
CREATE TABLE revision_periods (
    card_id     TEXT COLLATE "C" NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    active_from BIGINT NOT NULL,
    active_to   BIGINT CHECK (active_to >= active_from),
    revision_id TEXT COLLATE "C" NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    PRIMARY KEY (card_id, active_from, revision_id)
);
CREATE UNIQUE INDEX revision_periods_open ON revision_periods (card_id) WHERE active_to IS NULL;
INSERT INTO revision_periods (card_id, active_from, active_to, revision_id)
    SELECT card_id, activated_at, CASE WHEN status = 'active' THEN NULL ELSE deactivated_at END, id
    FROM revisions WHERE activated_at IS NOT NULL;

-- What an account calls the places that prefixes lead to.
CREATE TABLE destinations (
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    prefix     TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL CHECK (name <> ''),
    PRIMARY KEY (account_id, prefix),
    CONSTRAINT destination_prefix CHECK (length(prefix) BETWEEN 1 AND 15 AND translate(prefix, '0123456789', '') = '')
);
