package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// requestFile is a file in testdata/released/requests.
type requestFile struct {
	Vars  map[string]string `yaml:"vars"`
	Cases []request         `yaml:"cases"`
}

// request is one case for each user in As. Texts may contain $name: a variable of the
// file, or a value that an earlier case saved.
type request struct {
	Name    string            `yaml:"name"`   // distinguishes cases with the same user, method and path
	As      []string          `yaml:"as"`     // Resellerd-User; "" sends none
	Token   string            `yaml:"token"`  // a name in releasedTokens, default panel; "none" sends no token
	JWT     string            `yaml:"jwt"`    // the user whose token is sent with a panel token
	Bearer  string            `yaml:"bearer"` // the user whose token is sent instead of a panel token
	Method  string            `yaml:"method"` // GET by default
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"`
	Body    any               `yaml:"body"`   // text, or a value that is sent as JSON
	Raw     string            `yaml:"raw"`    // the whole request, for input that a client library does not send
	Sorted  bool              `yaml:"sorted"` // sort the items, because their order depends on ids of this run
	Save    map[string]string `yaml:"save"`   // variable -> header.NAME, or body.FIELD.FIELD
}

// requestsOf sends the requests of a file.
func requestsOf(name string) func(*testing.T, program) answers {
	return func(t *testing.T, p program) answers {
		var file requestFile
		readYAML(t, filepath.Join(releasedDir, "requests", name+".yaml"), &file)
		play := newSession(t, p.open(t), file.Vars)
		for _, c := range file.Cases {
			users := c.As
			if users == nil {
				users = []string{""}
			}
			for _, user := range users {
				play.ask(user, c)
			}
		}
		return play.got
	}
}

// session is one run of requests over one store.
type session struct {
	*testing.T
	house *house
	vars  map[string]string
	normal
	got answers
}

func newSession(t *testing.T, h *house, vars map[string]string) *session {
	t.Helper()
	p := &session{T: t, house: h, vars: map[string]string{"dir": h.dir, "database": h.database, "url": "http://" + h.addr, "token": releasedTokens["panel"]}, got: answers{}}
	p.normal = normal{known: map[string]bool{}, names: map[string]string{}, began: time.Now()}
	maps.Copy(p.vars, vars)
	p.learn()
	return p
}

// learn finds the ids of the demo's rows.
func (p *session) learn() {
	paths := []string{"accounts", "groups", "users", "customers", "cards", "audit"}
	for _, path := range paths {
		_, body := p.send(http.MethodGet, "/v1/"+path+"?limit=1000", "halyard-admin", nil, nil)
		for _, id := range anyID.FindAllString(body, -1) {
			p.known[id] = true
		}
	}
}

// expand replaces the variables in a text.
func (p *session) expand(text string) string {
	names := slices.SortedFunc(maps.Keys(p.vars), func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		text = strings.ReplaceAll(text, "$"+name, p.vars[name])
	}
	return text
}

func (p *session) ask(user string, c request) {
	p.Helper()
	id := c.id(user)
	if _, twice := p.got[id]; twice {
		p.Errorf("%s: two cases have this id; give one a name", id)
	}
	if c.Raw != "" {
		p.got[id] = p.text(p.raw(p.expand(c.Raw)))
		return
	}
	var body io.Reader
	headers := http.Header{}
	if c.Body != nil {
		content, isText := c.Body.(string)
		if !isText {
			encoded, err := json.Marshal(c.Body)
			if err != nil {
				p.Fatal(err)
			}
			content = string(encoded)
		}
		headers.Set("Content-Type", "application/json")
		body = strings.NewReader(p.expand(content))
	}
	p.identify(headers, c)
	for name, value := range c.Headers {
		headers.Set(name, p.expand(value))
	}
	res, text := p.send(c.method(), p.expand(c.Path), user, headers, body)
	p.save(id, c.Save, res, text)
	p.got[id] = p.shown(res, text, c.Sorted)
}

func (c request) method() string {
	if c.Method == "" {
		return http.MethodGet
	}
	return c.Method
}

func (c request) id(user string) string {
	if c.Raw != "" {
		return "raw: " + c.Name
	}
	words := []string{user, c.method(), c.Path}
	switch {
	case user == "" && c.Bearer != "":
		words[0] = "JWT of " + c.Bearer
	case user == "":
		words[0] = "no user"
	}
	if c.Token != "" {
		words = append(words, "with token "+c.Token)
	}
	if c.Name != "" {
		words = append(words, "("+c.Name+")")
	}
	return strings.Join(words, " ")
}

// identify sets the headers that identify the caller.
func (p *session) identify(headers http.Header, c request) {
	switch {
	case c.Bearer != "":
		headers.Set("Authorization", "Bearer "+p.house.jwt(p.T, c.Bearer))
	case c.Token != "none":
		token := "panel"
		if c.Token != "" {
			token = c.Token
		}
		headers.Set("Authorization", "Bearer "+releasedTokens[token])
	default:
		headers.Set("Authorization", "")
	}
	if c.JWT != "" {
		headers.Set("Resellerd-User-JWT", p.house.jwt(p.T, c.JWT))
	}
}

func (p *session) send(method, path, user string, headers http.Header, body io.Reader) (*http.Response, string) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, "http://"+p.house.addr+path, body)
	if err != nil {
		p.Fatal(err)
	}
	if headers == nil {
		headers = http.Header{"Authorization": {"Bearer " + releasedTokens["panel"]}}
	}
	if user != "" {
		headers.Set("Resellerd-User", user)
	}
	if headers.Get("Authorization") == "" {
		headers.Del("Authorization")
	}
	headers.Set("Accept-Encoding", headers.Get("Accept-Encoding"))
	req.Header = headers
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return res, string(content)
}

// raw sends a request unchanged. It reads until the server closes the connection or
// stops sending.
func (p *session) raw(request string) string {
	conn, err := net.Dial("tcp", p.house.addr)
	if err != nil {
		p.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a connection accepts a deadline
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		p.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		answer = append(answer, "\n(the connection stays open)"...)
	}
	var kept []string
	for line := range strings.SplitSeq(strings.ReplaceAll(string(answer), "\r\n", "\n"), "\n") {
		if !strings.HasPrefix(line, "Date: ") && !strings.HasPrefix(line, "Content-Length: ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// save stores parts of an answer as variables. Later cases use them, and recorded
// answers show their names.
func (p *session) save(id string, parts map[string]string, res *http.Response, body string) {
	p.Helper()
	for name, part := range parts {
		from, field, _ := strings.Cut(part, ".")
		value := res.Header.Get(field)
		if from == "body" {
			value = dig(body, strings.Split(field, "."))
		}
		if value == "" {
			p.Errorf("%s: has no %s: %d %s", id, part, res.StatusCode, body)
			continue
		}
		p.vars[name], p.names[value] = value, name
	}
}

// dig finds a text in a JSON document. A number selects an item of a list.
func dig(document string, path []string) string {
	var at any
	if json.Unmarshal([]byte(document), &at) != nil {
		return ""
	}
	for _, step := range path {
		switch in := at.(type) {
		case map[string]any:
			at = in[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(in) {
				return ""
			}
			at = in[i]
		}
	}
	text, _ := at.(string)
	return text
}

// shown returns an answer in the form of the corpus: status, headers and body.
func (p *session) shown(res *http.Response, body string, sorted bool) string {
	var out strings.Builder
	fmt.Fprintln(&out, res.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		if name != "Date" && name != "Content-Length" {
			fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(res.Header[name], ", "))
		}
	}
	if strings.Contains(res.Header.Get("Content-Type"), "spreadsheetml") {
		body = unzipped(p.T, body)
	}
	if body != "" {
		out.WriteString("\n" + itemLines(p.text(body), sorted))
	}
	return cut(p.text(out.String()))
}

// unzipped returns the parts of a workbook.
func unzipped(t *testing.T, workbook string) string {
	t.Helper()
	files, err := zip.NewReader(bytes.NewReader([]byte(workbook)), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range files.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s: %s\n", f.Name, content)
	}
	return out.String()
}
