//go:build unix

package transport

import (
	"net"
	"syscall"
)

// listenUnix opens the socket for its owner only. The caller widens the mode
// afterwards, so that other users can never connect too early. The umask belongs to
// the whole process: call listenUnix before other goroutines create files.
func listenUnix(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}
