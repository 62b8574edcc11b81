-- min_reader: 10, min_writer: 10
-- +goose Up

-- Texts without case and accents, as a JSON object by column, for searches. Only texts that are not
-- ASCII are in it. The program derives them, so a change of a text clears them first: an older program
-- leaves none that belong to an earlier text.
ALTER TABLE accounts ADD COLUMN folded TEXT;
ALTER TABLE groups ADD COLUMN folded TEXT;
ALTER TABLE users ADD COLUMN folded TEXT;
ALTER TABLE customers ADD COLUMN folded TEXT;
ALTER TABLE cards ADD COLUMN folded TEXT;
-- +goose StatementBegin
CREATE TRIGGER accounts_folded AFTER UPDATE OF name, public_name, email, currency, external_id ON accounts
WHEN OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.email, OLD.currency, OLD.external_id) IS NOT (NEW.name, NEW.public_name, NEW.email, NEW.currency, NEW.external_id) BEGIN
    UPDATE accounts SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_folded AFTER UPDATE OF name, public_name, template ON groups
WHEN OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.template) IS NOT (NEW.name, NEW.public_name, NEW.template) BEGIN
    UPDATE groups SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_folded AFTER UPDATE OF external_id, login, name, time_zone ON users
WHEN OLD.folded IS NOT NULL AND (OLD.external_id, OLD.login, OLD.name, OLD.time_zone) IS NOT (NEW.external_id, NEW.login, NEW.name, NEW.time_zone) BEGIN
    UPDATE users SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER customers_folded AFTER UPDATE OF name, email, currency, external_id, notes ON customers
WHEN OLD.folded IS NOT NULL AND (OLD.name, OLD.email, OLD.currency, OLD.external_id, OLD.notes) IS NOT (NEW.name, NEW.email, NEW.currency, NEW.external_id, NEW.notes) BEGIN
    UPDATE customers SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER cards_folded AFTER UPDATE OF name, public_name, carrier, currency, tech_prefix, notes, public_notes, external_id ON cards
WHEN OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.carrier, OLD.currency, OLD.tech_prefix, OLD.notes, OLD.public_notes, OLD.external_id) IS NOT (NEW.name, NEW.public_name, NEW.carrier, NEW.currency, NEW.tech_prefix, NEW.notes, NEW.public_notes, NEW.external_id) BEGIN
    UPDATE cards SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
