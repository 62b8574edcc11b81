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
	// Searched is how many names, logins and external ids were searched for. It is 0 if
	// none was left to replace: the search then proves nothing.
	Searched int `json:"searched"`

	texts map[string]map[string]bool // by column: all values that the user had
}

// Left reports whether a text is still found that identifies the user, other than its name.
func (e *Erased) Left() bool {
	return slices.ContainsFunc(e.Found, func(t Trace) bool { return t.Of != "name" })
}

// EraseUser replaces a user's name, login and external id by a pseudonym everywhere: in
// its row, in audit entries, and in what is kept for /v1/changes. It deletes answers that
// are kept for repeated requests and hold the user's id, as all about the user do. It disables the user and empties its
// ip_allow. Then it searches all tables. A user that was deleted, or erased, can be erased
// again. It returns ErrNotFound, or ErrConflict if nobody could administer the tenant
// without the user.
func (s *Store) EraseUser(ctx context.Context, tenant, id string) (Erased, error) {
	e := Erased{UserID: id, Pseudonym: "erased-" + strings.TrimPrefix(id, "usr_")}
	err := s.Write(ctx, tenant, func(tx *Tx) error {
		e.texts = map[string]map[string]bool{}
		return tx.erase(ctx, &e)
	})
	if err == nil {
		err = s.eraseKept(ctx, tenant, &e)
	}
	if err == nil {
		err = s.searchTraces(ctx, &e)
	}
	if err != nil {
		return Erased{}, fmt.Errorf("user %s: %w", id, err)
	}
	return e, nil
}

// note keeps a value that the user had.
func (e *Erased) note(column string, value any) {
	text, _ := value.(string)
	if text == "" || text == schema.Withheld || strings.HasPrefix(text, e.Pseudonym) {
		return
	}
	if e.texts[column] == nil {
		e.texts[column] = map[string]bool{}
	}
	e.texts[column][text] = true
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
	if err == nil && !deleted {
		err = tx.eraseRow(ctx, u, e)
	}
	if err == nil {
		e.Entries, err = tx.rewrite(ctx, "audit_entries", "change", "id", e.entryWithout, "tenant_id = ? AND resource_type = 'user' AND resource_id = ?", tx.tenant, e.UserID)
	}
	if err == nil {
		_, err = tx.Audit(ctx, entry)
	}
	return err
}

// ownerOfDeleted returns the account of a user that was deleted. It returns ErrNotFound if
// nothing is known of it.
func (tx *Tx) ownerOfDeleted(ctx context.Context, id string) (string, error) {
	if !dialect.Storable(id) {
		return "", fault.ErrNotFound
	}
	found, err := tx.names(ctx, "SELECT account_id AS name FROM audit_entries WHERE tenant_id = ? AND resource_type = 'user' AND resource_id = ? LIMIT 1", tx.tenant, id)
	if err == nil && len(found) == 0 {
		err = fault.ErrNotFound
	}
	return strings.Join(found, ""), err
}

// eraseRow replaces the identity in the user's row.
func (tx *Tx) eraseRow(ctx context.Context, u User, e *Erased) error {
	for column, value := range map[string]string{"name": u.Name, "login": u.Login, "external_id": u.ExternalID} {
		e.note(column, value)
	}
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

// rewrite replaces a document of some rows, if change changes it. It returns the number of
// these rows.
func (tx *Tx) rewrite(ctx context.Context, table, column, key string, change func(map[string]any) bool, where string, args ...any) (n int, err error) {
	type row struct {
		Key  string `db:"row_key"`
		Text string `db:"document"`
	}
	rows, err := dialect.SelectAll[row](ctx, tx.store.dialect, tx.tx,
		"SELECT "+key+" AS row_key, "+column+" AS document FROM "+table+" WHERE "+where+" AND "+column+" IS NOT NULL", args...)
	for _, r := range rows {
		var document map[string]any
		read := json.NewDecoder(strings.NewReader(r.Text))
		read.UseNumber()
		if err := read.Decode(&document); err != nil {
			return n, err
		}
		if !change(document) {
			continue
		}
		text, err := json.Marshal(document)
		if err != nil {
			return n, err
		}
		n++
		if _, err := tx.exec(ctx, "UPDATE "+table+" SET "+column+" = ? WHERE "+where+" AND "+key+" = ?",
			slices.Concat([]any{string(text)}, args, []any{r.Key})...); err != nil {
			return n, err
		}
	}
	return n, err
}

// personalColumns are the columns that identify a user.
func personalColumns() (names []string) {
	for _, c := range schema.Info("user").Columns {
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
	for _, name := range personalColumns() {
		sides, _ := columns[name].(map[string]any)
		for side, value := range sides {
			if value != nil && value != schema.Withheld {
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
	for _, name := range personalColumns() {
		if value, ok := row[name]; ok && value != e.Pseudonym {
			e.note(name, value)
			row[name], found = e.Pseudonym, true
		}
	}
	return found
}

// eraseKept rewrites what is kept for /v1/changes, also of the commit that erased the row. It
// deletes the answers that are kept for repeated requests and hold the user's id.
func (s *Store) eraseKept(ctx context.Context, tenant string, e *Erased) error {
	type answer struct {
		Hash []byte `db:"scope_hash"`
		Body []byte
	}
	var found [][]byte
	for after := []byte{}; ; {
		some, err := dialect.SelectAll[answer](ctx, s.dialect, s.pool, "SELECT scope_hash, body FROM idempotency_keys WHERE scope_hash > ? ORDER BY scope_hash LIMIT ?", after, sweepRows)
		if err != nil {
			return err
		}
		for _, a := range some {
			if after = a.Hash; strings.Contains(string(a.Body), e.UserID) {
				found = append(found, a.Hash)
			}
		}
		if len(some) < sweepRows {
			break
		}
	}
	e.Answers = len(found)
	return s.Write(ctx, tenant, func(tx *Tx) error {
		for _, column := range []string{"row_before", "row_after"} {
			n, err := tx.rewrite(ctx, "changes", column, "revision", e.rowWithout, "tenant_id = ? AND type = 'user' AND id = ?", tx.tenant, e.UserID)
			if err != nil {
				return err
			}
			e.Changes = max(e.Changes, n)
		}
		for _, hash := range found {
			if _, err := tx.exec(ctx, "DELETE FROM idempotency_keys WHERE scope_hash = ?", hash); err != nil {
				return err
			}
		}
		return nil
	})
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
func (s *Store) searchTraces(ctx context.Context, e *Erased) (err error) {
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

// holding counts the rows whose column is one of some texts, or holds one of others.
func (s *Store) holding(ctx context.Context, table, column string, binary bool, whole, within []string) (int64, error) {
	type number struct{ N int64 }
	name := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
	var conditions []string
	var args []any
	add := func(condition, text string) {
		if conditions = append(conditions, condition); binary {
			args = append(args, []byte(text))
		} else {
			args = append(args, text)
		}
	}
	for _, text := range whole {
		add(name(column)+" = ?", text)
	}
	for _, text := range within {
		add(s.dialect.Holds(name(column), binary), text)
	}
	found, err := dialect.SelectOne[number](ctx, s.dialect, s.pool, "SELECT count(*) AS n FROM "+name(table)+" WHERE "+strings.Join(conditions, " OR "), args...)
	return found.N, err
}
