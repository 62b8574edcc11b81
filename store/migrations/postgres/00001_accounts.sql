-- +goose Up

-- Refuses the statement under the name given to the trigger, which reads as a constraint's name.
-- +goose StatementBegin
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$;
-- +goose StatementEnd

CREATE TABLE accounts (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id   TEXT COLLATE "C" NOT NULL,
    parent_id   TEXT COLLATE "C",
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('master', 'reseller')),
    name        TEXT COLLATE "C" NOT NULL,
    public_name TEXT COLLATE "C",
    email       TEXT COLLATE "C",
    currency    TEXT COLLATE "C",
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    ceiling     TEXT COLLATE "C" CHECK (jsonb_typeof(ceiling::jsonb) = 'object'),
    external_id TEXT COLLATE "C",
    depth       INTEGER NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    CONSTRAINT account_place CHECK (
        (kind = 'master' AND parent_id IS NULL AND tenant_id = id AND depth = 0) OR
        (kind = 'reseller' AND parent_id IS NOT NULL AND parent_id <> id AND tenant_id <> id AND depth > 0)),
    CONSTRAINT accounts_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT accounts_parent_id UNIQUE (parent_id, id),
    CONSTRAINT accounts_external_id UNIQUE (parent_id, external_id),
    CONSTRAINT accounts_parent FOREIGN KEY (tenant_id, parent_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX accounts_tenant_name ON accounts (tenant_id, name, id);

-- Every pair of an account and an account above it, itself included (depth 0).
CREATE TABLE account_tree (
    ancestor_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    descendant_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    depth         INTEGER NOT NULL CHECK (depth >= 0),
    PRIMARY KEY (ancestor_id, descendant_id)
);
CREATE INDEX account_tree_up ON account_tree (descendant_id, ancestor_id);

CREATE TRIGGER accounts_kept BEFORE DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION refuse('account_kept');
CREATE TRIGGER accounts_not_emptied BEFORE TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('account_kept');
CREATE TRIGGER accounts_place_fixed BEFORE UPDATE ON accounts
    FOR EACH ROW WHEN (
        (OLD.id, OLD.tenant_id, OLD.kind, OLD.depth) IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.kind, NEW.depth)
        OR OLD.parent_id IS DISTINCT FROM NEW.parent_id)
    EXECUTE FUNCTION refuse('account_place_fixed');
CREATE TRIGGER accounts_currency_fixed BEFORE UPDATE ON accounts
    FOR EACH ROW WHEN (OLD.currency IS NOT NULL AND NEW.currency IS DISTINCT FROM OLD.currency)
    EXECUTE FUNCTION refuse('account_currency_fixed');

-- The tree follows the accounts: it is written by this trigger and accepts nothing that is not so.
-- +goose StatementBegin
CREATE FUNCTION account_tree_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.depth <> coalesce((SELECT depth + 1 FROM accounts WHERE id = NEW.parent_id), 0) THEN
        RAISE EXCEPTION 'account_place';
    END IF;
    INSERT INTO account_tree (ancestor_id, descendant_id, depth) VALUES (NEW.id, NEW.id, 0);
    INSERT INTO account_tree (ancestor_id, descendant_id, depth)
        SELECT ancestor_id, NEW.id, depth + 1 FROM account_tree WHERE descendant_id = NEW.parent_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER accounts_grow AFTER INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION account_tree_grow();

-- +goose StatementBegin
CREATE FUNCTION account_tree_true() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.depth = 0 AND NEW.ancestor_id = NEW.descendant_id THEN
        RETURN NEW;
    END IF;
    IF NEW.depth > 0 AND EXISTS (
        SELECT 1 FROM accounts a JOIN account_tree t ON t.descendant_id = a.parent_id
        WHERE a.id = NEW.descendant_id AND t.ancestor_id = NEW.ancestor_id AND t.depth = NEW.depth - 1) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'account_tree_true';
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_tree_true BEFORE INSERT ON account_tree
    FOR EACH ROW EXECUTE FUNCTION account_tree_true();
CREATE TRIGGER account_tree_fixed BEFORE UPDATE OR DELETE ON account_tree
    FOR EACH ROW EXECUTE FUNCTION refuse('account_tree_true');
CREATE TRIGGER account_tree_not_emptied BEFORE TRUNCATE ON account_tree
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('account_tree_true');
