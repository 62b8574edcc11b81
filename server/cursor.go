package server

import (
	"encoding/json"
	"errors"
	"strconv"

	"resellerd/store/query"
)

// cursorText is the content of a cursor: the shown values of the last row of a page,
// or of the first one. Key is one letter for the type, followed by the value. Revision is set
// for a list of rates, so that all its pages show the same revision.
type cursorText struct {
	Key      string `json:"k,omitempty"`
	ID       string `json:"i"`
	Revision string `json:"r,omitempty"`
	Back     bool   `json:"b,omitempty"` // the page before this row
}

var errCursor = errors.New("cursor: key of a foreign type")

// sealCursor encrypts the position where a page ended. The cursor opens only for
// the same user and the same question. The same position always gives the same
// bytes.
func (r *inquiry) sealCursor(question string, c *query.Cursor, revision string) (string, error) {
	text := cursorText{ID: c.ID, Revision: revision, Back: c.Back}
	if !c.KeyAbsent {
		switch key := c.Key.(type) {
		case nil:
		case string:
			text.Key = "t" + key
		case []byte:
			text.Key = "t" + string(key)
		case int64:
			text.Key = "i" + strconv.FormatInt(key, 10)
		case bool:
			text.Key = "b" + strconv.FormatBool(key)
		default:
			return "", errCursor
		}
	}
	plain, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	return r.s.sealer.Seal("cursor", r.cursorBinding(question), plain), nil
}

// openCursor returns the position where a page starts, and its revision. Errors:
// 422, the same for a cursor that was changed, that was made for another user,
// or that belongs to another question.
func (r *inquiry) openCursor(question, sealed string) (c *query.Cursor, revision string, err error) {
	refused := invalid("cursor", "does not belong to this list")
	plain, err := r.s.sealer.Open("cursor", r.cursorBinding(question), sealed)
	if err != nil {
		return nil, "", refused
	}
	var text cursorText
	if err := json.Unmarshal(plain, &text); err != nil {
		return nil, "", refused
	}
	c = &query.Cursor{ID: text.ID, KeyAbsent: text.Key == "", Back: text.Back}
	if c.KeyAbsent {
		return c, text.Revision, nil
	}
	switch value := text.Key[1:]; text.Key[0] {
	case 't':
		c.Key = value
	case 'i':
		c.Key, err = strconv.ParseInt(value, 10, 64)
	case 'b':
		c.Key, err = strconv.ParseBool(value)
	default:
		err = errCursor
	}
	if err != nil {
		return nil, "", refused
	}
	return c, text.Revision, nil
}

// cursorBinding binds a cursor to a user and a question. In a preview, the user
// is the previewed one.
func (r *inquiry) cursorBinding(question string) []byte {
	mac := r.s.sealer.Mac("cursor binding",
		[]byte(r.Facts.Account.TenantID), []byte(r.Subject.User.ID), []byte(r.From.Path), []byte(question))
	return mac
}
