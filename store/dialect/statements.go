package dialect

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jmoiron/sqlx"
)

// preparedStatements bounds the number of prepared statements, and so their memory
// on each connection of the server.
const preparedStatements = 512

// renewal is how long a prepared statement is used. Its plan may be as old, and fits
// tables of the size that they had then.
const renewal = time.Minute

// mostClosing bounds the number of statements that wait to be closed.
const mostClosing = 512

// StatementPool runs statements on a pool of connections. It prepares each text
// once and caches the statement. An evicted statement is closed after its last user
// releases it.
//
// Closing a statement waits for each connection on which it was prepared, until the
// query there ends. So nobody waits for it. While too many statements wait to be closed,
// new texts run without being prepared.
type StatementPool struct {
	db      *sql.DB
	kept    *lru.Cache[string, *Statement]
	closing atomic.Int64
}

// Statement is a statement of a StatementPool. Its caller must release it once.
type Statement struct {
	pool  *StatementPool
	text  string
	stmt  *sql.Stmt // nil if it is not prepared
	made  time.Time
	users atomic.Int64 // the cache counts as one
}

// NewStatementPool prepares statements on db.
func NewStatementPool(db *sql.DB) *StatementPool {
	kept, _ := lru.NewWithEvict(preparedStatements, func(_ string, p *Statement) { p.Release() }) // fails only for a size below 1
	return &StatementPool{db: db, kept: kept}
}

// Release ends one use of the statement. After the last one it is closed.
func (p *Statement) Release() {
	if p.users.Add(-1) > 0 || p.stmt == nil {
		return
	}
	p.pool.closing.Add(1)
	go func() {
		defer p.pool.closing.Add(-1)
		_ = p.stmt.Close() // frees memory on the server; a failure does no harm
	}()
}

// ReadOne runs the statement within a transaction and reads the first row. It
// returns sql.ErrNoRows if there is none.
func (p *Statement) ReadOne(ctx context.Context, tx *sqlx.Tx, args []any, into ...any) error {
	query := func() (*sql.Rows, error) { return tx.QueryContext(ctx, p.text, args...) }
	if p.stmt != nil {
		query = func() (*sql.Rows, error) { return tx.StmtContext(ctx, p.stmt).QueryContext(ctx, args...) }
	}
	rows, err := query()
	if err != nil {
		return err
	}
	return scanOne(rows, into...)
}

// acquire adds one use. It returns false if the statement is closed already.
func (p *Statement) acquire() bool {
	for {
		n := p.users.Load()
		if n == 0 {
			return false
		}
		if p.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Statement returns the prepared statement of a text, and prepares it if necessary.
// The caller must release it.
func (p *StatementPool) Statement(ctx context.Context, text string) (*Statement, error) {
	if known, ok := p.kept.Get(text); ok {
		if time.Since(known.made) > renewal {
			p.kept.Remove(text)
		} else if known.acquire() {
			return known, nil
		}
	}
	fresh := &Statement{pool: p, text: text, made: time.Now()}
	if p.closing.Load() >= mostClosing {
		fresh.users.Store(1)
		return fresh, nil
	}
	var err error
	if fresh.stmt, err = p.db.PrepareContext(ctx, text); err != nil {
		return nil, err
	}
	fresh.users.Store(2) // the cache and the caller
	if previous, found, _ := p.kept.PeekOrAdd(text, fresh); found && previous.acquire() {
		fresh.users.Store(1)
		fresh.Release()
		return previous, nil
	} else if found { // it was evicted and closed meanwhile: only the caller uses fresh
		fresh.users.Store(1)
	}
	return fresh, nil
}

// QueryContext runs a prepared query. The statement may be closed before its rows
// are read. Then database/sql closes it after the rows.
func (p *StatementPool) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := p.Statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	if s.stmt == nil {
		return p.db.QueryContext(ctx, text, args...)
	}
	return s.stmt.QueryContext(ctx, args...)
}

// ExecContext runs a prepared statement.
func (p *StatementPool) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := p.Statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	if s.stmt == nil {
		return p.db.ExecContext(ctx, text, args...)
	}
	return s.stmt.ExecContext(ctx, args...)
}

// Close closes every statement that is not in use. The others close after their
// last use.
func (p *StatementPool) Close() { p.kept.Purge() }
