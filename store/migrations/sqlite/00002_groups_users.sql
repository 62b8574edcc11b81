-- +goose Up

CREATE TABLE groups (
    id             TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id      TEXT NOT NULL,
    account_id     TEXT NOT NULL,
    name           TEXT NOT NULL,
    public_name    TEXT,
    lend           TEXT NOT NULL CHECK (lend IN ('none', 'all', 'some')),
    template       TEXT,
    default_access TEXT NOT NULL DEFAULT '',
    version        INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT group_access CHECK (default_access IN ('', 'c', 'r', 'u', 'd', 'cr', 'cu', 'cd', 'ru', 'rd', 'ud',
        'cru', 'crd', 'cud', 'rud', 'crud')),
    CONSTRAINT groups_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT groups_account_id UNIQUE (account_id, id),
    CONSTRAINT groups_owner FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
) STRICT;
CREATE INDEX groups_account_name ON groups (account_id, name, id);

CREATE TABLE group_rows (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    area     TEXT NOT NULL,
    access   TEXT NOT NULL,
    PRIMARY KEY (group_id, area),
    CONSTRAINT group_row_area CHECK (area <> '' AND area NOT GLOB '*[^a-z0-9/_-]*'
        AND area NOT GLOB '/*' AND area NOT GLOB '*/' AND area NOT GLOB '*//*'),
    CONSTRAINT group_row_access CHECK (access IN ('', 'c', 'r', 'u', 'd', 'cr', 'cu', 'cd', 'ru', 'rd', 'ud',
        'cru', 'crd', 'cud', 'rud', 'crud'))
) STRICT, WITHOUT ROWID;

-- To whom a group is lent when lend is 'some': accounts directly below its owner.
CREATE TABLE group_loans (
    group_id   TEXT NOT NULL,
    account_id TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    PRIMARY KEY (group_id, account_id),
    CONSTRAINT group_loans_group FOREIGN KEY (owner_id, group_id) REFERENCES groups (account_id, id) ON DELETE CASCADE,
    CONSTRAINT group_loans_below FOREIGN KEY (owner_id, account_id) REFERENCES accounts (parent_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_loans_account ON group_loans (account_id, group_id);

CREATE TABLE users (
    id             TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    tenant_id      TEXT NOT NULL,
    account_id     TEXT NOT NULL,
    external_id    TEXT,
    login          TEXT NOT NULL,
    name           TEXT,
    status         TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    ip_allow       TEXT NOT NULL DEFAULT '[]' CHECK (json_type(ip_allow) = 'array'),
    time_zone      TEXT,
    -- One of the user's groups. That it is a row of user_groups at commit is what
    -- makes a user without a group impossible.
    first_group_id TEXT NOT NULL,
    version        INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT users_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT users_account_id UNIQUE (account_id, id),
    CONSTRAINT users_login UNIQUE (account_id, login),
    CONSTRAINT users_account FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT users_in_a_group FOREIGN KEY (id, first_group_id) REFERENCES user_groups (user_id, group_id)
        DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX users_external_id ON users (external_id, tenant_id) WHERE external_id IS NOT NULL;

CREATE TABLE user_groups (
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL,
    PRIMARY KEY (user_id, group_id),
    CONSTRAINT user_groups_group FOREIGN KEY (group_id) REFERENCES groups (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_groups_group ON user_groups (group_id, user_id);

-- +goose StatementBegin
CREATE TRIGGER groups_owner_fixed BEFORE UPDATE ON groups
WHEN (OLD.id, OLD.tenant_id, OLD.account_id) IS NOT (NEW.id, NEW.tenant_id, NEW.account_id) BEGIN
    SELECT RAISE(ABORT, 'group_owner_fixed');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE would change a row without asking the triggers on UPDATE and DELETE.
-- +goose StatementBegin
CREATE TRIGGER groups_not_replaced BEFORE INSERT ON groups
WHEN EXISTS (SELECT 1 FROM groups WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'group_owner_fixed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_account_fixed BEFORE UPDATE ON users
WHEN (OLD.id, OLD.tenant_id, OLD.account_id) IS NOT (NEW.id, NEW.tenant_id, NEW.account_id) BEGIN
    SELECT RAISE(ABORT, 'user_account_fixed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_not_replaced BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'user_account_fixed');
END;
-- +goose StatementEnd

-- The users of an account may be in its own groups, and in those lent to it.
CREATE VIEW usable_groups AS
    SELECT g.id AS group_id, g.account_id AS account_id FROM groups g
    UNION ALL
    SELECT g.id, a.id FROM groups g JOIN accounts a ON a.parent_id = g.account_id
    WHERE g.lend = 'all' OR (g.lend = 'some' AND EXISTS (
        SELECT 1 FROM group_loans l WHERE l.group_id = g.id AND l.account_id = a.id));

-- +goose StatementBegin
CREATE TRIGGER user_groups_usable BEFORE INSERT ON user_groups
WHEN NOT EXISTS (SELECT 1 FROM usable_groups g JOIN users u ON u.account_id = g.account_id
    WHERE g.group_id = NEW.group_id AND u.id = NEW.user_id) BEGIN
    SELECT RAISE(ABORT, 'user_group_usable');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER user_groups_fixed BEFORE UPDATE ON user_groups BEGIN
    SELECT RAISE(ABORT, 'user_group_fixed');
END;
-- +goose StatementEnd

-- A group is not withdrawn from an account whose users are in it.
-- +goose StatementBegin
CREATE TRIGGER group_loans_in_use AFTER DELETE ON group_loans
WHEN EXISTS (SELECT 1 FROM user_groups m JOIN users u ON u.id = m.user_id
    WHERE m.group_id = OLD.group_id AND NOT EXISTS (
        SELECT 1 FROM usable_groups g WHERE g.group_id = m.group_id AND g.account_id = u.account_id)) BEGIN
    SELECT RAISE(ABORT, 'group_in_use');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_loans_fixed BEFORE UPDATE ON group_loans BEGIN
    SELECT RAISE(ABORT, 'group_loan_fixed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_lend_in_use AFTER UPDATE OF lend ON groups
WHEN OLD.lend <> NEW.lend AND EXISTS (SELECT 1 FROM user_groups m JOIN users u ON u.id = m.user_id
    WHERE m.group_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM usable_groups g WHERE g.group_id = m.group_id AND g.account_id = u.account_id)) BEGIN
    SELECT RAISE(ABORT, 'group_in_use');
END;
-- +goose StatementEnd
