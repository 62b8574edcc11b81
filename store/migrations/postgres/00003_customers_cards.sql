-- +goose Up

CREATE TABLE customers (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id   TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    email       TEXT COLLATE "C",
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    currency    TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    notes       TEXT COLLATE "C",
    version     BIGINT NOT NULL DEFAULT 1,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    CONSTRAINT customers_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT customers_account_id UNIQUE (account_id, id),
    CONSTRAINT customers_external_id UNIQUE (account_id, external_id),
    CONSTRAINT customers_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX customers_account_name ON customers (account_id, name, id);
CREATE INDEX customers_account_created ON customers (account_id, created_at, id);
CREATE INDEX customers_tenant_name ON customers (tenant_id, name, id);

CREATE TABLE cards (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id        TEXT COLLATE "C" NOT NULL,
    account_id       TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL CHECK (kind IN ('provider', 'customer')),
    name             TEXT COLLATE "C" NOT NULL,
    public_name      TEXT COLLATE "C",
    carrier          TEXT COLLATE "C",
    currency         TEXT COLLATE "C" NOT NULL,
    direction        TEXT COLLATE "C" NOT NULL CHECK (direction IN ('termination', 'origination')),
    tech_prefix      TEXT COLLATE "C",
    rate_precision   INTEGER NOT NULL CHECK (rate_precision BETWEEN 0 AND 10),
    rate_rounding    TEXT COLLATE "C" NOT NULL CHECK (rate_rounding IN ('up', 'down', 'half_up', 'half_down')),
    charge_precision INTEGER NOT NULL CHECK (charge_precision BETWEEN 0 AND 10),
    charge_rounding  TEXT COLLATE "C" NOT NULL CHECK (charge_rounding IN ('up', 'down', 'half_up', 'half_down')),
    notes            TEXT COLLATE "C",
    public_notes     TEXT COLLATE "C",
    external_id      TEXT COLLATE "C",
    stale            TEXT COLLATE "C",
    version          BIGINT NOT NULL DEFAULT 1,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    CONSTRAINT card_carrier CHECK (kind = 'provider' OR carrier IS NULL),
    CONSTRAINT cards_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT cards_account_id UNIQUE (account_id, id),
    CONSTRAINT cards_account_kind UNIQUE (account_id, kind, id),
    CONSTRAINT cards_external_id UNIQUE (account_id, external_id),
    CONSTRAINT cards_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX cards_account_name ON cards (account_id, name, id);

-- To whom a card is assigned, and when. A customer card, by its owner, to an
-- account directly below: the two composite keys leave no other row possible.
CREATE TABLE assignments (
    card_id    TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    owner_id   TEXT COLLATE "C" NOT NULL,
    card_kind  TEXT COLLATE "C" NOT NULL DEFAULT 'customer' CHECK (card_kind = 'customer'),
    valid_from BIGINT NOT NULL,
    valid_to   BIGINT CHECK (valid_to > valid_from),
    PRIMARY KEY (card_id, account_id, valid_from),
    CONSTRAINT assignments_card FOREIGN KEY (owner_id, card_kind, card_id)
        REFERENCES cards (account_id, kind, id) ON DELETE CASCADE,
    CONSTRAINT assignments_below FOREIGN KEY (owner_id, account_id) REFERENCES accounts (parent_id, id)
);
CREATE UNIQUE INDEX assignments_open ON assignments (card_id, account_id) WHERE valid_to IS NULL;
CREATE INDEX assignments_account ON assignments (account_id, card_id);

-- Which customers are on a card, and when: customers and customer cards of one account.
CREATE TABLE card_customers (
    card_id     TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    card_kind   TEXT COLLATE "C" NOT NULL DEFAULT 'customer' CHECK (card_kind = 'customer'),
    valid_from  BIGINT NOT NULL,
    valid_to    BIGINT CHECK (valid_to > valid_from),
    PRIMARY KEY (card_id, customer_id, valid_from),
    CONSTRAINT card_customers_card FOREIGN KEY (account_id, card_kind, card_id)
        REFERENCES cards (account_id, kind, id) ON DELETE CASCADE,
    CONSTRAINT card_customers_customer FOREIGN KEY (account_id, customer_id)
        REFERENCES customers (account_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX card_customers_open ON card_customers (card_id, customer_id) WHERE valid_to IS NULL;
CREATE INDEX card_customers_customer ON card_customers (customer_id, card_id);

CREATE TRIGGER customers_owner_fixed BEFORE UPDATE ON customers
    FOR EACH ROW WHEN ((OLD.id, OLD.tenant_id, OLD.account_id) IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.account_id))
    EXECUTE FUNCTION refuse('customer_owner_immutable');
CREATE TRIGGER cards_owner_fixed BEFORE UPDATE ON cards
    FOR EACH ROW WHEN ((OLD.id, OLD.tenant_id, OLD.account_id, OLD.kind)
        IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.account_id, NEW.kind))
    EXECUTE FUNCTION refuse('card_owner_fixed');
