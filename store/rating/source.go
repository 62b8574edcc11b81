package rating

import "fmt"

// Source returns a card's rows one by one, in strictly ascending order of
// their prefixes, and false after the last. It is not safe for concurrent
// use.
type Source func() (Row, bool, error)

// Rows returns a Source of a slice.
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

// cursor holds the next row of a Source. above holds the rows whose prefixes
// the current prefix begins with, the shortest first.
type cursor struct {
	next  Source
	head  Row
	more  bool
	above []Row
}

// advance reads the next row. It returns ErrOrder, an error of Validate, or
// the Source's own error.
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

// reach moves to the prefix p, which must not come after the next row.
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

// found returns the row for a number whose longest matching prefix is the
// current one.
func (c *cursor) found() *Row {
	if len(c.above) == 0 {
		return nil
	}
	return &c.above[len(c.above)-1]
}
