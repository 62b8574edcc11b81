#!/usr/bin/env bash
# Starts a throwaway MariaDB with the made-up panel in it, in the folder $1, and prints the URL for
# `resellerd sync --from`. It runs until `kill $(cat $1/pid)`. It listens on no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
mkdir -p "$dir/data"
mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --socket="$dir/socket" --pid-file="$dir/pid" --skip-networking --skip-grant-tables \
  --skip-log-bin --innodb-flush-log-at-trx-commit=0 --innodb-log-file-size=16M >"$dir/log" 2>&1 </dev/null &
for _ in $(seq 600); do
  [ ! -S "$dir/socket" ] || [ ! -s "$dir/pid" ] || break
  sleep 0.1
done
mariadb --no-defaults --socket="$dir/socket" -e 'CREATE DATABASE panel CHARACTER SET utf8mb4'
mariadb --no-defaults --socket="$dir/socket" panel <"$here/panel.sql"
echo "mysql://panel@/panel?socket=$dir/socket"
