package server

import (
	"encoding/json"
	"errors"
	"strconv"

	"resellerd/store/query"
)

// cursorText is what a cursor holds: the shown values of the last row of a
// page. Key is one letter for its type and the value. Revision is that of a
// list of rates, so that all its pages are of one.
type cursorText struct {
	Key      string `json:"k,omitempty"`
	ID       string `json:"i"`
	Revision string `json:"r,omitempty"`
}

var errCursor = errors.New("cursor: key of a foreign type")

// sealCursor hides where a page ended. It opens only for the same user asking
// the same question; equal worlds give equal bytes.
func (r *inquiry) sealCursor(question string, c *query.Cursor, revision string) (string, error) {
	text := cursorText{ID: c.ID, Revision: revision}
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

// openCursor returns where a page starts, and of which revision. Errors: 422,
// the same for a cursor that was changed, made for somebody else, or given for
// another question.
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
	c = &query.Cursor{ID: text.ID, KeyAbsent: text.Key == ""}
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

// cursorBinding is who asks what: a cursor holds for nothing else. Under a
// preview it is the previewed user's, as everything in the answer is.
func (r *inquiry) cursorBinding(question string) []byte {
	mac := r.s.sealer.Mac("cursor binding",
		[]byte(r.Facts.Account.TenantID), []byte(r.Subject.User.ID), []byte(r.From.Path), []byte(question))
	return mac
}
