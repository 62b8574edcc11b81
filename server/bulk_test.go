package server

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/server/fair"
)

// one is a row of a bulk request, and its request alone.
type oneRow struct {
	user, method, path, body string
}

// bulkRows are rows of all kinds: some are written, and some are refused in every way.
func bulkRows() []oneRow {
	taken := secret("A", "external apex")
	return []oneRow{
		{"a", "POST", "/v1/customers", `{"name":"One","email":"one@example.com","external_id":"x-1"}`},
		{"a", "POST", "/v1/customers", `{"name":"Twice","external_id":"x-1"}`},
		{"a", "POST", "/v1/customers", `{"name":7,"email":"b","nome":1}`},
		{"a", "POST", "/v1/customers", `{"name":"x","external_id":"` + taken + `"}`},
		{"a", "POST", "/v1/customers", `{"name":"x","account_id":"{B}"}`},
		{"a", "POST", "/v1/customers", `{"name":"Two"}`},
		{"a", "PATCH", "/v1/customers/{acme}", `{"id":"{acme}","name":"changed"}`},
		{"a", "PATCH", "/v1/customers/{bolt}", `{"id":"{bolt}","name":"changed"}`},
		{"a", "PATCH", "/v1/customers/{acme}", `{"id":"{acme}","account_id":"{B}"}`},
		{"a", "PATCH", "/v1/customers/{acme}", `{"id":"{acme}","name":"x","etag":"old"}`},
		{"a", "PATCH", "/v1/customers/{acme}", `{"id":"{acme}","external_id":"` + taken + `"}`},
		{"a", "PATCH", "/v1/customers/{apex}", `{"id":"{apex}","status":"suspended"}`},
		{"clerk", "POST", "/v1/customers", `{"name":"x"}`},
		{"m", "POST", "/v1/users", `{"login":"new@example.com","groups":["{M.clerks}"],"external_id":"new-1"}`},
		{"m", "POST", "/v1/users", `{"login":"NEW@example.com","groups":["{M.clerks}"]}`},
		{"m", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.clerks}"],"account_id":"{A}"}`},
		{"m", "POST", "/v1/users", `{"login":"y@example.com","groups":["nothing"]}`},
		{"a", "POST", "/v1/users", `{"login":"z@example.com","groups":["{M.default}"],"external_id":"z"}`},
		{"m", "PATCH", "/v1/users/{clerk}", `{"id":"{clerk}","name":"changed"}`},
		{"clerk", "PATCH", "/v1/users/{m}", `{"id":"{m}","login":"taken@example.com"}`},
		{"m", "PATCH", "/v1/users/{a2}", `{"id":"{a2}","status":"disabled"}`},
		{"a2", "PATCH", "/v1/users/{a}", `{"id":"{a}","name":"x"}`},
		{"a", "PATCH", "/v1/users/{a}", `{"id":"{a}","status":"disabled"}`},
		{"a", "PATCH", "/v1/users/{a}", `{"id":"{a}","name":"too late"}`},
	}
}

// runs are the rows that one bulk request can hold.
func runs(rows []oneRow) (all [][]oneRow) {
	for _, row := range rows {
		last := len(all) - 1
		if last < 0 || all[last][0].user != row.user || all[last][0].method != row.method || collectionOf(all[last][0]) != collectionOf(row) {
			all = append(all, nil)
			last++
		}
		all[last] = append(all[last], row)
	}
	return all
}

func collectionOf(row oneRow) string {
	return "/v1/" + strings.Split(row.path, "/")[2]
}

// bulk sends rows as one request.
func (w *world) bulk(rows []oneRow, query string, headers ...string) answered {
	w.t.Helper()
	bodies := make([]string, len(rows))
	for i, row := range rows {
		bodies[i] = row.body
	}
	return w.do(rows[0].user, rows[0].method, collectionOf(rows[0])+"/bulk"+query, `{"items":[`+strings.Join(bodies, ",")+`]}`, headers...)
}

// rowAnswer is the answer to a row as a text: that of a bulk request, or that of one row.
func rowAnswer(t *testing.T, status int, body map[string]any) string {
	t.Helper()
	delete(body, "decision_id")
	return fmt.Sprintf("%d %s", status, asText(t, body))
}

var someID = regexp.MustCompile(`(cus|usr|aud)_[a-z2-7]{26}`)

// plain are texts with "new" in the place of ids that the seed did not make, sorted.
func (w *world) plain(texts []string, sorted bool) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = someID.ReplaceAllStringFunc(text, func(id string) string {
			for _, name := range []string{"acme", "apex", "bolt", "m", "a", "a2", "clerk", "b"} {
				if w.id(name) == id {
					return id
				}
			}
			return "new"
		})
	}
	if sorted {
		slices.Sort(all)
	}
	return all
}

// audited are the entries that a user sees.
func (w *world) audited(user string) (all []string) {
	for _, entry := range w.get(user, "/v1/audit?limit=1000").items() {
		all = append(all, asText(w.t, entry))
	}
	return w.plain(all, true)
}

func (a answered) rows(t *testing.T) (all []string) {
	t.Helper()
	var body struct {
		Items []struct {
			Status   int
			ID, ETag string
			Row      map[string]any
			Problem  map[string]any
		}
	}
	if err := json.Unmarshal([]byte(a.want(200).body), &body); err != nil {
		t.Fatal(err)
	}
	for _, one := range body.Items {
		if one.Row != nil {
			if one.ID != one.Row["id"] {
				t.Errorf("the id is %s: %v", one.ID, one.Row)
			}
			if one.ETag == "" {
				t.Errorf("no tag: %v", one.Row)
			}
			all = append(all, rowAnswer(t, one.Status, one.Row))
			continue
		}
		all = append(all, rowAnswer(t, one.Status, one.Problem))
	}
	return all
}

// decisions are the counts of decisions and denials.
func (w *world) decisions() string {
	lines := strings.Split(w.get("m", "/metrics").want(200).body, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return !strings.HasPrefix(line, "resellerd_decisions_total") && !strings.HasPrefix(line, "resellerd_denials_total")
	}), "\n")
}

// The rows of a bulk request get the decisions, the answers and the audit entries of the
// same rows one by one.
func TestABulkRequestEqualsItsRowsAlone(t *testing.T) {
	t.Parallel()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			one, many := newWorld(t, url(t), engineOf(t, 1), seedWorld), newWorld(t, url(t), engineOf(t, 1), seedWorld)
			for _, keyed := range []bool{false, true} {
				for n, rows := range runs(bulkRows()) {
					var want []string
					for i, row := range rows {
						var headers []string
						if keyed {
							headers = []string{headerIdempotency, fmt.Sprint(row, i)}
						}
						got := one.do(row.user, row.method, row.path, row.body, headers...)
						want = append(want, rowAnswer(t, got.status, got.object()))
					}
					var headers []string
					if keyed {
						headers = []string{headerIdempotency, fmt.Sprint("bulk", n)}
					}
					got := many.bulk(rows, "", headers...)
					if got.status == 403 && len(rows) == 1 {
						continue // the user itself may not act
					}
					if rows, want := many.plain(got.rows(t), false), one.plain(want, false); !slices.Equal(rows, want) {
						t.Errorf("%s\ngot  %s\nwant %s", got.what, strings.Join(rows, "\n     "), strings.Join(want, "\n     "))
					}
				}
				for _, user := range []string{"m", "b"} {
					if got, want := many.audited(user), one.audited(user); !slices.Equal(got, want) || user == "m" && len(want) == 0 {
						t.Errorf("audit of %s\ngot  %s\nwant %s", user, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
					}
				}
				if got, want := many.decisions(), one.decisions(); got != want || len(want) == 0 {
					t.Errorf("decisions\ngot  %s\nwant %s", got, want)
				}
				for _, w := range []*world{one, many} {
					w.do("m", "PATCH", "/v1/users/{a}", `{"status":"active"}`).want(200)
				}
			}
		})
	}
}

func TestABulkRequestHasUpToSoManyRows(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		rows := func(n int) []oneRow {
			return slices.Repeat([]oneRow{{"a", "POST", "/v1/customers", `{"name":"x"}`}}, n)
		}
		if got := w.bulk(rows(1000), "").rows(t); len(got) != 1000 || w.get("a", "/v1/customers?name=x&count=true").object()["total"] != float64(1000) {
			t.Errorf("%d rows", len(got))
		}
		if got := w.bulk(rows(100), "?atomic=true").rows(t); len(got) != 100 || w.get("a", "/v1/customers?name=x&count=true").object()["total"] != float64(1100) {
			t.Errorf("%d rows at once", len(got))
		}
		w.bulk(rows(1001), "").faults(422, "/items")
		w.bulk(rows(101), "?atomic=true").faults(422, "/items")
		w.bulk(rows(101), "?dry_run=true").faults(422, "/items")
		w.bulk(rows(1), "?atomic=maybe").refused(422, "atomic")
		w.bulk(rows(1), "?atomic=true&atomic=true").refused(422, "atomic")
		for body, pointers := range map[string][]string{
			`{}`: {"/items"}, `{"items":[]}`: {"/items"}, `{"items":[{},7]}`: {"/items/1"}, `{"items":{},"nome":1}`: {"/items", "/nome"},
		} {
			w.do("a", "POST", "/v1/customers/bulk", body).faults(422, pointers...)
		}
		w.do("a", "PATCH", "/v1/customers/bulk", `{"items":[{}]}`, "Content-Type", mergePatchType).want(415)
		w.do("m", "POST", "/v1/customers/bulk", `{"items":[{"name":"x"}]}`, headerAs, "{a}").want(403)
		if got := w.do("a", "PATCH", "/v1/customers/bulk", `{"items":[{"name":"x"},{"id":7}]}`).want(200); strings.Count(got.body, `"pointer":"/id"`) != 2 {
			t.Errorf("%s", got.body)
		}
	})
}

func TestAnAtomicBulkRequestIsDoneWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		count := func() float64 { return w.get("a", "/v1/customers?count=true").object()["total"].(float64) }
		before, audited := count(), w.get("m", "/v1/audit?limit=1000").body
		good := oneRow{"a", "POST", "/v1/customers", `{"name":"x","external_id":"x-1"}`}
		bad := oneRow{"a", "POST", "/v1/customers", `{"name":"","email":"b"}`}
		w.bulk([]oneRow{good, bad, good, bad}, "?atomic=true").faults(422, "/items/1/name", "/items/1/email", "/items/3/name", "/items/3/email")
		w.bulk([]oneRow{good, good}, "?atomic=true").faults(409, "/items/1/external_id")
		w.do("a", "PATCH", "/v1/customers/bulk?atomic=true", `{"items":[{"id":"{acme}","name":"x"},{"id":"{bolt}","name":"x"},{"id":"{apex}","email":"b"}]}`).faults(404, "/items/1")
		w.bulk([]oneRow{good}, "?atomic=true&dry_run=true").want(200)
		if count() != before || w.get("m", "/v1/audit?limit=1000").body != audited {
			t.Error("a refused request has changed something")
		}
		made := w.bulk([]oneRow{good, {"a", "POST", "/v1/customers", `{"name":"y"}`}}, "?atomic=true").want(200)
		item := made.object()["items"].([]any)[1].(map[string]any)
		if got := w.get("a", "/v1/customers/"+item["id"].(string)); got.header.Get("ETag") != item["etag"] {
			t.Errorf("tag %s, want %v", got.header.Get("ETag"), item["etag"])
		}
		if count() != before+2 {
			t.Errorf("%v customers", count())
		}
	})
}

func TestADryRunOfABulkRequestWritesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		audited := w.get("m", "/v1/audit?limit=1000").body
		for _, rows := range runs(bulkRows()[:21]) {
			tried := w.bulk(rows, "?dry_run=true", headerIdempotency, "key")
			if tried.want(200); len(tried.rows(t)) != len(rows) {
				t.Errorf("%s", tried.body)
			}
		}
		if w.get("m", "/v1/audit?limit=1000").body != audited {
			t.Error("a dry run has changed something")
		}
		w.bulk(bulkRows()[:2], "", headerIdempotency, "key").want(200)
	})
}

func TestARepeatedBulkRequestIsDoneOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		key := []string{headerIdempotency, "key"}
		rows := bulkRows()[:6]
		first := w.bulk(rows, "", key...).rows(t)
		total := w.get("a", "/v1/customers?count=true").object()["total"]
		w.pass(time.Hour)
		again := w.bulk(rows, "", key...).rows(t)
		if !slices.Equal(first, again) || w.get("a", "/v1/customers?count=true").object()["total"] != total {
			t.Errorf("%s\nthen\n%s", strings.Join(first, "\n"), strings.Join(again, "\n"))
		}
		w.bulk(rows[:5], "", key...).refused(422, headerIdempotency)
		w.bulk(rows, "?atomic=true", key...).refused(422, headerIdempotency)
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"]}}`).want(200)
		for _, one := range w.bulk(rows, "", key...).rows(t) {
			if !strings.HasPrefix(one, "403") {
				t.Errorf("after the right was taken: %s", one)
			}
		}
		refused := []oneRow{{"m", "POST", "/v1/customers", `{"name":""}`}}
		w.bulk(refused, "", headerIdempotency, "free").want(200)
		w.bulk([]oneRow{{"m", "POST", "/v1/customers", `{"name":"x"}`}}, "", headerIdempotency, "free").want(200)
	})
}

// A bulk request is written in transactions of a few rows, and its rows count as requests of
// their own: after each transaction, other accounts have as many turns.
func TestABulkRequestCountsAsItsRows(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.writes.size = fair.Size{Places: 1, Each: 1}
		_, cursor := w.exported("m", "", 1000)
		release := w.holdLock("M")
		var running sync.WaitGroup
		running.Go(func() {
			w.bulk(slices.Repeat([]oneRow{{"a", "POST", "/v1/customers", `{"name":"One of many"}`}}, 3*maxChunk), "").want(200)
		})
		const others = 3
		for n := range others + 1 {
			soon(t, "the writes wait", func() bool {
				has, waiting := w.server.limiter.writes.Count()
				return has == 1 && waiting == n
			})
			if n < others {
				running.Go(func() { w.do("b", "PATCH", "/v1/customers/{bolt}", fmt.Sprintf(`{"notes":"number %d"}`, n)).want(200) })
			}
		}
		release()
		running.Wait()
		var actors []any
		for _, entry := range w.get("m", "/v1/audit/export?limit=1000&after="+cursor).items() {
			actors = append(actors, entry["actor"])
		}
		rows := slices.Index(actors, any(w.id("b")))
		if rows < 1 || rows > maxChunk || len(actors) != 3*maxChunk+others {
			t.Fatalf("the first transaction has %d of %d rows", rows, len(actors))
		}
		for n := range min(others, rows-1) {
			if actors[rows+n] != w.id("b") {
				t.Errorf("after %d rows, the other account has %d turns", rows, n)
			}
		}
	})
}

// So do the rows of one transaction, also where nothing is written: others who wait go
// first before the account's next request.
func TestABulkRequestInOneTransactionCountsAsItsRows(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.writes.size = fair.Size{Places: 1, Each: 1}
		for _, query := range []string{"?atomic=true", "?dry_run=true"} {
			_, cursor := w.exported("m", "", 1000)
			release := w.holdLock("M")
			var running sync.WaitGroup
			running.Go(func() {
				w.bulk(slices.Repeat([]oneRow{{"a", "POST", "/v1/customers", `{"name":"One of many"}`}}, maxChunk), query).want(200)
			})
			waiting := []string{"b", "a", "b", "b"}
			for n := range len(waiting) + 1 {
				soon(t, "the writes wait", func() bool {
					has, others := w.server.limiter.writes.Count()
					return has == 1 && others == n
				})
				if n < len(waiting) {
					customer := map[string]string{"a": "acme", "b": "bolt"}[waiting[n]]
					body := fmt.Sprintf(`{"notes":"%s %d"}`, query, n)
					running.Go(func() { w.do(waiting[n], "PATCH", "/v1/customers/{"+customer+"}", body).want(200) })
				}
			}
			release()
			running.Wait()
			entries := w.get("m", "/v1/audit/export?limit=1000&after="+cursor).items()
			if len(entries) < len(waiting) || entries[len(entries)-1]["actor"] != w.id("a") {
				t.Errorf("%s: the next write of the account is not the last of %d", query, len(entries))
			}
		}
	})
}
