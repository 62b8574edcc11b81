package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// soon waits until something holds, and fails if it does not within a minute.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	often := time.NewTicker(2 * time.Millisecond)
	defer often.Stop()
	for late := time.Now().Add(time.Minute); !holds(); <-often.C {
		if time.Now().After(late) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

// reserved is the number of files that are on disk or arriving.
func (p *uploadPlaces) reserved() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[place{}]
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
	before := w.server.uploads.reserved()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n%s",
		w.importPathOf(card, "mode=replace&apply=true"), worldToken, w.id(user), deckOne+strings.Repeat("\n", 2*prefetched))
	must(t, err)
	soon(t, "the upload has begun", func() bool { return w.server.uploads.reserved() > before })
	return conn
}

func TestWhoSendsSlowlyKeepsNobodyElseFromImporting(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		left := temporary(t)
		addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
		var slow []*net.TCPConn
		for range maxUploadsOfAccount {
			slow = append(slow, w.beginUpload(t, addr, "a", "retail"))
		}
		file := func(user, card string) answered {
			got, _ := w.importInto(user, card, "mode=replace&apply=true&skip_refused=true", deckOne)
			return got
		}
		full := file("a", "retail").refused(429, problemType+"too_many_requests")
		if full.header.Get("Retry-After") != "10" {
			t.Errorf("refused without saying for how long: %v", full.header)
		}
		file("m", "upstream").want(200)
		for range maxUploadsOfTenant - maxUploadsOfAccount {
			slow = append(slow, w.beginUpload(t, addr, "m", "silver"))
		}
		if other := file("b", "bulk").want(429); other.alike() != full.alike() {
			t.Errorf("it tells whose files are in the way:\n%s\n%s", other.alike(), full.alike())
		}
		file("a", "upstream").want(404)
		file("a", "gold").refused(403, "card_not_own")
		file("n", "nickel").want(200)
		if n := openUploads(); n != -1 && n != len(slow) || len(left()) != 0 {
			t.Errorf("%d files are open, %d have a name, of %d uploads", n, len(left()), len(slow))
		}
		for i, conn := range slow {
			if i%2 == 0 {
				must(t, conn.SetLinger(0)) // closes with a reset
			}
			must(t, conn.Close())
		}
		soon(t, "all have left", func() bool { return w.server.uploads.reserved() == 0 })
		if n := openUploads(); n > 0 || len(left()) != 0 {
			t.Errorf("%d files are left open, %d with a name", n, len(left()))
		}
		file("a", "retail").want(200)
		if len(w.server.uploads.held) != 0 || len(w.server.imports.tenants) != 0 {
			t.Errorf("places are still held: %v, turns: %v", w.server.uploads.held, w.server.imports.tenants)
		}
	})
}

func TestAllPlacesForFilesAreLimitedByAccountTenantAndInAll(t *testing.T) {
	t.Parallel()
	var p uploadPlaces
	var leave []func()
	take := func(tenant, account string) bool {
		vacate, err := p.reserve(tenant, account)
		if err == nil {
			leave = append(leave, vacate)
		}
		return err == nil
	}
	got := map[string]int{}
	for range maxUploads {
		for _, who := range []string{"M M", "M A", "M B", "N N", "N R", "O O", "O P"} {
			tenant, account, _ := strings.Cut(who, " ")
			if take(tenant, account) {
				got[who]++
				got[tenant]++
				got["all"]++
			}
		}
	}
	if got["all"] != maxUploads || got["M"] > maxUploadsOfTenant || got["M A"] > maxUploadsOfAccount || got["M M"] > maxUploadsOfAccount {
		t.Errorf("got %v", got)
	}
	for _, vacate := range leave {
		vacate()
	}
	for name, most := range map[string]int{"A": maxUploadsOfAccount, "B": maxUploadsOfAccount, "C": 0} {
		n := 0
		for take("M", name) {
			n++
		}
		if name != "C" && n > most {
			t.Errorf("%s takes %d places", name, n)
		}
	}
	if p.held[place{tenant: "M"}] != maxUploadsOfTenant || !take("N", "N") {
		t.Errorf("places %v", p.held)
	}
}

func TestATenantTakesOneTurnAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	turns := newTurns(2)
	gone, leave := context.WithCancel(tctx)
	leave()
	first, err := turns.enter(tctx, "M")
	must(t, err)
	if _, err := turns.enter(gone, "M"); problemOf(err).kind != kindUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("a second turn of one tenant: %v", err)
	}
	second, err := turns.enter(tctx, "N")
	must(t, err)
	if _, err := turns.enter(gone, "O"); problemOf(err).kind != kindUnavailable {
		t.Errorf("a third turn of two: %v", err)
	}
	came := make(chan func())
	go func() {
		turn, err := turns.enter(tctx, "M")
		if err != nil {
			t.Error(err)
		}
		came <- turn
	}()
	soon(t, "another of M waits", func() bool {
		turns.mu.Lock()
		defer turns.mu.Unlock()
		return turns.tenants["M"].users == 2
	})
	first()
	(<-came)()
	second()
	if len(turns.tenants) != 0 || len(turns.all) != 0 {
		t.Errorf("left: %v, %d turns", turns.tenants, len(turns.all))
	}
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
