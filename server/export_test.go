package server

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/cardfile"
	"resellerd/store/schema"
)

// An export names a card as its reader sees it, and holds nothing else about it.
func TestFilesOfACardAreNamedAsTheirReaderSeesIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		private := w.do("m", "GET", "/v1/cards/{gold}", "").body
		for _, media := range []string{cardfile.MediaJSON, cardfile.MediaXLSX, mediaCSV} {
			got := w.do("a", "GET", "/v1/cards/{gold}/rates", "", "Accept", media)
			if got.status != 200 || got.header.Get("Content-Disposition") == "" {
				t.Fatalf("%s: %d %s", media, got.status, got.body)
			}
			text := got.body
			if media == cardfile.MediaXLSX {
				text = unzipped(t, got.body)
			}
			for _, column := range []string{"name", "notes", "tech_prefix", "external_id"} {
				value, _ := field(t, private, column).(string)
				if value != "" && strings.Contains(text, value) {
					t.Errorf("%s shows %s %q:\n%.600s", media, column, value, text)
				}
			}
			if absent := w.do("b", "GET", "/v1/cards/{retail}/rates", "", "Accept", media); absent.status != 404 {
				t.Errorf("%s of a card out of sight: %d", media, absent.status)
			}
		}
	})
}

// An export can be imported again: the card is then unchanged.
func TestACardThatIsExportedAndImportedIsUnchanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.write(w.id("M"), func(tx *store.Tx) error {
			r, err := tx.CreateRevision(tctx, w.id("retail"), namedRates("=1+1", "+1", "-1", "@x", "'=1", `a,"b"`, " x ", "total"))
			if err == nil {
				_, err = tx.ActivateAtLoss(tctx, store.AllRates, w.id("retail"), r.ID)
			}
			return err
		})
		for media, ending := range map[string]string{cardfile.MediaJSON: "json", cardfile.MediaXLSX: "xlsx", mediaCSV: "csv", mediaNDJSON: "ndjson"} {
			file := w.do("a", "GET", "/v1/cards/{retail}/rates", "", "Accept", media)
			got, report := w.importInto("a", "retail", "mode=replace&nanp=false&name=card."+ending, file.body, "Content-Type", media)
			if got.status != 200 || len(report.Revisions) != 1 || report.Revisions[0].Unchanged != report.Revisions[0].Rows || report.Revisions[0].Removed != 0 {
				t.Errorf("%s: %d %s\n%.500s", media, got.status, got.body, file.body)
			}
		}
	})
}

// A file carries the date of the revision that it holds, whatever revision is
// active.
func TestAFileOfARevisionIsDatedByThatRevision(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		day := 24 * time.Hour
		first := w.get("a", "/v1/cards/{retail}/revisions").items()[0]["id"].(string)
		second, third, draft := "", "", ""
		for i, id := range []*string{&second, &third, &draft} {
			w.pass(day)
			w.write(w.id("M"), func(tx *store.Tx) error {
				r, err := tx.CreateRevision(tctx, w.id("retail"), namedRates("x"))
				if *id = r.ID; err == nil && i == 0 {
					_, err = tx.ActivateAtLoss(tctx, store.AllRates, w.id("retail"), r.ID)
				}
				return err
			})
		}
		w.write(w.id("M"), func(tx *store.Tx) error {
			at := schema.MicrosOf(time.Date(2026, 12, 24, 10, 0, 0, 0, time.UTC))
			_, err := tx.ScheduleRevision(tctx, store.AllRates, w.id("retail"), third, store.Schedule{At: at, UserID: w.id("a"), AtLoss: true})
			return err
		})
		w.pass(day)
		for what, c := range map[string]struct{ query, date string }{
			"in force":        {"", "2026-03-05"},
			"in force, by id": {"?revision=" + second, "2026-03-05"},
			"in force before": {"?revision=" + first, "2026-03-04"},
			"at a time":       {"?at=2026-03-04T23:00:00Z", "2026-03-04"},
			"scheduled":       {"?revision=" + third, "2026-12-24"},
			"never in force":  {"?revision=" + draft, "2026-03-08"},
		} {
			got := w.do("a", "GET", "/v1/cards/{retail}/rates"+c.query, "", "Accept", cardfile.MediaJSON).want(200)
			if !strings.Contains(got.body, `"date":"`+c.date+`"`) {
				t.Errorf("%s: want %s: %.300s", what, c.date, got.body)
			}
		}
	})
}

func unzipped(t *testing.T, archive string) string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	must(t, err)
	var all strings.Builder
	for _, part := range z.File {
		body, err := part.Open()
		must(t, err)
		_, err = io.Copy(&all, body)
		must(t, err)
	}
	return all.String()
}

// field returns a member of a JSON object.
func field(t *testing.T, object, name string) any {
	t.Helper()
	var all map[string]any
	must(t, json.Unmarshal([]byte(object), &all))
	return all[name]
}

func namedRates(names ...string) iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for i, name := range names {
			if !yield(store.Rate{Prefix: fmt.Sprint(10 + i), Name: name, Cost: int64(i), Pulse: 1}, nil) {
				return
			}
		}
	}
}
