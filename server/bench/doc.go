// Package bench measures resellerd beside its peers, each in a process of its
// own, under wrk with 32 kept-alive connections, in interleaved rounds on one
// machine. It prints requests per second and, what holds on a noisy machine,
// the ratio of the medians:
//
//	go test ./server/bench -run '^$' -bench . -benchtime 1x -timeout 60m -v
//
// An import is measured beside psql's \copy and the sqlite3 shell's .import,
// whichever of them is on the PATH:
//
//	go test ./server/bench -run '^$' -bench Import -benchtime 1x -timeout 60m -v
//
// RESELLERD_BENCH_IMPORT and RESELLERD_BENCH_IMPORT_LARGE are the rows of its
// files, RESELLERD_BENCH_ROUNDS how often each is taken.
//
// For the requests wrk must be on the PATH. OPA is measured when its binary is on the PATH or
// named by RESELLERD_BENCH_OPA (go install github.com/open-policy-agent/opa@v1.22.2).
package bench
