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

// Key is what bundle files must be signed with.
type Key struct {
	File      string // a public key or certificate in PEM
	Algorithm string // such as RS256; by default what is usual for the key's type
	Scope     string // that the signature must name; none by default
}

// At is the place named by a path: a directory, or a bundle file, which must be
// signed when there is a key. A directory cannot be signed.
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

// verification is the key as OPA takes it, nil without one.
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

// usualAlgorithm reads a public key and names the signature it usually makes.
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
