package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// example is a request to the demo and its answer, for an operation of the OpenAPI
// document.
type example struct {
	Request json.RawMessage `json:"request,omitempty"` // its body, if that is JSON
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// madeSecret is a secret of a webhook. Examples have another one.
var madeSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/]+=*`)

const exampleSecret = "whsec_bm90IGEgc2VjcmV0"

const examplesFile = top + "server/openapi_examples.json"

// withoutExample are operations whose answers are no JSON objects of their own, or need
// settings that the demo does not have.
var withoutExample = []string{"deleteCard", "deleteRevision", "deleteImportProfile", "sendDeadLetter", "getWellKnownAuthzenConfiguration",
	"forwardAuth", "getIndex", "getPage", "getLiveness", "getReadiness", "getMetrics", "getOpenAPI", "getDocs"}

// The examples of the OpenAPI document are answers of the demo. This command writes them:
//
//	go test ./cmd/resellerd -run ExamplesAreAnswers -update
func TestExamplesAreAnswers(t *testing.T) {
	var file requestFile
	readYAML(t, filepath.Join(top, "testdata", "examples", "openapi.yaml"), &file)
	play, got := newSession(t, program{}.open(t), file.Vars), map[string]*example{}
	operations := apiOf(t).operations()
	for _, c := range file.Cases {
		if e := play.example(c); slices.Contains(operations, c.Name) {
			got[c.Name] = e
		}
	}
	for _, id := range operations {
		if (got[id] == nil) != slices.Contains(withoutExample, id) {
			t.Errorf("%s: has an example: %v", id, got[id] != nil)
		}
	}
	var want map[string]*example
	kept, err := os.ReadFile(examplesFile)
	if err == nil {
		err = json.Unmarshal(kept, &want)
	}
	if err != nil && !*update {
		t.Fatal(err)
	}
	for id, e := range got {
		if old := want[id]; old != nil && play.normalised(old) == play.normalised(e) {
			got[id] = old // only ids and times of this run differ
		} else if !*update {
			t.Errorf("%s: the example differs from the answer; write it with -update\nwas %s\nis  %s", id, play.normalised(old), play.normalised(e))
		}
	}
	if *update {
		writeExamples(t, got)
	}
}

func writeExamples(t *testing.T, all map[string]*example) {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(examplesFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// example sends a request and returns it with its answer.
func (p *session) example(c request) *example {
	p.Helper()
	e, headers, body := &example{}, http.Header{"Authorization": {"Bearer " + releasedTokens["panel"]}}, io.Reader(nil)
	if c.Body != nil {
		content, isText := c.Body.(string)
		if !isText {
			encoded, err := json.Marshal(c.Body)
			if err != nil {
				p.Fatal(err)
			}
			content = p.expand(string(encoded))
			e.Request = json.RawMessage(content)
		}
		headers.Set("Content-Type", "application/json")
		body = strings.NewReader(content)
	}
	for name, value := range c.Headers {
		headers.Set(name, value)
	}
	user := ""
	if len(c.As) > 0 {
		user = c.As[0]
	}
	res, text := p.send(c.method(), p.expand(c.Path), user, headers, body)
	if (res.StatusCode >= 400) != (c.Name == "refused") {
		p.Fatalf("%s: %d %s", c.Name, res.StatusCode, text)
	}
	p.save(c.Name, c.Save, res, text)
	text = madeSecret.ReplaceAllString(text, exampleSecret)
	if e.Status = res.StatusCode; text != "" {
		e.Answer = json.RawMessage(text)
	}
	return e
}

// normalised returns an example without what differs from run to run.
func (p *session) normalised(e *example) string {
	p.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		p.Fatal(err)
	}
	unnamed := p.normal
	unnamed.names = nil
	return unnamed.text(momentOfARun.ReplaceAllString(string(text), "<now>"))
}

// momentOfARun matches times of this run, and sealed tokens. The demo's own times are whole
// seconds.
var momentOfARun = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z|"(next_token|cursor)":"[^"]+"`)
