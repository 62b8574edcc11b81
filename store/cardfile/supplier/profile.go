// Package supplier keeps how the files of a supplier are read: the answers to their questions, and what the last file
// was like.
package supplier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store/cardfile"
)

// Profile holds rules for reading the files of one supplier, as they were confirmed at the last
// import.
type Profile struct {
	Options []Setting `json:"options" nullable:"false" description:"parameters of an import that answer no question, such as pulse"`
	Answers []Answer  `json:"answers" nullable:"false" description:"answers to questions; each is used only if a file asks its question"`
	Columns []Shape   `json:"columns" nullable:"false" description:"the columns of the last file that were read; an import asks about changes"`
	Typical *Typical  `json:"typical,omitempty" description:"medians of the last file; an import asks about changes"`
	Limits  Limits    `json:"limits"`
}

// Setting is a parameter of an import with its value.
type Setting struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
}

// Answer is a parameter that answers a question. Without a code it is a rule for a column that
// no question was about.
type Answer struct {
	Code   string `json:"code,omitempty" description:"of the question"`
	Column string `json:"column,omitempty" description:"of the question"`
	Setting
	Asked []string `json:"asked,omitempty" description:"the values that the question offered"`
	About []string `json:"about,omitempty" description:"what the question was about: kinds of values of the column, or a unit"`
}

// Shape is a column of a file with its meaning.
type Shape struct {
	Column  string `json:"column"`
	Meaning string `json:"meaning"`
	Unit    string `json:"unit,omitempty"`
}

// answering are the parameters that answer questions of a reader. The parameters zone and
// effective take other values than those of the choices too.
var answering = []string{"map", "ignore", "hyphen", "round", "effective", "local_time", "nanp", "zone", "decimal", "commas", "expiry"}

// Answers reports whether a parameter answers questions.
func Answers(parameter string) bool { return slices.Contains(answering, parameter) }

// stated is the value of an answer that takes the date which the file states.
const takesStated = "stated"

// Ask reads a whole file. It returns the questions that the file leaves open, and its columns.
func Ask(ctx context.Context, f cardfile.File, o cardfile.Options) ([]cardfile.Question, []cardfile.Mapped, error) {
	report, err := cardfile.Read(ctx, f, o, func(cardfile.Row) error { return nil })
	var bad *cardfile.FileError
	switch {
	case errors.As(err, &bad) && len(bad.Questions) > 0:
		return bad.Questions, bad.Mapping, nil
	case err != nil:
		return nil, nil, err
	}
	return nil, report.Mapping, nil
}

// Resolve answers the questions of a file: with the given answers first, then with those of the
// profile. It returns the options that hold the answers, and the answers that were used. A
// question may stay open. o holds no answers.
func (p *Profile) Resolve(ctx context.Context, f cardfile.File, o cardfile.Options, given []Setting) (cardfile.Options, []Answer, error) {
	var used []Answer
	clock, limit := o.Clock, o.Work
	if clock == nil {
		clock = time.Now
	}
	begun := clock()
	for {
		if limit > 0 {
			if o.Work = limit - clock().Sub(begun); o.Work <= 0 {
				return o, nil, cardfile.ErrTooMuch
			}
		}
		questions, mapping, err := Ask(ctx, f, o)
		if err != nil {
			return o, nil, err
		}
		more := false
		for i := range questions {
			a, ok := p.answer(&questions[i], given)
			if ok && !slices.ContainsFunc(used, func(b Answer) bool { return b.Code == a.Code && b.Column == a.Column }) {
				used, more = append(used, a), true
				o = answered(o, a.choice(&questions[i]))
			}
		}
		if more {
			continue
		}
		rules := p.rules(given, used, questions, mapping)
		for _, a := range rules {
			o = answered(o, cardfile.Choice{Parameter: a.Parameter, Value: a.Value})
		}
		o.Work = limit
		return o, append(used, rules...), nil
	}
}

// answered adds an answer to options, but not twice.
func answered(o cardfile.Options, c cardfile.Choice) cardfile.Options {
	if c.Parameter == "map" && slices.Contains(o.Maps, c.Value) || c.Parameter == "ignore" && slices.Contains(o.Ignore, c.Value) {
		return o
	}
	return o.With(c)
}

// answer returns the given answer to a question, or that of the profile.
func (p *Profile) answer(q *cardfile.Question, given []Setting) (Answer, bool) {
	for _, s := range given {
		if takes(q, s) {
			a := Answer{Code: q.Code, Column: q.Column, Setting: s, Asked: valuesOf(q), About: q.About}
			if s.Parameter == "effective" && s.Value != cardfile.EffectiveNow && datedBy(q) == s.Value {
				a.Value = takesStated
			}
			return a, true
		}
	}
	for _, a := range p.Answers {
		if a.Code != q.Code || a.Column != q.Column {
			continue
		}
		switch {
		case a.Parameter == "zone", a.Value == takesStated && datedBy(q) != "":
			a.Asked = valuesOf(q)
			return a, true
		case a.holds(q):
			return a, true
		}
	}
	return Answer{}, false
}

// holds reports whether an answer is one to this question, and not to another one about the same column: the question
// is about no other kinds of values, or it offers the same. An answer of a profile that a person wrote says neither.
func (a *Answer) holds(q *cardfile.Question) bool {
	offers := slices.Contains(valuesOf(q), a.Value)
	switch {
	case len(a.Asked) == 0 && len(a.About) == 0, a.Parameter == "effective":
		return offers
	case len(q.About) == 0 && len(a.About) == 0:
		return slices.Equal(a.Asked, valuesOf(q))
	}
	known := !slices.ContainsFunc(q.About, func(kind string) bool { return !slices.Contains(a.About, kind) })
	return known && (offers || slices.Equal(a.Asked, valuesOf(q)))
}

// choice returns the option of an answer.
func (a *Answer) choice(q *cardfile.Question) cardfile.Choice {
	if a.Parameter == "effective" && a.Value == takesStated {
		return cardfile.Choice{Parameter: a.Parameter, Value: datedBy(q)}
	}
	return cardfile.Choice{Parameter: a.Parameter, Value: a.Value}
}

// takes reports whether a parameter answers a question.
func takes(q *cardfile.Question, s Setting) bool {
	for _, c := range q.Choices {
		switch {
		case c.Parameter != s.Parameter && (s.Parameter != "map" && s.Parameter != "ignore" || c.Parameter != "map" && c.Parameter != "ignore"):
		case s.Parameter != "map" && s.Parameter != "ignore", cardfile.SameName(c.Value, s.Value):
			return true
		case q.Column != "" && slices.ContainsFunc(columnsOf(s), func(name string) bool { return cardfile.SameName(name, q.Column) }):
			return true
		}
	}
	return false
}

// columnsOf returns the columns that a map or ignore names.
func columnsOf(s Setting) []string {
	name := s.Value
	if at := strings.LastIndex(name, "="); s.Parameter == "map" && at > 0 {
		name = name[:at]
	}
	return append(strings.Split(name, "+"), name)
}

// valuesOf returns the values that the question offers.
func valuesOf(q *cardfile.Question) (all []string) {
	for _, c := range q.Choices {
		all = append(all, c.Value)
	}
	return all
}

// datedBy returns the only date that the question offers, or "".
func datedBy(q *cardfile.Question) (date string) {
	for _, value := range valuesOf(q) {
		switch {
		case value == cardfile.EffectiveNow:
		case date != "":
			return ""
		default:
			date = value
		}
	}
	return date
}

// rules returns the given answers that answer no question, and the rules of the profile for
// columns that the file has and no question is about.
func (p *Profile) rules(given []Setting, used []Answer, open []cardfile.Question, mapping []cardfile.Mapped) (all []Answer) {
	for _, s := range given {
		if !slices.ContainsFunc(used, func(a Answer) bool {
			return a.Parameter == s.Parameter && (a.Value == s.Value || a.Value == takesStated)
		}) {
			all = append(all, Answer{Setting: s})
		}
	}
	for _, a := range p.Answers {
		fits := a.Code == "" && (a.Parameter == "map" || a.Parameter == "ignore")
		concerns := func(name string) bool {
			return slices.ContainsFunc(columnsOf(a.Setting), func(part string) bool { return cardfile.SameName(part, name) })
		}
		fits = fits && slices.ContainsFunc(mapping, func(m cardfile.Mapped) bool { return concerns(m.Column) }) &&
			!slices.ContainsFunc(open, func(q cardfile.Question) bool { return concerns(q.Column) }) &&
			!slices.ContainsFunc(used, func(b Answer) bool { return concerns(b.Column) }) &&
			!slices.ContainsFunc(all, func(b Answer) bool { return b.Setting == a.Setting })
		if fits {
			all = append(all, a)
		}
	}
	return all
}

// Learn returns the profile after an import that used answers.
func (p *Profile) Learn(options []Setting, used []Answer, report *cardfile.Report, typical *Typical) Profile {
	next := Profile{Options: options, Answers: used, Columns: shapeOf(report.Mapping), Typical: typical, Limits: p.Limits}
	for _, a := range p.Answers { // of questions that this file did not ask
		if !slices.ContainsFunc(used, func(b Answer) bool {
			return b.Code == a.Code && b.Column == a.Column && (a.Code != "" || b.Setting == a.Setting)
		}) {
			next.Answers = append(next.Answers, a)
		}
	}
	return next
}

func shapeOf(mapping []cardfile.Mapped) []Shape {
	all := []Shape{}
	for _, m := range mapping {
		if m.Meaning != cardfile.LeftOut {
			all = append(all, Shape{Column: m.Column, Meaning: m.Meaning, Unit: m.Unit})
		}
	}
	return all
}

// Changes asks about what has changed since the last file, unless it is confirmed by its name.
func (p *Profile) Changes(report *cardfile.Report, typical *Typical, confirmed []string) (all []cardfile.Question) {
	ask := func(q cardfile.Question, name string, others ...cardfile.Choice) {
		if !slices.Contains(confirmed, name) && len(all) < cardfile.MaxQuestions {
			others = append(others, cardfile.Choice{Parameter: "confirm", Value: name})
			q.Choices, q.Option = others, "confirm"
			all = append(all, q)
		}
	}
	now := shapeOf(report.Mapping)
	find := func(in []Shape, column string) *Shape {
		at := slices.IndexFunc(in, func(s Shape) bool { return cardfile.SameName(s.Column, column) })
		if at < 0 {
			return nil
		}
		return &in[at]
	}
	for _, was := range p.Columns {
		switch is := find(now, was.Column); {
		case is == nil:
			ask(cardfile.Question{Code: "column_gone", Column: was.Column,
				Text: fmt.Sprintf("the profile reads the column %q as %s, and this file does not have it, or it would be left out", was.Column, was.Meaning)}, "column:"+was.Column)
		case is.Meaning != was.Meaning:
			ask(cardfile.Question{Code: "column_meaning", Column: was.Column,
				Text: fmt.Sprintf("the profile reads the column %q as %s, and this file as %s", was.Column, was.Meaning, is.Meaning)}, "column:"+was.Column)
		case is.Unit != was.Unit && (was.Meaning != "effective_date" || is.Unit != "" && was.Unit != ""):
			ask(cardfile.Question{Code: "column_unit", Column: was.Column,
				Text: fmt.Sprintf("the profile reads the column %q in the unit %s, and this file in the unit %s", was.Column, was.Unit, is.Unit)},
				"unit:"+was.Column, cardfile.Choice{Parameter: "map", Value: was.Column + "=" + was.Meaning + ":" + strings.Replace(was.Unit, "call", "whole", 1)})
		}
	}
	for _, is := range now {
		if len(p.Columns) > 0 && find(p.Columns, is.Column) == nil {
			ask(cardfile.Question{Code: "column_new", Column: is.Column,
				Text: fmt.Sprintf("the column %q, read as %s, is new to the profile", is.Column, is.Meaning)}, "column:"+is.Column, cardfile.Choice{Parameter: "ignore", Value: is.Column})
		}
	}
	for _, change := range p.Typical.changes(typical, p.Limits.median()) {
		ask(cardfile.Question{Code: "typical", Text: change.text}, "typical:"+change.of)
	}
	return all
}
