package server

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/storetest"
)

// databases returns both databases, or only one in quick tests: PostgreSQL,
// which takes longer, for every fourth case i, and SQLite for the others.
func databases(of *storetest.Template, i int) map[string]func(testing.TB) string {
	both := of.Databases()
	switch {
	case depth.Full():
	case i%4 == 1:
		delete(both, "sqlite")
	default:
		delete(both, "postgres")
	}
	return both
}

// viewersOf returns all viewers, or every other one in quick tests. All are in some test.
func viewersOf(t *testing.T) (some []twinViewer) {
	for i, viewer := range twinViewers {
		if depth.Full() || i%2 == turn(t)%2 {
			some = append(some, viewer)
		}
	}
	return some
}

// turn spreads the tests over the databases. A test always gets the same number.
func turn(t *testing.T) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Name())) // it never fails
	return int(h.Sum32() % 4)
}

// oneAtATime marks a test that sends thousands of requests one after the other.
// With -short, it skips the test: the race detector makes it five times as long
// and has nothing to find there. .ci/run runs it without -short. Such tests
// share nothing and run in parallel.
func oneAtATime(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("asks one question at a time for minutes: run without -short")
	}
	t.Parallel()
}

// requestsOfARun is the number of requests to one pair of worlds.
func requestsOfARun() int {
	if depth.Full() {
		return 160
	}
	return 75
}

// seedsOfAViewer is the number of pairs of worlds per viewer and database.
func seedsOfAViewer() int { return max(1, depth.Runs(1)/3) }

// Two worlds that differ only in rows and columns that a viewer must not see
// give it the same answers, byte for byte, whatever it reads and writes.
func TestWhatAViewerMustNotSeeChangesNoAnswerToIt(t *testing.T) {
	oneAtATime(t)
	var mu sync.Mutex
	all := map[string]int{}
	t.Run("viewers", func(t *testing.T) {
		for i, viewer := range viewersOf(t) {
			for name, url := range databases(storetest.Empty, i) {
				t.Run(fmt.Sprintf("%s at depth %d on %s", viewer.name, viewer.maxDepth, name), func(t *testing.T) {
					t.Parallel()
					met := map[string]int{}
					first := depth.FirstSeed()
					if name == "postgres" {
						first += 1000
					}
					for seed := range uint64(seedsOfAViewer()) {
						twinRun(t, url, viewer, first+seed, met)
					}
					t.Log(met)
					mu.Lock()
					defer mu.Unlock()
					for answer, n := range met {
						all[answer] += n
					}
				})
			}
		}
	})
	mustMeet(t, all)
}

// twinRun sends the same sequence of requests to both worlds of a seed.
func twinRun(t *testing.T, url func(testing.TB) string, viewer twinViewer, seed uint64, met map[string]int) {
	t.Helper()
	engine := engineOf(t, viewer.maxDepth)
	r := newReceiving(t)
	left := newTwin(t, url(t), engine, viewer, seed, 1, trusting(r))
	right := newTwin(t, url(t), engine, viewer, seed, 2, trusting(r))
	left.hook(viewer, r.URL)
	right.hook(viewer, r.URL)
	if left.contents() == right.contents() {
		t.Fatalf("seed %d: the worlds are one", seed)
	}
	q := newRequests(viewer, seed)
	for n := range requestsOfARun() {
		if n == requestsOfARun()/2 {
			left.flood()
			right.flood()
		}
		a := q.next()
		q.seen(a, askTwins(t, left, right, q.n, a, met))
		if a.method != "GET" {
			askTwins(t, left, right, q.n, q.changes(), met)
			deliverTwins(t, left, right, r, q.n, a, met)
			askTwins(t, left, right, q.n, asked{method: "GET", path: "/v1/webhooks", header: []string{headerUser, q.viewer}}, met)
		}
	}
	for _, a := range q.aboutOwnCards() {
		q.n++
		askTwins(t, left, right, q.n, a, met)
	}
	for _, name := range twinNames {
		q.n++
		a := q.naming(name, "/v1/users")
		a.header = append(a.header, q.headers(a)...)
		if got := askTwins(t, left, right, q.n, a, met); got.status == 0 {
			return // from here on, only one world has the user
		}
	}
}

// askTwins sends the same request to both worlds, and counts the result. It
// returns the answer, or an empty one if the answers differ in the way that is
// allowed.
func askTwins(t *testing.T, left, right *twin, n int, a asked, met map[string]int) answered {
	t.Helper()
	moment := twinStart.Add(time.Duration(n) * time.Minute)
	left.at(moment)
	right.at(moment)
	one, two := left.ask(n, a), right.ask(n, a)
	if bytesOf(one) != bytesOf(two) && (tellsTaken(a, one) || tellsTaken(a, two)) {
		met[store.ReasonExternalIDTaken]++
		return answered{}
	}
	if bytesOf(one) != bytesOf(two) {
		t.Fatalf("RESELLERD_TEST_SEED=%d, request %d: %v\nin one world\n%s\nin the other\n%s", left.seed, n, a, bytesOf(one), bytesOf(two))
	}
	if one.status >= 500 {
		t.Errorf("RESELLERD_TEST_SEED=%d, request %d: %v\n%s", left.seed, n, a, bytesOf(one))
	}
	met[a.method+" "+statusClass(one)]++
	for path, answered := range mustAnswer {
		if strings.Contains(a.path, path) && answered(one) {
			met[path]++
		}
	}
	return one
}

// deliverTwins delivers what both worlds have to tell, and compares it.
func deliverTwins(t *testing.T, left, right *twin, r *receiving, n int, a asked, met map[string]int) {
	t.Helper()
	one, two := left.delivered(r), right.delivered(r)
	if one != two {
		t.Fatalf("RESELLERD_TEST_SEED=%d, after request %d: %v\nin one world, the webhook is told\n%s\nin the other\n%s", left.seed, n, a, one, two)
	}
	if strings.Contains(one, "data.changed") {
		met[hookTold]++
	}
}

// hookTold counts the messages of webhooks about changes.
const hookTold = "a webhook is told of a change"

// mustAnswer lists answers that a run has to get. Each of them holds something
// to compare.
var mustAnswer = map[string]func(answered) bool{
	"/v1/changes?after=": passed(200, `"kind":`),
	"/v1/decisions/":     passed(200, ""), "/v1/preview/": passed(200, ""), "?dry_run=true": passed(200, ""), "/import?": passed(200, ""),
	"/revisions?": passed(200, `"id":`), "/rates?at=": passed(200, `"prefix":`), "/activate": passed(200, ""), "/lookup": passed(200, `"charge":`),
	"/diff?": passed(200, `"change":`), "/build": passed(201, ""), "/proof": passed(200, `"prefixes":`), "/rebuild": passed(200, ""),
}

// passed matches an answer with this status whose body holds this text.
func passed(status int, text string) func(answered) bool {
	return func(got answered) bool { return got.status == status && strings.Contains(got.body, text) }
}

// contents returns a digest of the world's rows.
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

// mustMeet fails a run whose requests were all refused, because it proves
// nothing. At full depth, the run must also get the rarer answers.
func mustMeet(t *testing.T, met map[string]int) {
	t.Helper()
	var answers []string
	if depth.Full() {
		answers = append(slices.Sorted(maps.Keys(mustAnswer)), "PUT 403")
	}
	for _, answer := range append(answers, store.ReasonExternalIDTaken, hookTold,
		"GET 200", "GET 403", "GET 404", "GET 422", "POST 201", "POST 403", "POST 409", "POST 422",
		"PATCH 200", "PATCH 403", "PATCH 404", "PUT 404", "DELETE 204", "DELETE 403", "DELETE 404",
	) {
		if met[answer] == 0 {
			t.Errorf("no request was answered %s, of %v", answer, slices.Sorted(maps.Keys(met)))
		}
	}
}
