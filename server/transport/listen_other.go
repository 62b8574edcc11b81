//go:build !unix

package transport

import "net"

func listenUnix(path string) (net.Listener, error) { return net.Listen("unix", path) }
