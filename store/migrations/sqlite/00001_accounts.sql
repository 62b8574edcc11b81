-- +goose Up

CREATE TABLE accounts (
    id          TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id   TEXT NOT NULL,
    parent_id   TEXT,
    kind        TEXT NOT NULL CHECK (kind IN ('master', 'reseller')),
    name        TEXT NOT NULL,
    public_name TEXT,
    email       TEXT,
    currency    TEXT,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    ceiling     TEXT CHECK (ceiling IS NULL OR json_type(ceiling) = 'object'),
    external_id TEXT,
    depth       INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    CONSTRAINT account_place CHECK (
        (kind = 'master' AND parent_id IS NULL AND tenant_id = id AND depth = 0) OR
        (kind = 'reseller' AND parent_id IS NOT NULL AND parent_id <> id AND tenant_id <> id AND depth > 0)),
    CONSTRAINT accounts_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT accounts_parent_id UNIQUE (parent_id, id),
    CONSTRAINT accounts_external_id UNIQUE (parent_id, external_id),
    CONSTRAINT accounts_parent FOREIGN KEY (tenant_id, parent_id) REFERENCES accounts (tenant_id, id)
) STRICT;
CREATE INDEX accounts_tenant_name ON accounts (tenant_id, name, id);

-- Every pair of an account and an account above it, itself included (depth 0).
CREATE TABLE account_tree (
    ancestor_id   TEXT NOT NULL REFERENCES accounts (id),
    descendant_id TEXT NOT NULL REFERENCES accounts (id),
    depth         INTEGER NOT NULL CHECK (depth >= 0),
    PRIMARY KEY (ancestor_id, descendant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_tree_up ON account_tree (descendant_id, ancestor_id);

-- +goose StatementBegin
CREATE TRIGGER accounts_kept BEFORE DELETE ON accounts BEGIN
    SELECT RAISE(ABORT, 'account_kept');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE would delete without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER accounts_not_replaced BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE id = NEW.id
    OR (parent_id = NEW.parent_id AND external_id = NEW.external_id)) BEGIN
    SELECT RAISE(ABORT, 'accounts_external_id');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_place_fixed BEFORE UPDATE ON accounts
WHEN (OLD.id, OLD.tenant_id, OLD.kind, OLD.depth, OLD.parent_id)
    IS NOT (NEW.id, NEW.tenant_id, NEW.kind, NEW.depth, NEW.parent_id) BEGIN
    SELECT RAISE(ABORT, 'account_place_fixed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_currency_fixed BEFORE UPDATE ON accounts
WHEN OLD.currency IS NOT NULL AND NEW.currency IS NOT OLD.currency BEGIN
    SELECT RAISE(ABORT, 'account_currency_fixed');
END;
-- +goose StatementEnd

-- The tree follows the accounts: it is written by this trigger and accepts nothing that is not so.
-- +goose StatementBegin
CREATE TRIGGER accounts_grow AFTER INSERT ON accounts BEGIN
    SELECT RAISE(ABORT, 'account_place')
        WHERE NEW.depth <> coalesce((SELECT depth + 1 FROM accounts WHERE id = NEW.parent_id), 0);
    INSERT INTO account_tree (ancestor_id, descendant_id, depth) VALUES (NEW.id, NEW.id, 0);
    INSERT INTO account_tree (ancestor_id, descendant_id, depth)
        SELECT ancestor_id, NEW.id, depth + 1 FROM account_tree WHERE descendant_id = NEW.parent_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_tree_true BEFORE INSERT ON account_tree
WHEN NOT (NEW.depth = 0 AND NEW.ancestor_id = NEW.descendant_id)
 AND NOT (NEW.depth > 0 AND EXISTS (
        SELECT 1 FROM accounts a JOIN account_tree t ON t.descendant_id = a.parent_id
        WHERE a.id = NEW.descendant_id AND t.ancestor_id = NEW.ancestor_id AND t.depth = NEW.depth - 1)) BEGIN
    SELECT RAISE(ABORT, 'account_tree_true');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_tree_not_changed BEFORE UPDATE ON account_tree BEGIN
    SELECT RAISE(ABORT, 'account_tree_true');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_tree_not_cut BEFORE DELETE ON account_tree BEGIN
    SELECT RAISE(ABORT, 'account_tree_true');
END;
-- +goose StatementEnd
