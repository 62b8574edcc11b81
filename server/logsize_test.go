package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/server/record"
)

// logged is a world whose decision log is a buffer.
func logged(t *testing.T) (*world, *bytes.Buffer) {
	t.Helper()
	w, log := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld), &bytes.Buffer{}
	s, err := New(Config{PanelTokens: worldToken, DecisionLogMode: "sync", Limits: patient}, w.store, w.server.engines,
		WithClock(w.clock), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), WithDecisionWriter(log))
	must(t, err)
	w.server = s
	return w, log
}

// rowsOf are the rows of a group, as a body of a request.
func rowsOf(n int) string { return rowsFrom(0, n) }

// rowsFrom is rowsOf with areas from another number.
func rowsFrom(first, n int) string {
	var rows []string
	for i := first; i < first+n; i++ {
		rows = append(rows, fmt.Sprintf(`"own/area%d":["create","read","update"]`, i))
	}
	return `{"rows":{` + strings.Join(rows, ",") + `}}`
}

// A user with a large group makes no larger entries than others, and neither does a
// change of a group: the log holds the access once.
func TestADecisionTakesFewBytesOfTheLog(t *testing.T) {
	oneAtATime(t)
	w, log := logged(t)
	group := w.get("m", "/v1/groups?name="+strings.ReplaceAll(secret("M", "full access"), " ", "%20")).want(200).items()[0]["id"]
	w.do("m", "PATCH", fmt.Sprint("/v1/groups/", group), rowsOf(250)).want(200)
	records := recordsOf(log.String())
	log.Reset()
	log.WriteString(records)
	for _, user := range []string{"m", "a", "b"} {
		for i := range 80 {
			if user == "m" && i%8 == 0 { // other access each time
				w.do("m", "PATCH", "/v1/groups/{M.clerks}", rowsOf(10+i/8)).want(200)
				w.do("m", "POST", "/v1/groups", `{"name":"new","rows":{"own/area7":["read"],"customer":["read","update"],"card/provider":["read"],"card/customer":["read"]}}`).want(201)
			}
			w.get(user, "/v1/customers").want(200)
			w.get(user, "/v1/cards").want(200)
			w.do(user, "GET", "/v1/customers/{acme}", "")
			w.get(user, "/v1/me").want(200)
		}
	}
	lines, profiles, size := 0, 0, 0
	kinds := map[string][2]int{}
	for line := range strings.Lines(log.String()[len(records):]) {
		size += len(line)
		switch {
		case strings.HasPrefix(line, `{"event":"profile"`):
			profiles++
		case !strings.HasPrefix(line, `{"event":`):
			lines++
			var e struct{ Route, Path string }
			must(t, json.Unmarshal([]byte(line), &e))
			kind := kinds[e.Route]
			kinds[e.Route] = [2]int{kind[0] + 1, kind[1] + len(line)}
		}
		most := 1000
		if strings.Contains(line, `"change":{`) { // it refers to three records
			most = 1300
		}
		if strings.HasPrefix(line, `{"decision_id":`) && (len(line) > most || strings.Contains(line, "own/area7")) {
			t.Fatalf("an entry of %d bytes: %s", len(line), line[:min(len(line), 1500)])
		}
	}
	for kind, n := range kinds {
		t.Logf("%-24s %4d bytes", kind, n[1]/n[0])
	}
	if size/lines > 900 {
		t.Errorf("%d bytes for each of %d decisions", size/lines, lines)
	}
	t.Logf("%d bytes for each of %d decisions, %d profiles", size/lines, lines, profiles)
	if profiles > 3 || lines < 100 {
		t.Errorf("%d profiles, %d decisions", profiles, lines)
	}
	if r := replayed(t, engineOf(t, 1), log.Bytes()); r.Same != r.Entries || r.Entries != lines {
		t.Errorf("%+v", r)
	}
	var without bytes.Buffer
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, `{"event":"access"`) {
			without.WriteString(line)
		}
	}
	if r := replayed(t, engineOf(t, 1), without.Bytes()); r.Undecidable["access"] < 20 || r.Flipped+r.Unreadable > 0 {
		t.Errorf("without the access: %+v", r)
	}
}

// recordsOf returns the lines of a log that are no entries.
func recordsOf(log string) (records string) {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, `{"event":`) {
			records += line
		}
	}
	return records
}

// An entry above the maximum says so and holds neither input nor result.
func TestALongEntryIsTruncated(t *testing.T) {
	t.Parallel()
	w, log := logged(t)
	unmasked, err := policies.Load(tctx, withMask(t, "package system.log\n\nmask := set()\n"), policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	w.server.engines.Swap(unmasked)
	log.Reset()
	long := strings.Repeat("x", record.MaxEntry)
	w.do("m", "POST", "/access/v1/evaluation",
		`{"subject":{"type":"user","id":"{m}"},"action":{"name":"read"},"resource":{"type":"cdr","id":"1","properties":{"account_id":"{M}","note":"`+long+`"}}}`).want(200)
	if log.Len() > 4000 || !strings.Contains(log.String(), `"truncated":true`) || !strings.Contains(log.String(), `"outcome":"allow"`) {
		t.Fatalf("%d bytes: %.3000s", log.Len(), log.String())
	}
	if r := replayed(t, engineOf(t, 1), log.Bytes()); r.Entries != 1 || r.Undecidable["truncated"] != 1 {
		t.Errorf("%+v", r)
	}
}
