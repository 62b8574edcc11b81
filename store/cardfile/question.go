package cardfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Question is something that the import does not know. Each choice is an option that answers
// it.
type Question struct {
	Code   string `json:"code" description:"names the kind of question"`
	Text   string `json:"text" description:"a sentence for people"`
	Column string `json:"column,omitempty" description:"the file's name for the column"`
	Place
	Sample  string   `json:"sample,omitempty" description:"a value of the column"`
	Choices []Choice `json:"choices" nullable:"false"`

	Option string   `json:"-"` // names the option in an error
	About  []string `json:"-"` // kinds of values of the column, or the unit; nil if the choices say everything

	on *sampleLine // the line that shows the effects
}

// Choice is an option that answers a question.
type Choice struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Effect    string `json:"effect,omitempty" description:"what one line of the file means then"`
}

// MaxQuestions limits the questions in one error.
const MaxQuestions = 100

// sampleLine is a line that shows the effects of choices.
type sampleLine struct {
	at    Place
	names []cell
	cells []cell
}

const maxSampleLine = 8 << 10 // bytes

// sampleOf copies a line, or returns nil if the line is long.
func (r *reader) sampleOf(at Place, cells []cell) *sampleLine {
	if r.layout == nil || r.quiet || at.Line == 0 {
		return nil
	}
	size := 0
	for _, c := range cells {
		size += len(c.text)
	}
	if size > maxSampleLine {
		return nil
	}
	return &sampleLine{at: at, names: r.layout.cells, cells: slices.Clone(cells)}
}

// ask notes a question, once for each code and column. Reading goes on with a guess to find
// what else is open; nothing that was read is kept then.
func (r *reader) ask(q Question) {
	same := func(p Question) bool { return p.Code == q.Code && p.Column == q.Column }
	if r.quiet || len(r.questions) >= MaxQuestions || slices.ContainsFunc(r.questions, same) {
		return
	}
	q.Option = cmp.Or(q.Option, q.Code)
	q.Sample = excerpt(q.Sample)
	if q.on != nil {
		q.Place = q.on.at
	}
	r.questions = append(r.questions, q)
}

// asked is what the reading ends with: all open questions in one error. Another fault may come
// from going on without the answers, so they go before it.
func (r *reader) asked(err error) error {
	var bad *FileError
	switch {
	case err != nil && !errors.Is(err, ErrFile), err == nil && len(r.questions) == 0:
		return err
	case len(r.questions) == 0:
		if errors.As(err, &bad) {
			bad.Mapping = r.mapping()
		}
		return err
	case errors.As(err, &bad) && bad.Final:
		bad.Mapping = r.mapping()
		return err
	}
	for i := range r.questions {
		q := &r.questions[i]
		for n := range q.Choices {
			q.Choices[n].Effect = r.effect(q.on, q.Choices[n])
		}
		if q.Code == "column" {
			q.Choices = slices.DeleteFunc(q.Choices, func(c Choice) bool { return c.number() && strings.Contains(c.Effect, refusedEffect) })
		}
	}
	return Open(r.questions, r.mapping())
}

// Open returns the error of an import with open questions.
func Open(questions []Question, mapping []Mapped) error {
	all := &FileError{Option: questions[0].Option, Questions: questions, Mapping: mapping}
	var texts []string
	for i := range questions {
		q := &questions[i]
		q.Choices = append([]Choice{}, q.Choices...) // never null
		text := q.Text
		if q.Line != 0 && !strings.HasPrefix(text, q.Place.String()) {
			text = q.Place.String() + ": " + text
		}
		texts = append(texts, text)
	}
	all.Text = texts[0]
	if len(texts) > 1 {
		all.Text = fmt.Sprintf("%d questions are open: %s", len(texts), strings.Join(texts, "; "))
	}
	return all
}

// number reports whether a choice takes a column for a fee or an interval.
func (c Choice) number() bool {
	meaning := c.Value[strings.LastIndex(c.Value, "=")+1:]
	return c.Parameter == "map" && (meaning == "connect" || meaning == "mcd" || meaning == "pulse")
}

const refusedEffect = " is refused: "

// effect describes what a line means with an option.
func (r *reader) effect(s *sampleLine, c Choice) string {
	if s == nil {
		return ""
	}
	q := newReader(r.ctx, r.o.With(c), nil)
	q.quiet, q.proof, q.connect, q.since, q.since1904 = true, r.proof, r.connect, r.since, r.since1904
	q.report.Format = r.report.Format
	if q.o.Zone == nil {
		q.o.Zone = time.UTC
	}
	l, err := q.layoutOf(s.names)
	if err != nil || l == nil || !l.complete() {
		return ""
	}
	q.layout = l
	q.measure(l)
	if q.begin() != nil {
		return ""
	}
	row, why := q.rowOrSum(s.cells)
	if !why.none() {
		return fmt.Sprintf("%s%s%s %q %s", s.at, refusedEffect, why.column, excerpt(why.cell), why.reason)
	}
	return s.at.String() + ": " + q.describe(&row)
}

// describe describes a row in words.
func (r *reader) describe(row *Row) string {
	what := r.prefixed[0].String()
	last := r.prefixed[len(r.prefixed)-1]
	switch n := len(r.prefixed) + r.unexpanded; n {
	case 1:
	case 2:
		what = fmt.Sprintf("each of %s and %s", what, last)
	default:
		what = fmt.Sprintf("each of %d prefixes (%s … %s)", n, what, last)
	}
	switch {
	case row.Removed:
		return what + " is removed, so that a shorter prefix applies"
	case row.Blocked:
		what += " is blocked"
	case r.o.Amend && !row.Given.Has(colCost-colName):
		what += " keeps its price"
	default:
		what += " costs " + row.Cost.String()
		for _, p := range []struct {
			name string
			at   int
		}{{"interstate", colInter}, {"intrastate", colIntra}} {
			price := row.Inter
			if p.at == colIntra {
				price = row.Intra
			}
			if m, there := price.Get(); there {
				what += fmt.Sprintf(", %s %s", p.name, m)
			}
		}
		what += fmt.Sprintf(", %d/%d", row.MCD, max(1, row.Pulse))
		if row.Connect != 0 {
			what += ", fee " + row.Connect.String()
		}
	}
	if row.Name != "" {
		what += fmt.Sprintf(", %q", excerpt(row.Name))
	}
	if !row.From.IsZero() {
		what += ", from " + row.From.Format(time.RFC3339)
	}
	return what
}

// With returns the options with the answer of a choice.
func (o Options) With(c Choice) Options {
	switch c.Parameter {
	case "map":
		o.Maps = append(slices.Clone(o.Maps), c.Value)
	case "ignore":
		o.Ignore = append(slices.Clone(o.Ignore), c.Value)
	case "nanp":
		is := c.Value == "true"
		o.NANP = &is
	case "zone":
		if zone, err := time.LoadLocation(c.Value); err == nil {
			o.Zone = zone
		}
	case "pulse":
		n := atoi(c.Value)
		o.Pulse = &n
	case "mcd":
		n := atoi(c.Value)
		o.MCD = &n
	case "decimal":
		o.Decimal = c.Value[0]
	case "commas":
		o.Commas = c.Value
	case "hyphen":
		o.Hyphen = c.Value
	case "round":
		o.Round = c.Value
	case "effective":
		o.Effective = c.Value
	case "local_time":
		o.LocalTime = c.Value
	case "expiry":
		o.Expiry = c.Value
	}
	return o
}

// mapTo returns choices that give a column one of several meanings.
func mapTo(column string, meanings []string) (choices []Choice) {
	for _, meaning := range meanings {
		choices = append(choices, Choice{Parameter: "map", Value: column + "=" + meaning})
	}
	return choices
}
