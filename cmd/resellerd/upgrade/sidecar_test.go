package upgrade

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const token = "token-of-the-upgrade-test"

// sidecar is a binary that serves.
type sidecar struct{ url string }

// serve starts a binary over a store. It ends with the test.
func serve(t *testing.T, binary, database, tenant string) *sidecar {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--database", database, "--decision-log", "none")
	cmd.Env = []string{"RESELLERD_PANEL_TOKENS=" + tenant + ":" + token}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan []string, 1)
	ready := make(chan string, 1)
	go func() { said <- read(stderr, ready) }()
	t.Cleanup(func() {
		ended := cmd.Process.Kill() != nil
		last := strings.Join(<-said, "\n")
		if err := cmd.Wait(); ended {
			t.Errorf("%s ended by itself (%v); its last lines:\n%s", binary, err, last)
		} else if t.Failed() {
			t.Logf("the last lines of %s:\n%s", binary, last)
		}
	})
	select {
	case addr := <-ready:
		return &sidecar{url: "http://" + addr}
	case last := <-said:
		said <- last
		t.Fatalf("%s ended before it was ready:\n%s", binary, strings.Join(last, "\n"))
		return nil
	}
}

// read reads a log to its end and returns its last 200 lines. It sends the address
// of the line "ready".
func read(log io.Reader, ready chan<- string) []string {
	var last []string
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			ready <- line.Addr
		}
		last = append(last[max(0, len(last)-199):], lines.Text())
	}
	return last
}

// answer is a response.
type answer struct {
	status int
	body   string
}

// ask sends a request for a user. A body that is not JSON is a deck.
func (s *sidecar) ask(t *testing.T, method, path, user, body string) answer {
	t.Helper()
	a, err := s.try(method, path, user, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *sidecar) try(method, path, user, body string) (answer, error) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Resellerd-User", user)
	req.Header.Set("Content-Type", "application/json")
	if body != "" && body[0] != '{' {
		req.Header.Set("Content-Type", "text/csv")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, string(text)}, err
}

// must is ask for a request that the sidecar must allow.
func (s *sidecar) must(t *testing.T, method, path, user, body string) answer {
	t.Helper()
	a := s.ask(t, method, path, user, body)
	if a.status >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// made returns the id of the row that a POST creates.
func (s *sidecar) made(t *testing.T, path, user, body string) string {
	t.Helper()
	return s.must(t, http.MethodPost, path, user, body).field(t, "id")
}

// readyz returns the probe's status. The released binary accepts only its own schema
// version, so it answers 503 after a migration.
func (s *sidecar) readyz(t *testing.T) int {
	t.Helper()
	return s.ask(t, http.MethodGet, "/readyz", "", "").status
}

// field finds a text in the body. A number selects an item of a list.
func (a answer) field(t *testing.T, path ...string) string {
	t.Helper()
	var at any
	if err := json.Unmarshal([]byte(a.body), &at); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	for _, step := range path {
		switch in := at.(type) {
		case map[string]any:
			at = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				at = in[i]
			}
		}
	}
	text, ok := at.(string)
	if !ok {
		t.Fatalf("%d %s: no %v", a.status, a.body, path)
	}
	return text
}

type question struct{ user, path string }

// reads returns the questions for both binaries.
func (f founding) reads() []question {
	return []question{
		{f.user, "/v1/me"},
		{f.user, "/v1/customers?limit=50&sort=name&count=true"},
		{f.user, "/v1/cards"},
		{f.user, "/v1/cards/" + f.sale + "/rates?limit=50"},
		{f.user, "/v1/lookup?number=4400001999"},
		{f.user, "/v1/audit?limit=20"},
		{f.admin, "/v1/users?limit=50&sort=login"},
		{f.admin, "/v1/accounts?limit=50&sort=name"},
		{f.admin, "/v1/groups"},
		{f.admin, "/v1/cards/" + f.sale},
	}
}

// load is a set of requests that a binary must keep answering.
type load struct {
	*sidecar
	f       founding
	mu      sync.Mutex
	reads   int
	writes  int
	slowest time.Duration
}

func newLoad(t *testing.T, s *sidecar, f founding) *load {
	t.Helper()
	return &load{sidecar: s, f: f}
}

func (l *load) rounds(t *testing.T, n int) {
	t.Helper()
	for range n {
		l.round(t)
	}
}

func (l *load) until(t *testing.T, done <-chan struct{}) {
	for {
		l.round(t)
		select {
		case <-done:
			return
		default:
		}
	}
}

// round sends every read, creates a customer and changes it.
func (l *load) round(t *testing.T) {
	for _, q := range l.f.reads() {
		l.want(t, http.StatusOK, http.MethodGet, q.path, q.user, "")
	}
	customer := l.want(t, http.StatusCreated, http.MethodPost, "/v1/customers", l.f.user, `{"name":"Made Meanwhile"}`)
	var made struct{ ID string }
	if json.Unmarshal([]byte(customer.body), &made) == nil && made.ID != "" {
		l.want(t, http.StatusOK, http.MethodPatch, "/v1/customers/"+made.ID, l.f.user, `{"notes":"changed meanwhile"}`)
	}
}

func (l *load) want(t *testing.T, status int, method, path, user, body string) answer {
	began := time.Now()
	a, err := l.try(method, path, user, body)
	if err != nil || a.status != status {
		t.Errorf("%s %s: %d %s %v, want %d", method, path, a.status, a.body, err, status)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, time.Since(began))
	if method == http.MethodGet {
		l.reads++
	} else {
		l.writes++
	}
	return a
}

func (l *load) told() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d reads and %d writes (the slowest in %s)", l.reads, l.writes, l.slowest.Round(time.Millisecond))
}
