package rowfile

import (
	"bytes"
	"errors"
)

// moves finds stored rows that the file has under another owner alone. It reads the join
// beside Each, one name at a time.
type moves struct {
	lines, rows sequence
	name        []byte // of the last answer
	owner       string
	moved       bool
}

func (j *Join) newMoves() (*moves, error) {
	m := &moves{lines: sequence{next: j.rows.Sorted()}, rows: sequence{next: j.stored.Sorted()}}
	return m, errors.Join(m.lines.step(), m.rows.step())
}

// from says whether a stored row has the name of a key and another owner, and no line has
// both. It returns that owner. Keys must come in order. Rows whose names are unique in the
// tenant cannot move so: they have the same key.
func (m *moves) from(key []byte) (owner string, moved bool, err error) {
	name, _ := splitKey(key)
	if bytes.Equal(name, m.name) {
		return m.owner, m.moved, nil
	}
	m.name, m.owner, m.moved = bytes.Clone(name), "", false
	for err == nil && m.rows.key != nil && !m.moved {
		at, owner := splitKey(m.rows.key)
		switch bytes.Compare(at, name) {
		case 1:
			return "", false, nil
		case 0:
			var has bool
			if has, err = m.hasLine(); err == nil && !has {
				m.owner, m.moved = owner, true
			}
		}
		err = errors.Join(err, m.rows.step())
	}
	return m.owner, m.moved, err
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
