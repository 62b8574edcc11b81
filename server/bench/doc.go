// Package bench measures resellerd and its peers. Each runs in its own process under
// wrk, with 32 kept-alive connections, in interleaved rounds on one machine. It
// prints requests per second, and the ratio of the medians, which is reliable even on
// a noisy machine:
//
//	go test ./server/bench -run '^$' -bench . -benchtime 1x -timeout 60m -v
//
// An import is compared with psql's \copy and the sqlite3 shell's .import, if these
// are on the PATH:
//
//	go test ./server/bench -run '^$' -bench Import -benchtime 1x -timeout 60m -v
//
// RESELLERD_BENCH_IMPORT and RESELLERD_BENCH_IMPORT_LARGE set the number of rows in
// its files. RESELLERD_BENCH_ROUNDS sets how often each import is measured.
//
// The request benchmarks need wrk on the PATH. OPA is measured if its binary is on
// the PATH or named by RESELLERD_BENCH_OPA (go install
// github.com/open-policy-agent/opa@v1.22.2).
package bench
