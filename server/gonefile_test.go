package server

import (
	"os"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// While the database file is gone, nothing is written or served, and the
// instance is not ready. The first request that notices this ends the reads of
// all.
func TestAFileThatIsGoneIsToldToCallersAndProbes(t *testing.T) {
	t.Parallel()
	at := cores.SQLite(t)
	w := newCoreWorld(t, storetest.Open(t, at, store.Options{}))
	s := w.serve(t, nil)
	create := func() int {
		return knock(t, s, "POST", "/v1/customers", `{"name":"New"}`, wideToken, "Resellerd-User: agent").StatusCode
	}
	if status := create(); status != 201 {
		t.Fatalf("before: %d", status)
	}
	must(t, os.Remove(strings.TrimPrefix(at, "sqlite:")))
	if status := create(); status != 503 {
		t.Errorf("a write is answered %d", status)
	}
	if a := knock(t, s, "GET", "/readyz", ""); a.StatusCode != 503 {
		t.Errorf("/readyz is answered %d", a.StatusCode)
	}
	if a := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent"); a.StatusCode != 503 {
		t.Errorf("a reader is answered %d", a.StatusCode)
	}
}

// Without writes, the instance notices at its next poll that the file is gone.
// The test waits for that, however slow the machine is.
func TestReadsEndWhenTheFileIsGone(t *testing.T) {
	t.Parallel()
	at := cores.SQLite(t)
	w := newCoreWorld(t, storetest.Open(t, at, store.Options{}))
	s := w.serve(t, nil)
	read := func() int { return knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent").StatusCode }
	if status := read(); status != 200 {
		t.Fatalf("before: %d", status)
	}
	must(t, os.Remove(strings.TrimPrefix(at, "sqlite:")))
	for deadline := time.Now().Add(time.Minute); read() != 503; {
		if time.Now().After(deadline) {
			t.Fatal("a reader is served a minute later")
		}
	}
}
