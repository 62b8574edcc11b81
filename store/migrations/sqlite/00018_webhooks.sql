-- min_reader: 10, min_writer: 10
-- +goose Up

-- Where changes are delivered, with the rights of a user. The secrets that sign are sealed with the store's key.
CREATE TABLE webhooks (
    id           TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id    TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    url          TEXT NOT NULL CHECK (url LIKE 'https://%'),
    status       TEXT NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
    ended_reason TEXT CHECK (ended_reason IN ('user', 'gone')),
    secret       TEXT NOT NULL CHECK (secret <> ''),
    old_secret   TEXT,
    old_until    INTEGER,
    rotated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    CONSTRAINT webhook_end CHECK ((status = 'ended') = (ended_reason IS NOT NULL)),
    CONSTRAINT webhooks_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT webhooks_account_id UNIQUE (account_id, id),
    CONSTRAINT webhooks_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT webhooks_user FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX webhooks_of_user ON webhooks (tenant_id, user_id);

-- How far a webhook has been told, and the message that waits for its delivery. reached is the cursor after the last
-- delivered message; without one, the next message is a reset. seq grows with every change.
CREATE TABLE webhook_states (
    webhook_id   TEXT PRIMARY KEY NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq          INTEGER NOT NULL DEFAULT 1,
    reached      TEXT,
    message_id   TEXT,
    body         TEXT,
    next_reached TEXT,
    made_at      INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      INTEGER,
    error        TEXT,
    delivered_at INTEGER
) STRICT;

-- Messages that were not delivered in any attempt. send_at is the time when one is sent again.
CREATE TABLE dead_letters (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    id         TEXT NOT NULL CHECK (id <> ''),
    body       TEXT NOT NULL,
    reached    TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    died_at    INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    error      TEXT NOT NULL,
    send_at    INTEGER,
    PRIMARY KEY (webhook_id, id)
) STRICT;
CREATE INDEX dead_letters_due ON dead_letters (send_at) WHERE send_at IS NOT NULL;

-- Which process delivers. beat grows as long as it lives.
CREATE TABLE webhook_lease (
    n     INTEGER PRIMARY KEY NOT NULL CHECK (n = 1),
    owner TEXT NOT NULL,
    beat  INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_lease (n, owner, beat) VALUES (1, '', 0);
