package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// statement is a parsed sentence about a user.
type statement struct {
	line int
	text string
	ask  func(v *viewer) error // returns nil if the sentence holds
}

// form is a kind of sentence.
type form struct {
	shape string // as shown to people
	match *regexp.Regexp
	read  func(w *world, part []string) (func(v *viewer) error, error)
}

const (
	name  = `([A-Za-z0-9][A-Za-z0-9._-]*)`
	list  = `([A-Za-z0-9][A-Za-z0-9._, -]*)`
	why   = `(?:,? because ([a-z_]+(?:(?:,| and) ?[a-z_]+)*))?`
	one   = `(account|group|user|customer|card)`
	many  = `(account|group|user|customer|card)s`
	area  = `([a-z0-9][a-z0-9/_-]*)`
	whole = `(.+)`
)

func say(pattern string) *regexp.Regexp { return regexp.MustCompile(`^` + pattern + `$`) }

// forms are all kinds of sentences. The first that matches is used.
var forms = []form{
	{"sees no TYPEs", say(`sees no ` + many), seesOnly},
	{"sees only TYPEs NAME, NAME", say(`sees only ` + many + ` ` + list), seesOnly},
	{"sees only COLUMN, COLUMN of TYPE NAME", say(`sees only ` + list + ` of ` + one + ` ` + name), onlyColumns},
	{"sees COLUMN of TYPE NAME as VALUE", say(`sees ` + name + ` of ` + one + ` ` + name + ` as ` + whole), value},
	{"sees COLUMN, COLUMN of TYPE NAME", say(`sees ` + list + ` of ` + one + ` ` + name), someColumns},
	{"does not see COLUMN, COLUMN of TYPE NAME", say(`does not see ` + list + ` of ` + one + ` ` + name), noColumns},
	{"sees card NAME as provider | customer", say(`sees (card) ` + name + ` as (provider|customer)`), seesAs},
	{"sees TYPE NAME", say(`sees ` + one + ` ` + name), sees},
	{"does not see TYPE NAME", say(`does not see ` + one + ` ` + name), seesNot},
	{"may open AREA", say(`may open ` + area), mayOpen},
	{"may not open AREA, because REASON", say(`may not open ` + area + why), mayNotOpen},
	{"may create a TYPE for ACCOUNT", say(`may create an? ` + area + ` (?:for|of) ` + name), mayCreate},
	{"may not create a TYPE for ACCOUNT, because REASON", say(`may not create an? ` + area + ` (?:for|of) ` + name + why), mayNotCreate},
	{"may ACTION TYPE NAME", say(`may ([a-z_]+) ` + one + ` ` + name), may},
	{"may not ACTION TYPE NAME, because REASON", say(`may not ([a-z_]+) ` + one + ` ` + name + why), mayNot},
	{"may ACTION a TYPE of ACCOUNT", say(`may ([a-z_]+) an? ` + area + ` of ` + name), mayForeign},
	{"may not ACTION a TYPE of ACCOUNT, because REASON", say(`may not ([a-z_]+) an? ` + area + ` of ` + name + why), mayNotForeign},
	{"may ACTION in AREA", say(`may ([a-z_]+) in ` + area), mayIn},
	{"may not ACTION in AREA, because REASON", say(`may not ([a-z_]+) in ` + area + why), mayNotIn},
}

// Forms lists the sentences that a scenario can contain.
func Forms() []string {
	shapes := make([]string, len(forms))
	for i, f := range forms {
		shapes[i] = f.shape
	}
	return shapes
}

func parse(text string, w *world) (statement, error) {
	words := strings.Join(strings.Fields(text), " ")
	for _, f := range forms {
		part := f.match.FindStringSubmatch(words)
		if part == nil {
			continue
		}
		ask, err := f.read(w, part[1:])
		return statement{text: words, ask: ask}, err
	}
	return statement{}, fmt.Errorf("is not a sentence that scenarios know; write one of:\n    %s", strings.Join(Forms(), "\n    "))
}

// known returns an error if the world does not have one of the rows.
func known(w *world, typ string, rows ...string) error {
	for _, row := range rows {
		if !w.has(typ, row) {
			return fmt.Errorf("there is no %s %q in this world", typ, row)
		}
	}
	return nil
}

// items splits a list such as "a, b and c".
func items(text string) []string {
	var out []string
	for part := range strings.SplitSeq(strings.ReplaceAll(text, " and ", ", "), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func seesOnly(w *world, part []string) (func(*viewer) error, error) {
	typ, want := part[0], []string{}
	if len(part) > 1 {
		want = items(part[1])
	}
	slices.Sort(want)
	return func(v *viewer) error { return v.lists(typ, want) }, known(w, typ, want...)
}

func sees(w *world, part []string) (func(*viewer) error, error) {
	return func(v *viewer) error {
		_, err := v.row(part[0], part[1])
		return err
	}, known(w, part[0], part[1])
}

func seesAs(w *world, part []string) (func(*viewer) error, error) {
	return value(w, []string{"kind", part[0], part[1], part[2]})
}

func seesNot(w *world, part []string) (func(*viewer) error, error) {
	return func(v *viewer) error { return v.absent(part[0], part[1]) }, known(w, part[0], part[1])
}

func value(w *world, part []string) (func(*viewer) error, error) {
	column, typ, row, want := part[0], part[1], part[2], strings.Trim(part[3], `"'`)
	return func(v *viewer) error { return v.shows(typ, row, column, want) }, known(w, typ, row)
}

func someColumns(w *world, part []string) (func(*viewer) error, error) {
	want, typ, row := items(part[0]), part[1], part[2]
	return func(v *viewer) error {
		shown, err := v.columns(typ, row)
		if missing := beyond(want, shown); err == nil && len(missing) > 0 {
			err = fmt.Errorf("it does not show %s", strings.Join(missing, ", "))
		}
		return err
	}, known(w, typ, row)
}

func onlyColumns(w *world, part []string) (func(*viewer) error, error) {
	want, typ, row := items(part[0]), part[1], part[2]
	return func(v *viewer) error {
		shown, err := v.columns(typ, row)
		missing, more := beyond(want, shown), beyond(shown, want)
		if err == nil && len(missing)+len(more) > 0 {
			err = fmt.Errorf("it shows also: %s; it does not show: %s", none(more), none(missing))
		}
		return err
	}, known(w, typ, row)
}

func noColumns(w *world, part []string) (func(*viewer) error, error) {
	hidden, typ, row := items(part[0]), part[1], part[2]
	return func(v *viewer) error {
		shown, err := v.columns(typ, row)
		if leaked := beyond(hidden, beyond(hidden, shown)); err == nil && len(leaked) > 0 {
			err = fmt.Errorf("it shows %s", strings.Join(leaked, ", "))
		}
		return err
	}, known(w, typ, row)
}

// beyond returns the items of these that are not in others.
func beyond(these, others []string) []string {
	return slices.DeleteFunc(slices.Clone(these), func(s string) bool { return slices.Contains(others, s) })
}

func none(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func mayOpen(_ *world, part []string) (func(*viewer) error, error) {
	return decides(true, question{action: "read", typ: "area", id: part[0]}, ""), nil
}

func mayNotOpen(_ *world, part []string) (func(*viewer) error, error) {
	return decides(false, question{action: "read", typ: "area", id: part[0]}, part[1]), nil
}

func mayIn(_ *world, part []string) (func(*viewer) error, error) {
	return decides(true, question{action: part[0], typ: "area", id: part[1]}, ""), nil
}

func mayNotIn(_ *world, part []string) (func(*viewer) error, error) {
	return decides(false, question{action: part[0], typ: "area", id: part[1]}, part[2]), nil
}

func may(w *world, part []string) (func(*viewer) error, error) {
	return decides(true, question{action: part[0], typ: part[1], row: part[2]}, ""), known(w, part[1], part[2])
}

func mayNot(w *world, part []string) (func(*viewer) error, error) {
	return decides(false, question{action: part[0], typ: part[1], row: part[2]}, part[3]), known(w, part[1], part[2])
}

func mayCreate(w *world, part []string) (func(*viewer) error, error) {
	return decides(true, question{action: "create", typ: part[0], account: part[1]}, ""), known(w, "account", part[1])
}

func mayNotCreate(w *world, part []string) (func(*viewer) error, error) {
	return decides(false, question{action: "create", typ: part[0], account: part[1]}, part[2]), known(w, "account", part[1])
}

func mayForeign(w *world, part []string) (func(*viewer) error, error) {
	return decides(true, question{action: part[0], typ: part[1], account: part[2]}, ""), foreign(w, part)
}

func mayNotForeign(w *world, part []string) (func(*viewer) error, error) {
	return decides(false, question{action: part[0], typ: part[1], account: part[2]}, part[3]), foreign(w, part)
}

// foreign refuses a type whose rows resellerd keeps. A question about such a type
// must name one row.
func foreign(w *world, part []string) error {
	if isKind(part[1]) {
		return fmt.Errorf("which %s? write its name", part[1])
	}
	return known(w, "account", part[2])
}

// decides expects a decision. If reasons are given, the decision must have exactly
// these.
func decides(allowed bool, q question, reasons string) func(*viewer) error {
	want := items(reasons)
	slices.Sort(want)
	return func(v *viewer) error {
		got, err := v.decide(q)
		switch {
		case err != nil:
			return err
		case got.allowed && !allowed:
			return fmt.Errorf("it is allowed")
		case !got.allowed && allowed:
			return fmt.Errorf("it is denied, because %s", strings.Join(got.reasons, " and "))
		case len(want) > 0 && !slices.Equal(want, got.reasons):
			return fmt.Errorf("it is denied, because %s", strings.Join(got.reasons, " and "))
		}
		return nil
	}
}
