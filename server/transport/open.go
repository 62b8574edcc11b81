package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Open listens on an address: "host:port", or "unix:/path" for a socket with this
// mode. It replaces a socket that a dead process left.
func Open(address string, mode fs.FileMode) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		return net.Listen("tcp", address)
	}
	if err := removeStaleSocket(path); err != nil {
		return nil, err
	}
	ln, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// ErrInUse means that another process serves the socket.
var ErrInUse = errors.New("is in use")

// removeStaleSocket removes a socket that a dead process left. It returns an error,
// and removes nothing, if the socket answers or the file is not a socket.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("%s %w", path, ErrInUse), conn.Close())
	}
	return os.Remove(path)
}

// TLS names the certificate files. Without Cert the server speaks plain HTTP.
type TLS struct {
	Cert, Key string
	// ClientCA, if set, requires a client certificate that it signed.
	ClientCA string
}

// Certificate holds the TLS configuration that new connections get. Load can replace
// it while connections are open.
type Certificate struct{ inForce atomic.Pointer[tls.Config] }

// Load reads the files. After an error, the configuration in force stays.
func (c *Certificate) Load(t TLS) error {
	config, err := t.config()
	if err == nil {
		c.inForce.Store(config)
	}
	return err
}

// Expires returns when the first certificate of the chain in force expires, or the
// zero time without a certificate.
func (c *Certificate) Expires() (first time.Time) {
	config := c.inForce.Load()
	if config == nil {
		return first
	}
	for _, raw := range config.Certificates[0].Certificate {
		one, err := x509.ParseCertificate(raw)
		if err == nil && (first.IsZero() || one.NotAfter.Before(first)) {
			first = one.NotAfter
		}
	}
	return first
}

// Config returns the configuration of a listener. Call Load first.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return c.inForce.Load(), nil
	}}
}

// config loads the certificates. It requires TLS 1.2 or later, and with ClientCA a
// client certificate signed by it.
func (t TLS) config() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls certificate: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA == "" {
		return config, nil
	}
	text, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls client authority: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls client authority %s: no certificate", t.ClientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
