package server

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"resellerd/server/fair"
)

// soon waits until something holds, and fails if it does not within a minute.
func soon(t testing.TB, what string, holds func() bool) {
	t.Helper()
	often := time.NewTicker(2 * time.Millisecond)
	defer often.Stop()
	for late := time.Now().Add(time.Minute); !holds(); <-often.C {
		if time.Now().After(late) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

// filesHeld is the number of files that are on disk or arriving.
func (w *world) filesHeld() int {
	held, _ := w.server.limiter.files.Count()
	return held
}

// openUploads counts the uploaded files that this process holds open; they have
// no name. It returns -1 if the system does not show them.
func openUploads() (n int) {
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		return -1
	}
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil && strings.Contains(name, "resellerd-import-") {
			n++
		}
	}
	return n
}

// beginUpload sends only the beginning of a file. It sends more than the HTTP
// layer waits for.
func (w *world) beginUpload(t *testing.T, addr, user, card string) *net.TCPConn {
	t.Helper()
	conn := dial(t, addr).(*net.TCPConn)
	before := w.filesHeld()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n%s",
		w.importPathOf(card, "mode=replace&apply=true"), worldToken, w.id(user), deckOne+strings.Repeat("\n", 2*prefetched))
	must(t, err)
	soon(t, "the upload has begun", func() bool { return w.filesHeld() > before })
	return conn
}

// Two resellers send four files each, and none of them ends.
func TestWhoSendsSlowlyKeepsNobodyElseFromImporting(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		left := temporary(t)
		runtime.GC() // closes the files of plans that earlier tests have left
		runtime.GC()
		before := max(openUploads(), 0)
		addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
		w.names.Call("sold", w.do("c", "POST", "/v1/cards", `{"name":"Sold","currency":"EUR"}`).want(201).object()["id"].(string))
		var slow []*net.TCPConn
		for user, card := range map[string]string{"a": "retail", "b": "bulk"} {
			for range fileSize.Share {
				slow = append(slow, w.beginUpload(t, addr, user, card))
			}
		}
		file := func(user, card string) answered {
			got, _ := w.importInto(user, card, "mode=replace&apply=true&skip_refused=true", deckOne)
			return got
		}
		full := file("a", "retail").refused(429, problemType+"too_many_requests")
		if full.header.Get("Retry-After") != "10" || full.header.Get("RateLimit") != `"files";r=0` {
			t.Errorf("refused without saying for how long: %v", full.header)
		}
		if other := file("b", "bulk").want(429); other.alike() != full.alike() {
			t.Errorf("accounts are refused differently:\n%s\n%s", other.alike(), full.alike())
		}
		if got := file("m", "upstream").want(200); got.header.Get("RateLimit") != `"files";r=3` {
			t.Errorf("the budget of another account: %v", got.header)
		}
		file("a", "upstream").want(404)
		file("a", "gold").refused(403, "card_not_own")
		file("n", "nickel").want(200)
		file("c", "sold").want(200)
		if n := openUploads(); n != -1 && n-before != len(slow) || len(left()) != 0 {
			t.Errorf("%d files are open, %d have a name, of %d uploads", n, len(left()), len(slow))
		}
		for i, conn := range slow {
			if i%2 == 0 {
				must(t, conn.SetLinger(0)) // closes with a reset
			}
			must(t, conn.Close())
		}
		soon(t, "all have left", func() bool { return w.filesHeld() == 0 })
		if n := openUploads(); n > before || len(left()) != 0 {
			t.Errorf("%d files are left open, %d with a name", n, len(left()))
		}
		file("a", "retail").want(200)
	})
}

// If all places are taken, others wait until their deadline, and masters have a place
// of their own. No answer says whose work is in the way.
func TestWhoFindsNoPlaceWaitsAndIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server.limiter.files = fair.New(fair.Size{Places: 1, Reserve: 1, Share: 1})
		w.server.limiter.turns = fair.New(fair.Size{Places: 1, Reserve: 1})
		other := fair.Account{ID: "acc_other"}
		file, err := w.server.limiter.files.Enter(tctx, other)
		must(t, err)
		turn, err := w.server.limiter.turns.Enter(tctx, other)
		must(t, err)
		imports := func(user, card string) answered {
			got, _ := w.importInto(user, card, "mode=replace", deckOne)
			return got
		}
		rates := func() answered { return w.do("a", "GET", "/v1/cards/{retail}/rates", "", "Accept", mediaNDJSON) }
		imports("m", "upstream").want(200)
		before := w.server.cfg.Limits.Request
		w.server.cfg.Limits.Request = 2 * time.Second
		for what, got := range map[string]answered{"a file": imports("a", "retail"), "a stream": rates()} {
			if got.refused(503, problemType+"unavailable"); got.header.Get("Retry-After") != "1" {
				t.Errorf("%s: %v", what, got.header)
			}
		}
		w.server.cfg.Limits.Request = before
		file.Leave()
		turn.Leave()
		imports("a", "retail").want(200)
		rates().want(200)
		soon(t, "the places are free", func() bool {
			jobs, _ := w.server.limiter.jobs.Count()
			turns, _ := w.server.limiter.turns.Count()
			return jobs+turns+w.filesHeld() == 0
		})
	})
}

// A refusal does not wait for the rest of a file as long as an upload may take.
func TestWhoIsRefusedAnUploadIsToldSoon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	w.server.cfg.Limits.Read = 100 * time.Millisecond
	addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
	conn := dial(t, addr)
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n%s", w.importPathOf("retail", "mode=replace"), strings.Repeat("\n", 2*prefetched))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	text, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 401") || err != nil {
		t.Errorf("%v: %s", err, text)
	}
}

// brokenBody panics after part of it was read.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	panic("a fault of somebody's")
}

func TestNothingIsLeftOfAnUploadThatFailsOrPanics(t *testing.T) {
	left := temporary(t)
	for name, body := range map[string]io.Reader{
		"too large": strings.NewReader(deckOne + strings.Repeat(" ", 1000)),
		"broken":    brokenBody{strings.NewReader(deckOne)},
	} {
		func() {
			defer func() { _ = recover() }()
			if _, err := spoolBody(tctx, body, "", int64(len(deckOne))+1); err == nil {
				t.Errorf("%s: was taken", name)
			}
		}()
		if n := openUploads(); n > 0 || len(left()) != 0 {
			t.Errorf("%s: %d files are left open, %d with a name", name, n, len(left()))
		}
	}
}
