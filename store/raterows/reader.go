package raterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// readAhead is how many rates are read at a time. A Reader holds no statement open
// between two reads, so that any number of Readers and writes can share a
// connection.
const readAhead = 5000

// Reader returns the rates of one revision in the order of their prefixes.
type Reader struct {
	ctx      context.Context
	d        dialect.Dialect
	x        dialect.Execer
	Revision string

	ahead []Row // the last batch; taken is how many are used
	taken int
	done  bool // there are no rates after ahead
	names names

	turn   *sync.Mutex   // nil without Prefetch: the next batch is read when it is needed
	coming chan readAway // receives the batch being read; nil if none is

	// Only the goroutine that reads uses these, one at a time.
	last  string // the prefix that was read last
	scan  *Scanner
	spare []Row
}

// readAway is a batch of rates, or the error of reading it.
type readAway struct {
	rates []Row
	err   error
}

// Row is a rate with its name.
type Row struct {
	rating.Row
	Name string
}

// columns are the columns that the arithmetic needs, and the name.
var columns = []string{"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

// Columns lists the columns that a Scanner reads, for a statement. alias is the
// table's alias with a dot ("r."), or "".
func Columns(alias string) string { return alias + strings.Join(columns, ", "+alias) }

var selectRates = "SELECT " + Columns("") + " FROM rates WHERE revision_id = ? AND prefix > ? ORDER BY prefix LIMIT ?"

// NewReader returns a reader on x. It does not read yet. Before each batch, the reader
// yields as ctx says; see package coop.
func NewReader(ctx context.Context, d dialect.Dialect, x dialect.Execer, revision string) *Reader {
	return &Reader{ctx: ctx, d: d, x: x, Revision: revision}
}

// Over makes the reader use another connection. Call it before the first read.
func (r *Reader) Over(x dialect.Execer) { r.x = x }

// NameOf returns the name of the row with prefix p. The walk must stand at p or at
// a longer prefix that begins with p. NameOf returns "" if there is no such row.
func (r *Reader) NameOf(p rating.Prefix) string { return r.names.of(p) }

// Rates returns a function that returns the next rate with its name, and false at
// the end.
func (r *Reader) Rates() func() (Row, bool, error) {
	next := r.Source()
	return func() (Row, bool, error) {
		row, more, err := next()
		return Row{Row: row, Name: r.names.next.name}, more, err
	}
}

// Source returns the rates for the arithmetic. NameOf returns their names.
func (r *Reader) Source() rating.Source {
	return func() (rating.Row, bool, error) {
		if r.taken == len(r.ahead) && !r.done {
			if err := r.read(); err != nil {
				return rating.Row{}, false, err
			}
		}
		if r.taken == len(r.ahead) {
			r.names.read("", 0)
			return rating.Row{}, false, nil
		}
		next := r.ahead[r.taken]
		r.taken++
		r.names.read(next.Name, next.Prefix)
		return next.Row, true, nil
	}
}

// EndWith makes the reading end with ctx.
func (r *Reader) EndWith(ctx context.Context) { r.ctx = ctx }

// read takes the next batch of rates.
func (r *Reader) read() error {
	if err := coop.Yield(r.ctx); err != nil {
		return err
	}
	got := r.next()
	if got.err != nil {
		return fmt.Errorf("rates of revision %s: %w", r.Revision, r.d.TranslateIn(r.ctx, got.err))
	}
	r.spare, r.ahead, r.taken = r.ahead, got.rates, 0
	r.done = len(r.ahead) < readAhead
	if r.turn != nil && !r.done {
		r.coming = make(chan readAway, 1)
		go func(out chan<- readAway) { out <- r.fetch() }(r.coming)
	}
	return nil
}

// next waits for the batch that is being read, or reads one.
func (r *Reader) next() readAway {
	if r.coming == nil {
		return r.fetch()
	}
	got := <-r.coming
	r.coming = nil
	return got
}

// rest waits until no read is running, and ends the reader.
func (r *Reader) rest() {
	if r.coming != nil {
		r.next()
	}
	r.done = true
}

func (r *Reader) fetch() (got readAway) {
	if r.turn != nil {
		r.turn.Lock()
		defer r.turn.Unlock()
	}
	rows, err := r.x.QueryContext(r.ctx, r.d.Rebind(selectRates), r.Revision, r.last, readAhead)
	if err != nil {
		return readAway{err: err}
	}
	defer rows.Close()
	if r.scan == nil {
		r.scan = NewScanner()
	}
	rates := r.spare[:0]
	for rows.Next() {
		rate, err := r.scan.Row(rows)
		if err != nil {
			return readAway{err: err}
		}
		rates = append(rates, rate)
	}
	if len(rates) > 0 {
		r.last = rates[len(rates)-1].Prefix.String()
	}
	return readAway{rates, rows.Err()}
}

// Values reads the stored values of up to most rates of a revision whose prefix
// comes after behind. The values are in the order of schema.RateType, and the rates
// in the order of their prefixes.
func Values(ctx context.Context, d dialect.Dialect, x dialect.Execer, revision, behind string, most int) (all [][]any, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("rates of revision %s: %w", revision, d.TranslateIn(ctx, err))
		}
	}()
	rows, err := x.QueryContext(ctx, d.Rebind(selectValues), revision, behind, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	into := make([]any, len(schema.RateType.Columns))
	for rows.Next() {
		values := make([]any, len(into))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if !schema.RateHas(values) {
			return nil, errNotARate
		}
		all = append(all, values)
	}
	return all, rows.Err()
}

var selectValues = "SELECT " + strings.Join(schema.RateType.Names(), ", ") +
	" FROM rates WHERE revision_id = ? AND prefix > ? ORDER BY prefix LIMIT ?"

// Scanner reads rows that end with the columns of a rate. The values before them go
// to extra. It takes values as the driver returns them. Scan into typed variables
// converts them one by one, which takes longer than reading them.
type Scanner struct {
	into   []any
	values []any // in the order of columns
}

// NewScanner returns a scanner of rows that begin with the values of extra.
func NewScanner(extra ...any) *Scanner {
	s := &Scanner{into: extra, values: make([]any, len(columns))}
	for i := range s.values {
		s.into = append(s.into, &s.values[i])
	}
	return s
}

// Row reads the current row of rows.
func (s *Scanner) Row(rows *sql.Rows) (r Row, err error) {
	if err = rows.Scan(s.into...); err != nil {
		return r, err
	}
	return s.rate()
}

var errNotARate = errors.New("a row is not a rate")

// rate makes a rate from the values. A value that the schema does not allow is an
// error, never a zero.
func (s *Scanner) rate() (r Row, err error) {
	v := s.values
	prefix, there := v[0].(string)
	name, named := v[1].(string)
	cost, priced := v[2].(int64)
	mcd, stepped := v[5].(int64)
	pulse, pulsed := v[6].(int64)
	connect, connected := v[7].(int64)
	status, stated := v[8].(string)
	ok := there && named && priced && stepped && pulsed && connected && stated
	if !ok || mcd < 0 || mcd > schema.MaxSeconds || pulse < 0 || pulse > schema.MaxSeconds {
		return r, errNotARate
	}
	r.Name, r.Cost, r.Connect = name, rating.Money(cost), rating.Money(connect)
	r.MCD, r.Pulse, r.Blocked = uint32(mcd), uint32(pulse), status == "blocked"
	if r.Inter, ok = optionalMoney(v[3]); !ok {
		return r, errNotARate
	}
	if r.Intra, ok = optionalMoney(v[4]); !ok {
		return r, errNotARate
	}
	r.Prefix, err = rating.ParsePrefix(prefix)
	return r, err
}

// optionalMoney converts an amount or NULL.
func optionalMoney(value any) (m rating.Optional[rating.Money], ok bool) {
	if value == nil {
		return m, true
	}
	amount, ok := value.(int64)
	return rating.Some(rating.Money(amount)), ok
}

// names remembers, for each length of a prefix, the name of the last row that the
// walk has reached. The walk reads one row ahead of its position.
type names struct {
	next  named // the row that was read last, which the walk has not reached yet
	byLen [rating.MaxDigits + 1]named
}

type named struct {
	prefix rating.Prefix
	name   string
}

// read adds the row that was just read. The walk has reached the row before it.
func (n *names) read(name string, p rating.Prefix) {
	n.byLen[n.next.prefix.Len()] = n.next
	n.next = named{p, name}
}

// of returns the name of the row with this prefix. The walk must stand at the
// prefix or at a longer one that begins with it.
func (n *names) of(p rating.Prefix) string {
	if at := n.byLen[p.Len()]; at.prefix == p {
		return at.name
	}
	return ""
}

// Prefetch makes each reader read its next batch while the last one is in use.
// Readers on the same connection take turns. Until end has returned, nothing else
// may use these connections.
func Prefetch(readers ...*Reader) (end func()) {
	turns := map[dialect.Execer]*sync.Mutex{}
	for _, r := range readers {
		if turns[r.x] == nil {
			turns[r.x] = &sync.Mutex{}
		}
		r.turn = turns[r.x]
	}
	return func() {
		for _, r := range readers {
			r.rest()
		}
	}
}
