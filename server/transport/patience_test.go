package transport

import (
	"testing"
	"time"
)

func TestASlowClientUsesUpItsPatience(t *testing.T) {
	t.Parallel()
	p := NewPatience(30*time.Second, 1000)
	for n := range 3 { // a byte every 8 s
		if left := p.left(0); left < 5*time.Second {
			t.Errorf("cut off after %d bytes", n)
		}
		p.waited(1, 8*time.Second)
	}
	p.waited(1, 8*time.Second)
	if left := p.left(0); left > 0 {
		t.Errorf("%v are left after 32 s with four bytes", left)
	}
	p = NewPatience(30*time.Second, 1000)
	for range 1000 {
		p.waited(8001, 8*time.Second)
	}
	if p.left(0) != 30*time.Second {
		t.Errorf("a client that is fast enough has %v left", p.left(0))
	}
	p.waited(1<<30, time.Second) // this saves up nothing for later
	p.waited(0, 31*time.Second)
	if p.left(0) > 0 {
		t.Errorf("a client that was fast before may be slow for %v", p.left(0))
	}
	if p = NewPatience(time.Second, -1); true {
		p.waited(0, time.Hour)
	}
	if p.left(0) != time.Second {
		t.Errorf("without a throughput, %v are left", p.left(0))
	}
}
