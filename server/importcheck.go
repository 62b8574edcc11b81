package server

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/cardfile/supplier"
	"resellerd/store/query"
	"resellerd/store/rating"
)

// knownCards returns cards that the user sees, of the kind and currency of the card of an
// import. Whether their rates may be read is not decided yet.
func (w *writing) knownCards(card string) (ids []string, err error) {
	row, err := w.see("card", card)
	if err != nil {
		return nil, err
	}
	p, err := w.r.ReadPlan("card")
	if err != nil {
		return nil, err
	}
	p.Leaf = false
	q := p.Query()
	q.Limit = maxKnownCards
	for _, column := range []string{"kind", "currency"} {
		value, shown := row.object[column].(string)
		if !p.Sees(column) || !shown {
			return nil, nil
		}
		q.Where = append(q.Where, query.Condition{Column: column, Op: query.Eq, Value: value})
	}
	page, err := w.tx.List(w.r.Ctx, q)
	for _, r := range page.Rows {
		ids = append(ids, r.ID())
	}
	return ids, err
}

// maxKnownCards limits the cards among which an import looks for some to compare with.
const maxKnownCards = 20

// confirmedRows returns the prices of prefixes that the import confirms as PREFIX=PRICE.
func (o *importOrder) confirmedRows() (map[store.PriceMove]bool, error) {
	all := map[store.PriceMove]bool{}
	for _, name := range o.confirm {
		prefix, price, found := strings.Cut(name, "=")
		if !found || strings.Contains(prefix, ":") {
			continue
		}
		m, err := rating.ParseMoney(price)
		if err != nil {
			return nil, invalid("confirm", fmt.Sprintf("has %q, which is not PREFIX=PRICE", name))
		}
		all[store.PriceMove{Prefix: prefix, Is: int64(m)}] = true
	}
	return all, nil
}

// confirmedOpen returns the prefixes that the import confirms as opened:PREFIX.
func (o *importOrder) confirmedOpen() map[string]bool {
	all := map[string]bool{}
	for _, name := range o.confirm {
		if prefix, is := strings.CutPrefix(name, confirmOpen); is {
			all[prefix] = true
		}
	}
	return all
}

func (run *importRun) limits() supplier.Limits {
	if run.profile == nil {
		return supplier.Limits{}
	}
	return run.profile.rules.Limits
}

// sampled returns the rates to compare with other cards. The cost of a rate must be in force now.
func (run *importRun) sampled() (some []store.Sampled) {
	for _, row := range run.sample.Priced() {
		some = append(some, store.Sampled{Prefix: row.Prefix.String(), Cost: int64(row.Cost)})
	}
	return some
}

// The least numbers of prefixes that say something about a file.
const (
	fewPrices    = 3
	fewUnknown   = 2
	fewRemovals  = 5
	confirmPrice = "prices"
	confirmCodes = "countries"
	confirmGone  = "removed"
	confirmOpen  = "opened:"
	fewOpened    = 20 // prefixes that are asked about one by one
	priceRow     = "price_row"
)

// doubts returns the questions about numbers that differ much from the known ones, with what the
// import would change.
func (run *importRun) doubts(drafts []store.Imported) error {
	var open []cardfile.Question
	unlisted := int64(0) // doubtful prices that the store does not list
	ask := func(name, effect string, q cardfile.Question) {
		if !slices.Contains(run.order.confirm, name) {
			q.Choices = []cardfile.Choice{{Parameter: "confirm", Value: name, Effect: effect}}
			open = append(open, q)
		}
	}
	run.askMedian(ask)
	if first, unknown, all := run.sample.Unknown(); unknown >= fewUnknown && run.limits().TooManyUnknown(unknown, all) {
		ask(confirmCodes, first+" is imported", cardfile.Question{Code: "unknown_countries", Sample: first,
			Text: fmt.Sprintf("%d of %d prefixes, such as %s, begin with no country code", unknown, all, first)})
	}
	run.askOverlaps(drafts, ask)
	askOpened(drafts, ask)
	run.askRemoved(drafts, ask)
	for i := range drafts {
		askPrices(&drafts[i], ask)
		unlisted += drafts[i].Doubts - int64(len(drafts[i].Doubtful))
	}
	if len(open) == 0 {
		return nil
	}
	open = cutQuestions(open, unlisted)
	p := *problemOf(fileProblem(cardfile.Open(open, run.report.Mapping)))
	p.field = "confirm"
	for _, d := range drafts {
		p.revisions = append(p.revisions, importedOf(d, false))
	}
	return &p
}

// cutQuestions cuts questions to as many as one answer holds, and says in the last one how many more there are. Those about
// prices come last; unlisted is how many of these are missing.
func cutQuestions(open []cardfile.Question, unlisted int64) []cardfile.Question {
	more := unlisted
	if n := len(open) - cardfile.MaxQuestions; n > 0 {
		open, more = open[:cardfile.MaxQuestions], more+int64(n)
	}
	last := &open[len(open)-1]
	switch {
	case more == 0:
	case last.Code == priceRow:
		last.Text += fmt.Sprintf("; %d more prices change as much: if they are right, set the limit row of a profile to the times by which prices may change, and give profile=NAME", more)
	default:
		last.Text += fmt.Sprintf("; %d more questions follow when these are answered", more)
	}
	return open
}

// askOpened asks about blocked prefixes that the file opens without saying so.
func askOpened(drafts []store.Imported, ask func(name, effect string, q cardfile.Question)) {
	all := int64(0)
	for i := range drafts {
		all += drafts[i].Opens
	}
	for i := range drafts {
		d := &drafts[i]
		for _, o := range d.Opened {
			q := cardfile.Question{Code: "opened", Sample: o.Prefix}
			name, effect := confirmOpen+o.Prefix, fmt.Sprintf("%s costs %s", o.Prefix, rating.Money(o.Cost))
			if o.Under != o.Prefix {
				q.Text = fmt.Sprintf("the card blocks %s, which would be opened, because %s applies without it: confirm that, or give %s as blocked", o.Prefix, o.Under, o.Prefix)
				effect += ", like " + o.Under
			} else {
				q.Text = fmt.Sprintf("the card blocks %s, or a shorter prefix, and the file gives it a price without a status, which would open it: confirm that, or give %s as blocked", o.Prefix, o.Prefix)
			}
			if all > fewOpened {
				name = fmt.Sprintf("%s%d-prefixes-%s", confirmOpen, d.Opens, d.OpensSum())
				q.Text = fmt.Sprintf("the card blocks %d prefixes, such as %s, which would be opened, because the file gives them without a status, or lacks them and shorter ones apply: confirm that, or give them as blocked", d.Opens, o.Prefix)
			}
			ask(name, effect, q)
			if all > fewOpened {
				break
			}
		}
	}
}

// askRemoved asks about the prefixes that go.
func (run *importRun) askRemoved(drafts []store.Imported, ask func(name, effect string, q cardfile.Question)) {
	if len(drafts) == 0 || drafts[0].Changes == nil || run.order.mode != modeReplace {
		return
	}
	c := drafts[0].Changes
	before := c.Removed + c.Up + c.Down + c.Changed + c.Unchanged
	if c.Removed >= fewRemovals && run.limits().TooManyRemoved(c.Removed, before) {
		ask(confirmGone, fmt.Sprintf("%d prefixes are removed", c.Removed), cardfile.Question{Code: "removed_rows",
			Text: fmt.Sprintf("the file lacks %d of the %d prefixes in force, so they would be removed", c.Removed, before)})
	}
}

// askPrices asks about the prices that rise or fall much.
func askPrices(d *store.Imported, ask func(name, effect string, q cardfile.Question)) {
	for _, m := range d.Doubtful {
		verb := "rises"
		if m.Is < m.Was {
			verb = "falls"
		}
		what, effect := "the price of "+m.Prefix, m.Prefix+" costs "+rating.Money(m.Is).String()
		if m.Call {
			what, effect = "the cost of a call of one minute to "+m.Prefix, "a call of one minute to "+effect
		}
		if m.Under != "" {
			what += ", which is new below " + m.Under + ","
		}
		ask(m.Prefix+"="+rating.Money(m.Is).String(), effect, cardfile.Question{Code: priceRow, Sample: m.Prefix,
			Text: fmt.Sprintf("%s %s from %s to %s", what, verb, rating.Money(m.Was), rating.Money(m.Is))})
	}
}

// askOverlaps asks about prefixes that other amendments change too. Each amendment has its own
// price from the time when it takes effect.
func (run *importRun) askOverlaps(drafts []store.Imported, ask func(name, effect string, q cardfile.Question)) {
	if len(drafts) == 0 {
		return
	}
	for _, o := range drafts[0].Overlaps {
		price := "has no open price"
		if o.Rate != nil {
			price = "costs " + rating.Money(*o.Rate).String()
		}
		name, which := "overlap:"+o.Prefix, o.Prefix
		if o.More > 0 {
			name, which = "overlap:"+o.Revision.ID, fmt.Sprintf("%s and %d more prefixes of this file", o.Prefix, o.More)
		}
		ask(name, fmt.Sprintf("%s %s %s; when this amendment takes effect, the columns of this file change, and the others stay", o.Prefix, price, whenOf(&o.Revision)),
			cardfile.Question{Code: "overlap", Sample: o.Prefix, Text: fmt.Sprintf("the amendment %s gives %s too: there %s %s %s", o.Revision.ID, which, o.Prefix, price, whenOf(&o.Revision))})
	}
	for _, r := range drafts[0].Replacements {
		ask("replacement:"+r.ID, "this amendment is held if it takes effect after the replacement", cardfile.Question{Code: "replacement", Sample: r.ID,
			Text: fmt.Sprintf("the revision %s replaces all rates, or too many to compare, %s: base an amendment for after that on it with base=%s", r.ID, whenOf(&r), r.ID)})
	}
}

// whenOf says when a revision takes effect that was never active.
func whenOf(r *store.Revision) string {
	if r.LiveAt != 0 {
		return "from " + r.LiveAt.Time().Format(time.RFC3339)
	}
	return "from its activation"
}

// askMedian asks if the prices are others than the known ones, in the median.
func (run *importRun) askMedian(ask func(name, effect string, q cardfile.Question)) {
	pairs := slices.DeleteFunc(slices.Clone(run.known.Pairs), func(m store.PriceMove) bool { return m.Was <= 0 || m.Is <= 0 })
	if len(pairs) < fewPrices {
		return
	}
	slices.SortFunc(pairs, store.PriceMove.CompareRatio)
	m := pairs[(len(pairs)-1)/2]
	if !supplier.Beyond(rating.Money(m.Was), rating.Money(m.Is), run.limits().MedianTimes()) {
		return
	}
	of := "other cards of this currency"
	if run.known.Own {
		of = "the rates in force"
	}
	ask(confirmPrice, m.Prefix+" costs "+rating.Money(m.Is).String(), cardfile.Question{Code: "price_median", Sample: m.Prefix,
		Text: fmt.Sprintf("compared with %s, the prices differ by a large factor in the median of %d prefixes: that of %s was %s and is %s",
			of, len(pairs), m.Prefix, rating.Money(m.Was), rating.Money(m.Is))})
}

func movesOf(all []store.PriceMove) (moves []moveBody) {
	for _, m := range all {
		moves = append(moves, moveBody{m.Prefix, rating.Money(m.Was).String(), rating.Money(m.Is).String(), m.Call, m.Under})
	}
	return moves
}
