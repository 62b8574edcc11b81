//go:build !linux

package transport

import "net"

// clientGone always returns false: this system cannot tell without reading from the
// connection. So a request ends at its deadline.
func clientGone(net.Conn) bool { return false }
