-- +goose Up

CREATE TABLE groups (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id      TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    public_name    TEXT COLLATE "C",
    lend           TEXT COLLATE "C" NOT NULL CHECK (lend IN ('none', 'all', 'some')),
    template       TEXT COLLATE "C",
    default_access TEXT COLLATE "C" NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CONSTRAINT group_access CHECK (default_access ~ '^c?r?u?d?$'),
    CONSTRAINT groups_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT groups_account_id UNIQUE (account_id, id),
    CONSTRAINT groups_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX groups_account_name ON groups (account_id, name, id);

CREATE TABLE group_rows (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    area     TEXT COLLATE "C" NOT NULL,
    access   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (group_id, area),
    CONSTRAINT group_row_area CHECK (area ~ '^[a-z0-9_-]+(/[a-z0-9_-]+)*$'),
    CONSTRAINT group_row_access CHECK (access ~ '^c?r?u?d?$')
);

-- To whom a group is lent when lend is 'some': accounts directly below its owner.
CREATE TABLE group_loans (
    group_id   TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    owner_id   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (group_id, account_id),
    CONSTRAINT group_loans_group FOREIGN KEY (owner_id, group_id) REFERENCES groups (account_id, id) ON DELETE CASCADE,
    CONSTRAINT group_loans_below FOREIGN KEY (owner_id, account_id) REFERENCES accounts (parent_id, id)
);
CREATE INDEX group_loans_account ON group_loans (account_id, group_id);

CREATE TABLE users (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id      TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    external_id    TEXT COLLATE "C",
    login          TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C",
    status         TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled')),
    ip_allow       TEXT COLLATE "C" NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(ip_allow::jsonb) = 'array'),
    time_zone      TEXT COLLATE "C",
    -- One of the user's groups. That it is a row of user_groups at commit is what
    -- makes a user without a group impossible.
    first_group_id TEXT COLLATE "C" NOT NULL,
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CONSTRAINT users_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT users_account_id UNIQUE (account_id, id),
    CONSTRAINT users_login UNIQUE (account_id, login),
    CONSTRAINT users_account FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX users_external_id ON users (external_id, tenant_id) WHERE external_id IS NOT NULL;

CREATE TABLE user_groups (
    user_id  TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, group_id),
    CONSTRAINT user_groups_group FOREIGN KEY (group_id) REFERENCES groups (id)
);
CREATE INDEX user_groups_group ON user_groups (group_id, user_id);

ALTER TABLE users ADD CONSTRAINT users_in_a_group
    FOREIGN KEY (id, first_group_id) REFERENCES user_groups (user_id, group_id) DEFERRABLE INITIALLY DEFERRED;

CREATE TRIGGER groups_owner_fixed BEFORE UPDATE ON groups
    FOR EACH ROW WHEN ((OLD.id, OLD.tenant_id, OLD.account_id) IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.account_id))
    EXECUTE FUNCTION refuse('group_owner_fixed');
CREATE TRIGGER users_account_fixed BEFORE UPDATE ON users
    FOR EACH ROW WHEN ((OLD.id, OLD.tenant_id, OLD.account_id) IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.account_id))
    EXECUTE FUNCTION refuse('user_account_fixed');

-- The users of an account may be in its own groups, and in those lent to it.
CREATE VIEW usable_groups AS
    SELECT g.id AS group_id, g.account_id AS account_id FROM groups g
    UNION ALL
    SELECT g.id, a.id FROM groups g JOIN accounts a ON a.parent_id = g.account_id
    WHERE g.lend = 'all' OR (g.lend = 'some' AND EXISTS (
        SELECT 1 FROM group_loans l WHERE l.group_id = g.id AND l.account_id = a.id));

-- A user is put only into a usable group. The group's row is locked, so that it is not
-- withdrawn at the same moment.
-- +goose StatementBegin
CREATE FUNCTION user_group_usable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM groups WHERE id = NEW.group_id FOR SHARE;
    IF NOT EXISTS (
        SELECT 1 FROM usable_groups g JOIN users u ON u.account_id = g.account_id
        WHERE g.group_id = NEW.group_id AND u.id = NEW.user_id) THEN
        RAISE EXCEPTION 'user_group_usable';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER user_groups_usable BEFORE INSERT ON user_groups
    FOR EACH ROW EXECUTE FUNCTION user_group_usable();
CREATE TRIGGER user_groups_fixed BEFORE UPDATE ON user_groups
    FOR EACH ROW EXECUTE FUNCTION refuse('user_group_fixed');

-- A group is not withdrawn from an account whose users are in it.
-- +goose StatementBegin
CREATE FUNCTION group_loan_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM groups WHERE id = OLD.group_id FOR UPDATE;
    IF EXISTS (
        SELECT 1 FROM user_groups m JOIN users u ON u.id = m.user_id
        WHERE m.group_id = OLD.group_id AND NOT EXISTS (
            SELECT 1 FROM usable_groups g WHERE g.group_id = m.group_id AND g.account_id = u.account_id)) THEN
        RAISE EXCEPTION 'group_in_use';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER group_loans_in_use AFTER DELETE ON group_loans
    FOR EACH ROW EXECUTE FUNCTION group_loan_in_use();
CREATE TRIGGER group_loans_fixed BEFORE UPDATE ON group_loans
    FOR EACH ROW EXECUTE FUNCTION refuse('group_loan_fixed');

-- +goose StatementBegin
CREATE FUNCTION group_lend_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM user_groups m JOIN users u ON u.id = m.user_id
        WHERE m.group_id = NEW.id AND NOT EXISTS (
            SELECT 1 FROM usable_groups g WHERE g.group_id = m.group_id AND g.account_id = u.account_id)) THEN
        RAISE EXCEPTION 'group_in_use';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER groups_lend_in_use AFTER UPDATE OF lend ON groups
    FOR EACH ROW WHEN (OLD.lend <> NEW.lend) EXECUTE FUNCTION group_lend_in_use();
