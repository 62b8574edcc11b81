package server

import (
	"crypto/tls"
	"fmt"
	"net"

	"resellerd/server/transport"
)

// listen opens an address: TCP, or a Unix socket that by default only its owner
// and group may use. Both may use TLS.
func (s *Server) listen(address string) (net.Listener, error) {
	ln, err := transport.Open(address, s.cfg.SocketMode)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	ln = transport.NewPatientListener(ln, s.cfg.Limits.Write, &s.fresh, s.logger, s.now)
	if s.cfg.TLS.Cert == "" {
		return ln, nil
	}
	return tls.NewListener(ln, s.certificate.Config()), nil
}
