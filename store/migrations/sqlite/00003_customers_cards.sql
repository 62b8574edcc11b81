-- +goose Up

CREATE TABLE customers (
    id          TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id   TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    name        TEXT NOT NULL,
    email       TEXT,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    currency    TEXT,
    external_id TEXT,
    notes       TEXT,
    version     INTEGER NOT NULL DEFAULT 1,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    CONSTRAINT customers_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT customers_account_id UNIQUE (account_id, id),
    CONSTRAINT customers_external_id UNIQUE (account_id, external_id),
    CONSTRAINT customers_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
) STRICT;
CREATE INDEX customers_account_name ON customers (account_id, name, id);
CREATE INDEX customers_account_created ON customers (account_id, created_at, id);
CREATE INDEX customers_tenant_name ON customers (tenant_id, name, id);

CREATE TABLE cards (
    id               TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id        TEXT NOT NULL,
    account_id       TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('provider', 'customer')),
    name             TEXT NOT NULL,
    public_name      TEXT,
    carrier          TEXT,
    currency         TEXT NOT NULL,
    direction        TEXT NOT NULL CHECK (direction IN ('termination', 'origination')),
    tech_prefix      TEXT,
    rate_precision   INTEGER NOT NULL CHECK (rate_precision BETWEEN 0 AND 10),
    rate_rounding    TEXT NOT NULL CHECK (rate_rounding IN ('up', 'down', 'half_up', 'half_down')),
    charge_precision INTEGER NOT NULL CHECK (charge_precision BETWEEN 0 AND 10),
    charge_rounding  TEXT NOT NULL CHECK (charge_rounding IN ('up', 'down', 'half_up', 'half_down')),
    notes            TEXT,
    public_notes     TEXT,
    external_id      TEXT,
    stale            TEXT,
    version          INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CONSTRAINT card_carrier CHECK (kind = 'provider' OR carrier IS NULL),
    CONSTRAINT cards_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT cards_account_id UNIQUE (account_id, id),
    CONSTRAINT cards_account_kind UNIQUE (account_id, kind, id),
    CONSTRAINT cards_external_id UNIQUE (account_id, external_id),
    CONSTRAINT cards_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
) STRICT;
CREATE INDEX cards_account_name ON cards (account_id, name, id);

-- To whom a card is assigned, and when. A customer card, by its owner, to an
-- account directly below: the two composite keys leave no other row possible.
CREATE TABLE assignments (
    card_id    TEXT NOT NULL,
    account_id TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    card_kind  TEXT NOT NULL DEFAULT 'customer' CHECK (card_kind = 'customer'),
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER CHECK (valid_to > valid_from),
    PRIMARY KEY (card_id, account_id, valid_from),
    CONSTRAINT assignments_card FOREIGN KEY (owner_id, card_kind, card_id)
        REFERENCES cards (account_id, kind, id) ON DELETE CASCADE,
    CONSTRAINT assignments_below FOREIGN KEY (owner_id, account_id) REFERENCES accounts (parent_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX assignments_open ON assignments (card_id, account_id) WHERE valid_to IS NULL;
CREATE INDEX assignments_account ON assignments (account_id, card_id);

-- Which customers are on a card, and when: customers and customer cards of one account.
CREATE TABLE card_customers (
    card_id     TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    card_kind   TEXT NOT NULL DEFAULT 'customer' CHECK (card_kind = 'customer'),
    valid_from  INTEGER NOT NULL,
    valid_to    INTEGER CHECK (valid_to > valid_from),
    PRIMARY KEY (card_id, customer_id, valid_from),
    CONSTRAINT card_customers_card FOREIGN KEY (account_id, card_kind, card_id)
        REFERENCES cards (account_id, kind, id) ON DELETE CASCADE,
    CONSTRAINT card_customers_customer FOREIGN KEY (account_id, customer_id)
        REFERENCES customers (account_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX card_customers_open ON card_customers (card_id, customer_id) WHERE valid_to IS NULL;
CREATE INDEX card_customers_customer ON card_customers (customer_id, card_id);

-- +goose StatementBegin
CREATE TRIGGER customers_owner_fixed BEFORE UPDATE ON customers
WHEN (OLD.id, OLD.tenant_id, OLD.account_id) IS NOT (NEW.id, NEW.tenant_id, NEW.account_id) BEGIN
    SELECT RAISE(ABORT, 'customer_owner_immutable');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE would change a row without asking the triggers on UPDATE and DELETE.
-- +goose StatementBegin
CREATE TRIGGER customers_not_replaced BEFORE INSERT ON customers
WHEN EXISTS (SELECT 1 FROM customers WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'customer_owner_immutable');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER cards_owner_fixed BEFORE UPDATE ON cards
WHEN (OLD.id, OLD.tenant_id, OLD.account_id, OLD.kind) IS NOT (NEW.id, NEW.tenant_id, NEW.account_id, NEW.kind) BEGIN
    SELECT RAISE(ABORT, 'card_owner_fixed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER cards_not_replaced BEFORE INSERT ON cards
WHEN EXISTS (SELECT 1 FROM cards WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'card_owner_fixed');
END;
-- +goose StatementEnd
