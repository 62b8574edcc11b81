package tablefilter

import (
	"strconv"
	"strings"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// The conditions that always hold and never hold.
const (
	sqlTrue  = "1=1"
	sqlFalse = "1=0"
)

// writer writes SQL from left to right, so that marks and arguments have one order. It
// writes no literal that came with a request.
type writer struct {
	strings.Builder
	table   *Table
	sources []source
	numbers map[source]int // of dollar marks
	negated bool           // below a NOT, where an index is of no use
}

func newWriter(t *Table) *writer { return &writer{table: t, numbers: map[source]int{}} }

func (w *writer) condition(n node) (string, []source) {
	w.WriteByte('(')
	w.node(n)
	w.WriteByte(')')
	return w.String(), w.sources
}

func (w *writer) put(parts ...string) {
	for _, part := range parts {
		w.WriteString(part)
	}
}

func (w *writer) node(n node) {
	switch n := n.(type) {
	case all:
		w.joined(n, " AND ")
	case anyOf:
		w.joined(n, " OR ")
	case not:
		outer := w.negated
		w.negated = true
		w.put("NOT COALESCE((")
		w.node(n.x)
		w.put("), ", sqlFalse, ")")
		w.negated = outer
	case present:
		w.put(w.name(n.column), " IS NOT NULL")
	case compare:
		w.compare(n)
	case columns:
		w.columns(n)
	case oneOf:
		w.oneOf(n)
	case match:
		w.match(n)
	default: // constants do not get here
		w.put(sqlFalse)
	}
}

func (w *writer) joined(list []node, word string) {
	for i, x := range list {
		if i > 0 {
			w.put(word)
		}
		switch x.(type) {
		case all, anyOf, match, compare, oneOf:
			w.put("(")
			w.node(x)
			w.put(")")
		default:
			w.node(x)
		}
	}
}

// name is the quoted identifier of a column. SQLite reads an identifier in double
// quotes as a text if there is no such column, but not one in backticks.
func (w *writer) name(column string) string {
	quote := "`"
	if w.table.Dialect == Postgres {
		quote = `"`
	}
	return quote + strings.ReplaceAll(w.table.Columns[column].Name, ".", quote+"."+quote) + quote
}

// mark writes the placeholder of an argument.
func (w *writer) mark(s source) {
	switch w.table.Placeholders {
	case Dollar:
		n := w.numbers[s]
		if n == 0 {
			w.sources = append(w.sources, s)
			n = len(w.sources)
			w.numbers[s] = n
		}
		w.put("$", strconv.Itoa(w.table.First+n-1))
	case Named:
		w.put(":", Name(w.table.First+len(w.sources)))
		w.sources = append(w.sources, s)
	default:
		w.put("?")
		w.sources = append(w.sources, s)
	}
}

// Name is the name of a placeholder.
func Name(n int) string { return "r" + strconv.Itoa(n) }

var sqlOps = map[predicate.Op]string{
	predicate.Eq: " = ", predicate.Lt: " < ", predicate.Le: " <= ", predicate.Gt: " > ", predicate.Ge: " >= ",
}

// plain writes an argument as a value of a column's type, which an index can find.
func (w *writer) plain(column string, s source) {
	typ := w.table.Columns[column].Type
	switch {
	case w.table.Dialect == Postgres:
		w.put(map[Type]string{Text: "", Integer: "CAST(", Boolean: "CAST(", UUID: "CAST("}[typ], "CAST(")
		w.mark(s)
		w.put(" AS text)", map[Type]string{Text: "", Integer: " AS bigint)", Boolean: " AS boolean)", UUID: " AS uuid)"}[typ])
	case typ == Text && w.table.Dialect == MySQL:
		w.mark(s)
	default:
		w.put("CAST(")
		w.mark(s)
		w.put(" AS ", w.castType(typ), ")")
	}
}

func (w *writer) castType(typ Type) string {
	switch {
	case typ == Text:
		return "TEXT"
	case w.table.Dialect == MySQL:
		return "SIGNED"
	}
	return "INTEGER"
}

// exactColumn writes a column so that its bytes are compared.
func (w *writer) exactColumn(column string) {
	name := w.name(column)
	switch {
	case w.table.Dialect == MySQL:
		w.put("CAST(CONVERT(", name, " USING utf8mb4) AS BINARY)")
	case w.table.Dialect == SQLite:
		w.put("CAST(", name, " AS TEXT) COLLATE BINARY")
	case w.table.Columns[column].Type == Text:
		w.put("CAST(", name, ` AS text) COLLATE "C"`)
	default:
		w.put(name)
	}
}

// exact writes an argument that is compared with exactColumn.
func (w *writer) exact(column string, s source) {
	switch w.table.Dialect {
	case MySQL:
		w.put("CAST(CONVERT(")
		w.mark(s)
		w.put(" USING utf8mb4) AS BINARY)")
	case SQLite:
		w.put("CAST(")
		w.mark(s)
		w.put(" AS TEXT)")
	default:
		w.plain(column, s)
	}
}

// indexed writes a column so that an index finds it.
func (w *writer) indexed(column string) {
	c := w.table.Columns[column]
	w.put(w.name(column))
	switch {
	case c.Collation == "" || c.Type != Text:
	case w.table.Dialect == Postgres:
		w.put(` COLLATE "`, c.Collation, `"`)
	case w.table.Dialect == SQLite:
		w.put(" COLLATE ", strings.ToUpper(c.Collation))
	}
}

// bytewise reports whether the comparison that an index finds is exact itself.
func (w *writer) bytewise(column string) bool {
	c := w.table.Columns[column]
	return w.table.Dialect == Postgres && (c.Type != Text || c.Collation == "C" || c.Collation == "POSIX")
}

func (w *writer) compare(c compare) {
	if c.op != predicate.Eq {
		w.order(c)
		return
	}
	if !w.negated || w.bytewise(c.column) {
		w.indexed(c.column)
		w.put(" = ")
		w.plain(c.column, c.value)
	}
	if w.bytewise(c.column) {
		return
	}
	w.besides(func() {
		w.exactColumn(c.column)
		w.put(" = ")
		w.exact(c.column, c.value)
	})
}

// besides writes the exact part of a comparison, which stands alone below a NOT. The
// planner of PostgreSQL would take it for a second, independent condition, expect far
// fewer rows and sort them. It has no estimate for COALESCE.
func (w *writer) besides(exact func()) {
	switch {
	case w.negated:
		exact()
	case w.table.Dialect == Postgres:
		w.put(" AND COALESCE(")
		exact()
		w.put(", ", sqlFalse, ")")
	default:
		w.put(" AND ")
		exact()
	}
}

// order writes an ordering. A column of integers in SQLite may hold a text, which has
// no order to a number.
func (w *writer) order(c compare) {
	if w.table.Columns[c.column].Type == Text {
		w.exactColumn(c.column)
		w.put(sqlOps[c.op])
		w.exact(c.column, c.value)
		return
	}
	w.numeric(c.column)
	w.put(w.name(c.column), sqlOps[c.op])
	w.plain(c.column, c.value)
}

func (w *writer) numeric(column string) {
	if w.table.Dialect == SQLite {
		w.put("typeof(", w.name(column), ") IN ('integer', 'real') AND ")
	}
}

func (w *writer) columns(c columns) {
	if c.op != predicate.Eq && w.table.kind(c.left) == input.Integer {
		w.numeric(c.left)
		w.numeric(c.right)
		w.put(w.name(c.left), sqlOps[c.op], w.name(c.right))
		return
	}
	w.exactColumn(c.left)
	w.put(sqlOps[c.op])
	w.exactColumn(c.right)
}

func (w *writer) oneOf(o oneOf) {
	if !w.negated || w.bytewise(o.column) {
		w.indexed(o.column)
		w.list(o, w.plain)
	}
	if w.bytewise(o.column) {
		return
	}
	w.besides(func() {
		w.exactColumn(o.column)
		w.list(o, w.exact)
	})
}

func (w *writer) list(o oneOf, value func(string, source)) {
	w.put(" IN (")
	for i, s := range o.values {
		if i > 0 {
			w.put(", ")
		}
		value(o.column, s)
	}
	w.put(")")
}

// side writes one side of a match, as bytes or characters that are compared exactly.
func (w *writer) side(s side) {
	if s.column != "" {
		w.exactColumn(s.column)
		return
	}
	switch w.table.Dialect {
	case MySQL:
		w.exact("", s.value)
	default:
		w.put("CAST(")
		w.mark(s.value)
		w.put(" AS ", map[Dialect]string{Postgres: "text", SQLite: "TEXT"}[w.table.Dialect], ")")
	}
}

// match writes whether a text begins with, ends with or contains another one. An empty
// part is in every text.
func (w *writer) match(m match) {
	if w.table.Dialect == SQLite {
		w.matchSQLite(m)
		return
	}
	length := "length("
	switch m.op {
	case predicate.Contains:
		w.put(map[Dialect]string{Postgres: "position(", MySQL: "LOCATE("}[w.table.Dialect])
		w.side(m.part)
		w.put(map[Dialect]string{Postgres: " IN ", MySQL: ", "}[w.table.Dialect])
		w.side(m.text)
		w.put(") > 0")
		return
	case predicate.StartsWith:
		w.put("left(")
	default:
		w.put("right(")
	}
	w.side(m.text)
	w.put(", ", length)
	w.side(m.part)
	w.put(")) = ")
	w.side(m.part)
}

// matchSQLite compares the hexadecimal form of texts, where a position is even at the
// begin of a byte.
func (w *writer) matchSQLite(m match) {
	switch m.op {
	case predicate.Contains:
		w.put("instr(CAST(")
		w.side(m.text)
		w.put(" AS BLOB), CAST(")
		w.side(m.part)
		w.put(" AS BLOB)) > 0")
		return
	case predicate.StartsWith:
		w.put("substr(CAST(")
		w.side(m.text)
		w.put(" AS BLOB), 1, length(CAST(")
		w.side(m.part)
		w.put(" AS BLOB)))")
	default:
		w.put("substr(CAST(")
		w.side(m.text)
		w.put(" AS BLOB), 1 + length(CAST(")
		w.side(m.text)
		w.put(" AS BLOB)) - length(CAST(")
		w.side(m.part)
		w.put(" AS BLOB)), length(CAST(")
		w.side(m.part)
		w.put(" AS BLOB)))")
	}
	w.put(" = CAST(")
	w.side(m.part)
	w.put(" AS BLOB)")
}
