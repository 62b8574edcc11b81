-- min_reader: 10, min_writer: 10
-- +goose Up
SELECT lock_tables('accounts', 'users');

-- Where changes are delivered, with the rights of a user. The secrets that sign are sealed with the store's key.
CREATE TABLE webhooks (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id    TEXT COLLATE "C" NOT NULL,
    account_id   TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    url          TEXT COLLATE "C" NOT NULL CHECK (url LIKE 'https://%'),
    status       TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
    ended_reason TEXT COLLATE "C" CHECK (ended_reason IN ('user', 'gone')),
    secret       TEXT COLLATE "C" NOT NULL CHECK (secret <> ''),
    old_secret   TEXT COLLATE "C",
    old_until    BIGINT,
    rotated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL DEFAULT 1,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    CONSTRAINT webhook_end CHECK ((status = 'ended') = (ended_reason IS NOT NULL)),
    CONSTRAINT webhooks_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT webhooks_account_id UNIQUE (account_id, id),
    CONSTRAINT webhooks_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT webhooks_user FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhooks_of_user ON webhooks (tenant_id, user_id);

-- How far a webhook has been told, and the message that waits for its delivery. reached is the cursor after the last
-- delivered message; without one, the next message is a reset. seq grows with every change.
CREATE TABLE webhook_states (
    webhook_id   TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq          BIGINT NOT NULL DEFAULT 1,
    reached      TEXT COLLATE "C",
    message_id   TEXT COLLATE "C",
    body         TEXT COLLATE "C",
    next_reached TEXT COLLATE "C",
    made_at      BIGINT,
    attempts     BIGINT NOT NULL DEFAULT 0,
    next_at      BIGINT,
    error        TEXT COLLATE "C",
    delivered_at BIGINT
);

-- Messages that were not delivered in any attempt. send_at is the time when one is sent again.
CREATE TABLE dead_letters (
    webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    id         TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    body       TEXT COLLATE "C" NOT NULL,
    reached    TEXT COLLATE "C" NOT NULL,
    made_at    BIGINT NOT NULL,
    died_at    BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    error      TEXT COLLATE "C" NOT NULL,
    send_at    BIGINT,
    PRIMARY KEY (webhook_id, id)
);
CREATE INDEX dead_letters_due ON dead_letters (send_at) WHERE send_at IS NOT NULL;

-- Which process delivers. beat grows as long as it lives.
CREATE TABLE webhook_lease (
    n     BIGINT PRIMARY KEY NOT NULL CHECK (n = 1),
    owner TEXT COLLATE "C" NOT NULL,
    beat  BIGINT NOT NULL
);
INSERT INTO webhook_lease (n, owner, beat) VALUES (1, '', 0);
