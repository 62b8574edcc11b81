package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/server/decisionlog"
)

// writeLog writes a log with a number of entries. It returns the paths of the log and
// of its key.
func writeLog(t *testing.T, entries int) (path, key string) {
	t.Helper()
	key = write(t, "log.key", "a key that is long enough\n")
	path = filepath.Join(t.TempDir(), "decisions.jsonl")
	k, err := decisionlog.ReadKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := decisionlog.Open(decisionlog.Options{Path: path, Key: k, Sync: true, Checkpoints: path + ".marks"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := l.Add(decisionlog.Entry{Line: fmt.Appendf(nil, `{"decision_id":"D%d"}`+"\n", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path, key
}

func TestLogVerifyTellsASoundLogFromOneThatIsNot(t *testing.T) {
	path, key := writeLog(t, 5)
	whole := text(t, path)
	lines := strings.SplitAfter(whole, "\n")
	for name, c := range map[string]struct {
		text string
		args []string
		code int
		says string
	}{
		"sound":               {whole, []string{"--key-file", key}, exitOK, "7 of 7 lines are intact, 5 entries"},
		"with checkpoints":    {whole, []string{"--key-file", key, "--checkpoints", path + ".marks"}, exitOK, "1 checkpoints agree"},
		"changed":             {strings.Replace(whole, `"D3"`, `"D4"`, 1), []string{"--key-file", key}, exitError, "decisions.jsonl:5: changed (seq 5)"},
		"cut off":             {strings.Join(lines[:5], ""), []string{"--key-file", key, "--checkpoints", path + ".marks"}, exitError, "decisions.jsonl:5: cut off (seq 7)"},
		"cut off, not marked": {strings.Join(lines[:5], ""), []string{"--key-file", key}, exitOK, "does not end with a stop"},
		"without its key":     {whole, nil, exitError, "made with the key"},
		"with another key":    {whole, []string{"--key-file", write(t, "other", "another key, long enough")}, exitError, "not given"},
		"with a short key":    {whole, []string{"--key-file", write(t, "short", "short")}, exitError, "at least 16"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := call(t, nil, append([]string{"log", "verify", path}, c.args...))
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, %s%s", name, code, out, errs)
		}
	}
}

func TestLogVerifyPrintsJSON(t *testing.T) {
	path, key := writeLog(t, 3)
	code, out, _ := call(t, nil, []string{"log", "verify", "--format", "json", "--key-file", key, path})
	var report decisionlog.Report
	if err := json.Unmarshal([]byte(out), &report); code != exitOK || err != nil || report.Entries != 3 || !report.Stopped {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}
