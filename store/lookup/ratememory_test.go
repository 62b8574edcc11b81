package lookup

import (
	"testing"
	"time"
)

func TestTheRateMemoryForgetsALostHistory(t *testing.T) {
	t.Parallel()
	m := newRateMemory(1<<20, time.Now, nil)
	defer m.close()
	kept := func() *memoryItem { return &memoryItem{key: "a", card: "c", bytes: 10, value: "rates"} }
	if !m.put(kept()) || m.get("a") == nil {
		t.Fatal("what was read is not kept")
	}
	m.forget(1)
	if m.get("a") != nil || m.held != 0 || len(m.latest) != 0 {
		t.Error("what was read before the loss is still there")
	}
	if m.put(kept()) || m.get("a") != nil {
		t.Error("what began to be read before the loss is kept after it")
	}
	later := kept()
	later.losses = 1
	if !m.put(later) {
		t.Error("what was read after the loss is not kept")
	}
}
