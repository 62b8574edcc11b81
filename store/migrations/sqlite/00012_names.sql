-- min_reader: 10, min_writer: 10
-- +goose Up

-- An external id names one account of its tenant. Accounts that share one keep it until it is changed.
CREATE INDEX accounts_tenant_external_id ON accounts (tenant_id, external_id) WHERE external_id IS NOT NULL;
-- +goose StatementBegin
CREATE TRIGGER accounts_external_id_inserted BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE tenant_id = NEW.tenant_id AND external_id = NEW.external_id AND id <> NEW.id) BEGIN
    SELECT RAISE(ABORT, 'accounts_tenant_external_id');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_external_id_updated BEFORE UPDATE ON accounts
WHEN NEW.external_id IS NOT OLD.external_id
 AND EXISTS (SELECT 1 FROM accounts WHERE tenant_id = NEW.tenant_id AND external_id = NEW.external_id AND id <> OLD.id) BEGIN
    SELECT RAISE(ABORT, 'accounts_tenant_external_id');
END;
-- +goose StatementEnd

-- Logins of an account differ in this key, which the program derives from the login. A login has no key if
-- an older program wrote it, or if another login of the account had the key first.
ALTER TABLE users ADD COLUMN login_key TEXT;
CREATE UNIQUE INDEX users_login_key ON users (account_id, login_key) WHERE login_key IS NOT NULL;
CREATE INDEX users_login_unkeyed ON users (id) WHERE login_key IS NULL;
-- +goose StatementBegin
CREATE TRIGGER users_login_changed AFTER UPDATE OF login ON users WHEN NEW.login <> OLD.login BEGIN
    UPDATE users SET login_key = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- INSERT OR REPLACE and UPDATE OR REPLACE would delete the user who has the key.
-- +goose StatementBegin
CREATE TRIGGER users_login_key_inserted BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE account_id = NEW.account_id AND login_key = NEW.login_key AND id <> NEW.id) BEGIN
    SELECT RAISE(ABORT, 'users_login_key');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_login_key_updated BEFORE UPDATE OF login_key ON users
WHEN EXISTS (SELECT 1 FROM users WHERE account_id = NEW.account_id AND login_key = NEW.login_key AND id <> OLD.id) BEGIN
    SELECT RAISE(ABORT, 'users_login_key');
END;
-- +goose StatementEnd

-- The user who made a revision. An older program does not say who.
ALTER TABLE revisions ADD COLUMN made_by TEXT;

-- The panel through which an entry was made, by the name of its token.
ALTER TABLE audit_entries ADD COLUMN panel TEXT;
