package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/record"
	"resellerd/store/storetest"
)

var everything = predicate.Filter{Kind: predicate.All}

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// withMask is the embedded policy with a mask of the test.
func withMask(t *testing.T, rego string) fs.FS {
	t.Helper()
	tree := fstest.MapFS{"system/log/mask.rego": {Data: []byte(rego)}}
	must(t, fs.WalkDir(policies.Embedded(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "system/log/") {
			return err
		}
		text, err := fs.ReadFile(policies.Embedded(), path)
		tree[path] = &fstest.MapFile{Data: text}
		return err
	}))
	return tree
}

// The entry holds the input that the policy read, also for warm checks.
func TestLoggedInputIsTheDocumentThePolicyRead(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	_, err := storetest.SQL(t, w.store).Exec("UPDATE accounts SET listed_areas = (1 = 1) WHERE parent_id IS NULL")
	must(t, err)
	s := w.serveTree(t, withMask(t, "package system.log\n\nmask := set()\n"), nil)
	e := s.engines.Current()
	a, err := s.shared.Users.Find(tctx, e, "", "agent")
	must(t, err)
	row, err := w.store.PolicyRow(tctx, "customer", w.ID("customer"))
	must(t, err)
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	hostile := map[string]any{"account_id": w.ID("below"), "n": json.Number("1.5"), "null": nil,
		"list": []any{"a\"b\\\n\u2028", nil, map[string]any{"deep": true, "gone": nil}}, "id": "x", "type": "y"}
	for name, in := range map[string]input.Input{
		"bare":          {Subject: input.Subject{Type: "user", ID: "usr_u"}, Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "cdr"}, Context: input.Context{Time: at}},
		"known":         {Subject: input.Subject{Type: "user", ID: a.Subject.User.ID, Facts: a.Facts}, Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "cdr"}, Context: input.Context{Time: at, ClientIP: "192.0.2.1", Panel: "p"}},
		"a row":         {Subject: input.Subject{Type: "user", ID: a.Subject.User.ID, Facts: a.Facts}, Action: input.Action{Name: "update"}, Resource: input.Resource{Type: "customer", ID: w.ID("customer"), Row: row}, Context: input.Context{Time: at}},
		"all sent":      {Subject: input.Subject{Type: "user", ID: a.Subject.User.ID, Facts: a.Facts, Properties: hostile}, Action: input.Action{Name: "x", Properties: hostile}, Resource: input.Resource{Type: "cdr", ID: "1", Properties: hostile}, Context: input.Context{Time: at, Properties: merged(hostile, map[string]any{"time": "x", "panel": "y", "client_ip": "z"})}},
		"empty objects": {Subject: input.Subject{Type: "user", ID: "usr_u", Properties: map[string]any{}}, Action: input.Action{Name: "read", Properties: map[string]any{}}, Resource: input.Resource{Type: "cdr", ID: "1", Properties: map[string]any{}}, Context: input.Context{Time: at}},
		"a change":      {Subject: input.Subject{Type: "user", ID: a.Subject.User.ID, Facts: a.Facts}, Action: input.Action{Name: "update", Change: &input.Change{Fields: []string{"rows"}, Before: map[string][]string{"*": {}}, After: map[string][]string{"cdr": {"read"}}}}, Resource: input.Resource{Type: "customer", ID: w.ID("customer"), Row: row}, Context: input.Context{Time: at}},
	} {
		for _, known := range []*record.FactsText{nil, &a.Log} {
			if in.Subject.Facts == nil {
				known = nil
			}
			out := &record.Writer{}
			out.Input(nil, e, &in, known)
			want, err := json.Marshal(e.Document(&in))
			must(t, err)
			if got := plainJSON(t, out.Dst); !reflect.DeepEqual(got, plainJSON(t, want)) {
				t.Errorf("%s: wrote %s\nwant %s", name, out.Dst, want)
			}
			if known == nil && in.Subject.Facts != nil {
				again := record.QuestionOf(plainJSON(t, out.Dst).(map[string]any))
				if got := again.Subject.Facts.Account; got != a.Facts.Account || !got.ListedAreas {
					t.Errorf("%s: read %+v\nwant %+v with listed areas", name, got, a.Facts.Account)
				}
			}
		}
	}
}

func plainJSON(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestLogEntryOfAnEvaluation(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, func(c *Config) {
		c.Labels, c.PanelTokens = map[string]string{"instance": "one"}, wideToken+" decide name=shop"
	}, WithIDs(func() string { return "dec-1" }))
	w.log.take()
	body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, fmt.Sprintf(`{"type":"customer","id":%q}`, w.ID("customer")))
	knock(t, s, "POST", "/access/v1/evaluation", body, wideToken)
	line := w.log.take()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Fatalf("not one line: %q", line)
	}
	entry := plainJSON(t, []byte(line)).(map[string]any)
	for key, want := range map[string]any{
		"decision_id": "dec-1", "path": "reseller/main/decision", "outcome": "allow", "reasons": []any{},
		"policy_revision": s.engines.Current().Revision(), "data_revision": float64(w.store.Revision()),
		"route": "POST /access/v1/evaluation", "labels": map[string]any{"instance": "one"},
		"requested_by": "shop",
	} {
		if !reflect.DeepEqual(entry[key], want) {
			t.Errorf("%s: %v, want %v", key, entry[key], want)
		}
	}
	for _, key := range []string{"timestamp", "input", "result", "metrics"} {
		if entry[key] == nil {
			t.Errorf("%s is missing: %s", key, line)
		}
	}
	if asked, _ := entry["input"].(map[string]any); !reflect.DeepEqual(asked["context"].(map[string]any)["panel"], "shop") {
		t.Errorf("the policy read %v", asked["context"])
	}
	if strings.Contains(line, wideToken) || strings.Contains(line, "planted-note") || strings.Contains(line, "agent@x.example") {
		t.Errorf("a secret is in the log: %s", line)
	}
	if _, acting := entry["acting_user"]; acting {
		t.Error("an evaluation has an acting user")
	}
}

func TestMaskedValuesNeverReachTheLog(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for name, rego := range map[string]string{
		"static":  "package system.log\n\nmask contains \"/input/resource/notes\"\n\nmask contains \"/input/subject/user/external_id\"\n\nmask contains \"/input/resource/properties/secret\"\n",
		"dynamic": "package system.log\n\nmask contains \"/input/resource/notes\" if input.input.resource.type == \"customer\"\n\nmask contains \"/input/subject/user/external_id\"\n\nmask contains \"/input/resource/properties/secret\"\n",
	} {
		s := w.serveTree(t, withMask(t, rego), nil)
		w.log.take()
		body := evaluationBody(`{"type":"user","id":"`+w.ID("agent")+`"}`, `{"name":"read"}`,
			fmt.Sprintf(`{"type":"customer","id":%q,"properties":{"secret":"planted-property"}}`, w.ID("customer")))
		for range 2 {
			if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.text != `{"decision":true}` {
				t.Fatalf("%s: %s", name, a.text)
			}
			line := w.log.take()
			for _, secret := range []string{"planted-note", "planted-property", `"agent"`} {
				if text := w.log.withProfiles() + line; strings.Contains(text, secret) {
					t.Errorf("%s: %s is in the log: %s", name, secret, text)
				}
			}
			entry := plainJSON(t, []byte(line)).(map[string]any)
			want := []any{"/input/resource/notes", "/input/resource/properties/secret", "/input/subject/user/external_id"}
			if !reflect.DeepEqual(entry["erased"], want) {
				t.Errorf("%s: erased %v", name, entry["erased"])
			}
		}
	}
}

// fillingDisk accepts no data while it is full.
type fillingDisk struct{ full atomic.Bool }

func (d *fillingDisk) Write(p []byte) (int, error) {
	if d.full.Load() {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestADecisionThatCannotBeLoggedIsNotAnswered(t *testing.T) {
	t.Parallel()
	w, disk := sqliteCore(t), &fillingDisk{}
	s := w.serve(t, nil, WithDecisionWriter(disk))
	disk.full.Store(true)
	defer disk.full.Store(false)
	body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, `{"type":"area","id":"cdr"}`)
	for name, a := range map[string]knocked{
		"evaluation": knock(t, s, "POST", "/access/v1/evaluation", body, wideToken),
		"me":         knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent"),
		"list":       knock(t, s, "GET", "/v1/customers", "", wideToken, "Resellerd-User: agent"),
		"write":      knock(t, s, "POST", "/v1/customers", `{"name":"x"}`, wideToken, "Resellerd-User: agent"),
	} {
		if a.StatusCode != 503 || strings.Contains(a.text, "space left") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
	}
	if n, decided := counted(s.metrics.logEntries.WithLabelValues("dropped")), 4.0; n < decided {
		t.Errorf("%v entries dropped, %v decided", n, decided)
	}
}

func TestTheServerIsNotReadyWhileItsLogRefusesRequests(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for name, c := range map[string]struct {
		mode, full string
		refuses    bool
	}{
		"sync":                         {"sync", "drop", true},
		"async that refuses when full": {"async", "refuse", true},
		"async that drops when full":   {"async", "drop", false},
	} {
		t.Run(name, func(t *testing.T) {
			disk := &fillingDisk{}
			s := w.serve(t, func(cfg *Config) { cfg.DecisionLogMode, cfg.DecisionLogFull = c.mode, c.full }, WithDecisionWriter(disk))
			defer disk.full.Store(false)
			ready := func() int { return knock(t, s, "GET", "/readyz", "").StatusCode }
			if code := ready(); code != 200 {
				t.Fatalf("with room: %d", code)
			}
			disk.full.Store(true)
			knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent")
			soon(t, "a fault", func() bool { return s.log.Fault() != nil })
			if code := ready(); (code == 503) != c.refuses {
				t.Errorf("without room: %d", code)
			}
			disk.full.Store(false) // without a new request that must be logged
			soon(t, "readiness as expected", func() bool { return ready() == 200 })
		})
	}
}

// A decision that could not be logged was refused. It must not be explained
// later as if it had been made.
func TestADecisionThatCannotBeLoggedIsNotRemembered(t *testing.T) {
	t.Parallel()
	w, disk := sqliteCore(t), &fillingDisk{}
	s := w.serve(t, nil, WithDecisionWriter(disk))
	disk.full.Store(true)
	refused := knock(t, s, "GET", "/v1/customers", "", wideToken, "Resellerd-User: agent")
	disk.full.Store(false)
	if a := knock(t, s, "GET", "/v1/customers", "", wideToken, "Resellerd-User: agent"); a.StatusCode != 200 {
		t.Fatalf("with room again: %d %s", a.StatusCode, a.text)
	}
	id := refused.Header.Get(headerDecisionID)
	if a := knock(t, s, "GET", "/v1/decisions/"+id, "", wideToken, "Resellerd-User: agent"); refused.StatusCode != 503 || id == "" || a.StatusCode != 404 {
		t.Errorf("refused with %d, told %d %s", refused.StatusCode, a.StatusCode, a.text)
	}
}

func TestHostileTextsStayInsideTheirLine(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	w.log.take()
	hostile := `\"},\n{\"decision_id\":\"forged\"}\n\u2028\t`
	body := evaluationBody(`{"type":"user","id":"`+hostile+`"}`, `{"name":"`+hostile+`"}`, `{"type":"`+hostile+`","id":"`+hostile+`","properties":{"`+hostile+`":"`+hostile+`"}}`)
	if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.text != `{"decision":false}` {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	line := w.log.take()
	if strings.Count(line, "\n") != 1 {
		t.Errorf("%d lines: %q", strings.Count(line, "\n"), line)
	}
	id := plainJSON(t, []byte(line)).(map[string]any)["input"].(map[string]any)["resource"].(map[string]any)["id"]
	if id != "\"},\n{\"decision_id\":\"forged\"}\n\u2028\t" {
		t.Errorf("came back as %q", id)
	}
}

func TestEntryHookSeesWhatTheLogHoldsEvenWithoutALog(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	var seen []string
	s := w.serve(t, func(c *Config) { c.DecisionLog = "none" }, func(s *Server) { s.logOut = nil },
		WithEntryHook(func(line []byte) { seen = append(seen, string(line)) }))
	body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, fmt.Sprintf(`{"type":"customer","id":%q}`, w.ID("customer")))
	knock(t, s, "POST", "/access/v1/evaluation", body, wideToken)
	if len(seen) != 1 || plainJSON(t, []byte(seen[0])).(map[string]any)["outcome"] != "allow" || strings.Contains(seen[0], "planted-note") {
		t.Errorf("saw %q", seen)
	}
}
