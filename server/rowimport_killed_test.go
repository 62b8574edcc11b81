package server

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

const killedEnv = "RESELLERD_TEST_KILLED_IMPORT"

// A process that is killed while it imports leaves nothing, wherever it is. The import
// that is repeated leaves what one import leaves.
func TestAKilledImportIsRepeated(t *testing.T) {
	t.Parallel()
	lines := []map[string]any{
		{"type": "account", "external_id": "R1", "name": "One", "currency": "EUR"},
		{"type": "group", "external_id": "G1", "name": "Sales", "lend_to": []string{"R1"}, "default_access": []string{}, "rows": map[string]any{"customer": []string{"read"}}},
		{"type": "user", "external_id": "U1", "account": "R1", "login": "u1@example.com", "groups": []string{"G1"}},
		{"type": "card", "external_id": "C1", "name": "Gold", "currency": "EUR"},
		{"type": "customer", "external_id": "K1", "name": "Otter"},
		{"type": "customer", "external_id": "K2", "account": "R1", "name": "Otter"},
		{"type": "assignment", "card": "C1", "account": "R1"},
	}
	var text strings.Builder
	for _, line := range lines {
		must(t, json.NewEncoder(&text).Encode(line))
	}
	file := filepath.Join(t.TempDir(), "panel.ndjson")
	must(t, os.WriteFile(file, []byte(text.String()), 0o600))
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			once := newWorld(t, url(t), engineOf(t, 1), seedWorld)
			once.imported(RowImport{Apply: true}, lines...)
			killed := newWorld(t, url(t), engineOf(t, 1), seedWorld)
			before := killed.state()
			for at := 1; ; at++ {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestImportsUntilItIsKilled$")
				cmd.Env = append(os.Environ(), killedEnv+"="+storetest.URL(t, killed.store), killedEnv+"_AS="+killed.id("m"), killedEnv+"_FILE="+file,
					killedEnv+"_AT="+strconv.Itoa(at), killedEnv+"_NOW="+killed.clock().Format(time.RFC3339Nano))
				out, err := cmd.CombinedOutput()
				if err == nil {
					t.Logf("an import of %d steps", at-1)
					if at <= len(lines) {
						t.Errorf("no import was killed in the steps of %d lines", len(lines))
					}
					break
				}
				if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("%v\n%s", err, out)
				}
				if now := killed.state(); now != before {
					t.Fatalf("killed at step %d, the import left:\n%s", at, diffOf(before, now))
				}
			}
			if a, b := once.state(), killed.state(); a != b {
				t.Errorf("the repeated import left other rows:\n%s", diffOf(a, b))
			}
		})
	}
}

// TestImportsUntilItIsKilled is the process of TestAKilledImportIsRepeated.
func TestImportsUntilItIsKilled(t *testing.T) {
	url := os.Getenv(killedEnv)
	if url == "" {
		return
	}
	now, err := time.Parse(time.RFC3339Nano, os.Getenv(killedEnv+"_NOW"))
	must(t, err)
	clock := func() time.Time { return now }
	held := &EngineHolder{}
	held.Swap(engineOf(t, 1))
	s, err := New(Config{PanelTokens: strings.Repeat("t", 32), DecisionLog: "none", DecisionMemory: -1}, storetest.Open(t, url, store.Options{Now: clock}), held,
		WithClock(clock), WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	file, err := os.Open(os.Getenv(killedEnv + "_FILE"))
	must(t, err)
	defer file.Close()
	last, err := strconv.Atoi(os.Getenv(killedEnv + "_AT"))
	must(t, err)
	steps := 0
	report, err := s.ImportRows(t.Context(), RowImport{As: os.Getenv(killedEnv + "_AS"), Apply: true, Progress: func(step string, _ int) {
		if step != StepWrite {
			return
		}
		if steps++; steps == last {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}, file)
	must(t, err)
	if !report.Applied {
		t.Fatalf("%+v", report)
	}
}
