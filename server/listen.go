package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

	"resellerd/server/transport"
)

// patience is the patience with a client that reads an answer or sends a file.
func (s *Server) patience() transport.Patience {
	return transport.NewPatience(s.cfg.Limits.Write, s.cfg.Limits.Throughput)
}

// listen opens an address: TCP, or a Unix socket that by default only its owner
// and group may use. Both may use TLS.
func (s *Server) listen(address string) (net.Listener, error) {
	ln, err := transport.Open(address, s.cfg.SocketMode)
	if err != nil {
		err = fmt.Errorf("listen on %s: %w", address, err)
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, transport.ErrInUse) { // another process may end soon
			err = inSettings(err)
		}
		return nil, err
	}
	l := s.cfg.Limits
	ln = transport.NewPatientListener(ln, transport.Options{
		Pace: s.patience(), Fresh: &s.fresh, Logger: s.logger, Now: s.now,
		Quota: s.metrics.counting(&transport.Quota{All: max(l.Connections, 0), PerAddress: max(l.PerAddress, 0)}),
	})
	if s.cfg.TLS.Cert == "" {
		return ln, nil
	}
	return tls.NewListener(ln, s.certificate.Config()), nil
}
