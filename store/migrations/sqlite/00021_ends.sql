-- min_reader: 10, min_writer: 10
-- +goose Up

-- When a user leaves a group by itself; NULL for never. Programs without this column would let the user stay, so
-- the first end that is stored closes the store to them.
ALTER TABLE user_groups ADD COLUMN valid_to INTEGER;

-- Users who were created for an emergency, by a command on the database.
CREATE TABLE break_glass (
    user_id   TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL,
    made_at   INTEGER NOT NULL,
    valid_to  INTEGER NOT NULL CHECK (valid_to > made_at),
    CONSTRAINT break_glass_user FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The order of a tenant's entries: the commit that an entry is part of, or one before it that is later than the
-- tenant's last one. Older entries have 0.
ALTER TABLE audit_entries ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE INDEX audit_tenant_place ON audit_entries (tenant_id, place, id);
CREATE INDEX audit_account_place ON audit_entries (account_id, place, id);

-- Users whose name, login and external id were replaced. Only the changes of entries about them may be rewritten.
CREATE TABLE erased_users (
    user_id   TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES accounts (id),
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_users_tenant ON erased_users (tenant_id);
DROP TRIGGER audit_entries_not_changed;
-- +goose StatementBegin
CREATE TRIGGER audit_entries_not_changed BEFORE UPDATE ON audit_entries
WHEN OLD.resource_type <> 'user'
    OR NOT EXISTS (SELECT 1 FROM erased_users e WHERE e.user_id = OLD.resource_id AND e.tenant_id = OLD.tenant_id)
    OR (NEW.id, NEW.tenant_id, NEW.at, NEW.actor_id, NEW.actor_account_id, NEW.preview_of, NEW.panel, NEW.account_id, NEW.resource_type, NEW.resource_id, NEW.action, NEW.place)
        IS NOT (OLD.id, OLD.tenant_id, OLD.at, OLD.actor_id, OLD.actor_account_id, OLD.preview_of, OLD.panel, OLD.account_id, OLD.resource_type, OLD.resource_id, OLD.action, OLD.place) BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd

-- What the card said beside the rates in this period, as revisions.terms; NULL if an older program wrote the period.
ALTER TABLE revision_periods ADD COLUMN terms TEXT;
UPDATE revision_periods SET terms = (SELECT r.terms FROM revisions r WHERE r.id = revision_periods.revision_id);
