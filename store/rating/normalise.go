package rating

// Normalise walks over several cards at once whose prefixes have different
// lengths. It calls visit, in ascending order, with every prefix of any card,
// and with each prefix of extra that lies below one. rows holds the row that
// each card rates the prefix by; nil if the card has neither the prefix nor a
// shorter one. Therefore, for the longest visited prefix that a number begins
// with, rows are the rows that the cards rate the number by. Row.Prefix is the
// prefix on the card itself.
//
// extra must be in ascending order. The slice and the rows are valid only
// during the call. Normalise keeps at most 15 rows per card in memory. It
// returns the errors of the sources, ErrOrder, those of Rate.Validate, and
// those of visit.
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

// first returns the least prefix that is still to be visited.
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
