package storetest

import (
	"context"
	"database/sql/driver"
	"maps"
	"sync"
)

// Statements records every statement that a store runs, with the arguments of its last
// run. Give its Wrap to store.Options. The zero value is ready to use. It is safe for
// concurrent use.
type Statements struct {
	// Before is called with the text of each statement before it runs. Set it before the
	// store is opened.
	Before func(text string)
	// Given is called like Before, with the arguments, too.
	Given func(text string, args []driver.NamedValue)
	// Refuse returns the error of the server's answer to a question; nil if it answers.
	// Refuse itself may be nil.
	Refuse func(text string) error

	mu   sync.Mutex
	seen map[string][]any
	runs int
}

// Runs returns how many statements the store has run.
func (s *Statements) Runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// All returns the arguments by the text of the statement.
func (s *Statements) All() map[string][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

func (s *Statements) ran(text string, args []driver.NamedValue) {
	if s.Before != nil {
		s.Before(text)
	}
	if s.Given != nil {
		s.Given(text, args)
	}
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	if s.seen == nil {
		s.seen = map[string][]any{}
	}
	s.seen[text] = values
}

// Wrap is store.Options.Wrap.
func (s *Statements) Wrap(c driver.Connector) driver.Connector { return heardConnector{c, s} }

type heardConnector struct {
	driver.Connector
	s *Statements
}

// Connect is part of driver.Connector.
func (c heardConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return heardConn{conn.(fullConn), c.s}, nil
}

// fullConn is what both drivers can do.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
	driver.Pinger
}

type heardConn struct {
	fullConn
	s *Statements
}

// CheckNamedValue is part of driver.NamedValueChecker.
func (c heardConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ExecContext is part of driver.ExecerContext.
func (c heardConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.s.ran(text, args)
	return c.fullConn.ExecContext(ctx, text, args)
}

// QueryContext is part of driver.QueryerContext.
func (c heardConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.s.ran(text, args)
	if c.s.Refuse != nil {
		if err := c.s.Refuse(text); err != nil {
			return nil, err
		}
	}
	return c.fullConn.QueryContext(ctx, text, args)
}

// PrepareContext is part of driver.ConnPrepareContext.
func (c heardConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	stmt, err := c.fullConn.PrepareContext(ctx, text)
	if full, ok := stmt.(fullStmt); ok && err == nil {
		return heardStmt{full, text, c.s}, nil
	}
	return stmt, err // a COPY
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type heardStmt struct {
	fullStmt
	text string
	s    *Statements
}

// ExecContext is part of driver.StmtExecContext.
func (t heardStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	t.s.ran(t.text, args)
	return t.fullStmt.ExecContext(ctx, args)
}

// QueryContext is part of driver.StmtQueryContext.
func (t heardStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	t.s.ran(t.text, args)
	return t.fullStmt.QueryContext(ctx, args)
}
