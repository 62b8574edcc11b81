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

// clusterScript makes a cluster in $2 with the binaries in $1, says "ready",
// and lives until its standard input is closed: that happens when the test
// binary ends, also when it crashes or is killed. Then nothing is left.
const clusterScript = `
trap '' INT TERM HUP
clean() { "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1; cd /; rm -rf "$2"; }
cd "$2" &&
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$2/log" 2>&1 &&
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w -t 60 start -o "-k '$2' -h '' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" >/dev/null 2>&1 || {
	echo "failed: $(tail -n 1 "$2/log")"; clean "$1" "$2"; exit 1
}
echo ready
cat >/dev/null
clean "$1" "$2"
`

// clusterLife is the standard input that keeps the cluster alive.
var clusterLife io.WriteCloser //nolint:unused // held, so that the pipe stays open

// startCluster starts a throwaway PostgreSQL on a Unix socket and gives its
// URL.
func startCluster() (string, error) {
	binaries, err := serverBinaries()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("/tmp", "resellerd-pg-") // a socket's path is short
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", clusterScript, "sh", binaries, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := leaveRoot(cmd.SysProcAttr, dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if clusterLife, err = cmd.StdinPipe(); err != nil {
		return "", err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	line, _ := bufio.NewReader(said).ReadString('\n') // what was said, if anything, is judged below
	if strings.TrimSpace(line) != "ready" {
		return "", fmt.Errorf("the throwaway cluster did not start: %s", strings.TrimSpace(line))
	}
	return "postgres://postgres@/postgres?" + url.Values{"host": {dir}, "sslmode": {"disable"}}.Encode(), nil
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

// leaveRoot has the command run as the user postgres, who then owns dir:
// PostgreSQL refuses to run as root.
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
