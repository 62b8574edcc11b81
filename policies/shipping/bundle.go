package shipping

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/open-policy-agent/opa/v1/bundle"

	"resellerd/policies"
)

// bundleFile is a policy tree in OPA's bundle format (.tar.gz).
type bundleFile struct {
	path   string
	signed *bundle.VerificationConfig // nil: signatures are not verified
	settle func(ctx context.Context) error
}

// Read reads the file until two reads in a row give the same content. It
// verifies the signature if there is a key.
func (b *bundleFile) Read(ctx context.Context) (Arrival, error) {
	f, err := settled(ctx, b.settle, func() (files, error) { return readFile(b.path) })
	if err != nil {
		return Arrival{}, err
	}
	for _, content := range f {
		return unpack(content, b.signed)
	}
	return Arrival{}, errors.New("bundle: there is none")
}

func (b *bundleFile) watch() (<-chan struct{}, func()) {
	clean := filepath.Clean(b.path)
	return watchPaths(filepath.Dir(clean), filepath.Base(clean), nil)
}

func readFile(path string) (files, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return files{path: content}, nil
}

// unpack verifies and opens a bundle. It refuses a bundle without the
// required signature, and a delta bundle.
func unpack(content []byte, signed *bundle.VerificationConfig) (Arrival, error) {
	if err := intact(content); err != nil {
		return Arrival{}, policies.Refused("bundle", err)
	}
	reader := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(content), "")).
		WithSizeLimitBytes(maxBytes).WithBundleVerificationConfig(signed).WithSkipBundleVerification(signed == nil)
	b, err := reader.Read()
	if err != nil {
		return Arrival{}, policies.Refused("bundle", err)
	}
	if b.Type() != bundle.SnapshotBundleType {
		return Arrival{}, refusal("", "a bundle file holds a whole policy, not a change to one")
	}
	modules := map[string][]byte{}
	for _, m := range b.Modules {
		if _, twice := modules[m.Path]; twice {
			return Arrival{}, refusal(m.Path, "is in the bundle twice")
		}
		modules[m.Path] = m.Raw
	}
	f, err := bundled(modules, b.Data)
	if err != nil {
		return Arrival{}, err
	}
	return f.arrival("bundle", map[string]string{"": b.Manifest.Revision})
}

// intact reads a compressed file to its end to verify the checksum there. The
// archive reader stops earlier.
func intact(content []byte) error {
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(packed, 2*maxBytes))
	switch {
	case err != nil:
		return fmt.Errorf("bundle: %w", err)
	case n == 2*maxBytes:
		return fmt.Errorf("bundle: more than %d bytes", 2*maxBytes-1)
	}
	return nil
}
