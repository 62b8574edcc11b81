package rowfile

import (
	"bytes"
	"errors"
)

// moves finds stored rows that the file has under another owner alone. It reads the join
// beside Each, one name at a time.
type moves struct {
	lines, rows sequence
	separate    map[string]bool
	name        []byte // of the last answer
	last        moved
}

// moved is a stored row that the file has under another owner alone.
type moved struct{ id, owner string }

func (j *Join) newMoves() (*moves, error) {
	m := &moves{lines: sequence{next: j.rows.Sorted()}, rows: sequence{next: j.stored.Sorted()}, separate: j.Separate}
	return m, errors.Join(m.lines.step(), m.rows.step())
}

// from returns a stored row that has the name of a key and another owner, if no line has
// both; a row without an id is none. Keys must come in order. Rows whose names are unique in
// the tenant cannot move so: they have the same key.
func (m *moves) from(key []byte) (moved, error) {
	name, _ := splitKey(key)
	if bytes.Equal(name, m.name) {
		return m.last, nil
	}
	m.name, m.last = bytes.Clone(name), moved{}
	for m.rows.key != nil && m.last.id == "" {
		at, owner := splitKey(m.rows.key)
		switch bytes.Compare(at, name) {
		case 1:
			return moved{}, nil
		case 0:
			if has, err := m.hasLine(); err != nil {
				return moved{}, err
			} else if has {
				break
			}
			row, err := object(m.rows.value)
			if err != nil {
				return moved{}, err
			}
			if id, _ := row["id"].(string); !m.separate[id] {
				m.last = moved{id, owner}
			}
		}
		if err := m.rows.step(); err != nil {
			return moved{}, err
		}
	}
	return m.last, nil
}

// hasLine reports whether the file has a line with the key of the present row.
func (m *moves) hasLine() (bool, error) {
	for m.lines.key != nil && bytes.Compare(m.lines.key, m.rows.key) < 0 {
		if err := m.lines.step(); err != nil {
			return false, err
		}
	}
	return bytes.Equal(m.lines.key, m.rows.key), nil
}
