package rating

import "fmt"

// Source gives a card's rows, one at a call, in strictly ascending order of
// their prefixes; false after the last. A Source is used by one goroutine.
type Source func() (Row, bool, error)

// Rows is a Source of a slice.
func Rows(rows []Row) Source {
	return func() (Row, bool, error) {
		if len(rows) == 0 {
			return Row{}, false, nil
		}
		row := rows[0]
		rows = rows[1:]
		return row, true, nil
	}
}

// cursor holds the next row of a Source and those that lie above the prefix
// the reading has come to, the shortest first.
type cursor struct {
	next  Source
	head  Row
	more  bool
	above []Row
}

// advance reads the next row. It returns ErrOrder, what Validate finds wrong
// with the row, or the Source's own error.
func (c *cursor) advance() error {
	row, more, err := c.next()
	if err != nil {
		return err
	}
	c.more = more
	if !more {
		return nil
	}
	if row.Prefix.Len() == 0 || row.Prefix <= c.head.Prefix {
		return fmt.Errorf("%w: prefix %s after %s", ErrOrder, row.Prefix, c.head.Prefix)
	}
	if err := row.Validate(); err != nil {
		return fmt.Errorf("prefix %s: %w", row.Prefix, err)
	}
	c.head = row
	return nil
}

// reach moves to the prefix p, which is not behind the next row.
func (c *cursor) reach(p Prefix) error {
	for len(c.above) > 0 && !c.above[len(c.above)-1].Prefix.Covers(p) {
		c.above = c.above[:len(c.above)-1]
	}
	if !c.more || c.head.Prefix != p {
		return nil
	}
	c.above = append(c.above, c.head)
	return c.advance()
}

// found is the row that a number beginning with the reached prefix, and with
// no longer one, is rated by.
func (c *cursor) found() *Row {
	if len(c.above) == 0 {
		return nil
	}
	return &c.above[len(c.above)-1]
}
