package shipping

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"resellerd/policies"
)

// Kept is a folder with the last good policy trees. Each tree is a folder whose name
// is its revision. The revision is a hash of the tree, so a damaged tree is noticed.
// The zero value keeps nothing. Several processes may use one folder.
type Kept struct{ Dir string }

// keptTrees is how many trees are kept, besides a pinned one.
const keptTrees = 3

// leftover is the age at which an unfinished copy belongs to no running process.
const leftover = time.Hour

// fromKept is the source of kept trees.
const fromKept = "kept"

// ErrNotKept means that the folder has no tree with a revision.
var ErrNotKept = errors.New("the policy is not kept")

// KeptTree is a tree in the folder.
type KeptTree struct {
	Revision string
	Path     string
	At       time.Time // when it last came into force
}

// List returns the trees, the newest first.
func (k Kept) List() ([]KeptTree, error) {
	if k.Dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(k.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("kept policies: %w", err)
	}
	var all []KeptTree
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue // another process has just deleted it, or it is no tree
		}
		all = append(all, KeptTree{Revision: entry.Name(), Path: filepath.Join(k.Dir, entry.Name()), At: info.ModTime()})
	}
	slices.SortFunc(all, func(a, b KeptTree) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Revision, b.Revision))
	})
	return all, nil
}

// Find returns the tree with this revision. It returns ErrNotKept if there is none,
// and another error if its content has another revision.
func (k Kept) Find(revision string) (Arrival, error) {
	if k.Dir == "" {
		return Arrival{}, fmt.Errorf("%s: %w: there is no folder for it", revision, ErrNotKept)
	}
	dir := filepath.Join(k.Dir, revision)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || !filepath.IsLocal(revision) {
		return Arrival{}, fmt.Errorf("%s: %w in %s", revision, ErrNotKept, k.Dir)
	}
	f, err := readDirectory(dir)
	if err != nil {
		return Arrival{}, fmt.Errorf("%s is damaged: %w", dir, err)
	}
	a, err := f.arrival(fromKept, nil)
	if err != nil {
		return Arrival{}, fmt.Errorf("%s is damaged: %w", dir, err)
	}
	if now, err := policies.RevisionOf(a.Tree); err != nil || now != revision {
		return Arrival{}, errors.Join(fmt.Errorf("%s is damaged: its files have the revision %s", dir, now), err)
	}
	return a, nil
}

// Keep copies a tree into the folder as the newest one, and deletes trees that are
// too old. It does not delete the tree with the revision spared.
func (k Kept) Keep(revision string, tree fs.FS, spared string) error {
	if k.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return fmt.Errorf("kept policies: %w", err)
	}
	target := filepath.Join(k.Dir, revision)
	if _, err := k.Find(revision); err != nil {
		if err := k.replace(target, tree); err != nil {
			return fmt.Errorf("kept policies: %w", err)
		}
	}
	now := time.Now()
	if err := os.Chtimes(target, now, now); err != nil {
		return fmt.Errorf("kept policies: %w", err)
	}
	return k.prune(spared)
}

// replace copies a tree to target. A crash leaves the whole tree or none.
func (k Kept) replace(target string, tree fs.FS) error {
	unfinished := filepath.Join(k.Dir, ".new-"+rand.Text())
	err := copyTree(unfinished, tree)
	if err == nil {
		err = os.RemoveAll(target)
	}
	if err == nil {
		err = os.Rename(unfinished, target)
	}
	if err == nil {
		return synced(k.Dir)
	}
	return errors.Join(err, os.RemoveAll(unfinished))
}

// copyTree writes the files of a tree that a directory of policies would have.
func copyTree(to string, tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case entry.IsDir() && (hidden || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, filepath.FromSlash(name)), 0o700)
		case hidden || !read(name):
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return writeSynced(filepath.Join(to, filepath.FromSlash(name)), content)
	})
}

func writeSynced(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// synced makes a rename in a folder durable.
func synced(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// prune deletes all but the newest trees and the spared one, and copies that a
// process has left unfinished.
func (k Kept) prune(spared string) error {
	all, err := k.List()
	if err != nil {
		return err
	}
	for i, t := range all {
		if i >= keptTrees && t.Revision != spared {
			err = errors.Join(err, os.RemoveAll(t.Path))
		}
	}
	unfinished, _ := filepath.Glob(filepath.Join(k.Dir, ".new-*")) // fails only for a bad pattern
	for _, dir := range unfinished {
		if info, statErr := os.Stat(dir); statErr == nil && time.Since(info.ModTime()) > leftover {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}
