package main

import (
	"bytes"
	"os"
	"sync"
	"testing"
)

func TestProgressIsDrawnOnATerminalOnly(t *testing.T) {
	var out bytes.Buffer
	file, err := os.Create(t.TempDir() + "/err")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, total := range []int{20, -1} {
		for _, term := range []terminal{{err: &out}, {err: file}} {
			bar := term.progress("counting", total)
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { bar.add(1) })
			}
			all.Wait()
			bar.done()
		}
	}
	if written, err := os.ReadFile(file.Name()); err != nil || out.Len()+len(written) > 0 {
		t.Errorf("drew %q and %q (%v)", out.String(), written, err)
	}
}
