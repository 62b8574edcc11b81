package paneltables

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"resellerd/store/fault"
)

// Source is a panel's database.
type Source struct{ db *sql.DB }

// Open returns the database that a URL names: mysql://USER[:PASSWORD]@HOST[:PORT]/DATABASE,
// or mysql://USER@/DATABASE?socket=PATH. tls=true encrypts the connection and checks the
// server; tls=skip-verify only encrypts it. password replaces that of the URL unless it is
// "". Open does not contact the server.
func Open(from, password string) (*Source, error) {
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "mysql" || u.User == nil || strings.Trim(u.Path, "/") == "" {
		return nil, fault.Invalid("from", "must be mysql://USER@HOST/DATABASE")
	}
	c := mysql.NewConfig()
	c.User, c.DBName = u.User.Username(), strings.Trim(u.Path, "/")
	if c.Passwd, _ = u.User.Password(); password != "" {
		c.Passwd = password
	}
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = u.Hostname() + ":3306"
	}
	for name, values := range u.Query() {
		switch name {
		case "socket":
			c.Net, c.Addr = "unix", values[0]
		case "tls":
			c.TLSConfig = values[0]
		default:
			return nil, fault.Invalid("from", "has the parameter "+name+": only socket and tls are known")
		}
	}
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 10*time.Second, 5*time.Minute, time.Minute
	c.Collation = "utf8mb4_general_ci"
	c.Params = map[string]string{"time_zone": "'+00:00'"} // of TIMESTAMP columns, whatever the server's zone is
	c.Logger = mysql.Logger(silent{})
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fault.Invalid("from", "cannot be used: "+err.Error())
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return &Source{db}, nil
}

type silent struct{}

func (silent) Print(...any) {}

// Close closes the connection.
func (s *Source) Close() error { return s.db.Close() }

// maxValues is how many values and areas the tables of values may have. They are in
// memory.
const maxValues = 500_000

// Write writes the rows that a mapping selects, a line of JSON each. All of them are of one
// moment, and the transaction that reads them cannot write.
func (s *Source) Write(ctx context.Context, m *Mapping, to io.Writer) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("the panel's database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	out := bufio.NewWriterSize(to, 64<<10)
	for i := range m.Rows {
		r := &m.Rows[i]
		if err := (&reading{ctx, tx, m.Own, r, json.NewEncoder(out), nil}).all(); err != nil {
			return fmt.Errorf("rows[%d] (%s): %w", i, r.From, err)
		}
	}
	return out.Flush()
}

// begin begins a transaction that reads one moment and cannot write.
func (s *Source) begin(ctx context.Context) (*sql.Tx, error) {
	return s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
}

// reading reads the rows of one table.
type reading struct {
	ctx  context.Context
	tx   *sql.Tx
	own  func(area string) bool
	rows *Rows
	out  *json.Encoder
	of   map[string]map[string]any // of each field with a table of values: the values by key
}

func (r *reading) all() error {
	r.of = map[string]map[string]any{}
	fields := slices.Sorted(maps.Keys(r.rows.Columns))
	for _, field := range fields {
		if c := r.rows.Columns[field]; c.From != "" {
			values, err := r.values(&c)
			if err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
			r.of[field] = values
		}
	}
	var columns []string
	add := func(column string) {
		if column != "" && !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	for _, field := range fields {
		add(r.rows.Columns[field].Column)
	}
	if len(columns) == 0 {
		return errors.New("no column is read")
	}
	for column := range r.rows.Where {
		add(column)
	}
	where, args := r.rows.where()
	return r.query("SELECT "+list(columns)+" FROM "+quote(r.rows.From)+where, args, func(values []cell) error {
		value := func(column string) cell { return values[slices.Index(columns, column)] }
		if err := r.rows.counts(value); err != nil {
			return err
		}
		return r.row(fields, value)
	})
}

// counts refuses a row that the condition selects by the database's own rules alone: it
// compares 'true' with 0 and 'ON' with 'on' as equal.
func (r *Rows) counts(value func(column string) cell) error {
	for column, wanted := range r.Where {
		if !wanted.has(value(column).text()) {
			return fmt.Errorf("where: a value of the column %s equals a wanted one only by the rules of the database: write the values as %s shows them",
				column, distinct(column, r.From))
		}
	}
	return nil
}

// distinct is a query that shows the values of a column. Errors do not repeat values: they
// may be personal data, and errors go to logs.
func distinct(column, from string) string {
	return "SELECT DISTINCT " + quote(column) + " FROM " + quote(from)
}

func list(columns []string) string {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}

// where is the condition, with its values bound.
func (r *Rows) where() (text string, args []any) {
	var all []string
	for _, column := range slices.Sorted(maps.Keys(r.Where)) {
		var some []string
		for _, value := range r.Where[column] {
			if value == nil {
				some = append(some, quote(column)+" IS NULL")
				continue
			}
			some, args = append(some, quote(column)+" = ?"), append(args, *value)
		}
		all = append(all, "("+strings.Join(some, " OR ")+")")
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// cell is a value of a row, as text.
type cell struct {
	sql.NullString
	moment bool // the text is a time in UTC
}

// text is the value, nil for NULL.
func (c cell) text() *string {
	if !c.Valid {
		return nil
	}
	return &c.String
}

// query calls fn with each row. The statement is prepared, so that numbers have the same
// text with and without arguments: no zeros before them.
func (r *reading) query(text string, args []any, fn func([]cell) error) error {
	statement, err := r.tx.PrepareContext(r.ctx, text)
	if err != nil {
		return err
	}
	defer statement.Close()
	rows, err := statement.QueryContext(r.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	values, into := make([]cell, len(types)), make([]any, len(types))
	for i, typ := range types {
		values[i].moment = typ.DatabaseTypeName() == "TIMESTAMP"
		into[i] = &values[i].NullString
	}
	for n := 1; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, typ := range types {
			if typ.DatabaseTypeName() == "BIT" {
				values[i].String = new(big.Int).SetBytes([]byte(values[i].String)).String()
			}
		}
		if err := fn(values); err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
	}
	return rows.Err()
}

// values reads a table of values.
func (r *reading) values(c *Column) (map[string]any, error) {
	columns, n := []string{c.On, c.List}, 0
	var actions []string
	if c.Area != "" {
		actions = slices.Sorted(maps.Keys(c.Actions))
		columns = []string{c.On, c.Area}
		for _, action := range actions {
			columns = append(columns, c.Actions[action])
		}
	}
	all := map[string]any{}
	err := r.query("SELECT "+list(columns)+" FROM "+quote(c.From), nil, func(values []cell) error {
		if n++; n > maxValues {
			return fmt.Errorf("%s has more than %d rows", c.From, maxValues)
		}
		key, value := values[0].String, values[1].String
		if !values[0].Valid || !values[1].Valid {
			return nil
		}
		if c.List != "" {
			had, _ := all[key].([]any)
			translated, err := c.translate(c.List, c.From, values[1])
			all[key] = append(had, translated)
			return err
		}
		if to, ok := c.Areas[value]; ok {
			value = to
		} else if r.own != nil && r.own(value) {
			return fmt.Errorf("resellerd has an area %s of its own: say in areas what the panel's is, such as {%s: %s} or {%s: panel/%s}", value, value, value, value, value)
		}
		had, _ := all[key].(map[string]any)
		if had == nil {
			had = map[string]any{}
			all[key] = had
		}
		if _, twice := had[value]; twice {
			return fmt.Errorf("%s gives an area twice to one value of %s", c.From, c.On)
		}
		allowed := []string{}
		for i, action := range actions {
			switch may, known := truth(values[2+i].NullString); {
			case !known:
				return fmt.Errorf("the right to %s is neither yes nor no: write a query that gives 0 or 1", action)
			case may:
				allowed = append(allowed, action)
			}
		}
		had[value] = allowed
		return nil
	})
	return all, err
}

// truth reads a flag as panels store them. It returns false for known if it does not know
// the value: a right must not come from a word that means the opposite.
func truth(value sql.NullString) (is, known bool) {
	switch strings.ToLower(strings.TrimSpace(value.String)) {
	case "", "0", "n", "no", "f", "false", "off", "\x00":
		return false, true
	case "1", "y", "yes", "t", "true", "on", "\x01":
		return true, true
	}
	return false, false
}

// row writes the line of a row, or several.
func (r *reading) row(fields []string, value func(column string) cell) error {
	line, each, elements := map[string]any{"type": r.rows.Type}, "", []any(nil)
	for _, field := range fields {
		c := r.rows.Columns[field]
		made, err := c.read(r.rows.From, value, r.of[field])
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		if c.Each {
			each = field
			elements, _ = made.([]any)
			continue
		}
		line[field] = made
	}
	if each == "" {
		return r.out.Encode(line)
	}
	for _, one := range elements {
		line[each] = one
		if err := r.out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// read returns the value of a field.
func (c *Column) read(from string, value func(column string) cell, of map[string]any) (any, error) {
	if c.Column == "" {
		return c.Value, nil
	}
	text := value(c.Column)
	switch {
	case c.From != "" && c.List != "":
		if list, ok := of[text.String]; ok {
			return list, nil
		}
		return []any{}, nil
	case c.From != "":
		if access, ok := of[text.String]; ok {
			return access, nil
		}
		return map[string]any{}, nil
	case c.Split != "":
		list := []any{}
		for part := range strings.SplitSeq(text.String, c.Split) {
			part = strings.TrimSpace(part)
			if part == "" || c.None.has(&part) {
				continue
			}
			one, err := c.translate(c.Column, from, cell{NullString: sql.NullString{String: part, Valid: true}})
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		}
		return list, nil
	case c.None.has(text.text()) || !text.Valid && c.Values == nil:
		return nil, nil
	case !text.Valid:
		return nil, fmt.Errorf("the column %s is NULL, which is not in values: say what to do with such rows, by where or by none: [null]", c.Column)
	}
	return c.translate(c.Column, from, text)
}

// timeForms are how MySQL writes times.
var timeForms = []string{"2006-01-02 15:04:05.999999", "2006-01-02"}

func (c *Column) translate(column, from string, value cell) (any, error) {
	text := value.String
	if c.Values != nil {
		to, ok := c.Values[text]
		if !ok {
			return nil, fmt.Errorf("a value of the column %s is not in values: see %s", column, distinct(column, from))
		}
		return to, nil
	}
	if c.zone != nil {
		zone := c.zone
		if value.moment {
			zone = time.UTC
		}
		for _, form := range timeForms {
			if at, err := time.ParseInLocation(form, text, zone); err == nil {
				return at.UTC().Format(time.RFC3339Nano), nil
			}
		}
		return nil, fmt.Errorf("a value of the column %s is no time: see %s", column, distinct(column, from))
	}
	return c.Prefix + text, nil
}
