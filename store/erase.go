package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Erased says what EraseUser replaced.
type Erased struct {
	UserID    string `json:"user_id"`
	Pseudonym string `json:"pseudonym"`
	Entries   int    `json:"audit_entries"` // whose change was rewritten
	Changes   int    `json:"changes"`       // kept for /v1/changes, that were rewritten
	Answers   int    `json:"answers"`       // kept for repeated requests, that were deleted
	// Found are the places that still hold one of the texts. A name may be that of somebody
	// else.
	Found []Trace `json:"found"`
	// Kept are the places that hold the user's id.
	Kept []Trace `json:"kept"`
	// Searched is how many names, logins, external ids and networks were searched for. It is
	// 0 if none was left to replace: the search then proves nothing.
	Searched int `json:"searched"`
	// Earlier is when an earlier run has searched, 0 for never.
	Earlier schema.Micros `json:"-"`

	texts map[string]map[string]bool // by column: all values that the user had
}

// Left reports whether a login or an external id is still found. Other users may have the
// same name or the same networks.
func (e *Erased) Left() bool {
	return slices.ContainsFunc(e.Found, func(t Trace) bool { return t.Of == "login" || t.Of == "external_id" })
}

// EraseUser replaces a user's name, login and external id by a pseudonym everywhere: in
// its row, in audit entries, and in what is kept for /v1/changes. It removes the networks of
// ip_allow, disables the user, and deletes the kept answers about the user. Then it searches
// all tables.
//
// It collects and searches before it replaces anything, so that a search that cannot be made
// leaves everything as it is. It reads without holding up writers, and rewrites in short
// transactions. If it is interrupted, erase the user again. A user that was deleted, or
// erased, can be erased again.
//
// It returns ErrInvalid if id does not have the form of a user's id, ErrNotFound if the tenant
// keeps nothing of the user, and ErrConflict if nobody could administer the tenant without
// the user.
func (s *Store) EraseUser(ctx context.Context, tenant, id string) (Erased, error) {
	e := Erased{UserID: id, Pseudonym: "erased-" + strings.TrimPrefix(id, schema.Info("user").Prefix), texts: map[string]map[string]bool{}}
	if !schema.IsID("user", id) {
		return Erased{}, fault.Invalid("", fmt.Sprintf("user %q: this is not the id of a user, which looks like %s", id, RandomID("user")))
	}
	for _, step := range []func(context.Context, string, *Erased) error{s.collect, s.searchTraces, s.replace, s.searchTraces, s.searched} {
		if err := step(ctx, tenant, &e); err != nil {
			return Erased{}, fmt.Errorf("user %s: %w", id, err)
		}
	}
	return e, nil
}

// collect notes all texts that are to be replaced. It returns ErrNotFound if neither the
// user's row nor anything about the user is in the tenant.
func (s *Store) collect(ctx context.Context, tenant string, e *Erased) error {
	own, err := dialect.SelectAll[User](ctx, s.dialect, s.pool, usersTable.query+" WHERE tenant_id = ? AND id = ?", tenant, e.UserID)
	if err != nil {
		return err
	}
	known := len(own) > 0
	for _, u := range own {
		e.noteRow(u)
	}
	for _, k := range keptDocuments {
		err := s.documents(ctx, tenant, e.UserID, k, func(some []document) error {
			known = true
			_, err := k.changed(e, some)
			return err
		})
		if err != nil {
			return err
		}
	}
	if !known {
		return fmt.Errorf("tenant %s: %w", tenant, fault.ErrNotFound)
	}
	earlier, err := dialect.SelectAll[struct{ At schema.Micros }](ctx, s.dialect, s.pool, "SELECT COALESCE(searched_at, 0) AS at FROM erased_users WHERE user_id = ? AND tenant_id || '' = ?", e.UserID, tenant)
	for _, one := range earlier {
		e.Earlier = one.At
	}
	return err
}

// replace replaces the user's texts in all that is kept.
func (s *Store) replace(ctx context.Context, tenant string, e *Erased) error {
	err := s.Write(ctx, tenant, func(tx *Tx) error { return tx.erase(ctx, e) })
	for _, k := range keptDocuments {
		if err == nil {
			err = s.rewrite(ctx, tenant, k, e)
		}
	}
	if err == nil {
		err = s.eraseAnswers(ctx, tenant, e)
	}
	return err
}

// searched keeps when the tables were searched after texts of the user were replaced.
func (s *Store) searched(ctx context.Context, tenant string, e *Erased) error {
	if e.Searched == 0 {
		return nil
	}
	return s.Write(ctx, tenant, func(tx *Tx) error {
		_, err := tx.exec(ctx, "UPDATE erased_users SET searched_at = ? WHERE user_id = ? AND tenant_id || '' = ?", tx.now, e.UserID, tenant)
		return err
	})
}

// note keeps a value that the user had: a text, or a list of texts.
func (e *Erased) note(column string, value any) {
	list, _ := value.([]any)
	for _, one := range list {
		e.note(column, one)
	}
	text, _ := value.(string)
	if text == "" || text == schema.Withheld || strings.HasPrefix(text, e.Pseudonym) {
		return
	}
	if e.texts[column] == nil {
		e.texts[column] = map[string]bool{}
	}
	e.texts[column][text] = true
}

// noteRow notes the texts of the user's row.
func (e *Erased) noteRow(u User) {
	for column, value := range map[string]string{"name": u.Name, "login": u.Login, "external_id": u.ExternalID} {
		e.note(column, value)
	}
	for _, network := range u.IPAllow {
		e.note("ip_allow", network)
	}
}

func (tx *Tx) erase(ctx context.Context, e *Erased) error {
	u, err := tx.User(ctx, e.UserID)
	deleted := errors.Is(err, fault.ErrNotFound)
	if err != nil && !deleted {
		return err
	}
	entry := AuditEntry{AccountID: u.AccountID, ResourceType: "user", ResourceID: e.UserID, Action: "erase"}
	if deleted {
		if entry.AccountID, err = tx.ownerOfDeleted(ctx, e.UserID); err != nil {
			return err
		}
	}
	_, err = tx.exec(ctx, "INSERT INTO erased_users (user_id, tenant_id, at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO NOTHING", e.UserID, tx.tenant, tx.now)
	if err == nil && len(e.texts) > 0 {
		_, err = tx.exec(ctx, "UPDATE erased_users SET searched_at = NULL WHERE user_id = ? AND tenant_id || '' = ?", e.UserID, tx.tenant)
	}
	if err == nil && !deleted {
		err = tx.eraseRow(ctx, u, e)
	}
	if err == nil {
		_, err = tx.Audit(ctx, entry)
	}
	return err
}

// ownerOfDeleted returns the account of a user that was deleted, as far as the audit trail
// says it, or the master.
func (tx *Tx) ownerOfDeleted(ctx context.Context, id string) (string, error) {
	found, err := tx.names(ctx, `SELECT account_id AS name FROM audit_entries WHERE resource_type = 'user' AND resource_id = ? AND tenant_id = ?
		ORDER BY resource_id, id LIMIT 1`, id, tx.tenant)
	if err == nil && len(found) == 0 {
		found = []string{tx.tenant}
	}
	return strings.Join(found, ""), err
}

// eraseRow replaces the identity in the user's row.
func (tx *Tx) eraseRow(ctx context.Context, u User, e *Erased) error {
	e.noteRow(u)
	had, err := tx.HasAdministrator(ctx)
	if err != nil {
		return err
	}
	disabled, login, external := Disabled, e.Pseudonym+"@erased.invalid", ""
	patch := UserPatch{Login: &login, ExternalID: &external, Status: &disabled, IPAllow: &[]string{}}
	if u.Name != "" {
		patch.Name = &e.Pseudonym
	}
	if u.ExternalID != "" {
		external = e.Pseudonym
	}
	if _, err := tx.UpdateUser(ctx, u.ID, patch); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "UPDATE revisions SET scheduled_from = NULL WHERE scheduled_by = ?", u.ID); err != nil {
		return err
	}
	has, err := tx.HasAdministrator(ctx)
	if err == nil && had && !has {
		err = fault.Conflict("", "no active user of the master would have full access: give it to another user first")
	}
	return err
}

// keptDocument is a column of documents about users, which outlive them.
type keptDocument struct {
	table, column string
	key           string // of the rows of one user, in the order of an index
	about         string // the condition on these rows; its arguments are the user and the tenant
	within        bool   // the index has no user: it is read by ranges of the key
	without       func(e *Erased, document map[string]any) (found bool)
	count         func(e *Erased, n int)
}

var keptDocuments = []keptDocument{
	{table: "audit_entries", column: "change", key: "id", about: "resource_type = 'user' AND resource_id = ? AND tenant_id = ?",
		without: (*Erased).entryWithout, count: func(e *Erased, n int) { e.Entries += n }},
	{table: "changes", column: "row_before", key: "revision", about: "type = 'user' AND id = ? AND tenant_id = ?", within: true,
		without: (*Erased).rowWithout, count: func(e *Erased, n int) { e.Changes += n }},
	{table: "changes", column: "row_after", key: "revision", about: "type = 'user' AND id = ? AND tenant_id = ?", within: true,
		without: (*Erased).rowWithout, count: func(*Erased, int) {}},
	{table: "change_packs", column: "row_before", key: "mark", about: "type = 'user' AND id = ? AND tenant_id || '' = ?",
		without: (*Erased).rowWithout, count: func(e *Erased, n int) { e.Changes += n }},
	{table: "change_packs", column: "row_after", key: "mark", about: "type = 'user' AND id = ? AND tenant_id || '' = ?",
		without: (*Erased).rowWithout, count: func(*Erased, int) {}},
}

// document is one row of a keptDocument.
type document struct {
	Key  any    `db:"row_key"`
	Text string `db:"document"`
}

// documentSlice is how many documents are read, and rewritten, at once. rangeOfKeys is how
// many revisions are read for those of one user.
const (
	documentSlice = 100
	rangeOfKeys   = 10000
)

// documents calls fn with the documents about a user, in slices.
func (s *Store) documents(ctx context.Context, tenant, user string, k keptDocument, fn func([]document) error) error {
	text := "SELECT " + k.key + " AS row_key, " + k.column + " AS document FROM " + k.table + " WHERE " + k.about + " AND " + k.column + " IS NOT NULL"
	if k.within {
		return s.documentsWithin(ctx, tenant, k, func(from, to int64) error {
			some, err := dialect.SelectAll[document](ctx, s.dialect, s.pool, text+" AND "+k.key+" > ? AND "+k.key+" <= ?", user, tenant, from, to)
			for part := range slices.Chunk(some, documentSlice) {
				if err == nil {
					err = fn(part)
				}
			}
			return err
		})
	}
	for after := any(""); ; {
		some, err := dialect.SelectAll[document](ctx, s.dialect, s.pool, text+" AND "+k.key+" > ? ORDER BY "+k.key+" LIMIT ?", user, tenant, after, documentSlice)
		if err != nil || len(some) == 0 {
			return err
		}
		if err := fn(some); err != nil {
			return err
		}
		after = some[len(some)-1].Key
	}
}

// documentsWithin calls fn with ranges of keys that cover all rows of the tenant.
func (s *Store) documentsWithin(ctx context.Context, tenant string, k keptDocument, fn func(from, to int64) error) error {
	type span struct{ First, Last int64 }
	all, err := dialect.SelectOne[span](ctx, s.dialect, s.pool, `SELECT
		COALESCE((SELECT `+k.key+` FROM `+k.table+` WHERE tenant_id = ? ORDER BY `+k.key+` LIMIT 1), 0) AS first,
		COALESCE((SELECT `+k.key+` FROM `+k.table+` WHERE tenant_id = ? ORDER BY `+k.key+` DESC LIMIT 1), -1) AS last`, tenant, tenant)
	for from := all.First - 1; err == nil && from < all.Last; from += rangeOfKeys {
		err = fn(from, from+rangeOfKeys)
	}
	return err
}

// changed returns the documents that hold personal values, without them.
func (k *keptDocument) changed(e *Erased, some []document) (changed []document, err error) {
	for _, d := range some {
		var content map[string]any
		read := json.NewDecoder(strings.NewReader(d.Text))
		read.UseNumber()
		if err := read.Decode(&content); err != nil {
			return nil, err
		}
		if !k.without(e, content) {
			continue
		}
		text, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		changed = append(changed, document{d.Key, string(text)})
	}
	return changed, nil
}

// rewrite removes personal values from the documents about a user. Nobody else changes them.
func (s *Store) rewrite(ctx context.Context, tenant string, k keptDocument, e *Erased) error {
	return s.documents(ctx, tenant, e.UserID, k, func(some []document) error {
		changed, err := k.changed(e, some)
		if err != nil || len(changed) == 0 {
			return err
		}
		k.count(e, len(changed))
		return s.Write(ctx, tenant, func(tx *Tx) error {
			for _, d := range changed {
				if _, err := tx.exec(ctx, "UPDATE "+k.table+" SET "+k.column+" = ? WHERE "+k.about+" AND "+k.key+" = ?", d.Text, e.UserID, tenant, d.Key); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// personalColumns are the columns of a type that identify a person.
func personalColumns(typ string) (names []string) {
	for _, c := range schema.Info(typ).Columns {
		if c.Personal {
			names = append(names, c.Name)
		}
	}
	return names
}

// entryWithout takes personal values out of the change of an audit entry.
func (e *Erased) entryWithout(change map[string]any) (found bool) {
	columns, _ := change["columns"].(map[string]any)
	row, _ := change["row"].(map[string]any)
	for _, name := range personalColumns("user") {
		sides, _ := columns[name].(map[string]any)
		for side, value := range sides {
			if list, is := value.([]any); value != nil && value != schema.Withheld && (!is || len(list) > 0) {
				e.note(name, value)
				sides[side], found = schema.Withheld, true
			}
		}
		if value, ok := row[name]; ok {
			e.note(name, value)
			delete(row, name)
			found = true
		}
	}
	return found
}

// rowWithout replaces personal values in a row that is kept for /v1/changes.
func (e *Erased) rowWithout(row map[string]any) (found bool) {
	for _, name := range personalColumns("user") {
		switch value := row[name].(type) {
		case nil:
		case string:
			if value != e.Pseudonym {
				e.note(name, value)
				row[name], found = e.Pseudonym, true
			}
		case []any:
			if len(value) > 0 {
				e.note(name, value)
				row[name], found = []any{}, true
			}
		default:
			delete(row, name)
			found = true
		}
	}
	return found
}

// eraseAnswers deletes the answers that are kept for repeated requests about the user. Such
// an answer may hold the row of a deleted user.
func (s *Store) eraseAnswers(ctx context.Context, tenant string, e *Erased) error {
	type answer struct {
		Hash []byte `db:"scope_hash"`
		Body []byte
	}
	for after := []byte{}; ; {
		some, err := dialect.SelectAll[answer](ctx, s.dialect, s.pool, "SELECT scope_hash, body FROM idempotency_keys WHERE scope_hash > ? ORDER BY scope_hash LIMIT ?", after, documentSlice)
		if err != nil || len(some) == 0 {
			return err
		}
		after = some[len(some)-1].Hash
		some = slices.DeleteFunc(some, func(a answer) bool {
			var about struct{ Type, ID string }
			return json.Unmarshal(a.Body, &about) != nil || about.Type != "user" || about.ID != e.UserID
		})
		if len(some) == 0 {
			continue
		}
		e.Answers += len(some)
		if err := s.Write(ctx, tenant, func(tx *Tx) error {
			for _, a := range some {
				if _, err := tx.exec(ctx, "DELETE FROM idempotency_keys WHERE scope_hash = ?", a.Hash); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// spellings returns a text as tables may hold it: as the whole value, without case, and
// as a text of JSON. Part of another text is not meant: an external id may be a digit.
func spellings(text string) (whole, within []string) {
	whole = []string{text, schema.LoginKey(text), schema.Fold(text)}
	within = []string{string(query.AppendString(nil, text))}
	if quoted, err := json.Marshal(text); err == nil {
		within = append(within, string(quoted))
	}
	slices.Sort(whole)
	slices.Sort(within)
	return slices.Compact(whole), slices.Compact(within)
}

// Trace is a place that holds a text.
type Trace struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Of     string `json:"of,omitempty"` // the user's column that the text comes from
	Rows   int64  `json:"rows"`
}

// searchTraces searches all tables for the user's texts, and for its id.
func (s *Store) searchTraces(ctx context.Context, _ string, e *Erased) (err error) {
	type column struct {
		Table  string `db:"of_table"`
		Column string `db:"name"`
		Binary bool   `db:"is_binary"`
	}
	columns, err := dialect.SelectAll[column](ctx, s.dialect, s.pool, s.dialect.TextColumns)
	if err != nil {
		return err
	}
	e.Found, e.Kept, e.Searched = []Trace{}, []Trace{}, 0
	for _, texts := range e.texts {
		e.Searched += len(texts)
	}
	for _, c := range columns {
		for _, of := range slices.Sorted(maps.Keys(e.texts)) {
			var whole, within []string
			for text := range e.texts[of] {
				is, has := spellings(text)
				whole, within = append(whole, is...), append(within, has...)
			}
			n, err := s.holding(ctx, c.Table, c.Column, c.Binary, whole, within)
			if err != nil {
				return err
			}
			if n > 0 {
				e.Found = append(e.Found, Trace{Table: c.Table, Column: c.Column, Of: of, Rows: n})
			}
		}
		n, err := s.holding(ctx, c.Table, c.Column, c.Binary, nil, []string{e.UserID})
		if err != nil {
			return err
		}
		if n > 0 {
			e.Kept = append(e.Kept, Trace{Table: c.Table, Column: c.Column, Rows: n})
		}
	}
	return nil
}

// maxConditions is the most conditions of one statement. SQLite refuses expressions that are
// nested 1,000 times.
const maxConditions = 400

// holding counts the rows whose column is one of some texts, or holds one of others. It may
// count a row several times if there are more than maxConditions.
func (s *Store) holding(ctx context.Context, table, column string, binary bool, whole, within []string) (n int64, err error) {
	type number struct{ N int64 }
	name := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
	equals, holds := name(column)+" = ?", s.dialect.Holds(name(column), binary)
	for part := range slices.Chunk(slices.Concat(whole, within), maxConditions) {
		equal := min(len(whole), len(part))
		whole = whole[equal:]
		conditions := slices.Concat(slices.Repeat([]string{equals}, equal), slices.Repeat([]string{holds}, len(part)-equal))
		args := make([]any, len(part))
		for i, text := range part {
			if args[i] = text; binary {
				args[i] = []byte(text)
			}
		}
		found, err := dialect.SelectOne[number](ctx, s.dialect, s.pool, "SELECT count(*) AS n FROM "+name(table)+" WHERE "+strings.Join(conditions, " OR "), args...)
		if n += found.N; err != nil {
			return n, err
		}
	}
	return n, nil
}
