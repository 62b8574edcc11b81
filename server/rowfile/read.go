package rowfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"resellerd/server/strictjson"
	"resellerd/store/schema"
	"resellerd/store/spill"
	"resellerd/store/valid"
)

// maxLine is how many bytes a line may have.
const maxLine = 256 << 10

// maxName is how many bytes an external id may have that is kept in memory. No row has a
// longer one.
const maxName = 4 * valid.MaxID

// Row is a line of the file.
type Row struct {
	Line   int
	Kind   Kind
	Name   string         // the external id; "" for an assignment
	Object map[string]any // the fields, without type

	line, stored []byte // as Each read the line and its stored row; not changed later
}

// refuse returns a refusal of the row.
func (r *Row) refuse(pointer, detail, do string) *Refusal {
	return &Refusal{Line: r.Line, Type: r.Kind.Type, ExternalID: r.Name, Pointer: pointer, Detail: detail, Do: do}
}

// Join is a file beside the stored rows, in the order of Kinds, external ids and owners.
// Its memory does not grow with either. The caller must close it.
type Join struct {
	// Separate are the ids of stored rows that no line is about, except one under their own owner.
	Separate map[string]bool

	names        *Names
	report       *Report
	rows, stored spill.Sorter
	has          []bool // the kinds that the file has, as in Kinds
}

// NewJoin returns a join without rows. Names has the stored accounts already.
func NewJoin(names *Names, report *Report) *Join {
	return &Join{names: names, report: report, has: make([]bool, len(Kinds))}
}

// Close frees the disk that the join uses.
func (j *Join) Close() error { return errors.Join(j.rows.Close(), j.stored.Close()) }

// Has reports whether the file has lines of a type.
func (j *Join) Has(typ string) bool { return j.has[kindOf(typ)] }

// Read reads the file: a JSON object in each line. Lines that cannot be read are refused in
// the report. An error of the reader ends it. read is called with the number of bytes of
// each line.
func (j *Join) Read(in io.Reader, read func(n int)) error {
	lines := bufio.NewReaderSize(in, maxLine)
	for n := 1; ; n++ {
		text, err := lines.ReadSlice('\n')
		size := len(text)
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			text, err = lines.ReadSlice('\n')
			size += len(text)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		read(size)
		if n == 1 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		if text = bytes.TrimSpace(text); long {
			j.report.Lines++
			j.report.Refuse(Refusal{Line: n, Detail: fmt.Sprintf("The line has more than %d bytes.", maxLine), Do: "Shorten it."})
		} else if len(text) > 0 {
			j.report.Lines++
			if err := j.add(n, text); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

func (j *Join) add(n int, text []byte) error {
	row, refused := parse(n, text)
	if refused != nil {
		j.report.Refuse(*refused)
		return nil
	}
	j.has[kindOf(row.Kind.Type)] = true
	value := append(binary.BigEndian.AppendUint32(nil, uint32(n)), text...)
	return j.rows.Add(j.keyOf(row), value)
}

// keyOf is the place of a row. A reference to the same account or card gives the same key, by
// its id or by its external id.
func (j *Join) keyOf(row Row) []byte {
	if row.Kind.Type == Assignment {
		card, _ := row.Object["card"].(string)
		account, _ := row.Object["account"].(string)
		return key(row.Kind, j.names.calledCard(card, account), j.names.Called(account))
	}
	owner := j.names.own
	if reference, named := row.Object[row.Kind.Owner].(string); named {
		owner = reference
	}
	return key(row.Kind, j.names.Called(owner), row.Name)
}

func key(k Kind, owner, name string) []byte {
	if k.Alone {
		owner = ""
	}
	return slices.Concat([]byte{byte(kindOf(k.Type))}, []byte(name+placed+owner))
}

// splitKey returns the part of a key that rows of one kind and name share, and the owner.
func splitKey(at []byte) (name []byte, owner string) {
	cut := 1 + bytes.IndexByte(at[1:], placed[0])
	return at[:cut], string(at[cut+1:])
}

const doWrite = "Write a JSON object with `type` and `external_id` in each line."

// parse reads a line. The object has no field that a line never has.
func parse(n int, text []byte) (Row, *Refusal) {
	value, err := strictjson.Parse(text)
	if err != nil {
		return Row{}, &Refusal{Line: n, Detail: "The line is not JSON: " + err.Error() + ".", Do: doWrite}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return Row{}, &Refusal{Line: n, Detail: "The line is not an object.", Do: doWrite}
	}
	typ, _ := object["type"].(string)
	at := kindOf(typ)
	if at < 0 {
		return Row{}, &Refusal{Line: n, Pointer: "/type", Detail: "`type` is none that an import knows.",
			Do: "Use account, group, card, user, customer or assignment."}
	}
	delete(object, "type")
	row := Row{Line: n, Kind: Kinds[at], Object: object}
	if typ != Assignment {
		name, ok := object["external_id"].(string)
		if !ok || name == "" || len(name) > maxName || schema.LikeID(name) {
			return row, row.refuse("/external_id", "`external_id` is missing, no text, too long, or like an id of resellerd.",
				"Give the row the key that the panel has for it.")
		}
		row.Name = name
	}
	for field, do := range row.Kind.Never {
		if _, sent := object[field]; sent {
			return row, row.refuse("/"+field, "`"+field+"` is no field of a line.", "Leave it out, and "+do+".")
		}
	}
	if _, sent := object["expanded"]; sent {
		return row, row.refuse("/expanded", "`expanded` is no field of a line.", "Leave it out.")
	}
	normalise(object, row.Kind.Owner)
	return row, nil
}

// actions is the order in which resellerd shows actions.
var actions = []string{"create", "read", "update", "delete"}

// normalise gives the values the form in which resellerd shows them, so that equal values
// are no change: null for an empty text, and actions in order. An empty text names no
// owner, and does not mean the default one.
func normalise(object map[string]any, owner string) {
	for name, value := range object {
		switch value := value.(type) {
		case string:
			if value == "" && name != owner {
				object[name] = nil
			}
		case []any:
			if name == "default_access" {
				sortBy(value, func(one any) int { return slices.IndexFunc(actions, func(a string) bool { return a == one }) })
			}
		case map[string]any:
			for _, list := range value {
				if list, ok := list.([]any); ok && (name == "rows" || name == "ceiling") {
					sortBy(list, func(one any) int { return slices.IndexFunc(actions, func(a string) bool { return a == one }) })
				}
			}
		}
	}
}

func sortBy(list []any, place func(any) int) {
	slices.SortStableFunc(list, func(a, b any) int { return place(a) - place(b) })
}

// AddStored adds a stored row, as the importing user sees it. Its JSON is copied.
func (j *Join) AddStored(typ, owner, external string, row []byte) error {
	return j.stored.Add(key(KindOf(typ), j.names.Called(owner), external), row)
}

// lacks reports a stored row that the file lacks.
func (j *Join) lacks(at []byte, row []byte) error {
	k := Kinds[at[0]]
	if !j.Has(k.Type) {
		return nil
	}
	object, err := object(row)
	if err != nil {
		return err
	}
	id, _ := object["id"].(string)
	external, _ := object["external_id"].(string)
	j.report.absent(Absent{k.Type, id, external})
	return nil
}

func object(row []byte) (map[string]any, error) {
	value, err := strictjson.Parse(row)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, fmt.Errorf("stored row: %w", errors.Join(err, errors.ErrUnsupported))
	}
	return object, nil
}

// Each calls fn with each line and the stored row of the same name, nil for none. A name
// that several lines have is refused, and so is a line that moves a stored row.
func (j *Join) Each(fn func(row Row, stored map[string]any) error) error {
	lines, rows := sequence{next: j.rows.Sorted()}, sequence{next: j.stored.Sorted()}
	moves, err := j.newMoves()
	if err = errors.Join(err, lines.step(), rows.step()); err != nil {
		return err
	}
	for lines.key != nil {
		at, value := slices.Clone(lines.key), slices.Clone(lines.value)
		several, err := j.refuseRepeated(&lines, at, value)
		if err != nil {
			return err
		}
		var stored map[string]any
		var text []byte // of the stored row
		for rows.key != nil && bytes.Compare(rows.key, at) <= 0 {
			if !bytes.Equal(rows.key, at) {
				err = j.lacks(rows.key, rows.value)
			} else if !several {
				text = slices.Clone(rows.value)
				stored, err = object(text)
			}
			if err = errors.Join(err, rows.step()); err != nil {
				return err
			}
		}
		if several {
			continue
		}
		row, refused := parse(int(binary.BigEndian.Uint32(value)), value[4:])
		if refused != nil {
			j.report.Refuse(*refused) // cannot happen: the line was read before
			continue
		}
		if stored == nil {
			was, err := moves.from(at)
			if err != nil {
				return err
			}
			if was.id != "" {
				j.report.Refuse(*row.refuse("/"+row.Kind.Owner, "The file moves the "+row.Kind.Type+" from the account "+was.owner+" to another one. Rows cannot be moved.",
					"Name the account "+was.owner+". If the line is about another "+row.Kind.Type+", add --separate "+was.id+"."))
				continue
			}
		}
		row.line, row.stored = value, text
		if err := fn(row, stored); err != nil {
			return err
		}
	}
	for rows.key != nil {
		if err := errors.Join(j.lacks(rows.key, rows.value), rows.step()); err != nil {
			return err
		}
	}
	return nil
}

// refuseRepeated moves to the next key. It refuses all lines of this one if there are
// several.
func (j *Join) refuseRepeated(lines *sequence, at, first []byte) (several bool, err error) {
	refuse := func(value []byte) {
		if row, refused := parse(int(binary.BigEndian.Uint32(value)), value[4:]); refused == nil {
			j.report.Refuse(*row.refuse("/external_id", "Several lines have this `external_id`, or assign the same card to the same account.",
				"Leave one of the lines."))
		}
	}
	for {
		if err := lines.step(); err != nil {
			return several, err
		}
		if !bytes.Equal(lines.key, at) {
			return several, nil
		}
		if !several {
			refuse(first)
		}
		several = true
		refuse(lines.value)
	}
}

// sequence reads a sorter. Key is nil at the end.
type sequence struct {
	next       func() (key, value []byte, err error)
	key, value []byte
}

func (s *sequence) step() (err error) {
	s.key, s.value, err = s.next()
	return err
}
