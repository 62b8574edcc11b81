package lookup

import (
	"strconv"

	"resellerd/store/query"
	"resellerd/store/rating"
)

// AppendJSON appends the call and its rate on every card:
//
//	{"number":"442071234567","seconds":60,"jurisdiction":"indeterminate","cards":[…],"cheapest":[…]}
func (r Rated) AppendJSON(dst []byte) []byte {
	dst = append(append(dst, `{"number":"`...), r.Call.Number...)
	dst = strconv.AppendInt(append(dst, `","seconds":`...), int64(r.Call.Seconds), 10)
	dst = append(append(dst, `,"jurisdiction":"`...), r.Call.Jurisdiction...)
	dst = append(dst, `","cards":[`...)
	for i := range r.Cards {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Cards[i].appendJSON(dst, r.Call)
	}
	dst = append(dst, `],"cheapest":[`...)
	for i := range r.Cheapest {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Cheapest[i].appendCheapest(dst)
	}
	return append(dst, ']', '}')
}

func (r *CardRate) appendCheapest(dst []byte) []byte {
	charge, _ := r.charge.Get()
	dst = query.AppendString(append(dst, `{"currency":`...), r.card.currency)
	dst = query.AppendString(append(dst, `,"id":`...), r.card.id)
	return append(appendAmount(append(dst, `,"charge":`...), charge), '}')
}

// appendJSON appends the card and its row. Of the row, it writes only visible columns and values
// that depend only on visible columns.
func (r *CardRate) appendJSON(dst []byte, call Call) []byte {
	o := objectWriter{append(dst, r.card.head...)}
	shows := r.card.shows
	if !r.found {
		o.text("status", "no_route")
		return append(o.dst, '}')
	}
	if shows.all(rateBits["status"]) {
		status := "open"
		if r.row.Blocked {
			status = "blocked"
		}
		o.text("status", status)
	}
	if shows.all(rateBits["prefix"]) {
		o.text("prefix", r.row.Prefix.String())
	}
	if shows.all(rateBits["name"]) {
		o.text("destination", r.row.Name)
	}
	if r.open() {
		r.appendPrice(&o, call)
	}
	return append(o.dst, '}')
}

func (r *CardRate) appendPrice(o *objectWriter, call Call) {
	if r.card.shows.all(showsPrice) {
		o.amount("rate", r.row.Price(call.jurisdiction))
	}
	if r.card.shows.all(showsBilled) {
		o.member("billed")
		o.dst = strconv.AppendUint(o.dst, r.row.Billed(uint32(call.Seconds)), 10)
	}
	if charge, ok := r.charge.Get(); ok {
		o.amount("charge", charge)
	} else {
		o.null("charge")
	}
	switch {
	case r.earns:
		o.member("earns")
		o.dst = append(o.dst, '{')
		o.amount("least", r.least)
		o.amount("most", r.most)
		o.dst = append(o.dst, '}')
	case r.card.Role == roleSale:
		o.null("earns")
	}
}

// objectWriter appends the members of a JSON object.
type objectWriter struct{ dst []byte }

func (o *objectWriter) member(name string) {
	if o.dst[len(o.dst)-1] != '{' {
		o.dst = append(o.dst, ',')
	}
	o.dst = append(append(append(o.dst, '"'), name...), '"', ':')
}

func (o *objectWriter) text(name, value string) {
	o.member(name)
	o.dst = query.AppendString(o.dst, value)
}

func (o *objectWriter) amount(name string, m rating.Money) {
	o.member(name)
	o.dst = appendAmount(o.dst, m)
}

func (o *objectWriter) null(name string) {
	o.member(name)
	o.dst = append(o.dst, "null"...)
}

func appendAmount(dst []byte, m rating.Money) []byte {
	return append(m.Append(append(dst, '"')), '"')
}
