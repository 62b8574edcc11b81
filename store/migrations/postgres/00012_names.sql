-- min_reader: 10, min_writer: 10
-- +goose Up

-- Locks tables for a migration without a deadlock. A program that reads or writes meanwhile may hold one of
-- the tables and wait for another. So each table is awaited for less than deadlock_timeout (1 s by default),
-- and a failed attempt releases all of them. A migration that locks several tables begins with this.
-- +goose StatementBegin
CREATE FUNCTION lock_tables(VARIADIC tables TEXT[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before TEXT := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', (600 / cardinality(tables))::text || 'ms', true);
    LOOP
        BEGIN
            EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ') || ' IN ACCESS EXCLUSIVE MODE';
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', before, true);
END $$;
-- +goose StatementEnd
SELECT lock_tables('accounts', 'users', 'revisions', 'audit_entries');

-- An external id names one account of its tenant. Accounts that share one keep it until it is changed.
-- Writers of a tenant take turns, so that no two of them give the same id at once.
CREATE INDEX accounts_tenant_external_id ON accounts (tenant_id, external_id) WHERE external_id IS NOT NULL;
-- +goose StatementBegin
CREATE FUNCTION refuse_taken_external_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM accounts WHERE tenant_id = NEW.tenant_id AND external_id = NEW.external_id AND id <> NEW.id) THEN
        RAISE EXCEPTION 'accounts_tenant_external_id';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER accounts_external_id_inserted BEFORE INSERT ON accounts
    FOR EACH ROW WHEN (NEW.external_id IS NOT NULL) EXECUTE FUNCTION refuse_taken_external_id();
CREATE TRIGGER accounts_external_id_updated BEFORE UPDATE ON accounts
    FOR EACH ROW WHEN (NEW.external_id IS DISTINCT FROM OLD.external_id) EXECUTE FUNCTION refuse_taken_external_id();

-- Logins of an account differ in this key, which the program derives from the login. A login has no key if
-- an older program wrote it, or if another login of the account had the key first.
ALTER TABLE users ADD COLUMN login_key TEXT COLLATE "C";
CREATE UNIQUE INDEX users_login_key ON users (account_id, login_key) WHERE login_key IS NOT NULL;
CREATE INDEX users_login_unkeyed ON users (id) WHERE login_key IS NULL;
-- +goose StatementBegin
CREATE FUNCTION forget_login_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.login_key := NULL;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER users_login_changed BEFORE UPDATE OF login ON users
    FOR EACH ROW WHEN (NEW.login IS DISTINCT FROM OLD.login) EXECUTE FUNCTION forget_login_key();

-- The user who made a revision. An older program does not say who.
ALTER TABLE revisions ADD COLUMN made_by TEXT COLLATE "C";

-- The panel through which an entry was made, by the name of its token.
ALTER TABLE audit_entries ADD COLUMN panel TEXT COLLATE "C";
