package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shapeAnswers returns what programs rely on besides single answers: the metrics with
// their labels, the fields of the decision log, and the OpenAPI document. Each
// metric, kind of entry, operation and schema is a case. The requests before it
// produce at least one of each.
func shapeAnswers(t *testing.T, p program) answers {
	h := p.open(t)
	play := newSession(t, h, nil)
	card := "/v1/cards/crd_2pfz6o2b6bdihjeua7mllt44av"
	for _, user := range []string{"halyard-admin", "brightcall-owner", "andes-owner", "nobody-at-all"} {
		play.send(http.MethodGet, card, user, nil, nil)
		play.send(http.MethodGet, card+"/rates?limit=1", user, nil, nil)
		play.send(http.MethodGet, "/v1/lookup?number=442012345678", user, nil, nil)
		play.send(http.MethodDelete, "/v1/customers/cus_absent", user, nil, nil)
		play.send(http.MethodPost, "/v1/customers", user, nil, strings.NewReader(`{"name":"Quay Lettings"}`))
	}
	play.send(http.MethodPost, "/access/v1/evaluation", "", nil, strings.NewReader(
		`{"subject":{"type":"user","id":"brightcall-owner"},"action":{"name":"read"},"resource":{"type":"area","id":"cdr"}}`))
	play.send(http.MethodGet, "/v1/preview/brightcall-sales", "halyard-admin", nil, nil)
	_, metrics := play.send(http.MethodGet, "/metrics", "", nil, nil)
	_, document := play.send(http.MethodGet, "/openapi.json", "", nil, nil)
	if code := h.stop(); code != exitOK {
		t.Fatalf("exit %d:\n%s", code, h.stderr)
	}
	if p.binary != "" {
		recordLog(t, h.log)
	}
	got := metricShapes(metrics)
	maps.Copy(got, logShapes(t, h.log))
	maps.Copy(got, openAPIShapes(t, document))
	return got
}

// recordLog keeps the release's decision log, for commands to verify and
// replay.
func recordLog(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(releasedLog, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const releasedLog = releasedDir + "/decisions.jsonl"

var (
	metricHead  = regexp.MustCompile(`(?m)^# (HELP|TYPE) (resellerd_\w+) (.*)$`)
	metricLine  = regexp.MustCompile(`(?m)^(resellerd_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	metricLabel = regexp.MustCompile(`(\w+)="`)
)

// metricShapes returns the type, help and labels of each of resellerd's own metrics.
// The collectors of Go and of the process are not resellerd's.
func metricShapes(text string) answers {
	heads, labels := map[string]string{}, map[string]map[string]bool{}
	for _, m := range metricHead.FindAllStringSubmatch(text, -1) {
		heads[m[2]] += fmt.Sprintf("%s: %s\n", strings.ToLower(m[1]), m[3])
		labels[m[2]] = map[string]bool{}
	}
	for _, m := range metricLine.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if labels[name] == nil { // a counter's name may end like a histogram's suffix
			name = strings.SplitN(m[0], "{", 2)[0]
		}
		for _, label := range metricLabel.FindAllStringSubmatch(m[2], -1) {
			if labels[name] != nil && label[1] != "le" {
				labels[name][label[1]] = true
			}
		}
	}
	got := answers{}
	for name, head := range heads {
		got["metric "+name] = head + "labels: " + strings.Join(slices.Sorted(maps.Keys(labels[name])), ", ")
	}
	return got
}

// logShapes returns the fields of the decision log's entries, for each event and each
// decision.
func logShapes(t *testing.T, file string) answers {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]map[string]bool{}
	for line := range strings.Lines(string(content)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		kind := fmt.Sprintf("log entry of event %v", entry["event"])
		if entry["event"] == nil {
			kind = fmt.Sprintf("log entry of outcome %v", entry["outcome"])
		}
		if fields[kind] == nil {
			fields[kind] = map[string]bool{}
		}
		collect(fields[kind], "", entry)
	}
	got := answers{}
	for kind, all := range fields {
		got[kind] = strings.Join(slices.Sorted(maps.Keys(all)), "\n")
	}
	return got
}

// collect finds the fields of a document with their types. A map with areas or
// columns as keys counts as one field.
func collect(all map[string]bool, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if strings.HasSuffix(path, ".access") || strings.HasSuffix(path, ".ceiling") {
				name = "*"
			}
			collect(all, path+"."+name, inner)
		}
	case []any:
		for _, inner := range v {
			collect(all, path+"[]", inner)
		}
		if len(v) == 0 {
			all[strings.TrimPrefix(path, ".")+": list"] = true
		}
	case nil:
		all[strings.TrimPrefix(path, ".")+": null"] = true
	default:
		all[strings.TrimPrefix(path, ".")+": "+strings.TrimPrefix(fmt.Sprintf("%T", v), "float")] = true
	}
}

// openAPIShapes returns each operation and each schema of the OpenAPI document.
func openAPIShapes(t *testing.T, document string) answers {
	t.Helper()
	var api struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(document), &api); err != nil {
		t.Fatal(err)
	}
	got := answers{}
	for path, methods := range api.Paths {
		for method, operation := range methods {
			got["openapi "+strings.ToUpper(method)+" "+path] = operationShape(t, operation)
		}
	}
	for name, schema := range api.Components.Schemas {
		got["openapi schema "+name] = schemaShape(t, schema)
	}
	return got
}

// operationShape returns the parameters, body and answers of an operation.
func operationShape(t *testing.T, text []byte) string {
	t.Helper()
	var op struct {
		Parameters []struct {
			Name     string `json:"name"`
			In       string `json:"in"`
			Required bool   `json:"required"`
		} `json:"parameters"`
		RequestBody any                       `json:"requestBody"`
		Responses   map[string]map[string]any `json:"responses"`
	}
	if err := json.Unmarshal(text, &op); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range op.Parameters {
		line := p.In + " " + p.Name
		if p.Required {
			line += " (required)"
		}
		lines = append(lines, line)
	}
	lines = append(lines, schemas("body", op.RequestBody)...)
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		lines = append(lines, "answers "+status)
		lines = append(lines, schemas("answers "+status, op.Responses[status]["content"])...)
	}
	return strings.Join(lines, "\n")
}

var schemaRef = regexp.MustCompile(`"\$ref":"#/components/schemas/(\w+)"|"([\w.+-]+/[\w.+-]+)":`)

// schemas lists the media types and schemas in a part of an operation.
func schemas(name string, part any) (lines []string) {
	text, err := json.Marshal(part)
	if err != nil {
		return []string{err.Error()}
	}
	for _, m := range schemaRef.FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, name+" "+m[1]+m[2])
	}
	return lines
}

// schemaShape returns the properties of a schema.
func schemaShape(t *testing.T, text []byte) string {
	t.Helper()
	var schema struct {
		Properties map[string]map[string]any `json:"properties"`
		Required   []string                  `json:"required"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		delete(property, "description")
		kind, err := json.Marshal(property)
		if err != nil {
			t.Fatal(err)
		}
		line := name + ": " + string(kind)
		if slices.Contains(schema.Required, name) {
			line += " (required)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
