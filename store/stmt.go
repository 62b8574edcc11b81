package store

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

// preparedPool runs statements over a pool, each prepared once and kept by its
// text. Statements that fall out of the bound are closed when their last
// reader lets go.
type preparedPool struct {
	db   *sql.DB
	kept *lru.Cache[string, *prepared]
}

// prepared is a statement of a pool. Who was given it releases it once.
type prepared struct {
	stmt  *sql.Stmt
	users atomic.Int64 // the cache itself is one
}

// newPreparedPool prepares statements on db.
func newPreparedPool(db *sql.DB) *preparedPool {
	kept, _ := lru.NewWithEvict(preparedStatements, func(_ string, p *prepared) { p.release() }) // errs only for a size below 1
	return &preparedPool{db: db, kept: kept}
}

// release lets go of one use; the last one closes the statement.
func (p *prepared) release() {
	if p.users.Add(-1) == 0 {
		_ = p.stmt.Close() // frees memory on the server; its failure has no consequence
	}
}

// readOne reads the first row that the statement gives within a transaction, or
// returns sql.ErrNoRows.
func (p *prepared) readOne(ctx context.Context, tx *sqlx.Tx, args []any, into ...any) error {
	rows, err := tx.StmtContext(ctx, p.stmt).QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return scanOne(rows, into...)
}

// acquire takes one use, unless the last one is gone already.
func (p *prepared) acquire() bool {
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

// statement prepares a text, or gives what is prepared already. The caller
// releases it.
func (p *preparedPool) statement(ctx context.Context, text string) (*prepared, error) {
	if known, ok := p.kept.Get(text); ok && known.acquire() {
		return known, nil
	}
	stmt, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	fresh := &prepared{stmt: stmt}
	fresh.users.Store(2) // the cache and the caller
	if previous, found, _ := p.kept.PeekOrAdd(text, fresh); found && previous.acquire() {
		fresh.users.Store(1)
		fresh.release()
		return previous, nil
	} else if found { // fell out meanwhile: this one serves the caller alone
		fresh.users.Store(1)
	}
	return fresh, nil
}

// QueryContext runs a prepared query. The statement may be closed while its
// rows are still read; database/sql then closes it after them.
func (p *preparedPool) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := p.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.release()
	return s.stmt.QueryContext(ctx, args...)
}

// ExecContext runs a prepared statement.
func (p *preparedPool) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := p.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	defer s.release()
	return s.stmt.ExecContext(ctx, args...)
}

// forget closes every statement that is not in use.
func (p *preparedPool) forget() { p.kept.Purge() }
