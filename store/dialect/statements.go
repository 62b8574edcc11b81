package dialect

import (
	"context"
	"database/sql"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jmoiron/sqlx"
)

// preparedStatements bounds the statements kept prepared, and by that the
// memory they take on each connection of the server.
const preparedStatements = 512

// StatementPool runs statements over a pool, each prepared once and kept by its
// text. Statements that fall out of the bound are closed when their last
// reader lets go.
type StatementPool struct {
	db   *sql.DB
	kept *lru.Cache[string, *Statement]
}

// Statement is a statement of a pool. Who was given it releases it once.
type Statement struct {
	stmt  *sql.Stmt
	users atomic.Int64 // the cache itself is one
}

// NewStatementPool prepares statements on db.
func NewStatementPool(db *sql.DB) *StatementPool {
	kept, _ := lru.NewWithEvict(preparedStatements, func(_ string, p *Statement) { p.Release() }) // errs only for a size below 1
	return &StatementPool{db: db, kept: kept}
}

// Release lets go of one use; the last one closes the statement.
func (p *Statement) Release() {
	if p.users.Add(-1) == 0 {
		_ = p.stmt.Close() // frees memory on the server; its failure has no consequence
	}
}

// ReadOne reads the first row that the statement gives within a transaction, or
// returns sql.ErrNoRows.
func (p *Statement) ReadOne(ctx context.Context, tx *sqlx.Tx, args []any, into ...any) error {
	rows, err := tx.StmtContext(ctx, p.stmt).QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return scanOne(rows, into...)
}

// acquire takes one use, unless the last one is gone already.
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

// Statement prepares a text, or gives what is prepared already. The caller
// releases it.
func (p *StatementPool) Statement(ctx context.Context, text string) (*Statement, error) {
	if known, ok := p.kept.Get(text); ok && known.acquire() {
		return known, nil
	}
	stmt, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	fresh := &Statement{stmt: stmt}
	fresh.users.Store(2) // the cache and the caller
	if previous, found, _ := p.kept.PeekOrAdd(text, fresh); found && previous.acquire() {
		fresh.users.Store(1)
		fresh.Release()
		return previous, nil
	} else if found { // fell out meanwhile: this one serves the caller alone
		fresh.users.Store(1)
	}
	return fresh, nil
}

// QueryContext runs a prepared query. The statement may be closed while its
// rows are still read; database/sql then closes it after them.
func (p *StatementPool) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := p.Statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	return s.stmt.QueryContext(ctx, args...)
}

// ExecContext runs a prepared statement.
func (p *StatementPool) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := p.Statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	return s.stmt.ExecContext(ctx, args...)
}

// Close closes every statement that is not in use.
func (p *StatementPool) Close() { p.kept.Purge() }
