package storetest

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// RequireMariaDB is the environment variable that makes a missing MariaDB a failure
// instead of a skipped test.
const RequireMariaDB = "RESELLERD_TEST_REQUIRE_MARIADB"

// Foreign returns an empty database of the panel's own: postgres, mysql or sqlite. For
// mysql, it is a MariaDB.
func Foreign(t testing.TB, kind string) *sql.DB {
	t.Helper()
	switch kind {
	case "postgres":
		return opened(t, "postgres", EmptyPostgres(t))
	case "mysql":
		return opened(t, "mysql", MariaDB(t))
	}
	return opened(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "panel.db"))
}

func opened(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// mariaScript starts a MariaDB in $2 without tables of its own, so that it needs no
// installation. It runs until its standard input is closed, and removes everything.
const mariaScript = `
trap '' INT TERM HUP
"$1" --no-defaults --datadir="$2" --socket="$2/socket" --skip-networking --skip-grant-tables --skip-log-bin \
	--innodb-flush-log-at-trx-commit=0 --innodb-log-file-size=16M >"$2/log" 2>&1 </dev/null &
server=$!
clean() { kill -9 $server; wait $server 2>/dev/null; cd /; rm -rf "$2"; }
n=0
until grep -q 'ready for connections' "$2/log"; do
	n=$((n+1))
	if [ $n -gt 600 ] || ! kill -0 $server 2>/dev/null; then
		echo "failed: $(tail -n 3 "$2/log" | tr "\n" " ")"; clean "$@"; exit 1
	fi
	sleep 0.1
done
echo ready
cat >/dev/null
clean "$@"
`

var startMaria = sync.OnceValues(func() (*cluster, error) {
	path, err := exec.LookPath("mariadbd")
	if err != nil {
		return nil, err
	}
	return startServer("resellerd-maria-", mariaScript, path, "")
})

// Has reports whether a kind of database is there. It fails the test if the kind is
// required and missing.
func Has(t testing.TB, kind string) bool {
	t.Helper()
	var err error
	required := false
	switch kind {
	case "postgres":
		_, err = server()
		required = os.Getenv("RESELLERD_TEST_REQUIRE_POSTGRES") == "1"
	case "mysql":
		_, err = startMaria()
		required = os.Getenv(RequireMariaDB) == "1"
	}
	if err != nil && required {
		t.Fatalf("%s is required and not there: %v", kind, err)
	}
	if err != nil {
		t.Logf("without %s: %v", kind, err)
	}
	return err == nil
}

// MariaDB returns the source name of an empty database of a throwaway MariaDB. It skips
// the test if there is no MariaDB, unless RequireMariaDB is set.
func MariaDB(t testing.TB) string {
	t.Helper()
	if !Has(t, "mysql") {
		t.Skip("skipped on MariaDB: install its server")
	}
	server, err := startMaria()
	if err != nil {
		t.Fatal(err)
	}
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "unix", filepath.Join(server.dir, "socket")
	name := freshName()
	db := opened(t, "mysql", c.FormatDSN())
	if _, err := db.Exec(fmt.Sprintf("CREATE DATABASE `%s` CHARACTER SET utf8mb4", name)); err != nil {
		t.Fatal(err)
	}
	c.DBName = name
	c.Collation = "utf8mb4_general_ci"
	return c.FormatDSN()
}

// MariaDBURL returns an empty database of a throwaway MariaDB, and the URL that names it:
// mysql://…. It skips the test like MariaDB.
func MariaDBURL(t testing.TB) (db *sql.DB, url string) {
	t.Helper()
	source := MariaDB(t)
	c, err := mysql.ParseDSN(source)
	if err != nil {
		t.Fatal(err)
	}
	c.MultiStatements = true
	return opened(t, "mysql", c.FormatDSN()), "mysql://" + c.User + "@/" + c.DBName + "?socket=" + c.Addr
}
