package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Postgres returns the URL of a new PostgreSQL database with the current
// schema. The database is dropped when the test ends. Without a server the
// test is skipped or fails; see the package comment.
func Postgres(t testing.TB) string {
	t.Helper()
	return Empty.Postgres(t)
}

// EmptyPostgres is Postgres without a schema.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return copyOf(t, needServer(t), untouched)
}

// untouched is PostgreSQL's own empty database.
const untouched = "template0"

// outlives reports whether the server outlives the tests. In that case no
// database may be left behind.
func outlives() bool { return os.Getenv("RESELLERD_TEST_DATABASE") != "" }

func needServer(t testing.TB) string {
	t.Helper()
	admin, err := server()
	if err == nil {
		return admin
	}
	if os.Getenv("RESELLERD_TEST_REQUIRE_POSTGRES") == "1" {
		t.Fatalf("PostgreSQL is required and not there: %v", err)
	}
	t.Skipf("skipped on PostgreSQL: %v; set RESELLERD_TEST_DATABASE or install its server", err)
	return ""
}

func copyOf(t testing.TB, admin, template string) string {
	t.Helper()
	name := freshName()
	if err := execute(admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(admin, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop: %v", err)
		}
	})
	fresh, err := inDatabase(admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// server returns the URL of the server for test databases.
var server = sync.OnceValues(func() (string, error) {
	if outlives() {
		return os.Getenv("RESELLERD_TEST_DATABASE"), nil
	}
	c, err := throwaway()
	if err != nil {
		return "", err
	}
	return c.url(), nil
})

// throwaway returns a cluster that lives as long as the test binary.
var throwaway = sync.OnceValues(func() (*cluster, error) { return startCluster("") })

var databases atomic.Int64

func freshName() string {
	return fmt.Sprintf("resellerd_test_%d_%d", os.Getpid(), databases.Add(1))
}

func inDatabase(admin, name string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return "", errors.New("RESELLERD_TEST_DATABASE is no URL")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func execute(admin, statement string) error {
	db, err := sql.Open("postgres", admin)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
