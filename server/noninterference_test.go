package server

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/store/storetest"
)

// runs is how many of something a test does: n, or so many times n as
// RESELLERD_TEST_RUNS says. Long runs find what short ones leave.
func runs(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("RESELLERD_TEST_RUNS")
	if text == "" {
		return n
	}
	times, err := strconv.Atoi(text)
	if err != nil || times < 1 {
		t.Fatalf("RESELLERD_TEST_RUNS=%q: want a number from 1 up", text)
	}
	return n * times
}

// firstSeed is where seeds begin: RESELLERD_TEST_SEED, or 1.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("RESELLERD_TEST_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("RESELLERD_TEST_SEED=%q: want a number", text)
	}
	return seed
}

// oneAtATime leaves out, with -short, a test that asks thousands of questions one
// after the other. The race detector makes it five times as long and has nothing
// to find there; .ci/run runs it without.
func oneAtATime(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("asks one question at a time for minutes: run without -short")
	}
}

const requestsOfARun = 160

// Two worlds that differ only in what a viewer must not see answer it alike,
// byte for byte, whatever it asks and writes.
func TestWhatAViewerMustNotSeeChangesNoAnswerToIt(t *testing.T) {
	oneAtATime(t)
	all := map[string]int{}
	for _, viewer := range twinViewers {
		t.Run(fmt.Sprintf("%s at depth %d", viewer.name, viewer.maxDepth), func(t *testing.T) {
			for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
				t.Run(name, func(t *testing.T) {
					met := map[string]int{}
					first := firstSeed(t)
					if name == "postgres" {
						first += 1000
					}
					for seed := range uint64(runs(t, 1)) {
						twinRun(t, url, viewer, first+seed, met)
					}
					t.Log(met)
					for answer, n := range met {
						all[answer] += n
					}
				})
			}
		})
	}
	mustMeet(t, all)
}

// twinRun asks both worlds of a seed the same sequence.
func twinRun(t *testing.T, url func(testing.TB) string, viewer twinViewer, seed uint64, met map[string]int) {
	t.Helper()
	engine := engineOf(t, viewer.maxDepth)
	left := newTwin(t, url(t), engine, viewer, seed, 1)
	right := newTwin(t, url(t), engine, viewer, seed, 2)
	if left.contents() == right.contents() {
		t.Fatalf("seed %d: the worlds are one", seed)
	}
	q := newRequests(viewer, seed)
	for n := 1; n <= requestsOfARun; n++ {
		a := q.next()
		moment := twinStart.Add(time.Duration(n) * time.Minute)
		left.at(moment)
		right.at(moment)
		one, two := left.ask(n, a), right.ask(n, a)
		if bytesOf(one) != bytesOf(two) {
			t.Fatalf("RESELLERD_TEST_SEED=%d, request %d: %v\nin one world\n%s\nin the other\n%s", seed, n, a, bytesOf(one), bytesOf(two))
		}
		if one.status >= 500 {
			t.Errorf("RESELLERD_TEST_SEED=%d, request %d: %v\n%s", seed, n, a, bytesOf(one))
		}
		met[a.method+" "+statusClass(one)]++
		for _, door := range []string{"/v1/decisions/", "/v1/preview/", "?dry_run=true", "/import?", "/revisions?", "/rates?at=", "/activate", "/lookup"} {
			if one.status == 200 && strings.Contains(a.path, door) {
				met[door]++
			}
		}
		q.seen(a, one)
	}
}

// contents counts what the world holds, as a digest of its own.
func (w *twin) contents() string {
	w.t.Helper()
	var text strings.Builder
	for _, query := range []string{
		"SELECT name FROM accounts ORDER BY id", "SELECT name FROM customers ORDER BY id",
		"SELECT name FROM cards ORDER BY id", "SELECT login FROM users ORDER BY id",
	} {
		rows, err := w.db.Query(query)
		if err != nil {
			w.t.Fatal(err)
		}
		for rows.Next() {
			var value string
			if err := rows.Scan(&value); err != nil {
				w.t.Fatal(err)
			}
			text.WriteString(value + "\n")
		}
		if err := rows.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	return text.String()
}

// mustMeet fails a run that was refused everything: it would prove nothing.
func mustMeet(t *testing.T, met map[string]int) {
	t.Helper()
	for _, answer := range []string{
		"GET 200", "GET 403", "GET 404", "GET 422", "POST 201", "POST 403", "POST 409", "POST 422",
		"PATCH 200", "PATCH 403", "PATCH 404", "PUT 403", "PUT 404", "DELETE 204", "DELETE 403", "DELETE 404",
		"/v1/decisions/", "/v1/preview/", "?dry_run=true", "/import?", "/revisions?", "/rates?at=", "/activate", "/lookup",
	} {
		if met[answer] == 0 {
			t.Errorf("no request was answered %s, of %v", answer, slices.Sorted(maps.Keys(met)))
		}
	}
}
