package dialect_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
	"resellerd/store/storetest"
)

// A statement is closed on each connection on which it was prepared, when the query
// there ends. Neither who evicts it nor who asks for others waits for that.
func TestClosingAStatementHoldsUpNobody(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sqlx.Open("postgres", storetest.Postgres(t))
	need(t, err)
	defer db.Close()
	pool := dialect.NewStatementPool(db.DB)
	holder, err := db.Conn(ctx)
	need(t, err)
	defer holder.Close()
	_, err = holder.ExecContext(ctx, "SELECT pg_advisory_lock(1)")
	need(t, err)

	rows, err := pool.QueryContext(ctx, "SELECT 1")
	need(t, err)
	need(t, rows.Close())
	same, err := db.Conn(ctx) // the only free connection
	need(t, err)
	defer same.Close()
	waited := make(chan error, 1)
	go func() {
		_, err := same.ExecContext(ctx, "SELECT pg_advisory_lock(1)")
		waited <- err
	}()
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		need(t, db.GetContext(ctx, &waiting, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"))
	}

	told := make(chan error, 1)
	go func() {
		pool.Close() // evicts all
		rows, err := pool.QueryContext(ctx, "SELECT 2")
		if err == nil {
			err = rows.Close()
		}
		told <- err
	}()
	select {
	case err := <-told:
		need(t, err)
	case err := <-waited:
		t.Fatalf("the query ended on its own: %v", err)
	case <-time.After(20 * time.Second):
		t.Error("another query waits for the one that runs")
	}
	_, err = holder.ExecContext(ctx, "SELECT pg_advisory_unlock(1)")
	need(t, err)
	need(t, <-waited)
}

func need(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
