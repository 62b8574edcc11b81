package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
)

// uniform gives a card a draft of 3,000 rates with the same cost. The draft is
// named "CARD.NAME".
func (w *world) uniform(card, name string, cost int64) {
	w.t.Helper()
	w.write(w.id("M"), func(tx *store.Tx) error {
		r, err := tx.CreateRevision(context.Background(), w.id(card), func(yield func(store.Rate, error) bool) {
			for i := range 3000 {
				if !yield(store.Rate{Prefix: fmt.Sprint(10000 + i), Name: name, Cost: cost, Pulse: 1}, nil) {
					return
				}
			}
		})
		w.call(card+"."+name, r.ID)
		return err
	})
}

// A reader gets the rows of only one revision, even while revisions are
// switched. This holds for a page, for consecutive pages and for a stream.
func TestNoAnswerHoldsRowsOfTwoRevisions(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.uniform("gold", "one", 10_000_000)
		w.uniform("gold", "two", 20_000_000)
		paths := []string{w.expand("/v1/cards/{gold}/revisions/{gold.one}/activate"), w.expand("/v1/cards/{gold}/revisions/{gold.two}/activate")}
		w.do("m", "POST", paths[0], `{"accept_losses":true}`).want(200)
		stop, stopped := make(chan struct{}), make(chan int, 1)
		halt := sync.OnceValue(func() int { close(stop); return <-stopped })
		defer halt()
		go func() {
			n := 1
			defer func() { stopped <- n }()
			for ; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				w.pass(time.Second)
				if got := w.do("m", "POST", paths[n%2], `{"accept_losses":true}`); got.status != 200 {
					t.Errorf("switch %d: %d %s", n, got.status, got.body)
					return
				}
			}
		}()
		met := map[string]bool{}
		for i := range 12 {
			user := []string{"m", "a"}[i%2]
			stream := w.do(user, "GET", "/v1/cards/{gold}/rates", "", "Accept", mediaNDJSON).want(200)
			met[oneCost(t, strings.Split(strings.TrimSpace(stream.body), "\n"), 3000)] = true
			oneCost(t, w.walk(user, "/v1/cards/{gold}/rates?limit=1000"), 3000)
		}
		if switches := halt(); switches < 3 || len(met) < 2 {
			t.Errorf("%d switches, and only %v seen: nothing was shown", switches, met)
		}
	})
}

// walk reads every page, and returns one line per row.
func (w *world) walk(user, path string) (lines []string) {
	w.t.Helper()
	for next := ""; ; {
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		got := w.get(user, path+next).want(200)
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			w.t.Fatal(err)
		}
		for _, item := range page.Items {
			lines = append(lines, string(item))
		}
		if page.Next == "" {
			return lines
		}
		next = "&cursor=" + page.Next
	}
}

// oneCost returns the cost that all rows share. It fails unless there are want
// rows.
func oneCost(t *testing.T, lines []string, want int) string {
	t.Helper()
	cost, rows := "", 0
	for _, line := range lines {
		var row struct{ Prefix, Cost string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if row.Prefix == "" {
			continue // the last line, with the number of rows
		}
		if cost == "" {
			cost = row.Cost
		}
		if rows++; row.Cost != cost {
			t.Fatalf("row %d, %s, is of another revision: it costs %s, not %s", rows, row.Prefix, row.Cost, cost)
		}
	}
	if rows != want {
		t.Errorf("%d rows", rows)
	}
	return cost
}
