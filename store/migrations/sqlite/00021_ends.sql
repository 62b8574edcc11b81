-- min_reader: 10, min_writer: 10
-- +goose Up

-- When a user leaves a group by itself; NULL for never. Programs without this column would let the user stay, so
-- ends are refused until the store is closed to them.
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
CREATE INDEX audit_user ON audit_entries (resource_id, id) WHERE resource_type = 'user';
-- Older programs write entries without a place.
-- +goose StatementBegin
CREATE TRIGGER audit_entries_place AFTER INSERT ON audit_entries WHEN NEW.place = 0 BEGIN
    UPDATE audit_entries SET place = (SELECT n + 1 FROM data_revision) WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- Users whose name, login and external id were replaced, and when all tables were last searched for these. Only the
-- changes of entries about them may be rewritten.
CREATE TABLE erased_users (
    user_id     TEXT PRIMARY KEY NOT NULL,
    tenant_id   TEXT NOT NULL REFERENCES accounts (id),
    at          INTEGER NOT NULL,
    searched_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_users_tenant ON erased_users (tenant_id);
CREATE INDEX revisions_scheduled_by ON revisions (scheduled_by) WHERE scheduled_by IS NOT NULL;
DROP TRIGGER audit_entries_not_changed;
-- +goose StatementBegin
CREATE TRIGGER audit_entries_not_changed BEFORE UPDATE ON audit_entries
WHEN (NEW.id, NEW.tenant_id, NEW.at, NEW.actor_id, NEW.actor_account_id, NEW.preview_of, NEW.panel, NEW.account_id, NEW.resource_type, NEW.resource_id, NEW.action)
        IS NOT (OLD.id, OLD.tenant_id, OLD.at, OLD.actor_id, OLD.actor_account_id, OLD.preview_of, OLD.panel, OLD.account_id, OLD.resource_type, OLD.resource_id, OLD.action)
    OR NEW.place <> OLD.place AND NOT (OLD.place = 0 AND NEW.place = (SELECT n + 1 FROM data_revision))
    OR NEW.change IS NOT OLD.change AND (OLD.resource_type <> 'user'
        OR NOT EXISTS (SELECT 1 FROM erased_users e WHERE e.user_id = OLD.resource_id AND e.tenant_id = OLD.tenant_id)) BEGIN
    SELECT RAISE(ABORT, 'audit_kept');
END;
-- +goose StatementEnd

-- What the card said beside the rates in this period, as revisions.terms. Older programs write no terms of a period:
-- its terms are those of its revision, and a change of these changes the period that is open.
ALTER TABLE revision_periods ADD COLUMN terms TEXT;
UPDATE revision_periods SET terms = (SELECT r.terms FROM revisions r WHERE r.id = revision_periods.revision_id);
-- +goose StatementBegin
CREATE TRIGGER revision_periods_terms AFTER INSERT ON revision_periods WHEN NEW.terms IS NULL BEGIN
    UPDATE revision_periods SET terms = (SELECT r.terms FROM revisions r WHERE r.id = NEW.revision_id)
    WHERE card_id = NEW.card_id AND active_from = NEW.active_from AND revision_id = NEW.revision_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER revisions_terms AFTER UPDATE OF terms ON revisions WHEN OLD.terms IS NOT NEW.terms BEGIN
    UPDATE revision_periods SET terms = NEW.terms
    WHERE card_id = NEW.card_id AND revision_id = NEW.id AND active_to IS NULL AND terms IS NOT NEW.terms;
END;
-- +goose StatementEnd
