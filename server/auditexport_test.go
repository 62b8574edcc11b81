package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// exported reads all that follows a cursor, as NDJSON, and returns the ids of the entries.
func (w *world) exported(user, after string, limit int) (ids []string, cursor string) {
	w.t.Helper()
	for more := true; more; {
		path := fmt.Sprintf("/v1/audit/export?limit=%d", limit)
		if after != "" {
			path += "&after=" + after
		}
		got := w.do(user, "GET", path, "", "Accept", mediaNDJSON).want(200)
		lines := strings.Split(strings.TrimSuffix(got.body, "\n"), "\n")
		for i, line := range lines {
			var one struct {
				ID, Cursor string
				More       bool
			}
			must(w.t, json.Unmarshal([]byte(line), &one))
			if (one.ID != "") == (i == len(lines)-1) {
				w.t.Fatalf("line %d of %d: %s", i, len(lines), line)
			}
			if one.ID != "" {
				ids = append(ids, one.ID)
				continue
			}
			after, more = one.Cursor, one.More
		}
	}
	return ids, after
}

// An export tells each entry that the list shows once, whatever is written meanwhile, and
// whatever the clock says.
func TestAnAuditExportTellsEachEntryOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		told, cursors := map[string][]string{}, map[string]string{}
		for n, pass := range []time.Duration{time.Minute, -time.Hour, 0, time.Second, -time.Minute} {
			w.pass(pass)
			for _, user := range []string{"m", "a", "n"} {
				customer := map[string]string{"m": "acme", "a": "apex", "n": "rune"}[user]
				w.do(user, "PATCH", "/v1/customers/{"+customer+"}", fmt.Sprintf(`{"name":"Number %d of %s"}`, n, user)).want(200)
			}
			for _, user := range []string{"m", "a", "b", "n"} {
				some, cursor := w.exported(user, cursors[user], 2)
				told[user], cursors[user] = append(told[user], some...), cursor
			}
		}
		for user, ids := range told {
			want := w.get(user, "/v1/audit?limit=1000").column("id")
			slices.Sort(want)
			slices.Sort(ids)
			if !slices.Equal(ids, want) {
				t.Errorf("%s is told %d entries, and sees %d", user, len(ids), len(want))
			}
			if again, cursor := w.exported(user, cursors[user], 1000); len(again) > 0 || cursor != cursors[user] {
				t.Errorf("%s: %d entries again", user, len(again))
			}
		}
		if len(told["a"]) != 5 || len(told["b"]) != 0 {
			t.Errorf("a is told %d entries, b %d", len(told["a"]), len(told["b"]))
		}
		w.get("b", "/v1/audit/export?after="+cursors["a"]).refused(422, "after")
		body := w.get("a", "/v1/audit/export?limit=1").want(200).object()
		if len(body["items"].([]any)) != 1 || body["more"] != true {
			t.Errorf("as JSON: %v", body)
		}
	})
}
