package transport

import (
	"fmt"
	"io"
	"net"
	"time"
)

// Patience is how long one side may still wait for the other. It is limit at first.
// Each wait reduces it, and each byte that arrives increases it again, at rate bytes a
// second. So a client that is slower than rate on average is cut off once it is limit
// behind. A rate of 0 or less expects no throughput: then each wait may take limit.
type Patience struct {
	limit time.Duration
	rate  int64
	used  time.Duration // of limit
}

// NewPatience returns a patience of limit for a client that is not slower than rate
// bytes a second.
func NewPatience(limit time.Duration, rate int) Patience {
	return Patience{limit: limit, rate: int64(rate)}
}

// left is how long the next wait, for n bytes, may take.
func (p *Patience) left(n int) time.Duration { return min(p.limit, p.limit-p.used+p.worth(n)) }

// waited notes that n bytes took a time.
func (p *Patience) waited(n int, took time.Duration) {
	if p.rate > 0 {
		p.used = max(0, p.used+took-p.worth(n))
	}
}

func (p *Patience) worth(n int) time.Duration {
	if p.rate <= 0 {
		return 0
	}
	return time.Duration(int64(n) * int64(time.Second) / p.rate)
}

// SteadyBody is a body that arrives on a connection. Reads fail with a timeout if its
// sender is too slow. Nothing may set the read deadline of the connection meanwhile.
type SteadyBody struct {
	io.Reader
	Conn     net.Conn
	End      time.Time // the deadline of the whole body
	Patience Patience
}

// Read reads within the sender's patience.
func (b *SteadyBody) Read(p []byte) (int, error) {
	begun := time.Now()
	end := begun.Add(b.Patience.left(0))
	if b.End.Before(end) {
		end = b.End
	}
	if err := b.Conn.SetReadDeadline(end); err != nil {
		return 0, fmt.Errorf("read deadline: %w", err)
	}
	n, err := b.Reader.Read(p)
	b.Patience.waited(n, time.Since(begun))
	return n, err
}
