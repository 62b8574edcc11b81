package fault

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The errors of the methods of a store, for errors.Is. If a context has ended, the
// methods return its own error.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the write conflicts with stored data: a name that is
	// taken, a row that others refer to, or a version that has moved on.
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that the request or the row itself is malformed. Do not retry
	// it unchanged.
	ErrInvalid = errors.New("invalid")
	// ErrAmbiguous says that a reference names more than one row.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrUnavailable says that the database did not answer, or that its data could
	// not be confirmed to be current. A later retry may succeed.
	ErrUnavailable = errors.New("store unavailable")
)

// FieldError is an ErrInvalid or an ErrConflict about one field.
type FieldError struct {
	Kind  error  // ErrInvalid or ErrConflict
	Field string // the JSON field name, "" for the row as a whole
	Text  string // what is wrong: it continues the name of the field, or stands alone without one
}

// Error names the field, if there is one, and says what is wrong.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Text
	}
	return e.Field + " " + e.Text
}

// Sentence is a text as a whole sentence for people. The text continues the name of
// the field ("is missing"), or stands alone if field is "" ("the file is empty").
func Sentence(field, text string) string {
	switch {
	case text == "":
		return ""
	case field != "":
		text = field + " " + text
	default:
		first, size := utf8.DecodeRuneInString(text)
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Unwrap returns Kind.
func (e *FieldError) Unwrap() error { return e.Kind }

// Invalid returns an ErrInvalid about a field.
func Invalid(field, text string) error {
	return &FieldError{Kind: ErrInvalid, Field: field, Text: text}
}

// Conflict returns an ErrConflict about a field.
func Conflict(field, text string) error {
	return &FieldError{Kind: ErrConflict, Field: field, Text: text}
}

// Several are errors about several fields. The first one counts.
type Several []error

// Error joins the errors with semicolons.
func (s Several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns all errors.
func (s Several) Unwrap() []error { return s }

// Fields returns every FieldError in an error, in its order.
func Fields(err error) (all []*FieldError) {
	switch e := err.(type) { //nolint:errorlint // it looks at each error of the tree
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, Fields(one)...)
		}
	case interface{ Unwrap() error }:
		return Fields(e.Unwrap())
	}
	return all
}

// WaitError is an ErrUnavailable and a context.DeadlineExceeded: a write waited too long
// for other work.
type WaitError struct {
	Waited time.Duration
	For    string // the kind of work that it waited for: "an import"
}

// Error says what the write waited for, and for how long.
func (e *WaitError) Error() string {
	seconds := strconv.FormatFloat(math.Round(e.Waited.Seconds()*10)/10, 'f', -1, 64)
	return "the write waited " + seconds + " s for " + e.For + " that holds the lock"
}

// Unwrap returns both errors.
func (e *WaitError) Unwrap() []error { return []error{ErrUnavailable, context.DeadlineExceeded} }

// ConstraintKind is the kind of constraint that refused a write.
type ConstraintKind uint8

// The kinds of constraints.
const (
	Unique ConstraintKind = iota + 1
	ForeignKey
	Check
	NotNull
	Trigger
)

// ConstraintError says that a constraint of the database refused a write. It is an
// ErrConflict for Unique and ForeignKey and an ErrInvalid for the others.
type ConstraintError struct {
	Kind ConstraintKind
	// Name identifies the constraint. For a trigger it is the message that the
	// trigger raises. Otherwise it is the constraint's name in PostgreSQL, and in
	// SQLite the text after the colon of the message ("users.account_id,
	// users.login"). For NotNull it is the table and the column.
	Name string
	Err  error // the driver's error
}

// Error says what kind of constraint refused the write, and its name.
func (e *ConstraintError) Error() string {
	kinds := [...]string{"", "taken", "referenced or missing", "out of range", "missing", "refused"}
	return fmt.Sprintf("%s (%s)", kinds[e.Kind], e.Name)
}

// Unwrap returns the sentinel and the driver's error.
func (e *ConstraintError) Unwrap() []error {
	if e.Kind == Unique || e.Kind == ForeignKey {
		return []error{ErrConflict, e.Err}
	}
	return []error{ErrInvalid, e.Err}
}
