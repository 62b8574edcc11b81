-- min_reader: 10, min_writer: 10
-- +goose Up

SELECT lock_tables('accounts', 'groups', 'users', 'customers', 'cards');

-- Texts without case and accents, as a JSON object by column, for searches. Only texts that are not
-- ASCII are in it. The program derives them, so a change of a text clears them first: an older program
-- leaves none that belong to an earlier text.
ALTER TABLE accounts ADD COLUMN folded TEXT;
ALTER TABLE groups ADD COLUMN folded TEXT;
ALTER TABLE users ADD COLUMN folded TEXT;
ALTER TABLE customers ADD COLUMN folded TEXT;
ALTER TABLE cards ADD COLUMN folded TEXT;
-- +goose StatementBegin
CREATE FUNCTION clear_folded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.folded := NULL;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER accounts_folded BEFORE UPDATE OF name, public_name, email, currency, external_id ON accounts FOR EACH ROW
    WHEN (OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.email, OLD.currency, OLD.external_id) IS DISTINCT FROM (NEW.name, NEW.public_name, NEW.email, NEW.currency, NEW.external_id)) EXECUTE FUNCTION clear_folded();
CREATE TRIGGER groups_folded BEFORE UPDATE OF name, public_name, template ON groups FOR EACH ROW
    WHEN (OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.template) IS DISTINCT FROM (NEW.name, NEW.public_name, NEW.template)) EXECUTE FUNCTION clear_folded();
CREATE TRIGGER users_folded BEFORE UPDATE OF external_id, login, name, time_zone ON users FOR EACH ROW
    WHEN (OLD.folded IS NOT NULL AND (OLD.external_id, OLD.login, OLD.name, OLD.time_zone) IS DISTINCT FROM (NEW.external_id, NEW.login, NEW.name, NEW.time_zone)) EXECUTE FUNCTION clear_folded();
CREATE TRIGGER customers_folded BEFORE UPDATE OF name, email, currency, external_id, notes ON customers FOR EACH ROW
    WHEN (OLD.folded IS NOT NULL AND (OLD.name, OLD.email, OLD.currency, OLD.external_id, OLD.notes) IS DISTINCT FROM (NEW.name, NEW.email, NEW.currency, NEW.external_id, NEW.notes)) EXECUTE FUNCTION clear_folded();
CREATE TRIGGER cards_folded BEFORE UPDATE OF name, public_name, carrier, currency, tech_prefix, notes, public_notes, external_id ON cards FOR EACH ROW
    WHEN (OLD.folded IS NOT NULL AND (OLD.name, OLD.public_name, OLD.carrier, OLD.currency, OLD.tech_prefix, OLD.notes, OLD.public_notes, OLD.external_id) IS DISTINCT FROM (NEW.name, NEW.public_name, NEW.carrier, NEW.currency, NEW.tech_prefix, NEW.notes, NEW.public_notes, NEW.external_id)) EXECUTE FUNCTION clear_folded();
