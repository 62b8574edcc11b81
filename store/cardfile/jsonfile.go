package cardfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// openCard holds the properties of a card other than its rates.
type openCard struct {
	Type, Currency string
	Direction      string
	Traffic        string
	URI            string // where the rates are, if they are elsewhere
	Fields         []string
	effective      string
	expiry         string
	Rate           struct{ Pulse, Initial, Connection json.Number }
	rates          bool
	texts          texts
}

// openRoot holds the properties that apply to all cards.
type openRoot struct {
	cards           map[string]*openCard
	effective, zone string
	expiry          string
	texts           texts
}

// texts are what properties say that no other rule reads, such as a description. What is said beside the rates of other
// files may be said there.
type texts []string

// maxTexts limits the texts of a document, and maxTextSize each of them in bytes.
const (
	maxTexts    = 200
	maxTextSize = 2000
)

// read notes the texts of the property that follows.
func (t *texts) read(d document, name string) (known bool, err error) {
	for depth, inside := 0, name; ; {
		token, err := d.Token()
		if err != nil {
			return true, d.fault(err)
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if len(*t) < maxTexts && len(token) <= maxTextSize {
				*t = append(*t, excerpt(inside)+": "+token)
			}
		}
		if depth == 0 {
			return true, nil
		}
	}
}

// hearsTexts notes what the texts say about the rates.
func (r *reader) hearsTexts(all texts) error {
	for _, text := range all {
		cells := []cell{{text: text}}
		r.hears(Place{}, cells)
		if err := r.dateAbove(Place{}, cells, false); err != nil {
			return err
		}
	}
	return nil
}

// readJSON reads open rate card JSON. It walks the document twice, because a
// card's properties may come after its rates.
func (r *reader) readJSON(f File) error {
	d, err := r.document(f)
	if err != nil {
		return err
	}
	root, err := d.survey()
	if err != nil {
		return err
	}
	name, card, err := r.chooseCard(root)
	if err != nil {
		return err
	}
	if err := r.useRoot(root, card); err != nil {
		return err
	}
	if d, err = r.document(f); err != nil {
		return err
	}
	return r.walk(d, name, card)
}

// survey reads everything except the rates.
func (d document) survey() (openRoot, error) {
	root := openRoot{cards: map[string]*openCard{}}
	err := d.object("the document", func(name string) (bool, error) {
		switch name {
		case "effective_date":
			return true, d.decode(&root.effective)
		case "expiry_date":
			return true, d.decode(&root.expiry)
		case "timezone":
			return true, d.decode(&root.zone)
		case "cards":
			return true, d.object("cards", func(name string) (bool, error) {
				if len(root.cards) >= 1000 {
					return true, broken("the document has more than 1,000 cards")
				}
				card := &openCard{}
				root.cards[name] = card
				return true, d.card(card)
			})
		}
		return root.texts.read(d, name)
	})
	if err != nil {
		return root, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return root, broken("there is text after the JSON document")
	}
	return root, nil
}

func (d document) card(c *openCard) error {
	return d.object("a card", func(name string) (bool, error) {
		switch name {
		case "type":
			return true, d.decode(&c.Type)
		case "currency":
			return true, d.decode(&c.Currency)
		case "direction":
			return true, d.decode(&c.Direction)
		case "traffic_type":
			return true, d.decode(&c.Traffic)
		case "effective_date":
			return true, d.decode(&c.effective)
		case "expiry_date":
			return true, d.decode(&c.expiry)
		case "rate_card":
			return true, d.elsewhere(c)
		case "fields":
			return true, d.fields(c)
		case "rate":
			return true, d.rate(c)
		case "rates":
			c.rates = true
			return true, d.skip()
		}
		return c.texts.read(d, name)
	})
}

// rate reads the defaults for all rates. A name must not occur twice, known
// or not.
func (d document) rate(c *openCard) error {
	known := map[string]*json.Number{
		"default_pulse": &c.Rate.Pulse, "default_initial": &c.Rate.Initial, "connection": &c.Rate.Connection,
	}
	return d.object("the rate of a card", func(name string) (bool, error) {
		if into, there := known[name]; there {
			return true, d.decode(into)
		}
		return c.texts.read(d, "rate "+name)
	})
}

// elsewhere reads the address of rates that are not in the document.
func (d document) elsewhere(c *openCard) error {
	return d.object("rate_card", func(name string) (bool, error) {
		if name == "uri" {
			return true, d.decode(&c.URI)
		}
		return true, d.skip()
	})
}

// fields reads the names of the columns.
func (d document) fields(c *openCard) error {
	if err := d.open("fields", '['); err != nil {
		return err
	}
	for d.More() {
		if len(c.Fields) >= maxCells {
			return broken("a card has more than %d fields", maxCells)
		}
		field, said := "", texts{}
		err := d.object("a field", func(name string) (bool, error) {
			if name == "name" {
				return true, d.decode(&field)
			}
			return said.read(d, name)
		})
		if err != nil {
			return err
		}
		c.Fields = append(c.Fields, field)
		if column, _, _, known := columnFor(field); known && (column == colCost || column == colInter || column == colIntra) {
			c.texts = append(c.texts, said...) // those of other fields are about no price
		}
	}
	_, err := d.Token()
	return d.fault(err)
}

// chooseCard returns the card that Options names, or the only one.
func (r *reader) chooseCard(root openRoot) (string, *openCard, error) {
	names := slices.Sorted(maps.Keys(root.cards))
	name := r.o.Card
	switch {
	case len(names) == 0:
		return "", nil, broken("the document has no cards, so it is not open rate card JSON")
	case name == "" && len(names) > 1:
		return "", nil, askCard(names)
	case name == "":
		name = names[0]
	}
	card, there := root.cards[name]
	if !there {
		return "", nil, ask("card", "the document has no card %q", excerpt(name))
	}
	if slices.Contains([]string{"messaging", "did", "toll_free"}, card.Type) {
		return "", nil, broken("the card has prices for %s, not for calls by the minute", card.Type)
	}
	if slices.Contains([]string{"sms", "mms", "data"}, card.Traffic) {
		return "", nil, broken("the card has prices for %s, not for calls by the minute", card.Traffic)
	}
	return name, card, nil
}

// useRoot applies the card's columns and its defaults for all rows.
func (r *reader) useRoot(root openRoot, card *openCard) error {
	if r.o.Currency != "" && card.Currency != "" && card.Currency != r.o.Currency {
		return broken("the document has the currency %s, and the card has %s", excerpt(card.Currency), r.o.Currency)
	}
	if card.Direction == "" && (card.Type == "termination" || card.Type == "origination") {
		card.Direction = card.Type
	}
	if is := directions[card.Direction]; r.o.Direction != "" && is != "" && is != r.o.Direction {
		return never("the document's rates are for %s, and the card is for %s: import it into a card of that direction", is, r.o.Direction)
	}
	if card.URI != "" && !card.rates {
		return never("the document has no rates; they are at %s: download that file and import it", excerpt(card.URI))
	}
	if card.URI != "" {
		r.warn(fmt.Sprintf("the document also names rates at %s, which are not read", excerpt(card.URI)))
	}
	root.effective, root.expiry = cmp.Or(card.effective, root.effective), cmp.Or(card.expiry, root.expiry)
	if err := r.expired(root); err != nil {
		return err
	}
	cells := make([]cell, len(card.Fields))
	for i, field := range card.Fields {
		cells[i].text = field
	}
	if err := r.defaults(card); err != nil {
		return err
	}
	found, err := r.layoutOf(cells)
	if err != nil {
		return err
	}
	if found == nil || !card.rates {
		return broken("the card lacks the field prefix, the field rate, or rates")
	}
	stated := len(r.stated)
	if err := r.hearsTexts(append(root.texts, card.texts...)); err != nil {
		return err
	}
	if root.effective != "" {
		r.stated = r.stated[:stated] // another property says when the rates begin
	}
	found.heading = nil // fields are not a row, so no row repeats them
	if err := r.useLayout(found); err != nil {
		return err
	}
	return r.inForce(root)
}

func (r *reader) defaults(card *openCard) (err error) {
	number := func(into **int, n json.Number) {
		if *into == nil && n != "" && err == nil {
			s, reason := seconds(n.String())
			if reason != "" {
				err = broken("a default of the card %s", reason)
			}
			value := int(s)
			*into = &value
		}
	}
	number(&r.o.Pulse, card.Rate.Pulse)
	number(&r.o.MCD, card.Rate.Initial)
	if err == nil && r.o.Pulse != nil && *r.o.Pulse == 0 {
		err = broken("the default pulse of the card is 0")
	}
	if n := card.Rate.Connection; err == nil && n != "" {
		var reason string
		if r.connect, reason = (&style{}).numberPrice(n.String(), true); reason != "" {
			err = broken("the default connection fee of the card %s", reason)
		}
	}
	return err
}

// directions are the directions of cards by those of open rate card JSON.
var directions = map[string]string{"outbound": "termination", "inbound": "origination", "termination": "termination", "origination": "origination"}

// expired refuses rates that are no longer in force, and asks about those with an end to come.
func (r *reader) expired(root openRoot) error {
	if root.expiry == "" {
		return nil
	}
	end, reason := r.date(cell{text: root.expiry})
	if reason == noZone {
		reason = ""
	}
	if reason != "" {
		return broken("the document's expiry date %s", reason)
	}
	if !end.IsZero() && !end.After(r.o.Now) {
		return never("the document's rates expired on %s: ask the carrier for rates that are in force", end.Format("2006-01-02"))
	}
	r.askEnd(Place{}, fmt.Sprintf("the document says that its rates end on %q", excerpt(root.expiry)), root.expiry)
	return nil
}

// inForce applies the date and time zone of the document.
func (r *reader) inForce(root openRoot) error {
	if root.zone != "" && r.o.Zone == nil {
		zone, err := time.LoadLocation(root.zone)
		if err != nil || root.zone == "Local" {
			return ask("zone", "the document's time zone %q is unknown: give zone=NAME", excerpt(root.zone))
		}
		r.o.Zone = zone
	}
	if root.effective == "" || r.layout.at[colFrom] >= 0 {
		return nil
	}
	since, reason := r.date(cell{text: root.effective})
	if reason == noZone {
		r.askZone(Question{Text: "the document's effective date has no time zone: give zone=NAME", Sample: root.effective})
		since, reason = r.date(cell{text: root.effective})
	}
	if reason != "" {
		return broken("the document's effective date %s", reason)
	}
	r.since = since
	return nil
}

// walk finds the rates of the chosen card and reads them.
func (r *reader) walk(d document, chosen string, card *openCard) error {
	return d.object("the document", func(name string) (bool, error) {
		if name != "cards" {
			return false, nil
		}
		return true, d.object("cards", func(name string) (bool, error) {
			if name != chosen {
				return false, nil
			}
			return true, d.object("a card", func(name string) (bool, error) {
				if name != "rates" {
					return false, nil
				}
				return true, r.rates(d, len(card.Fields))
			})
		})
	})
}

func (r *reader) rates(d document, width int) error {
	if err := d.open("rates", '['); err != nil {
		return err
	}
	var values []any
	var cells []cell
	for n := 1; d.More(); n++ {
		if err := r.oneMore(); err != nil {
			return err
		}
		values = values[:0]
		if err := d.decode(&values); err != nil {
			return err
		}
		at := Place{Line: n}
		if len(values) != width {
			r.unread(at, values, refusal{reason: fmt.Sprintf("has %d values for %d fields", len(values), width)})
			continue
		}
		cells = cells[:0]
		for _, v := range values {
			cells = append(cells, jsonCell(v))
		}
		if err := r.line(at, cells); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return d.fault(err)
}

// unread refuses values that may stand in wrong columns. Without a price, or with a word that blocks, they may block
// their prefix.
func (r *reader) unread(at Place, values []any, why refusal) {
	var cells []cell
	for _, v := range values {
		cells = append(cells, jsonCell(v))
	}
	if r.mayBlock(cells) {
		r.report.Blocking++
	}
	r.report.refuse(at, why)
}

// jsonCell returns a JSON value as a cell.
func jsonCell(v any) cell {
	switch v := v.(type) {
	case nil:
		return cell{}
	case string:
		return cell{text: v}
	case bool:
		return cell{text: strconv.FormatBool(v)}
	case json.Number:
		return cell{text: v.String(), number: true, exact: true}
	}
	return cell{fault: "is neither a text nor a number, nor true or false"}
}

// askCard asks which of several cards to read.
func askCard(names []string) error {
	q := Question{Code: "card", Option: "card", Text: "the document has several cards: give card=NAME with one of " + excerpt(strings.Join(names, ", "))}
	for _, name := range names[:min(len(names), MaxQuestions)] {
		q.Choices = append(q.Choices, Choice{Parameter: "card", Value: name})
	}
	return Open([]Question{q}, []Mapped{})
}
