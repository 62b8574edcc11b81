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

// Postgres is the URL of a fresh PostgreSQL database with the current schema,
// dropped when the test ends. The test is skipped, or fails, when there is no
// server; see the package.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := needServer(t)
	template, err := emptyPostgres()
	if err != nil {
		t.Fatalf("postgres template: %v", err)
	}
	if template != untouched {
		return spareOf(t, admin)
	}
	fresh := copyOf(t, admin, template)
	if err := migrate(fresh); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return fresh
}

// EmptyPostgres is Postgres without any schema.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return copyOf(t, needServer(t), untouched)
}

// untouched is PostgreSQL's own empty database; templateName is a migrated one in
// a cluster of our own.
const (
	untouched    = "template0"
	templateName = "resellerd_template"
)

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

// spareDatabases is how many copies of the template wait to be used.
const spareDatabases = 2

// spare is a copy of the template that waits, or why there is none.
type spare struct {
	name string
	err  error
}

// spares makes copies of the template of our own cluster ahead of the tests that
// use them.
var spares = sync.OnceValue(func() chan spare {
	waiting := make(chan spare, spareDatabases)
	go func() {
		for {
			admin, err := server()
			name := freshName()
			if err == nil {
				// Faster where nothing is synced, as in a cluster of our own.
				err = execute(admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY", name, templateName))
			}
			waiting <- spare{name, err}
		}
	}()
	return waiting
})

// spareOf takes a copy of the template. It is dropped beside the tests that
// follow; the cluster of our own ends with the test binary anyway.
func spareOf(t testing.TB, admin string) string {
	t.Helper()
	copied := <-spares()
	if copied.err != nil {
		t.Fatal(copied.err)
	}
	t.Cleanup(func() {
		go func() { _ = execute(admin, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", copied.name)) }()
	})
	fresh, err := inDatabase(admin, copied.name)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// server is the URL of the server to make databases on.
var server = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("RESELLERD_TEST_DATABASE"); given != "" {
		return given, nil
	}
	c, err := throwaway()
	if err != nil {
		return "", err
	}
	return c.url(), nil
})

// throwaway is a cluster that lives as long as the test binary.
var throwaway = sync.OnceValues(func() (*cluster, error) { return startCluster("") })

// emptyPostgres is the name of a database to copy: a migrated one in a cluster
// of our own; PostgreSQL's own empty one on a server that outlives the tests,
// where nothing is left behind.
var emptyPostgres = sync.OnceValues(func() (string, error) {
	if os.Getenv("RESELLERD_TEST_DATABASE") != "" {
		return untouched, nil
	}
	admin, err := server()
	if err != nil {
		return "", err
	}
	if err := execute(admin, "CREATE DATABASE "+templateName+" TEMPLATE "+untouched); err != nil {
		return "", err
	}
	fresh, err := inDatabase(admin, templateName)
	if err != nil {
		return "", err
	}
	return templateName, migrate(fresh)
})

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
