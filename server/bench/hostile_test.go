package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile is a reseller that loads the server with everything that it may send, in a
// process of its own.
type hostile struct {
	Address     string
	User        string
	Groups      []string // rewritten at their maximum of rows
	Built       []string // cards that are built
	Card, Other string   // cards that small files and a large one are imported into
	Streamed    string   // a card that is read a byte a second
	Rows        int      // of the large file
	Connections int      // that send nothing

	first  sync.WaitGroup // the first answers of loads that get one soon
	mu     sync.Mutex
	counts map[string]map[string]int // answers, by kind of load and status
}

// groupRows is the most rows that a group may have.
const groupRows = 250

// TestHostilePeer is the hostile reseller. It runs only if a benchmark starts it, until
// its standard input is closed.
func TestHostilePeer(t *testing.T) {
	text := os.Getenv("HOSTILE_LOAD")
	if text == "" {
		t.Skip("a peer for the benchmarks, started by them")
	}
	h := &hostile{counts: map[string]map[string]int{}}
	if err := json.Unmarshal([]byte(text), h); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	h.start(ctx, &running)
	h.first.Wait()
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin) // ends when the benchmark ends, in any way
	stop()
	running.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(h.counts); err != nil {
		t.Fatal(err)
	}
}

func (h *hostile) start(ctx context.Context, running *sync.WaitGroup) {
	loop := func(kind string, n int, once func(ctx context.Context, i, round int) string) {
		for i := range n {
			running.Go(func() { h.loop(ctx, kind, func(round int) string { return once(ctx, i, round) }) })
		}
	}
	small, large := carrierDeck(3), carrierDeck(h.Rows)
	soon := func(kind string, n int, once func(ctx context.Context, i, round int) string) {
		h.first.Add(n)
		loop(kind, n, func(ctx context.Context, i, round int) string {
			if round == 1 {
				h.first.Done()
			}
			return once(ctx, i, round)
		})
	}
	soon("group", len(h.Groups), h.rewrite)
	soon("build", len(h.Built), h.build)
	soon("small import", 1, func(ctx context.Context, _, _ int) string { return h.load(ctx, h.Card, small) })
	soon("large import", 1, func(ctx context.Context, _, _ int) string { return h.load(ctx, h.Other, large) })
	loop("slow stream", 12, h.slowStream)
	loop("slow upload", 2, h.slowUpload)
	loop("idle connection", h.Connections, h.idle)
}

// loop repeats a request until ctx ends. After a refusal it waits a little, so that it
// does not use the processor for itself.
func (h *hostile) loop(ctx context.Context, kind string, once func(round int) string) {
	wait := time.NewTicker(100 * time.Millisecond)
	defer wait.Stop()
	for round := 0; ctx.Err() == nil; round++ {
		got := once(round)
		if ctx.Err() != nil {
			return
		}
		h.mu.Lock()
		if h.counts[kind] == nil {
			h.counts[kind] = map[string]int{}
		}
		h.counts[kind][got]++
		h.mu.Unlock()
		if !strings.HasPrefix(got, "2") {
			select {
			case <-ctx.Done():
			case <-wait.C:
			}
		}
	}
}

// send returns the status and the body of an answer.
func (h *hostile) send(ctx context.Context, method, path, mediaType string, body []byte) (status string, answer []byte) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.Address+path, bytes.NewReader(body))
	if err != nil {
		return err.Error(), nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", h.User)
	req.Header.Set("Content-Type", mediaType)
	resp, err := hostileClient.Do(req)
	if err != nil {
		return "cut off", nil
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return "cut off", nil
	}
	return fmt.Sprint(resp.StatusCode), answer
}

var hostileClient = http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// rewrite gives a group other rows, as many as a group may have.
func (h *hostile) rewrite(ctx context.Context, i, round int) string {
	rows := make(map[string][]string, groupRows)
	for n := range groupRows {
		rows[fmt.Sprintf("customer/area-%d-%d", round%2, n)] = []string{"read"}
	}
	body, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		return err.Error()
	}
	status, _ := h.send(ctx, http.MethodPatch, "/v1/groups/"+h.Groups[i], "application/json", body)
	return status
}

// build builds a card, and deletes the draft, so that the disk does not fill up.
func (h *hostile) build(ctx context.Context, i, _ int) string {
	status, answer := h.send(ctx, http.MethodPost, "/v1/cards/"+h.Built[i]+"/build", "application/json", []byte("{}"))
	h.drop(ctx, h.Built[i], answer)
	return status
}

// load imports a file, and deletes the draft.
func (h *hostile) load(ctx context.Context, card string, deck []byte) string {
	status, answer := h.send(ctx, http.MethodPost, "/v1/cards/"+card+"/import?mode=replace&apply=true", "text/csv", deck)
	var report struct{ Revisions []json.RawMessage }
	if json.Unmarshal(answer, &report) == nil {
		for _, revision := range report.Revisions {
			h.drop(ctx, card, revision)
		}
	}
	return status
}

func (h *hostile) drop(ctx context.Context, card string, revision []byte) {
	var draft struct{ ID string }
	if json.Unmarshal(revision, &draft) == nil && draft.ID != "" {
		h.send(ctx, http.MethodDelete, "/v1/cards/"+card+"/revisions/"+draft.ID, "application/json", nil)
	}
}

// dial opens a connection that closes when ctx ends.
func (h *hostile) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", h.Address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

// slowly sends the beginning of a request. Then it calls do now and then, until that
// fails.
func (h *hostile) slowly(ctx context.Context, begin string, every time.Duration, do func(net.Conn) error) string {
	conn, err := h.dial(ctx)
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10) // a large buffer would read for the client
	if _, err := io.WriteString(conn, begin); err != nil {
		return "cut off"
	}
	status, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	if err == nil && !strings.HasPrefix(status, "HTTP/1.1 2") {
		return strings.Fields(status)[1]
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ; err == nil; err = do(conn) {
		select {
		case <-ctx.Done():
			return "ended"
		case <-tick.C:
		}
	}
	return "cut off"
}

func (h *hostile) head(method, path, more string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\n%s\r\n", method, path, token, h.User, more)
}

// slowStream reads a byte of a card a second.
func (h *hostile) slowStream(ctx context.Context, _, _ int) string {
	begin := h.head(http.MethodGet, "/v1/cards/"+h.Streamed+"/rates", "Accept: application/x-ndjson\r\n")
	return h.slowly(ctx, begin, time.Second, func(conn net.Conn) error {
		_, err := conn.Read(make([]byte, 1))
		return err
	})
}

// slowUpload sends the beginning of a file, and then a byte every 8 seconds.
func (h *hostile) slowUpload(ctx context.Context, _, _ int) string {
	begin := h.head(http.MethodPost, "/v1/cards/"+h.Card+"/import?mode=replace&apply=true", "Content-Type: text/csv\r\nContent-Length: 1000000\r\n")
	conn, err := h.dial(ctx)
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, begin+strings.Repeat("\n", 20_000)); err != nil {
		return "cut off"
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		tick := time.NewTicker(8 * time.Second)
		defer tick.Stop()
		for err := error(nil); err == nil; _, err = io.WriteString(conn, "\n") {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	status, err := bufio.NewReader(conn).ReadString('\n') // when the server has had enough
	_ = conn.Close()
	if err != nil || len(strings.Fields(status)) < 2 {
		return "cut off"
	}
	return strings.Fields(status)[1]
}

// idle opens a connection and sends nothing, until the server closes it.
func (h *hostile) idle(ctx context.Context, _, _ int) string {
	conn, err := h.dial(ctx)
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	_, _ = conn.Read(make([]byte, 1))
	return "closed"
}

// begin starts the hostile reseller at the lowest priority, and waits until it loads
// the server. The returned function ends it, and returns its counts.
func (h *hostile) begin(b testing.TB) (end func() map[string]map[string]int) {
	b.Helper()
	text, err := json.Marshal(h)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("nice", "-n", "19", peerBinary(b), "-test.run", "^TestHostilePeer$")
	cmd.Env = append(os.Environ(), "HOSTILE_LOAD="+string(text))
	cmd.Stderr = os.Stderr
	life, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	run(b, cmd)
	said := bufio.NewScanner(out)
	if !said.Scan() || said.Text() != "started" {
		b.Fatalf("the hostile reseller did not start: %s", said.Text())
	}
	return func() map[string]map[string]int {
		b.Helper()
		_ = life.Close()
		var counts map[string]map[string]int
		if !said.Scan() || json.Unmarshal(said.Bytes(), &counts) != nil {
			b.Fatalf("the hostile reseller did not count: %s", said.Text())
		}
		_, _ = io.Copy(io.Discard, out)
		return counts
	}
}
