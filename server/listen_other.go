//go:build !unix

package server

import "net"

func listenUnix(path string) (net.Listener, error) { return net.Listen("unix", path) }
