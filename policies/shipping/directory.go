package shipping

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"resellerd/policies/rego"
)

// directory is a policy tree in files. It follows symbolic links, because
// Kubernetes mounts the files of a ConfigMap as links into a folder.
// Kubernetes replaces that folder by moving another link.
type directory struct {
	path   string
	settle func(ctx context.Context) error // waits between two reads
}

// settling is how long files must stay the same to count as completely
// written.
const settling = 300 * time.Millisecond

func pause(ctx context.Context) error {
	timer := time.NewTimer(settling)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxReadings limits how often one Read reads files that keep changing.
const maxReadings = 40

var errRestless = errors.New("policy tree: the files do not stop changing")

// Read reads the tree until two reads in a row give the same content.
func (d *directory) Read(ctx context.Context) (Arrival, error) {
	f, err := settled(ctx, d.settle, func() (files, error) { return readDirectory(d.path) })
	if err != nil {
		return Arrival{}, err
	}
	return f.arrival("directory", nil)
}

// settled reads until two reads in a row give the same content. A file that
// vanishes during a read counts as a change.
func settled(ctx context.Context, settle func(context.Context) error, read func() (files, error)) (files, error) {
	before, errBefore := read()
	for range maxReadings {
		if err := settle(ctx); err != nil {
			return nil, err
		}
		now, err := read()
		switch {
		case err != nil && errBefore != nil && err.Error() == errBefore.Error():
			return nil, err
		case err == nil && errBefore == nil && now.digest() == before.digest():
			return now, nil
		}
		before, errBefore = now, err
	}
	return nil, errRestless
}

func (d *directory) watch() (<-chan struct{}, func()) {
	dirs := []string{d.path}
	_ = walk(d.path, ".", 0, func(name string, isDir bool) error {
		if isDir {
			dirs = append(dirs, filepath.Join(d.path, name))
		}
		return nil
	})
	return watchPaths(filepath.Dir(filepath.Clean(d.path)), filepath.Base(filepath.Clean(d.path)), dirs)
}

// Limits for a tree in files.
const (
	maxFiles = 10_000
	maxBytes = 64 << 20
	maxDepth = 32
)

// readDirectory reads the Rego and data files below root, including tests. It
// leaves out hidden files and folders, and folders named testdata.
func readDirectory(root string) (files, error) {
	if info, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("policy tree: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("policy tree: %s is no directory", root)
	}
	out, size := files{}, 0
	var unread []rego.Finding
	err := walk(root, ".", 0, func(name string, isDir bool) error {
		if isDir || !read(name) {
			return nil
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			unread = append(unread, rego.Finding{Code: "file", File: name, Message: reasonOf(err)})
			return nil
		}
		out[name] = content
		if size += len(content); len(out) > maxFiles || size > maxBytes {
			return fmt.Errorf("more than %d files or %d bytes", maxFiles, maxBytes)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("policy tree: %w", err)
	}
	if len(unread) > 0 {
		return nil, &rego.LoadError{Findings: unread}
	}
	return out, nil
}

// reasonOf returns why a file cannot be read.
func reasonOf(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "cannot be read: it is a link to a file that does not exist"
	case errors.As(err, &path):
		return "cannot be read: " + path.Err.Error()
	default:
		return "cannot be read: " + err.Error()
	}
}

func read(name string) bool {
	switch path.Ext(name) {
	case ".rego", ".json", ".yaml", ".yml":
		return true
	default:
		return false
	}
}

// walk visits the entries below root/dir in the order of their names. It
// follows links.
func walk(root, dir string, depth int, visit func(name string, isDir bool) error) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders deep, or in a circle", dir, maxDepth)
	}
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		name := path.Join(dir, entry.Name())
		isDir := directoryAt(root, name, entry)
		if isDir && entry.Name() == "testdata" {
			continue
		}
		if err := visit(name, isDir); err != nil {
			return err
		}
		if isDir {
			if err := walk(root, name, depth+1, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// directoryAt reports whether an entry is a directory or a link to one.
func directoryAt(root, name string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(filepath.Join(root, name))
	return err == nil && info.IsDir()
}
