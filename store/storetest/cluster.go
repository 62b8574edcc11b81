package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// clusterScript creates a cluster in $2 with the binaries in $1. If $3 is not
// empty, the cluster is a standby of the one in $3. The script prints "ready"
// and runs until its standard input is closed. That happens when the test
// binary ends, even if it crashes or is killed. The script then removes
// everything.
const clusterScript = `
trap '' INT TERM HUP
clean() { "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1; cd /; rm -rf "$2"; }
fill() {
	if [ -n "$3" ]; then "$1/pg_basebackup" -h "$3" -U postgres -D "$2/data" -R -X stream -c fast --no-sync
	else "$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync
	fi
}
cd "$2" &&
fill "$@" >"$2/log" 2>&1 &&
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w -t 60 start -o "-k '$2' -h '' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c max_wal_senders=50 -c wal_keep_size=1GB" >/dev/null 2>&1 || {
	echo "failed: $(tail -n 3 "$2/log" | tr "\n" " ")"; clean "$1" "$2"; exit 1
}
echo ready
cat >/dev/null
clean "$1" "$2"
`

// cluster is a database server on a Unix socket.
type cluster struct {
	dir  string         // of the socket and all files
	life io.WriteCloser // the standard input; closing it stops the cluster
	ran  *exec.Cmd
}

func (c *cluster) url() string {
	return "postgres://postgres@/postgres?" + url.Values{"host": {c.dir}, "sslmode": {"disable"}}.Encode()
}

func (c *cluster) stop() error { return errors.Join(c.life.Close(), c.ran.Wait()) }

// startCluster starts a temporary PostgreSQL: an empty one, or a standby of
// another.
func startCluster(primary string) (*cluster, error) {
	binaries, err := serverBinaries()
	if err != nil {
		return nil, err
	}
	return startServer("resellerd-pg-", clusterScript, binaries, primary)
}

// startServer runs a script like clusterScript, whose $2 is a new directory.
func startServer(prefix, script, first, third string) (*cluster, error) {
	dir, err := os.MkdirTemp("/tmp", prefix) // keeps the socket's path short enough
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", first, dir, third)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := leaveRoot(cmd.SysProcAttr, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	line, _ := bufio.NewReader(said).ReadString('\n') // a read error leaves an incomplete line, which is reported below
	if strings.TrimSpace(line) != "ready" {
		return nil, fmt.Errorf("the throwaway server did not start: %s", strings.TrimSpace(line))
	}
	return &cluster{dir: dir, life: life, ran: cmd}, nil
}

func serverBinaries() (string, error) {
	out, err := exec.Command("pg_config", "--bindir").Output()
	if err != nil {
		return "", errors.New("no pg_config on the path")
	}
	dir := strings.TrimSpace(string(out))
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("no %s in %s", name, dir)
		}
	}
	return dir, nil
}

// leaveRoot makes the command run as the user postgres and gives dir to that
// user, because PostgreSQL refuses to run as root.
func leaveRoot(attr *syscall.SysProcAttr, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return errors.New("running as root, and there is no user postgres to run the server as")
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(dir, int(uid), int(gid))
}
