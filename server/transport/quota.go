package transport

import (
	"net"
	"net/netip"
	"sync"
)

// Quota limits the connections of a listener. It is safe for concurrent use.
type Quota struct {
	// All is the most open connections; 0 sets no limit.
	All int
	// PerAddress is the most connections of one address on which no request has been
	// answered yet; 0 sets no limit. An IPv6 network of 64 bits counts as one
	// address, because one client may own it. Loopback addresses and sockets have no
	// such limit.
	PerAddress int
	// Opened and Closed are called for each connection, and Refused for each that is
	// over a limit: "all" or "address". They may be nil.
	Opened, Closed func()
	Refused        func(limit string)

	mu       sync.Mutex
	open     int
	unproven map[netip.Prefix]int
}

// place is the place of a connection in a quota.
type place struct {
	quota  *Quota
	from   netip.Prefix // invalid if its address has no limit
	closed bool
}

// enter takes a place for a connection. It returns the limit that is in the way,
// or "".
func (q *Quota) enter(conn net.Conn) (*place, string) {
	p := &place{quota: q}
	if q.PerAddress > 0 {
		p.from = networkOf(conn.RemoteAddr())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.All > 0 && q.open >= q.All:
		return nil, "all"
	case p.from.IsValid() && q.unproven[p.from] >= q.PerAddress:
		return nil, "address"
	}
	q.open++
	if p.from.IsValid() {
		if q.unproven == nil {
			q.unproven = map[netip.Prefix]int{}
		}
		q.unproven[p.from]++
	}
	if q.Opened != nil {
		q.Opened()
	}
	return p, ""
}

// networkOf returns the address that a connection is counted for.
func networkOf(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if !ip.IsValid() || ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	network, _ := ip.Prefix(bits) // cannot fail for these lengths
	return network
}

// prove notes that a request was answered.
func (p *place) prove() {
	p.quota.mu.Lock()
	defer p.quota.mu.Unlock()
	p.forget()
}

func (p *place) forget() {
	if !p.from.IsValid() {
		return
	}
	if p.quota.unproven[p.from]--; p.quota.unproven[p.from] == 0 {
		delete(p.quota.unproven, p.from)
	}
	p.from = netip.Prefix{}
}

// leave gives the place back. It may be called again.
func (p *place) leave() {
	p.quota.mu.Lock()
	defer p.quota.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	p.forget()
	p.quota.open--
	if p.quota.Closed != nil {
		p.quota.Closed()
	}
}

// Answered notes that a request was answered on a connection of a PatientListener. It
// looks through TLS.
func Answered(conn net.Conn) {
	for conn != nil {
		if c, ok := conn.(*patientConn); ok {
			if !c.proven.Swap(true) {
				c.place.prove()
			}
			return
		}
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		conn = outer.NetConn()
	}
}
