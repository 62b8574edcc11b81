package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/cmd/resellerd/demo"
	"resellerd/policies"
	"resellerd/server"
	"resellerd/server/resource"
)

func errorsTable(*testing.T) string {
	var rows [][]string
	for _, e := range server.Errors() {
		rows = append(rows, []string{code(e.Code), strconv.Itoa(e.Status), e.Title, e.When})
	}
	return markdownTable([]string{"Code", "Status", "Title", "When"}, rows)
}

func ownReasonsTable(t *testing.T) string {
	var rows [][]string
	told := map[string]bool{}
	for _, r := range server.Reasons() {
		told[r.Code] = true
		rows = append(rows, []string{code(r.Code), strconv.Itoa(r.Status), r.When})
	}
	for _, reason := range declaredReasons(t) {
		if !told[reason] {
			t.Errorf("server.Reasons does not document %s", reason)
		}
	}
	return markdownTable([]string{"Reason", "Status", "When"}, rows)
}

var reasonConstant = regexp.MustCompile(`(?m)^(?:const)?\s*Reason\w+\s*= "(\w+)"`)

// declaredReasons returns the reason codes that server and store declare as
// constants.
func declaredReasons(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"server/*.go", "server/*/*.go", "store/*.go", "store/*/*.go"} {
		files, err := filepath.Glob(top + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range reasonConstant.FindAllStringSubmatch(text(t, file), -1) {
				all = append(all, m[1])
			}
		}
	}
	if len(all) < 5 {
		t.Fatal("no constants of reasons found")
	}
	return all
}

func policyReasonsTable(t *testing.T) string {
	var rows [][]string
	reasons := embeddedPolicy(t).Reasons()
	for _, reason := range sortedKeys(reasons) {
		r := reasons[reason]
		folder := filepath.ToSlash(filepath.Dir(r.File))
		rows = append(rows, []string{code(reason), r.Title, strings.Join(strings.Fields(r.Description), " "), code(folder)})
	}
	return markdownTable([]string{"Code", "Title", "Meaning", "Rule in"}, rows)
}

func areasTable(*testing.T) string {
	var rows [][]string
	for _, area := range sortedKeys(resource.OwnAreas) {
		var covers []string
		for _, typ := range resource.Types {
			var views []string
			for _, a := range typ.Areas {
				if a.Name == area {
					views = append(views, a.View)
				}
			}
			if views = slices.DeleteFunc(views, func(v string) bool { return v == "" }); len(views) > 0 {
				covers = append(covers, code(typ.Name)+" in the view "+strings.Join(views, " or "))
			} else if slices.Contains(typ.AreaNames(), area) {
				covers = append(covers, code(typ.Name))
			}
		}
		if covers == nil {
			covers = []string{"no rows"}
		}
		rows = append(rows, []string{code(area), strings.Join(covers, "; ")})
	}
	return markdownTable([]string{"Area", "Rows"}, rows)
}

var metricDesc = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// metric is one that a server registers.
type metric struct {
	name, typ, help string
	labels          []string
}

// described returns the metrics that a server with a shadow registers, by name. A metric
// without a value counts as a counter if its name ends with _total, and as a gauge
// unless it may be a time that was measured.
func described(t *testing.T) map[string]metric {
	t.Helper()
	registry := referenceServer(t).Registry()
	types := map[string]string{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		types[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	descs := make(chan *prometheus.Desc, 1000)
	registry.Describe(descs)
	close(descs)
	found := map[string]metric{}
	for desc := range descs {
		m := metricDesc.FindStringSubmatch(desc.String())
		if m == nil {
			t.Fatalf("%s cannot be read", desc)
		}
		one := metric{name: m[1], help: m[2], labels: slices.DeleteFunc(strings.Split(m[3], ","), func(l string) bool { return l == "" })}
		switch one.typ = types[one.name]; {
		case one.typ != "":
		case strings.HasSuffix(one.name, "_total"):
			one.typ = "counter"
		case strings.HasSuffix(one.name, "_timestamp_seconds") || !strings.HasSuffix(one.name, "_seconds"):
			one.typ = "gauge"
		}
		found[one.name] = one
	}
	return found
}

// metricsTable lists the metrics of resellerd, without those of Go and of the process.
func metricsTable(t *testing.T) string {
	all := described(t)
	var rows [][]string
	for _, name := range sortedKeys(all) {
		m := all[name]
		if !strings.HasPrefix(name, "resellerd_") {
			continue
		}
		if m.typ == "" {
			t.Errorf("%s: its type is not known without a value", name)
		}
		rows = append(rows, []string{code(name), m.typ, codes(m.labels), m.help})
	}
	return markdownTable([]string{"Metric", "Type", "Labels", "Meaning"}, rows)
}

// referenceServer returns a server of the demo with a shadow. It has answered one
// request.
func referenceServer(t *testing.T) *server.Server {
	t.Helper()
	st, _, err := demo.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	engines := &policies.Holder{}
	engines.Swap(embeddedPolicy(t))
	s, err := server.New(server.Config{PanelTokens: "a-token-that-is-long-enough data", DecisionLog: "none"}, st, engines,
		server.WithLogger(slog.New(slog.DiscardHandler)), server.WithShadow(engines, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ask(t, s, "/readyz")
	return s
}

// ask returns the body of the response to a GET.
func ask(t *testing.T, s *server.Server, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://resellerd"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.App().Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// operationDoc is what the OpenAPI document says about a route.
type operationDoc struct {
	ID          string `json:"operationId"`
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			} `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

// apiDoc is the part of the OpenAPI document that describes writes.
type apiDoc struct {
	Paths      map[string]map[string]operationDoc `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				ReadOnly bool `json:"readOnly"`
			} `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func apiOf(t *testing.T) (doc apiDoc) {
	t.Helper()
	if err := json.Unmarshal(ask(t, referenceServer(t), "/openapi.json"), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations returns the operationIds.
func (d apiDoc) operations() (ids []string) {
	for _, methods := range d.Paths {
		for _, op := range methods {
			ids = append(ids, op.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// takes reports whether the body of a route sets a field.
func (d apiDoc) takes(method, path, field string) bool {
	schema := d.Paths[path][strings.ToLower(method)].RequestBody.Content["application/json"].Schema.Ref
	of, has := d.Components.Schemas[strings.TrimPrefix(schema, "#/components/schemas/")].Properties[field]
	return has && !of.ReadOnly
}

func embeddedPolicy(t *testing.T) *policies.Engine {
	t.Helper()
	engine, err := policies.Load(t.Context(), policies.Embedded(), policies.Options{Schema: resource.Schema(), Source: "embedded"})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}
