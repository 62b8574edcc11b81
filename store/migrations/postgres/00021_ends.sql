-- min_reader: 10, min_writer: 10
-- +goose Up
SELECT lock_tables('user_groups', 'users', 'audit_entries', 'accounts', 'revisions', 'revision_periods');

-- When a user leaves a group by itself; NULL for never. Programs without this column would let the user stay, so
-- ends are refused until the store is closed to them.
ALTER TABLE user_groups ADD COLUMN valid_to BIGINT;

-- Users who were created for an emergency, by a command on the database.
CREATE TABLE break_glass (
    user_id   TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    made_at   BIGINT NOT NULL,
    valid_to  BIGINT NOT NULL CHECK (valid_to > made_at),
    CONSTRAINT break_glass_user FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- The order of a tenant's entries: the commit that an entry is part of, or one before it that is later than the
-- tenant's last one. Older entries have 0.
-- +goose StatementBegin
CREATE FUNCTION audit_place() RETURNS BIGINT LANGUAGE sql AS 'SELECT n + 1 FROM data_revision';
-- +goose StatementEnd
ALTER TABLE audit_entries ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_entries ALTER COLUMN place SET DEFAULT audit_place();
CREATE INDEX audit_tenant_place ON audit_entries (tenant_id, place, id);
CREATE INDEX audit_account_place ON audit_entries (account_id, place, id);
CREATE INDEX audit_user ON audit_entries (resource_id, id) WHERE resource_type = 'user';

-- Users whose name, login and external id were replaced, and when all tables were last searched for these. Only the
-- changes of entries about them may be rewritten.
CREATE TABLE erased_users (
    user_id     TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    at          BIGINT NOT NULL,
    searched_at BIGINT
);
CREATE INDEX erased_users_tenant ON erased_users (tenant_id);
CREATE INDEX revisions_scheduled_by ON revisions (scheduled_by) WHERE scheduled_by IS NOT NULL;
-- +goose StatementBegin
CREATE FUNCTION audit_entry_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.resource_type <> 'user'
        OR NOT EXISTS (SELECT 1 FROM erased_users e WHERE e.user_id = OLD.resource_id AND e.tenant_id = OLD.tenant_id)
        OR (NEW.id, NEW.tenant_id, NEW.at, NEW.actor_id, NEW.actor_account_id, NEW.preview_of, NEW.panel, NEW.account_id, NEW.resource_type, NEW.resource_id, NEW.action, NEW.place)
            IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.at, OLD.actor_id, OLD.actor_account_id, OLD.preview_of, OLD.panel, OLD.account_id, OLD.resource_type, OLD.resource_id, OLD.action, OLD.place) THEN
        RAISE EXCEPTION 'audit_kept';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
DROP TRIGGER audit_entries_fixed ON audit_entries;
CREATE TRIGGER audit_entries_fixed BEFORE UPDATE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entry_fixed();

-- What the card said beside the rates in this period, as revisions.terms. Older programs write no terms of a period:
-- its terms are those of its revision, and a change of these changes the period that is open.
ALTER TABLE revision_periods ADD COLUMN terms TEXT COLLATE "C";
UPDATE revision_periods SET terms = (SELECT r.terms FROM revisions r WHERE r.id = revision_periods.revision_id);
-- +goose StatementBegin
CREATE FUNCTION period_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE revision_periods SET terms = (SELECT r.terms FROM revisions r WHERE r.id = NEW.revision_id)
    WHERE card_id = NEW.card_id AND active_from = NEW.active_from AND revision_id = NEW.revision_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION revision_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE revision_periods SET terms = NEW.terms
    WHERE card_id = NEW.card_id AND revision_id = NEW.id AND active_to IS NULL AND terms IS DISTINCT FROM NEW.terms;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER revision_periods_terms AFTER INSERT ON revision_periods
    FOR EACH ROW WHEN (NEW.terms IS NULL) EXECUTE FUNCTION period_terms();
CREATE TRIGGER revisions_terms AFTER UPDATE OF terms ON revisions
    FOR EACH ROW WHEN (OLD.terms IS DISTINCT FROM NEW.terms) EXECUTE FUNCTION revision_terms();
