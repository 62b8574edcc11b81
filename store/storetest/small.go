package storetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

// SmallSQLite returns the URL of a SQLite database that may grow by only this
// many pages of 4,096 bytes. After that, SQLite reports a full disk.
func SmallSQLite(t testing.TB, pages int64) string {
	t.Helper()
	url := SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	most := fmt.Sprintf("PRAGMA max_page_count = %d", info.Size()/4096+pages)
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		if !strings.Contains(dsn, path) {
			return nil
		}
		_, err := conn.ExecContext(context.Background(), most, nil)
		return err
	})
	return url
}
