//go:build unix

package transport

import (
	"net"
	"syscall"
)

// listenUnix opens the socket for nobody but its owner; the mode is widened
// after, so that there is no moment at which everybody may connect. The mask
// is the process's: call it before other goroutines make files.
func listenUnix(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}
