package rating

// Normalise walks over cards with prefixes of different lengths at once. It
// calls visit with every prefix that any of them holds, and those of extra
// that lie below one, in ascending order; and with the row that each card rates
// it by, nil where a card knows neither the prefix nor a shorter one. The
// longest of the visited prefixes that a number begins with therefore has, for
// every card, the row that the number has there. A row tells by its own Prefix
// where it stood before.
//
// extra is in ascending order. The slice and the rows are valid during the
// call alone. Memory is 15 rows a card. Errors are the sources', ErrOrder, what
// Rate.Validate finds, and visit's own.
func Normalise(cards []Source, extra []Prefix, visit func(p Prefix, rows []*Row) error) error {
	cursors := make([]cursor, len(cards))
	for i, card := range cards {
		cursors[i].next = card
		if err := cursors[i].advance(); err != nil {
			return err
		}
	}
	rows := make([]*Row, len(cards))
	for {
		p, more := first(cursors, extra)
		if !more {
			return nil
		}
		for len(extra) > 0 && extra[0] == p {
			extra = extra[1:]
		}
		known := false
		for i := range cursors {
			if err := cursors[i].reach(p); err != nil {
				return err
			}
			rows[i] = cursors[i].found()
			known = known || rows[i] != nil
		}
		if !known {
			continue
		}
		if err := visit(p, rows); err != nil {
			return err
		}
	}
}

// first is the least prefix that is still to be visited.
func first(cursors []cursor, extra []Prefix) (least Prefix, more bool) {
	if len(extra) > 0 {
		least, more = extra[0], true
	}
	for i := range cursors {
		if c := &cursors[i]; c.more && (!more || c.head.Prefix < least) {
			least, more = c.head.Prefix, true
		}
	}
	return least, more
}
