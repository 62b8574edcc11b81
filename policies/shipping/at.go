package shipping

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"
)

// Key is the key that must have signed a bundle file.
type Key struct {
	File      string // a public key or certificate in PEM
	Algorithm string // such as RS256; default: the usual one for the key's type
	Scope     string // scope that the signature must name; default: none
}

// At returns the place at a path: a directory or a bundle file. With a key, a
// bundle file must be signed, and a directory is an error.
func At(path string, key Key) (Place, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no such directory or bundle: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if info.IsDir() {
		if key.File != "" {
			return nil, errors.New("a directory has no signature that a key could verify: give a bundle")
		}
		return &directory{path: path, settle: pause}, nil
	}
	signed, err := key.verification()
	if err != nil {
		return nil, err
	}
	return &bundleFile{path: path, signed: signed, settle: pause}, nil
}

// verification returns the key in OPA's form, or nil if there is no key.
func (k Key) verification() (*bundle.VerificationConfig, error) {
	if k.File == "" {
		return nil, nil
	}
	text, err := os.ReadFile(k.File)
	if err != nil {
		return nil, fmt.Errorf("policy key: %w", err)
	}
	usual, err := usualAlgorithm(text)
	if err != nil {
		return nil, fmt.Errorf("policy key: %w", err)
	}
	if k.Algorithm == "" {
		k.Algorithm = usual
	}
	if !keys.IsSupportedAlgorithm(k.Algorithm) || k.Algorithm[:2] == "HS" {
		return nil, fmt.Errorf("policy key: algorithm %q cannot be used with a public key", k.Algorithm)
	}
	const id = "policy"
	known := map[string]*keys.Config{id: {Key: string(text), Algorithm: k.Algorithm, Scope: k.Scope}}
	return bundle.NewVerificationConfig(known, id, k.Scope, nil), nil
}

// usualAlgorithm reads a public key and returns its usual signature algorithm.
func usualAlgorithm(text []byte) (string, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("is not in PEM")
	}
	public, err := publicKey(block)
	if err != nil {
		return "", err
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		return "RS256", nil
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return "ES256", nil
		case 384:
			return "ES384", nil
		case 521:
			return "ES512", nil
		}
	}
	return "", fmt.Errorf("a key of type %T cannot verify bundles", public)
}

func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	default:
		return nil, fmt.Errorf("a %s is no public key", block.Type)
	}
}
