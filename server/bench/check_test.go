package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/storetest"
)

// BenchmarkCheck compares one check of a stored customer over HTTP on four servers:
// resellerd with a warm plan and its decision log on; resellerd with a full
// evaluation for every request and the log off; OPA's own server, which decides the
// same input with the same policies and its log off; and a bare Fiber handler that
// returns the same bytes without reading the request.
func BenchmarkCheck(b *testing.B) {
	database := storetest.SQLite(b)
	s := storetest.Open(b, database, store.Options{})
	w := newWorld(b, s)
	yes, no := question(w.user, w.customer), question(w.user, w.foreign)

	logFile := filepath.Join(b.TempDir(), "decisions.ndjson")
	warm, _ := resellerd(b, database, "--decision-log", logFile)
	full, _ := resellerd(b, database, "--decision-log", "none", "--force-evaluate")
	targets := []target{
		evaluation("resellerd, allowed", warm, yes),
		evaluation("resellerd, half denied", warm, yes, no),
		evaluation("resellerd, full evaluation", full, yes),
		{name: "bare Fiber", url: bare(b, `{"decision":true}`), method: "POST", headers: jsonType, bodies: []string{yes}},
	}
	targets = append(targets, opaTargets(b, warm, logFile, yes, no)...)

	medians := compare(b, targets)
	for i, t := range targets {
		b.ReportMetric(medians[i], strings.ReplaceAll(t.name, " ", "_")+"/s")
	}
	report(b, "allowed / bare Fiber", medians[0]/medians[3])
	if len(medians) > 4 {
		report(b, "allowed / OPA", medians[0]/medians[4])
		report(b, "half denied / OPA half denied", medians[1]/medians[5])
		report(b, "full evaluation / OPA", medians[2]/medians[4])
	}
}

func report(b *testing.B, name string, ratio float64) { b.Logf("%-34s %.2f", name, ratio) }

var jsonType = map[string]string{"Content-Type": "application/json"}

func question(user, customer string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer","id":%q}}`, user, customer)
}

func evaluation(name, address string, bodies ...string) target {
	return target{
		name: name, url: "http://" + address + "/access/v1/evaluation", method: "POST", bodies: bodies,
		headers: map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + token},
	}
}

// bare serves the same bytes with a bare Fiber handler.
func bare(b *testing.B, answer string) string {
	b.Helper()
	address := freePort(b)
	cmd := exec.Command(peerBinary(b), "-test.run", "^TestBarePeer$")
	cmd.Env = append(os.Environ(), "BARE_ADDRESS="+address, "BARE_ANSWER="+answer)
	run(b, cmd)
	waitFor(b, "http://"+address+"/")
	return "http://" + address + "/"
}

// TestBarePeer is the bare handler in its own process. It serves only if a benchmark
// starts it.
func TestBarePeer(t *testing.T) {
	address := os.Getenv("BARE_ADDRESS")
	if address == "" {
		t.Skip("a peer for the benchmarks, started by them")
	}
	answer := []byte(os.Getenv("BARE_ANSWER"))
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.All("/", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(answer)
	})
	t.Fatal(app.Listen(address))
}

// opaTargets starts OPA's server with the embedded policies and asks it the same
// questions as resellerd. It takes the inputs from the decision log.
func opaTargets(b *testing.B, resellerd, logFile string, questions ...string) []target {
	b.Helper()
	path := opaBinary()
	if path == "" {
		b.Log("OPA is not measured: no opa on the PATH, RESELLERD_BENCH_OPA not set")
		return nil
	}
	address := freePort(b)
	opa := exec.Command(path, "run", "--server", "--log-level", "error", "--addr", address,
		"--ignore", "testdata", "--ignore", "*.scenario.yaml", "--ignore", "mutants.yaml", "../../policies")
	opa.Stderr = os.Stderr
	run(b, opa)
	waitFor(b, "http://"+address+"/health")
	bodies := make([]string, len(questions))
	for i, q := range questions {
		bodies[i] = fmt.Sprintf(`{"input":%s}`, recordedInput(b, resellerd, logFile, q))
	}
	url := "http://" + address + "/v1/data/reseller/main/decision"
	checkOPA(b, url, bodies)
	return []target{
		{name: "opa, allowed", url: url, method: "POST", headers: jsonType, bodies: bodies[:1]},
		{name: "opa, half denied", url: url, method: "POST", headers: jsonType, bodies: bodies},
	}
}

func opaBinary() string {
	if path := os.Getenv("RESELLERD_BENCH_OPA"); path != "" {
		return path
	}
	path, err := exec.LookPath("opa")
	if err != nil {
		return ""
	}
	return path
}

// recordedInput asks once and reads the input from the log line of that question.
func recordedInput(b *testing.B, address, logFile, q string) json.RawMessage {
	b.Helper()
	before := len(logLines(b, logFile))
	post(b, evaluation("", address, q).url, q)
	for range 500 {
		if input := inputAfter(b, logLines(b, logFile), before); input != nil {
			return input
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("the decision was not logged")
	return nil
}

// inputAfter returns the input of the first entry after so many lines, or nil. The
// facts about its subject are in the profile that it refers to, on an earlier line.
func inputAfter(b *testing.B, lines [][]byte, before int) json.RawMessage {
	b.Helper()
	profiles := map[any]map[string]any{}
	for i, text := range lines {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			b.Fatal(err)
		}
		if line["event"] == "profile" {
			profiles[line["hash"]] = line
			delete(line, "event")
		}
		input, entry := line["input"].(map[string]any)
		if !entry || i < before {
			continue
		}
		if subject, ok := input["subject"].(map[string]any); ok {
			maps.Copy(subject, profiles[subject["profile"]])
		}
		text, err := json.Marshal(input)
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	return nil
}

// logLines returns the complete lines of a log.
func logLines(b *testing.B, path string) [][]byte {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.Split(text, []byte("\n"))
	return lines[:len(lines)-1]
}

// checkOPA checks that OPA allows the first question and denies the second. A peer
// that decides differently cannot be compared.
func checkOPA(b *testing.B, url string, bodies []string) {
	b.Helper()
	for i, body := range bodies {
		var answer struct{ Result struct{ Allow bool } }
		if err := json.Unmarshal(post(b, url, body), &answer); err != nil {
			b.Fatal(err)
		}
		if want := i == 0; answer.Result.Allow != want {
			b.Fatalf("opa answers %v to %s", answer.Result.Allow, body)
		}
	}
}

func post(b *testing.B, url, body string) []byte {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	answer := readAll(b, resp.Body)
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %s", url, resp.StatusCode, answer)
	}
	return []byte(answer)
}
