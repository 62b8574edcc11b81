package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// importPathOf is the path that imports into a card of the world.
func (w *world) importPathOf(card, query string) string {
	return "/v1/cards/" + w.id(card) + "/import?" + query
}

// importInto sends a file and returns the report.
func (w *world) importInto(user, card, query, file string, headers ...string) (answered, importBody) {
	w.t.Helper()
	got := w.do(user, "POST", w.importPathOf(card, query), file, append([]string{"Content-Type", "text/csv"}, headers...)...)
	var body importBody
	if got.status == 200 {
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			w.t.Fatal(err)
		}
	}
	return got, body
}

const deckOne = "prefix,name,cost,mcd,pulse\n49,Germany,0.01,1,1\n4930,Berlin,0.02,1,1\n44,UK,0.03,60,60\n"

// draftsOf counts the revisions of a card, and the rates in them.
func (w *world) draftsOf(card string) (revisions, rates int) {
	w.t.Helper()
	db := storetest.SQL(w.t, w.store)
	q := "SELECT count(*) FROM revisions WHERE card_id = '" + w.id(card) + "'"
	must(w.t, db.QueryRow(q).Scan(&revisions))
	must(w.t, db.QueryRow("SELECT count(*) FROM rates WHERE revision_id IN (SELECT id FROM revisions WHERE card_id = '"+w.id(card)+"')").Scan(&rates))
	return revisions, rates
}

// A small file cannot ask for hours of work: it is refused long before a request's time ends.
func TestASmallFileThatAsksForMuchWorkIsRefused(t *testing.T) {
	t.Parallel()
	var ranges strings.Builder
	for n := range 600 {
		fmt.Fprintf(&ranges, "%d-%d,x,1,1,1\n", 100_000_000+10_000*n, 100_009_999+10_000*n)
	}
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.cfg.Limits.Request = 30 * time.Second
		heading, rest, _ := strings.Cut(deckOne, "\n")
		for name, file := range map[string]struct {
			text, detail string
			packed       bool
		}{
			"ranges":      {heading + "\n" + ranges.String(), "more than 5000000 prefixes", false},
			"short lines": {deckOne + strings.Repeat("\"\"\n", 20_000_000), "more than 6000000 lines", true},
			"empty lines": {heading + "\n" + strings.Repeat("\n", 61_000_000) + rest, "a run of empty lines is longer than", true},
			"one value":   {heading + "\n\"" + strings.Repeat("\n", 61_000_000), "longer than", true},
		} {
			text, headers := file.text, []string{}
			if file.packed {
				text, headers = string(gzipped(t, []byte(text))), []string{"Content-Encoding", "gzip"}
			}
			start := time.Now()
			got, _ := w.importInto("a", "retail", "mode=replace", text, headers...)
			t.Logf("%s: %d bytes, refused after %v", name, len(text), time.Since(start))
			if got.want(422); len(text) > 300_000 || !strings.Contains(got.body, file.detail) {
				t.Errorf("%s: %d bytes, %s", name, len(text), got.body)
			}
		}
	})
}

// The report counts all changed prefixes with longer ones that keep their rates, and names the
// first 100.
func TestLongerPrefixesAreCounted(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		both, short := "prefix,name,cost\n", "prefix,cost\n"
		for n := range 101 {
			both += fmt.Sprintf("%d,x,0.02\n%d,x,0.02\n%d,x,0.02\n", 49100+n, 491000+10*n, 491001+10*n)
			short += fmt.Sprintf("%d,0.03\n", 49100+n)
		}
		got, report := w.importInto("m", "upstream", "mode=replace&apply=true", both)
		got.want(200)
		base := report.Revisions[0].ID
		w.do("m", "POST", "/v1/cards/{upstream}/revisions/"+base+"/activate", "").want(200)
		got, report = w.importInto("m", "upstream", "mode=amend&base="+base, short)
		got.want(200)
		if r := report.Revisions[0]; len(r.Longer) != 100 || r.LongerTotal != 101 || r.Longer[0] != (longerBody{"49100", 2}) {
			t.Errorf("%d prefixes, %d in all, %v", len(r.Longer), r.LongerTotal, r.Longer[0])
		}
	})
}

// The mode and the base are asked for with everything else that is open.
func TestAnImportAsksForItsModeWithAllOtherQuestions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const open = "Prefix,Rate (cents)\n49,1\n"
		for _, c := range []struct{ query, file, want string }{
			{"", open, "[mode unit Rate (cents)]"},
			{"", "Prefix,Rate\n49,1\n", "[mode]"},
			{"mode=amend", open, "[base unit Rate (cents)]"},
			{"mode=amend&apply=true", "Prefix,Rate\n49,1\n", "[base]"},
			{"profile=p", open, "[mode unit Rate (cents)]"},
		} {
			got, _ := w.importInto("a", "retail", c.query, c.file)
			if asked := fmt.Sprint(codesOf(t, got)); asked != c.want || strings.Contains(got.body, `"choices":null`) || !strings.Contains(got.body, `"mapping":[{`) {
				t.Errorf("%q: %s, want %s: %s", c.query, asked, c.want, got.body)
			}
		}
		for _, query := range []string{"base=rev_x", "mode=replace&base=rev_x"} {
			if got, _ := w.importInto("a", "retail", query, open); got.status != 422 || !strings.Contains(got.body, `"field":"base"`) {
				t.Errorf("%s: %d %s", query, got.status, got.body)
			}
		}
		for _, file := range []string{"Prefix,Rate\n49,1\n4x,1\n", "Prefix,Rate,Status\n49,1,open\n4479,x,blocked\n", "Prefix,Rate\n"} {
			if got, _ := w.importInto("a", "retail", "mode=replace&apply=true", file); got.status != 422 || !strings.Contains(got.body, `"mapping":[{"column":"Prefix"`) {
				t.Errorf("%q: %d %s", file, got.status, got.body)
			}
		}
	})
}

// An amendment may give other columns than the price. Rows that it names keep theirs.
func TestAnAmendmentNeedsNoPrice(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		base := w.someCard("m", "known", "provider", "prefix,name,cost,mcd,pulse\n44,UK,0.01,60,60\n4479,Pager,0.02,60,60\n")
		for _, c := range []struct{ file, want string }{
			{"Prefix,Status\n4479,blocked\n", "[[44 UK 0.01 open] [4479 Pager 0.02 blocked]]"},
			{"prefix,connect\n44,0.01\n", "[[44 UK 0.01 open] [4479 Pager 0.02 open]]"},
			{"Prefix,Destination\n44,Britain\n", "[[44 Britain 0.01 open] [4479 Pager 0.02 open]]"},
		} {
			got, report := w.importInto("m", "known", "mode=amend&apply=true&nanp=false&base="+base+"&confirm=44%3D0.02", c.file)
			if got.status != 200 {
				t.Errorf("%s: %d %s", c.file, got.status, got.body)
				continue
			}
			rates := w.get("m", "/v1/cards/{known}/rates?revision="+report.Revisions[0].ID)
			var rows [][]string
			for i, prefix := range rates.column("prefix") {
				rows = append(rows, []string{prefix, rates.column("name")[i], rates.column("cost")[i], rates.column("status")[i]})
			}
			if fmt.Sprint(rows) != c.want {
				t.Errorf("%s: %v, want %s", c.file, rows, c.want)
			}
			w.do("m", "DELETE", "/v1/cards/{known}/revisions/"+report.Revisions[0].ID, "").want(204)
		}
		const query, file = "mode=amend&nanp=false&base=", "Prefix,Status\n4479,blocked\n7,open\n1,open\n"
		got, report := w.importInto("m", "known", query+base, file)
		if got.status != 200 || fmt.Sprint(report.Refusals) != "[line 4 line 3]" || !strings.Contains(got.body, `{"line":4,"column":"cost","reason":"is missing, and the card has no prefix 1"}`) ||
			report.Lines.Refused != 2 || report.Lines.Priced != 1 || report.Rates != 1 {
			t.Errorf("new prefixes: %d %s", got.status, got.body)
		}
		if got, _ := w.importInto("m", "known", query+base+"&apply=true", file); got.status != 422 || !strings.Contains(got.body, "2 lines are refused. The first is line 4: cost is missing, and the card has no prefix 1") {
			t.Errorf("new prefixes, applied: %d %s", got.status, got.body)
		}
		if got, _ := w.importInto("m", "known", query+base+"&apply=true&skip_refused=true", "Prefix,Status\n7,open\n"); got.status != 422 || !strings.Contains(got.body, "The file has no rates") {
			t.Errorf("nothing but new prefixes: %d %s", got.status, got.body)
		}
		got, report = w.importInto("m", "known", query+base+"&apply=true&skip_refused=true", file)
		if got.want(200); report.Revisions[0].Rows != 2 || report.Revisions[0].Changed != 1 {
			t.Errorf("without the new prefixes: %s", got.body)
		}
	})
}

func TestAnImportIsPreviewedAndThenMadeADraft(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		revisions, rates := w.draftsOf("retail")
		got, report := w.importInto("a", "retail", "mode=replace", deckOne)
		if got.status != 200 || report.Applied || report.Rates != 3 || len(report.Revisions) != 1 || report.Revisions[0].Rows != 3 || report.Revisions[0].ID != "" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if r, n := w.draftsOf("retail"); r != revisions || n != rates {
			t.Fatalf("a preview left %d revisions and %d rates", r-revisions, n-rates)
		}
		got, report = w.importInto("a", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "once")
		if got.status != 200 || !report.Applied || report.Revisions[0].ID == "" || report.Revisions[0].Status != store.RevisionDraft {
			t.Fatalf("%d %s", got.status, got.body)
		}
		again, _ := w.importInto("a", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "once")
		if again.status != 200 || again.body != got.body {
			t.Errorf("again: %d %s", again.status, again.body)
		}
		if other, _ := w.importInto("a", "retail", "mode=replace&apply=true", deckOne+"1,US,1,1,1\n", headerIdempotency, "once"); other.status != 422 {
			t.Errorf("the key with another file: %d %s", other.status, other.body)
		}
		if other, _ := w.importInto("a", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "once", "Content-Type", "application/octet-stream"); other.status != 422 {
			t.Errorf("the key with the file as something else: %d %s", other.status, other.body)
		}
		if r, n := w.draftsOf("retail"); r != revisions+1 || n != rates+3 {
			t.Errorf("%d revisions and %d rates more, want 1 and 3", r-revisions, n-rates)
		}
		w.write(w.id("M"), func(tx *store.Tx) error {
			_, err := tx.ActivateAtLoss(tctx, store.AllRates, w.id("retail"), report.Revisions[0].ID)
			return err
		})
		w.amends(t, report.Revisions[0].ID)
	})
}

// Rows of a later date become a draft with its date, which takes effect only if it is scheduled. Until then, what the file
// gives only from that date stays as it is.
func TestRowsOfALaterDateBecomeADraftWithTheirDate(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		deck := "Prefix,Rate,Effective,Status,Increment\n49,0.01,2026-01-01,open,60/60\n4930,0.02,2027-06-01,open,60/60\n44,0.03,2027-06-01,open,60/60\n"
		for _, schedule := range []bool{false, true} {
			query, status := "mode=replace&apply=true&zone=UTC", store.RevisionDraft
			if schedule {
				query, status = query+"&schedule=true", store.RevisionScheduled
			}
			got, report := w.importInto("a", "retail", query, deck)
			if got.status != 200 || len(report.Revisions) != 2 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			now, later := report.Revisions[0], report.Revisions[1]
			if now.Status != store.RevisionDraft || now.LiveAt != nil || later.Status != status || later.LiveAt == nil || later.LiveAt.Format("2006-01-02") != "2027-06-01" {
				t.Errorf("schedule %v: %s", schedule, got.body)
			}
			kept := w.do("a", "GET", "/v1/cards/"+w.id("retail")+"/revisions/"+later.ID, "")
			if kept.status != 200 || !strings.Contains(kept.body, `"2027-06-01T00:00:00Z"`) || !strings.Contains(kept.body, `"status":"`+status+`"`) {
				t.Errorf("schedule %v: %d %s", schedule, kept.status, kept.body)
			}
		}
	})
}

// The audit trail shows which revisions an import created, how, and what they
// change. It shows this once, only to users who see the card, and never for a
// preview.
func TestAnImportIsWrittenDownWithWhatItMade(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		entries := func(user string) []map[string]any {
			return w.get(user, "/v1/audit?action=update").want(200).items()
		}
		before := len(entries("a"))
		w.importInto("a", "retail", "mode=replace", deckOne)
		_, report := w.importInto("a", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "once")
		w.importInto("a", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "once")
		made := report.Revisions[0]
		want := fmt.Sprintf("map[revision:map[after:map[imported:[map[changed:%d created:%d down:%d id:%s removed:%d rows:3 status:draft unchanged:%d up:%d]] mode:replace] before:<nil>]]",
			made.Changed, made.Created, made.Down, made.ID, made.Removed, made.Unchanged, made.Up)
		for _, user := range []string{"a", "m"} {
			all := entries(user)
			if len(all) != before+1 || fmt.Sprint(all[0]["change"]) != want {
				t.Errorf("%s: %d more entries\n got %v\nwant %s", user, len(all)-before, all[0], want)
			}
		}
		if others := entries("b"); len(others) != 0 {
			t.Errorf("another reseller sees %v", others)
		}
	})
}

// amends amends the card whose active revision is base.
func (w *world) amends(t *testing.T, base string) {
	deck := "prefix,name,cost,mcd,pulse,effective date\n49,Germany,0.02,1,1,\n4930,Berlin,0.01,1,1,\n33,France,0.05,1,1,\n44,UK,0.04,60,60,2027-01-01T00:00:00Z\n"
	if got, _ := w.importInto("a", "retail", "mode=amend&base=rev_other", deck); got.status != 409 {
		t.Errorf("another base: %d %s", got.status, got.body)
	}
	if got, _ := w.importInto("a", "retail", "mode=amend&apply=true&base=rev_other", deck, "If-Match", `"as it was"`); got.status != 412 {
		t.Errorf("another base of another state: %d %s", got.status, got.body)
	}
	got, report := w.importInto("a", "retail", "mode=amend&apply=true&schedule=true&base="+base, deck)
	if got.status != 200 || len(report.Revisions) != 2 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	now, later := report.Revisions[0], report.Revisions[1]
	if now.Rows != 4 || now.Created != 1 || now.Up != 1 || now.Down != 1 || now.Unchanged != 1 || now.Removed != 0 {
		t.Errorf("now: %+v", now)
	}
	if later.Rows != 4 || later.Up != 1 || later.Unchanged != 3 || later.Status != store.RevisionScheduled || later.LiveAt.Year() != 2027 {
		t.Errorf("later: %+v", later)
	}
	got, report = w.importInto("a", "retail", "mode=replace", "prefix,name,cost,mcd,pulse\n49,Deutschland,0.01,1,1\n")
	if r := report.Revisions; got.status != 200 || r[0].Changed != 1 || r[0].Removed != 2 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestAnImportThatIsNotFitIsRefusedWhole(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := fmt.Sprint(w.draftsOf("retail"))
		refused := deckOne + "x,nothing,0.01,1,1\n"
		for name, c := range map[string]struct {
			user, card, query, file string
			status                  int
			says                    string
		}{
			"no mode":                  {"a", "retail", "", deckOne, 422, "mode"},
			"an unknown mode":          {"a", "retail", "mode=merge", deckOne, 422, "mode"},
			"an amendment of nothing":  {"a", "retail", "mode=amend", deckOne, 422, "base"},
			"an unknown parameter":     {"a", "retail", "mode=replace&aply=true", deckOne, 422, "aply"},
			"a refused line":           {"a", "retail", "mode=replace&apply=true", refused, 422, "line 5"},
			"no rates":                 {"a", "retail", "mode=replace&apply=true", "prefix,cost\n", 422, "no rates"},
			"six digits and others":    {"a", "retail", "mode=replace", "prefix,cost\n44,1\n212555,1\n212556,1\n", 422, "nanp"},
			"prices by state":          {"a", "retail", "mode=replace", "prefix,cost,inter\n44,1,1\n212555,1,2\n33,1,\n", 422, "nanp"},
			"a comma in a prefix":      {"a", "retail", "mode=replace&apply=true", "prefix,cost\n\"447,712\",1\n", 422, "commas=thousands"},
			"a comma of another kind":  {"a", "retail", "mode=replace&commas=decimal", deckOne, 422, "commas"},
			"six digits unasked":       {"a", "retail", "mode=replace", "prefix,cost\n212555,1\n", 422, "nanp"},
			"a date without a zone":    {"a", "retail", "mode=replace", "prefix,cost,effective date\n49,1,2027-01-01\n", 422, "zone"},
			"a PDF":                    {"a", "retail", "mode=replace", "%PDF-1.4", 422, "PDF"},
			"an assigned card":         {"a", "gold", "mode=replace", deckOne, 403, "card_not_own"},
			"an assigned card, shape":  {"a", "gold", "", deckOne, 403, "card_not_own"},
			"a card out of sight":      {"a", "upstream", "mode=replace", deckOne, 404, ""},
			"a card of a reseller":     {"m", "retail", "mode=replace", deckOne, 403, "card_not_own"},
			"a currency that is other": {"a", "retail", "mode=replace", "prefix,cost,currency\n49,1,XAF\n", 200, "card's currency"},
		} {
			got, _ := w.importInto(c.user, c.card, c.query, c.file)
			if got.status != c.status || !strings.Contains(got.body, c.says) {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		if after := fmt.Sprint(w.draftsOf("retail")); after != before {
			t.Errorf("%s revisions and rates, had %s", after, before)
		}
		got, report := w.importInto("a", "retail", "mode=replace&apply=true&skip_refused=true", refused)
		if got.status != 200 || report.Revisions[0].Rows != 3 || report.Lines.Refused != 1 {
			t.Errorf("without the refused: %d %s", got.status, got.body)
		}
	})
}

func TestAFileMayBePackedAndLargerThanOtherBodies(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.cfg.Limits.Import = 4 << 20
		var deck bytes.Buffer
		deck.WriteString("prefix,name,cost,pulse\n")
		for n := 0; deck.Len() < 2<<20; n++ {
			fmt.Fprintf(&deck, "%d,%s,0.01,1\n", 10_000_000+n, strings.Repeat("x", 100))
		}
		for name, c := range map[string]struct {
			body    []byte
			headers []string
			status  int
		}{
			"plain":            {deck.Bytes(), nil, 200},
			"packed":           {gzipped(t, deck.Bytes()), []string{"Content-Encoding", "gzip"}, 200},
			"packed, cut off":  {gzipped(t, deck.Bytes())[:1000], []string{"Content-Encoding", "gzip"}, 400},
			"not packed":       {deck.Bytes(), []string{"Content-Encoding", "gzip"}, 400},
			"otherwise packed": {deck.Bytes(), []string{"Content-Encoding", "br"}, 415},
			"a bomb":           {gzipped(t, make([]byte, 64<<20)), []string{"Content-Encoding", "gzip"}, 413},
			"too large":        {make([]byte, 5<<20), nil, 413},
			"a form":           {deck.Bytes(), []string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		} {
			if got, _ := w.importInto("a", "retail", "mode=replace", string(c.body), c.headers...); got.status != c.status {
				t.Errorf("%s: %d %.300s", name, got.status, got.body)
			}
		}
	})
}

// A small file that stands for far too much is refused before the work is done: 600 lines
// that name six million prefixes.
func TestAFileThatStandsForTooMuchIsRefusedSoon(t *testing.T) {
	t.Parallel()
	var ranges strings.Builder
	ranges.WriteString("prefix,name,cost\n")
	for n := range 600 {
		fmt.Fprintf(&ranges, "%d-%d,x,1\n", 100_000_000+10_000*n, 100_009_999+10_000*n)
	}
	eachWorld(t, func(t *testing.T, w *world) {
		began := time.Now()
		got, _ := w.importInto("a", "retail", "mode=replace", ranges.String())
		if got.status != 422 || !strings.Contains(got.body, "5000000 prefixes") {
			t.Errorf("%d %.300s", got.status, got.body)
		}
		const busy = 10 * time.Second // what a machine that runs all tests at once adds
		if took := time.Since(began); took > 5*time.Second+busy {
			t.Errorf("refused after %v", took)
		}
	})
}

func TestAClientThatLeavesInTheMiddleLeavesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
		before := fmt.Sprint(w.draftsOf("retail"))
		for name, leave := range map[string]func(*net.TCPConn) error{
			"closed":      func(c *net.TCPConn) error { return c.Close() },
			"half closed": func(c *net.TCPConn) error { return c.CloseWrite() },
		} {
			conn := dial(t, addr).(*net.TCPConn)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n%s",
				w.importPathOf("retail", "mode=replace&apply=true"), worldToken, w.id("a"), deckOne)
			must(t, leave(conn))
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.Copy(io.Discard, conn)
			if after := fmt.Sprint(w.draftsOf("retail")); after != before {
				t.Errorf("%s: %s revisions and rates, had %s", name, after, before)
			}
		}
	})
}

// The rest of an unread body is never read as a request.
func TestTheRestOfABodyIsNeverTakenForARequest(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
		smuggled := "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
		for name, head := range map[string]string{
			"an import without a token": "POST " + w.importPathOf("retail", "mode=replace"),
			"an unknown route":          "POST /nowhere",
			"an unknown method":         "PUT /v1/me",
			"a probe":                   "GET /livez",
		} {
			for _, size := range []int{len(smuggled), 2 << 20} {
				body := strings.Repeat(" ", size-len(smuggled)) + smuggled
				conn := dial(t, addr)
				go func() {
					_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
					_ = conn.(*net.TCPConn).CloseWrite()
				}()
				_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				text, _ := io.ReadAll(conn)
				if n := strings.Count(string(text), "HTTP/1.1 "); n > 1 {
					t.Errorf("%s of %d bytes: %d answers\n%s", name, size, n, text)
				}
			}
		}
	})
}

// An import asks all its questions at once. The answers are parameters.
func TestAnImportAsksAllItsQuestionsAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := "Row,Country Code,Code,Rate (cents)\n1,44,20,1.2\n2,49,30,1.5\n"
		got, _ := w.importInto("a", "retail", "mode=replace", file)
		var body problemBody
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 422 {
			t.Fatalf("%d %s: %v", got.status, got.body, err)
		}
		asked := map[string]string{}
		for _, q := range body.Questions {
			asked[q.Column] = q.Code + " " + q.Choices[0].Parameter + "=" + q.Choices[0].Value + " " + q.Choices[0].Effect
		}
		for column, want := range map[string]string{
			"Country Code": "prefix map=Country Code+Code=prefix line 2: 4420 costs 1.2, 0/1",
			"Rate (cents)": "unit map=Rate (cents)=cost:cents line 2: 20 costs 0.012, 0/1",
		} {
			if asked[column] != want {
				t.Errorf("%s: %q, want %q", column, asked[column], want)
			}
		}
		if len(body.Questions) != 3 || asked["Row"] == "" || len(body.Mapping) != 4 || body.Field != "map" {
			t.Errorf("%s", got.body)
		}
		answers := "&confirm=4420%3D0.012&ignore=Row&map=" + url.QueryEscape("Country Code+Code=prefix") + "&map=" + url.QueryEscape("Rate (cents)=cost:cents")
		got, report := w.importInto("a", "retail", "mode=replace&apply=true"+answers, file)
		if got.status != 200 || report.Rates != 2 || len(report.Mapping) != 4 || report.Mapping[1].Meaning != "part 1 of the prefix" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestALineThatBlocksIsNotSkipped(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		file := "prefix,cost,status\n44,0.01,open\n4479x,0.01,blocked\n"
		got, _ := w.importInto("a", "retail", "mode=replace&apply=true&skip_refused=true", file)
		if got.status != 422 || !strings.Contains(got.body, "block their prefixes") || !strings.Contains(got.body, `"field":"skip_refused"`) || !strings.Contains(got.body, `"mapping":[{`) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
