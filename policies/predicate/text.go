package predicate

import (
	"strconv"
	"strings"
)

// String returns the canonical text of a filter. Equal texts mean equal
// filters, so the text can serve as a key. It contains no value of a request.
func (f Filter) String() string {
	switch f.Kind {
	case All:
		return "all"
	case Where:
		if f.Where == nil {
			return "none"
		}
		return Text(f.Where)
	default:
		return "none"
	}
}

// Text returns the canonical text of a condition.
func Text(e Expr) string {
	var b strings.Builder
	writeExpr(&b, e)
	return b.String()
}

// String returns the path with dots between its parts. A part that is not a
// plain name is quoted in brackets.
func (r Ref) String() string {
	var b strings.Builder
	writeRef(&b, r)
	return b.String()
}

var opTexts = map[Op]string{Eq: " = ", Ne: " != ", Lt: " < ", Le: " <= ", Gt: " > ", Ge: " >= "}

var matchTexts = map[MatchOp]string{StartsWith: " starts with ", EndsWith: " ends with ", Contains: " contains "}

func writeExpr(b *strings.Builder, e Expr) {
	switch e := e.(type) {
	case And:
		writeJoined(b, e, " and ", "true")
	case Or:
		writeJoined(b, e, " or ", "false")
	case Not:
		b.WriteString("not ")
		writeExpr(b, e.X)
	case True:
		b.WriteString("true")
	case Compare:
		writeOperand(b, e.Left)
		b.WriteString(opTexts[e.Op])
		writeOperand(b, e.Right)
	case Member:
		writeOperand(b, e.Item)
		b.WriteString(" in ")
		writeOperand(b, e.Set)
	case Match:
		writeOperand(b, e.Text)
		b.WriteString(matchTexts[e.Op])
		writeOperand(b, e.Part)
	case Defined:
		b.WriteString("defined ")
		writeRef(b, e.Ref)
	case Exists:
		b.WriteString("some element of ")
		writeRef(b, e.Set)
		b.WriteString(" with ")
		writeExpr(b, e.Where)
	case Guard:
		b.WriteString("guard ")
		b.WriteString(strconv.Itoa(e.ID))
	default:
		b.WriteString("false")
	}
}

func writeJoined(b *strings.Builder, list []Expr, word, empty string) {
	if len(list) == 0 {
		b.WriteString(empty)
		return
	}
	b.WriteByte('(')
	for i, x := range list {
		if i > 0 {
			b.WriteString(word)
		}
		writeExpr(b, x)
	}
	b.WriteByte(')')
}

func writeOperand(b *strings.Builder, o Operand) {
	switch {
	case o.Ref != nil:
		writeRef(b, o.Ref)
	case o.List != nil:
		b.WriteByte('[')
		for i, v := range o.List {
			if i > 0 {
				b.WriteString(", ")
			}
			writeConst(b, v)
		}
		b.WriteByte(']')
	default:
		writeConst(b, o.Const)
	}
}

func writeConst(b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.WriteString(strconv.Quote(v))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	default:
		b.WriteString("absent")
	}
}

func writeRef(b *strings.Builder, r Ref) {
	for i, part := range r {
		if !plain(part) {
			b.WriteString("[" + strconv.Quote(part) + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
