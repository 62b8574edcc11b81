package dialect

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite/vtab"
)

// feedWidth is the number of columns of a feed.
const feedWidth = 16

// A feed is a virtual table of SQLite. Its rows come from a function, once each, so
// that one INSERT … SELECT writes them all. Binding them as arguments takes twice
// as long.
type feed struct {
	next func() ([]any, error)
	row  []any
	n    int64
	err  error // the error that ended it early
}

// feeds holds the open feeds, by the number in their table's name.
var feeds struct {
	sync.Mutex
	last  int
	under map[string]*feed
}

// registerFeeds registers the module. Call it before the first connection is
// opened.
var registerFeeds = sync.OnceValue(func() error { return vtab.RegisterModule(nil, "resellerd_feed", feedModule{}) })

func openFeed(next func() ([]any, error)) (string, *feed) {
	feeds.Lock()
	defer feeds.Unlock()
	if feeds.under == nil {
		feeds.under = map[string]*feed{}
	}
	feeds.last++
	number, f := strconv.Itoa(feeds.last), &feed{next: next}
	feeds.under[number] = f
	return number, f
}

func closeFeed(number string) {
	feeds.Lock()
	defer feeds.Unlock()
	delete(feeds.under, number)
}

// sqliteBulkInsert is Dialect.BulkInsert.
func sqliteBulkInsert(ctx context.Context, tx *sqlx.Tx, table string, columns []string, next func() ([]any, error)) (int64, error) {
	number, f := openFeed(next)
	defer closeFeed(number)
	name := "temp.feed_" + number
	if _, err := tx.ExecContext(ctx, "CREATE VIRTUAL TABLE "+name+" USING resellerd_feed("+number+")"); err != nil {
		return 0, err
	}
	from := make([]string, len(columns))
	for i := range columns {
		from[i] = "c" + strconv.Itoa(i)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") SELECT "+strings.Join(from, ", ")+" FROM "+name)
	if f.err != nil {
		err = f.err
	}
	if err != nil {
		return f.n, err // the rollback drops the table
	}
	_, err = tx.ExecContext(ctx, "DROP TABLE "+name)
	return f.n, err
}

// advance reads the next row. At the end and after an error, row is nil.
func (f *feed) advance() error {
	row, err := f.next()
	if err != nil {
		f.row, f.err = nil, err
		return err
	}
	if f.row = row; row != nil {
		f.n++
	}
	return nil
}

// feedModule, feedTable and feedCursor implement the interfaces of a virtual table.
type feedModule struct{}

// Create is part of vtab.Module.
func (feedModule) Create(ctx vtab.Context, args []string) (vtab.Table, error) {
	feeds.Lock()
	f := feeds.under[args[len(args)-1]]
	feeds.Unlock()
	if f == nil {
		return nil, fmt.Errorf("no feed %s", args[len(args)-1])
	}
	columns := make([]string, feedWidth)
	for i := range columns {
		columns[i] = "c" + strconv.Itoa(i)
	}
	return feedTable{f}, ctx.Declare("CREATE TABLE feed (" + strings.Join(columns, ", ") + ")")
}

// Connect is part of vtab.Module.
func (m feedModule) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Create(ctx, args)
}

type feedTable struct{ *feed }

// BestIndex is part of vtab.Table. There is only one plan.
func (feedTable) BestIndex(*vtab.IndexInfo) error { return nil }

// Open is part of vtab.Table.
func (t feedTable) Open() (vtab.Cursor, error) { return feedCursor(t), nil }

// Disconnect is part of vtab.Table.
func (feedTable) Disconnect() error { return nil }

// Destroy is part of vtab.Table.
func (feedTable) Destroy() error { return nil }

type feedCursor struct{ *feed }

// Filter is part of vtab.Cursor.
func (c feedCursor) Filter(int, string, []vtab.Value) error { return c.advance() }

// Next is part of vtab.Cursor.
func (c feedCursor) Next() error { return c.advance() }

// Eof is part of vtab.Cursor.
func (c feedCursor) Eof() bool { return c.row == nil }

// Column is part of vtab.Cursor. SQLite accepts only int64 as an integer.
func (c feedCursor) Column(i int) (vtab.Value, error) {
	if i >= len(c.row) {
		return nil, nil
	}
	if n, ok := c.row[i].(int); ok {
		return int64(n), nil
	}
	return c.row[i], nil
}

// Rowid is part of vtab.Cursor.
func (c feedCursor) Rowid() (int64, error) { return c.n, nil }

// Close is part of vtab.Cursor.
func (feedCursor) Close() error { return nil }
